"""Where a host name leads: the settings that an OpenSSH client would use, read from its configuration file.

Read: `HostName Port User IdentityFile IdentitiesOnly IdentityAgent CertificateFile UserKnownHostsFile
GlobalKnownHostsFile StrictHostKeyChecking HashKnownHosts HostKeyAlias ProxyJump ProxyCommand ConnectTimeout`,
in `Host` and `Match` blocks and in included files.
Of `StrictHostKeyChecking` only `accept-new` is heard: anything else is `yes`, and an unknown key is refused.
"""

from __future__ import annotations

import copy
import getpass
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from paramiko import ConfigParseError, CouldNotCanonicalize, SSHConfig
from paramiko.config import SSHConfigDict

from activities.ssh.key_files import KeyFiles
from stanch.errors import InvalidInput
from stanch.language.plan import Json

CONNECT_TIMEOUT = 10.0
_DEFAULT_KEYS = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
_DEFAULT_KNOWN = "~/.ssh/known_hosts ~/.ssh/known_hosts2"
_DEFAULT_GLOBAL = "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2"
_DEEPEST_INCLUDE = 16
_MOST_JUMPS = 8


@dataclass(frozen=True, slots=True)
class Target:
    """A place to connect to. Equal targets can share a connection, whatever they are called."""

    name: str = field(compare=False)
    """As the runbook calls it."""
    host: str
    port: int
    user: str
    known_as: str
    """The name of its key in the known_hosts files."""
    known_hosts: tuple[Path, ...]
    keys: tuple[Path, ...]
    certificates: tuple[Path, ...]
    """Beside those that lie with their keys as `KEY-cert.pub`."""
    agent: Path | None
    """The socket of the SSH agent; None: no agent is asked."""
    all_of_agent: bool
    """Use every key of the SSH agent, not only those that `keys` names."""
    accept_new: bool
    """A host of which no key is known may show any."""
    kept_in: Path | None
    """Where that is added: the first of the user's own files, if there is one."""
    hash_new: bool
    proxy: str | None
    """Shell command whose stdin and stdout are the connection."""
    jump: Target | None
    """Connect through this one."""
    connect_timeout: float
    key_files: KeyFiles = field(compare=False)
    """Opens `keys`."""

    def __str__(self) -> str:
        """For errors: `web1 (10.0.0.7:22)`."""
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"`{self.name}` ({address})"


class _Config(SSHConfig):
    """Puts values into the settings that are read here, and not into `ProxyCommand`, whose user may come from
    the runbook. Not for `%l`: paramiko then asks the DNS for this machine's full name, at each host.

    paramiko compares a host with every block, and asks who we are each time. With a block for each of many
    hosts that is most of what a step costs, so blocks that name other hosts are left out beforehand."""

    _config: list[dict[str, Any]]

    def parse(self, file_obj: Iterable[str]) -> None:
        super().parse(file_obj)
        self._named: dict[str, list[int]] = {}
        self._general: list[int] = []
        for at, block in enumerate(self._config):
            hosts = block.get("host", ["*"])
            if any(char in host for host in hosts for char in "*?["):
                self._general.append(at)
            else:
                for host in set(hosts):
                    self._named.setdefault(host, []).append(at)

    def _lookup(self, hostname: str, *rest: Any, **options: Any) -> SSHConfigDict:
        near = copy.copy(self)
        blocks = sorted([*self._general, *self._named.get(hostname, ())])
        near._config = [self._config[at] for at in blocks]  # noqa: SLF001
        found: SSHConfigDict = super(_Config, near)._lookup(hostname, *rest, **options)  # type: ignore[misc]
        return found


_Config.TOKENS_BY_CONFIG_KEY = {
    "hostname": ["%h"],
    "identityfile": ["~", "%d", "%h", "%u", "%r"],
    "match-exec": ["%d", "%h", "%L", "%n", "%p", "%r", "%u"],
    "proxyjump": ["%h", "%p", "%r"],
}


class ClientConfig:
    """`file` (None: OpenSSH's defaults) as it is now; made anew for each step, so an edit needs no restart.

    `phrases` has references to the pass phrases of key files. Raises InvalidInput, with the file's name, for
    what cannot be read.
    """

    def __init__(self, file: Path | None, phrases: Mapping[Path, Json]) -> None:
        self._file = file
        self._key_files = KeyFiles(phrases)
        try:
            self._config = _parsed(tuple(_lines(file, "Host *", 0) if file else ()))
        except (OSError, UnicodeDecodeError, ConfigParseError) as error:
            raise InvalidInput(f"SSH configuration {file}: {error}") from None

    def target(self, name: str, user: str | None = None) -> Target:
        return self._target(name, user, None, None, 0)

    def _target(
        self, name: str, user: str | None, port: int | None, before: list[str] | None, depth: int
    ) -> Target:
        """`before`: the jumps to take first; None means those of the configuration."""
        if depth > _MOST_JUMPS:
            raise self._invalid(name, f"`ProxyJump` goes over more than {_MOST_JUMPS} hosts, or in a circle")
        try:
            found = self._config.lookup(name)
            host = found["hostname"]
            port = port or int(found.get("port", 22))
            timeout = float(found.get("connecttimeout", CONNECT_TIMEOUT))
        except (ConfigParseError, CouldNotCanonicalize, KeyError, ValueError) as error:
            raise self._invalid(name, str(error)) from None
        user = user or found.get("user") or getpass.getuser()
        jumps = _jumps(found) if before is None else before
        if jumps and _is_itself(jumps[-1], name, host, port):
            jumps = []
        alias = found.get("hostkeyalias")
        return Target(
            name=name,
            host=host,
            port=port,
            user=user,
            known_as=alias or (host if port == 22 else f"[{host}]:{port}"),
            known_hosts=_known_hosts(found),
            keys=_paths(found, "identityfile", _DEFAULT_KEYS),
            certificates=_paths(found, "certificatefile", ()),
            agent=_agent(found),
            all_of_agent=found.get("identitiesonly", "no") != "yes",
            accept_new=found.get("stricthostkeychecking") == "accept-new",
            kept_in=next(iter(_files(found.get("userknownhostsfile", _DEFAULT_KNOWN))), None),
            hash_new=found.get("hashknownhosts") == "yes",
            proxy=None if jumps else _proxy(found.get("proxycommand"), name, host, port, user),
            jump=self._jump(jumps, depth) if jumps else None,
            connect_timeout=timeout if timeout > 0 else CONNECT_TIMEOUT,
            key_files=self._key_files,
        )

    def _jump(self, jumps: list[str], depth: int) -> Target:
        *before, last = jumps
        account, place = _account_and_place(last)
        host, port = _host_and_port(place)
        # The first of a chain goes its own configured way.
        return self._target(host, account or None, port, before or None, depth + 1)

    def _invalid(self, name: str, reason: str) -> InvalidInput:
        return InvalidInput(f"SSH configuration {self._file}: host `{name}`: {reason}")


