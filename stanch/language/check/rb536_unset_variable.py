"""RB536: a variable of a script that neither its `env` nor the script itself sets."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import CallDoc
from stanch.language.place import locate
from stanch.language.tree import Mapping, Scalar
from stanch.language.words import did_you_mean

_SKIPPED = re.compile(r"\\.|'[^']*'|(?:^|(?<=\s))#[^\n]*", re.DOTALL)
"""Where a shell puts no value in; a quote inside of double quotes is taken for one, which only hides."""
_READ = re.compile(r"\$(?:\{([A-Z][A-Z0-9_]+)\}|([A-Z][A-Z0-9_]+)(?![a-z]))")
"""In capitals, as variables of an environment are; `${NAME:-x}` says itself what happens without it."""
_SET = re.compile(
    r"\b([A-Z][A-Z0-9_]+)(?:=|\+=)|\b(?:for|read|getopts|local|declare|export|unset)\b([^;\n]*)"
)
_TESTED = re.compile(r"\$\{([A-Z][A-Z0-9_]+)[^}A-Z0-9_]")
_WORD = re.compile(r"[A-Z][A-Z0-9_]+")
_COMMON = frozenset(
    {"HOME", "PATH", "USER", "LOGNAME", "SHELL", "PWD", "OLDPWD", "HOSTNAME", "HOST", "LANG", "LANGUAGE"}
    | {"TERM", "TMPDIR", "TZ", "MAIL", "EDITOR", "DISPLAY", "UID", "EUID", "GID", "PPID", "GROUPS", "IFS"}
    | {"OPTIND", "OPTARG", "OPTERR", "RANDOM", "SECONDS", "LINENO", "COLUMNS", "LINES", "REPLY", "FUNCNAME"}
    | {"HOSTTYPE", "OSTYPE", "MACHTYPE", "PIPESTATUS", "EPOCHSECONDS", "KUBECONFIG"}
)
"""What shells and logins set, or hosts usually do."""
_PREFIXES = ("LC_", "XDG_", "SSH_", "SUDO_", "BASH", "ZSH_", "STANCH_")


def check(context: Context) -> Iterator[Diagnostic]:
    for _, call in context.calls:
        script = call.param("script")
        if isinstance(script, Scalar) and "$" in script.text:
            yield from _script(context, call, script)


def _script(context: Context, call: CallDoc, script: Scalar) -> Iterator[Diagnostic]:
    env = call.param("env")
    if "env" in call.lost or not (env is None or isinstance(env, Mapping)):
        return
    given = {entry.name for entry in env.entries} if env is not None else set()
    text = _SKIPPED.sub(lambda found: " " * len(found.group()), script.text)
    if re.search(r"^\s*(?:\.|source)\s|\b(?:eval|env)\b|<<|\$\{\{", text, re.MULTILINE):
        return  # other files or texts may set any
    told = given | _set(text)
    for found in _READ.finditer(text):
        name = found.group(1) or found.group(2)
        if name in told or name in _COMMON or name.startswith(_PREFIXES):
            continue
        told.add(name)
        message = f"nothing sets `{name}`: it is empty, unless the host happens to have one"
        hint = did_you_mean(name, sorted(given)) or f"hand it over with `env: {{{name}: ...}}`"
        span = locate(context.document.source, script, found.start(), found.end())
        yield context.diagnostic("RB536", span, message, hint)


def _set(text: str) -> set[str]:
    """What the script gives a value itself, or is ready to find without one."""
    found = set(_TESTED.findall(text))
    for name, words in _SET.findall(text):
        found.update([name] if name else _WORD.findall(words))
    return found
