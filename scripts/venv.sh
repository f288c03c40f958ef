#!/bin/sh
# Make the virtual environment $1 with $PYTHON, unless it is there and its Python still runs.
set -eu
venv=$1
python=${PYTHON:-python3}
wanted='import sys; sys.exit(sys.version_info < (3, 11))'

say() {
    echo "install: $1" >&2
    exit 1
}

if [ -x "$venv/bin/python" ] && "$venv/bin/python" -c "$wanted" 2>/dev/null &&
    "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    exit 0
fi

command -v "$python" >/dev/null 2>&1 ||
    say "there is no \`$python\`; name a Python 3.11 or newer: make install PYTHON=/path/to/python3"
found=$("$python" -c 'import platform; print(platform.python_version())' 2>/dev/null) ||
    say "\`$python\` does not run; name a Python 3.11 or newer: make install PYTHON=/path/to/python3"
"$python" -c "$wanted" ||
    say "\`$python\` is Python $found, Stanch needs 3.11 or newer; name another: make install PYTHON=python3.12"
"$python" -c 'import ensurepip, venv' 2>/dev/null ||
    say "\`$python\` cannot make virtual environments; on Debian and Ubuntu: apt-get install python3-venv"

echo "install: $venv with Python $found" >&2
"$python" -m venv --clear "$venv"