def _jumps(found: SSHConfigDict) -> list[str]:
    value = found.get("proxyjump", "none")
    return [] if value == "none" else [hop.strip() for hop in value.split(",") if hop.strip()]


def _is_itself(jump: str, name: str, host: str, port: int) -> bool:
    """`Host *` with a ProxyJump matches the jump host as well."""
    hop, hop_port = _host_and_port(_account_and_place(jump)[1])
    return (hop == name and hop_port in (None, port)) or (hop, hop_port or 22) == (host, port)


def _account_and_place(jump: str) -> tuple[str, str]:
    account, _, place = jump.removeprefix("ssh://").rpartition("@")
    return account, place


def _host_and_port(place: str) -> tuple[str, int | None]:
    if place.startswith("["):
        host, _, rest = place[1:].partition("]")
        return host, int(rest[1:]) if rest[1:].isdigit() else None
    host, _, port = place.rpartition(":")
    return (host, int(port)) if host and ":" not in host and port.isdigit() else (place, None)


def _proxy(command: str | None, name: str, host: str, port: int, user: str) -> str | None:
    if not command:
        return None
    values = {"%": "%", "h": host, "n": name, "p": str(port), "r": user}
    # Quoted, as the user and the name may be data and this goes through a shell.
    return re.sub(r"%([%hnpr])", lambda token: shlex.quote(values[token[1]]), command)


def _known_hosts(found: SSHConfigDict) -> tuple[Path, ...]:
    values = (
        found.get("userknownhostsfile", _DEFAULT_KNOWN),
        found.get("globalknownhostsfile", _DEFAULT_GLOBAL),
    )
    return tuple(file for value in values for file in _files(value))


def _files(value: str) -> list[Path]:
    return [Path(name).expanduser() for name in _words(value) if name not in ("none", "/dev/null")]


@lru_cache(maxsize=256)
def _words(value: str) -> tuple[str, ...]:
    """Kept, because most hosts have the same and taking it apart is slow."""
    return tuple(shlex.split(value))


def _paths(found: SSHConfigDict, word: str, usual: tuple[str, ...]) -> tuple[Path, ...]:
    # Of identities a list, whatever the stub says; of certificates the first.
    said = found.get(word, usual)
    names = (said,) if isinstance(said, str) else said
    return tuple(Path(name).expanduser() for name in names if name != "none")


def _agent(found: SSHConfigDict) -> Path | None:
    """`IdentityAgent` is a path, the name of a variable that has one (`$NAME`), `SSH_AUTH_SOCK` or `none`."""
    said = found.get("identityagent", "SSH_AUTH_SOCK").strip('"')
    if said == "none":
        return None
    if said == "SSH_AUTH_SOCK" or said.startswith("$"):
        said = os.environ.get(said.removeprefix("$").strip("{}"), "")
    return Path(said.replace("%d", "~")).expanduser() if said else None


@lru_cache(maxsize=4)
def _parsed(lines: tuple[str, ...]) -> _Config:
    """Kept by what the files say: most steps find the same as the one before."""
    return _Config.from_file(lines)


def _lines(file: Path, block: str, depth: int) -> list[str]:
    """The lines of `file` with included files in place, which paramiko does not do.

    After an `Include`, the block it stands in is opened again. An included file's own `Host` blocks count
    even where the `Include` stands in a block that does not match; OpenSSH would skip them.
    """
    if depth > _DEEPEST_INCLUDE:
        raise ConfigParseError(f"more than {_DEEPEST_INCLUDE} files include one another")
    lines: list[str] = []
    for line in file.read_text(encoding="utf-8").splitlines():
        word, _, rest = line.strip().replace("=", " ", 1).partition(" ")
        match word.lower():
            case "include":
                for included in _included(rest):
                    lines += _lines(included, block, depth + 1)
                lines.append(block)
            case "host" | "match":
                block = line
                lines.append(line)
            case _:
                lines.append(line)
    return lines


def _included(patterns: str) -> list[Path]:
    found: list[Path] = []
    for pattern in shlex.split(patterns):
        # Relative names start in the user's folder, wherever the including file lies (ssh_config(5)).
        path = Path("~/.ssh").expanduser() / Path(pattern).expanduser()
        found += sorted(Path(path.anchor).glob(str(path.relative_to(path.anchor))))
    return found
