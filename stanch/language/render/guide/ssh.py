"""A command or a script on hosts, as it is typed: `ssh user@host -- ...`, once for each host."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block, code
from stanch.language.render.guide.pieces import pieces
from stanch.language.render.guide.shell import Secret, Word
from stanch.language.render.guide.values import Late, plain, spelled

_HOST_NAME = re.compile(r"[A-Za-z0-9_:][A-Za-z0-9_.:%-]{0,254}")
_USER = re.compile(r"[A-Za-z0-9_][^\s\x00-\x1f\x7f'\"`$;&<>|(){}@]{0,254}")
MOST_HOSTS = 12
"""For which a command is written out."""


def ssh(params: Mapping[str, Json]) -> Iterator[str]:
    hosts = params.get("hosts")
    names = [spelled(host) for host in hosts] if isinstance(hosts, list) else [_each(hosts)]
    if not isinstance(hosts, list):
        yield f"On each host of {code(spelled(hosts))}, one after the other:"
    if len(names) > MOST_HOSTS and len(set(names)) == len(names):
        yield f"On each of these {len(names)} hosts; written out for the first one:"
        yield ", ".join(map(code, names))
        names = names[:1]
    for name in names:
        if problem := _no_host(name, params.get("as")):
            yield problem
        else:
            yield block(_ssh_line(name, params), "sh")


def local(params: Mapping[str, Json]) -> str:
    """A command without a host."""
    env = params.get("env")
    pairs = [f"{name}={spelled(value)}" for name, value in env.items()] if isinstance(env, Mapping) else []
    return _fed(params.get("stdin"), shell.whole([*(["env", *pairs] if pairs else []), *_argv(params)]))


def _argv(params: Mapping[str, Json]) -> list[str]:
    run = params.get("run")
    words = [_argument(each) for each in run] if isinstance(run, list) else [spelled(run)]
    return words or [""]


def _each(hosts: Json) -> str:
    return str(hosts) if isinstance(hosts, Late) else spelled(hosts)


def _no_host(host: str, user: Json) -> str:
    if not (_HOST_NAME.fullmatch(host) or (host.startswith("<") and host.endswith(">"))):
        return (
            f"**Stop.** {code(host)} is no host name; do not connect to it, and find out where it comes from."
        )
    if user is not None and not isinstance(user, Late) and not _USER.fullmatch(spelled(user)):
        return f"**Stop.** {code(spelled(user))} is no user name; do not log in as that."
    return ""


def _ssh_line(host: str, params: Mapping[str, Json]) -> str:
    user = params.get("as")
    where = f"{spelled(user)}@{host}" if user is not None else host
    env = params.get("env")
    pairs = [f"{name}={spelled(value)}" for name, value in env.items()] if isinstance(env, Mapping) else []
    stdin, sudo = params.get("stdin"), sudo_words(params.get("sudo"))
    # Where sudo asks for a password, it asks at a terminal.
    asks = isinstance(params.get("sudo"), Mapping) and "password" in params["sudo"] and stdin is None
    login = ["ssh", "-t", where, "--"] if asks else ["ssh", where, "--"]
    if "script" not in params:
        argv = [*sudo, *(["env", *pairs] if pairs else []), *_argv(params)]
        words: list[Word] = list(argv) if shell.is_plain(argv) else [shell.remote(argv)]
        return _fed(stdin, shell.whole([*login, *words]))
    script = spelled(params["script"])
    if stdin is None and not sudo:
        prefix = f"{shell.remote(['env', *pairs])} " if pairs else ""
        return shell.heredoc(shell.whole(["ssh", where, "--", f'{prefix}/bin/sh -c "$(cat)"']), script)
    argv = [*sudo, *(["env", *pairs] if pairs else []), "/bin/sh", "-c", script]
    return _fed(stdin, shell.whole([*login, shell.remote(argv)]))


def sudo_words(sudo: Json) -> list[str]:
    """What stands before a command that runs as somebody else."""
    if not sudo:
        return []
    user = spelled(sudo["user"]) if isinstance(sudo, Mapping) and "user" in sudo else ""
    return ["sudo", "-u", user] if user else ["sudo"]


def _argument(value: Json) -> str:
    """Numbers and booleans are written as YAML and JSON write them."""
    return spelled(value) if isinstance(value, str | Late | Secret) else json.dumps(plain(value))


def _fed(stdin: Json, command: str) -> str:
    if stdin is None:
        return command
    return f"printf %s {shell.word(pieces(stdin))} | {command}"
