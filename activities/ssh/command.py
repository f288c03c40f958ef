"""From the parameters of a step to what a remote shell is given, without data ever becoming shell text.

A server hands the command line to the user's login shell, so argv is quoted for a shell in any case.
Variables travel in that line too: a server drops those sent by protocol unless its `AcceptEnv` names them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from activities.ssh.quoting import quoted
from activities.ssh.sudo import Sudo, read_sudo
from stanch.errors import InvalidInput
from stanch.language.plan import Json

PARALLEL = 50
LONGEST_LINE = 100 * 1024
"""Linux takes at most 128 KiB for one argument, and the whole line is one argument of the login shell."""

Output: TypeAlias = Literal["text", "lines", "json"]

_KNOWN = {"hosts", "run", "script", "env", "stdin", "output", "as", "sudo", "parallel", "reattach"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# Both may end up in a shell on the worker, through `Match exec` of its SSH configuration.
_HOST = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}")
_USER = re.compile(r"[A-Za-z0-9_][^\s\x00-\x1f\x7f'\"`$;&<>|(){}]{0,254}")
# Where a shell expects a command these words, and anything with a `=`, are more than a name.
_RESERVED = re.compile(
    r"case|coproc|do|done|elif|else|end|esac|fi|for|foreach|function|if|in|nocorrect|noglob|repeat|select|switch"
    r"|then|time|until|while"
)


@dataclass(frozen=True, slots=True)
class Command:
    """What to run where."""

    hosts: tuple[str, ...]
    line: str
    """For the remote shell, before `sudo`."""
    stdin: bytes
    output: Output
    user: str | None
    parallel: int
    reattach: bool
    """Under a marker on the host, if it changes something."""
    sudo: Sudo | None = None

    @property
    def sent(self) -> str:
        """What the remote shell is given."""
        return self.line if self.sudo is None else self.sudo.line(self.line)

    @property
    def fed(self) -> bytes:
        """What is given to that to read."""
        return self.stdin if self.sudo is None else self.sudo.stdin(self.stdin)


def read_command(params: Mapping[str, Json]) -> Command:
    """Raises InvalidInput, with the parameter's name, for what the schema or the remote end would refuse."""
    if unknown := sorted(set(params) - _KNOWN):
        known = ", ".join(sorted(_KNOWN))
        raise InvalidInput(f"ssh: there is no parameter `{unknown[0]}`; there are {known}")
    output = params.get("output", "text")
    if output not in ("text", "lines", "json"):
        raise InvalidInput(f"ssh: `output` is `{output}`; it may be `text`, `lines` or `json`")
    parallel = params.get("parallel", PARALLEL)
    if not isinstance(parallel, int) or isinstance(parallel, bool) or parallel < 1:
        raise InvalidInput(f"ssh: `parallel` is `{parallel}`; it is a number of hosts, 1 or more")
    reattach = params.get("reattach", True)
    if not isinstance(reattach, bool):
        raise InvalidInput(f"ssh: `reattach` is `{reattach}`; it may be `true` or `false`")
    stdin = params.get("stdin", "")
    if not isinstance(stdin, str):
        raise InvalidInput("ssh: `stdin` must be a string")
    command = Command(
        hosts=read_hosts(params.get("hosts"), "ssh"),
        line=_line(params),
        stdin=stdin.encode("utf-8", "replace"),
        output=output,
        user=read_user(params.get("as"), "ssh"),
        parallel=parallel,
        reattach=reattach,
        sudo=read_sudo(params.get("sudo")),
    )
    if len(command.sent.encode()) > LONGEST_LINE:
        raise InvalidInput(
            f"ssh: the command is longer than {LONGEST_LINE // 1024} KiB with its variables; "
            "send what is large through `stdin`"
        )
    return command


def _line(params: Mapping[str, Json]) -> str:
    env = _env(params.get("env") or {})
    match params.get("run"), params.get("script"):
        case None, None:
            raise InvalidInput("ssh: give `run` (a list: program and arguments) or `script` (shell text)")
        case run, None:
            return _argv_line(_argv(run), env)
        case None, script:
            return _script_line(_text("script", script), env)
        case _:
            raise InvalidInput("ssh: give `run` or `script`, not both")


def _argv_line(argv: list[str], env: dict[str, str]) -> str:
    # What restricts a key to certain commands (`command=` in authorized_keys) compares the line, so it stays
    # the plain one a person would type.
    program, *arguments = argv
    plain = "=" not in program and not _RESERVED.fullmatch(program)
    words = [quoted(program, plain=plain), *map(quoted, arguments)]
    if env:
        if "=" in program:
            raise InvalidInput(f"ssh: `env` cannot be used with a program whose name has a `=`: `{program}`")
        words = ["env", *(f"{name}={quoted(value)}" for name, value in env.items()), *words]
    return " ".join(words)


def _script_line(script: str, env: dict[str, str]) -> str:
    # As an argument and not on stdin: there, a command in the script that reads its stdin would eat the rest.
    exports = "".join(f"export {name}={quoted(value)}\n" for name, value in env.items())
    # `exec`, so that signals reach the script and not a shell that waits for it.
    return f"exec /bin/sh -c {quoted(exports + script)}"


def _argv(run: Json) -> list[str]:
    if not isinstance(run, list) or not run:
        raise InvalidInput("ssh: `run` must be a list: the program and its arguments")
    words = [_word(f"run[{place}]", word) for place, word in enumerate(run)]
    if not words[0]:
        raise InvalidInput("ssh: `run[0]`, the program, is empty")
    return words


def _env(env: Json) -> dict[str, str]:
    if not isinstance(env, dict):
        raise InvalidInput("ssh: `env` must be a map of names to strings")
    for name in env:
        if not _VARIABLE.fullmatch(name):
            raise InvalidInput(f"ssh: `env` has `{name}`, which is no name of a variable (A-Z, a-z, 0-9, _)")
    return {name: _word(f"env.{name}", value) for name, value in env.items()}


def read_hosts(hosts: Json, action: str) -> tuple[str, ...]:
    if not isinstance(hosts, list):
        raise InvalidInput(f"{action}: `hosts` must be a list of host names")
    if not hosts:
        raise InvalidInput(f"{action}: `hosts` is empty; nothing was run")
    for host in hosts:
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise InvalidInput(f"{action}: `hosts` has `{host}`, which is no host name")
    # Twice in the list would be twice the change on one host, at the same time.
    if twice := next((host for place, host in enumerate(hosts) if host in hosts[:place]), None):
        raise InvalidInput(f"{action}: `hosts` names `{twice}` twice")
    return tuple(hosts)


def read_user(user: Json, action: str) -> str | None:
    if user is None:
        return None
    if not isinstance(user, str) or not _USER.fullmatch(user):
        raise InvalidInput(f"{action}: `as` is `{user}`, which is no user name")
    return user


def _word(place: str, word: Json) -> str:
    """Numbers and booleans are written as YAML and JSON write them."""
    if isinstance(word, bool):
        return "true" if word else "false"
    if isinstance(word, int | float):
        return str(word)
    return _text(place, word)


def _text(place: str, text: Json) -> str:
    if not isinstance(text, str):
        raise InvalidInput(f"ssh: `{place}` must be a string")
    if "\0" in text:
        raise InvalidInput(f"ssh: `{place}` has a NUL character, which no program can be given")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"ssh: `{place}` is not valid Unicode") from None
    return text
