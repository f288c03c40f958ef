#!/bin/sh
# Resolve requirements/*.txt anew: pinned, hashed, and the same file for Linux and macOS, Python 3.11 and up.
#
# Pins that still fit are kept. To move them: UPGRADE=all, or UPGRADE=<package>. UV names a uv to use;
# without one on PATH a throw-away copy is installed.
set -eu
cd "$(dirname "$0")/.."

uv=${UV:-uv}
if ! command -v "$uv" >/dev/null 2>&1; then
    scratch=$(mktemp -d)
    trap 'rm -rf "$scratch"' EXIT INT TERM
    echo "lock: no uv on PATH, installing one into a temporary folder" >&2
    "${PYTHON:-python3}" -m venv "$scratch"
    "$scratch/bin/pip" install --quiet uv
    uv=$scratch/bin/uv
fi

case ${UPGRADE:-} in
    '') set -- ;;
    all) set -- --upgrade ;;
    *) set -- --upgrade-package "$UPGRADE" ;;
esac

# `fewest` keeps one version for all Pythons; the default would give each Python its own ansible-core.
# The files say nothing of where packages come from: that is for each machine's own pip configuration.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --custom-compile-command 'make lock' \
        "$@" pyproject.toml requirements/build.in
}

compile "$@" --all-extras --output-file requirements/dev.txt
# What an image needs. Held to the versions of dev.txt, so that what is tested is what is shipped.
compile --constraint requirements/dev.txt --output-file requirements/runtime.txt
