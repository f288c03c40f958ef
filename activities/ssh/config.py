"""Where a host name leads: the settings that an OpenSSH client would use, read from its configuration file.

Read: `HostName Port User IdentityFile IdentitiesOnly IdentityAgent none UserKnownHostsFile
GlobalKnownHostsFile HostKeyAlias ProxyJump ProxyCommand ConnectTimeout`, in `Host` and `Match` blocks and in
included files.
`StrictHostKeyChecking` is not read: an unknown host key is refused, always.
"""

from __future__ import annotations

import getpass
import re
import shlex
from dataclasses import dataclass, field
from pathlib import Path

from paramiko import ConfigParseError, CouldNotCanonicalize, SSHConfig
from paramiko.config import SSHConfigDict

from stanch.errors import InvalidInput

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
    agent: bool
    """Use every key of the SSH agent, not only those that `keys` names."""
    proxy: str | None
    """Shell command whose stdin and stdout are the connection."""
    jump: Target | None
    """Connect through this one."""
    connect_timeout: float

    def __str__(self) -> str:
        """For errors: `web1 (10.0.0.7:22)`."""
        address = f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
        return f"`{self.name}` ({address})"


class _Config(SSHConfig):
    """Puts values into the settings that are read here, and not into `ProxyCommand`, whose user may come from
    the runbook. Not for `%l`: paramiko then asks the DNS for this machine's full name, at each host."""


_Config.TOKENS_BY_CONFIG_KEY = {
    "hostname": ["%h"],
    "identityfile": ["~", "%d", "%h", "%u", "%r"],
    "match-exec": ["%d", "%h", "%L", "%n", "%p", "%r", "%u"],
    "proxyjump": ["%h", "%p", "%r"],
}


class ClientConfig:
    """`file` (None: OpenSSH's defaults) as it is now; made anew for each step, so an edit needs no restart.

    Raises InvalidInput, with the file's name, for what cannot be read.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        try:
            self._config = _Config.from_file(_lines(file, "Host *", 0) if file else [])
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
            keys=_keys(found),
            agent=found.get("identitiesonly", "no") != "yes" and found.get("identityagent") != "none",
            proxy=None if jumps else _proxy(found.get("proxycommand"), name, host, port, user),
            jump=self._jump(jumps, depth) if jumps else None,
            connect_timeout=timeout if timeout > 0 else CONNECT_TIMEOUT,
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
    return tuple(
        Path(name).expanduser()
        for value in values
        for name in shlex.split(value)
        if name not in ("none", "/dev/null")
    )


def _keys(found: SSHConfigDict) -> tuple[Path, ...]:
    # A list of strings, whatever the stub says.
    names = list(found["identityfile"]) if "identityfile" in found else _DEFAULT_KEYS
    return tuple(Path(name).expanduser() for name in names if name != "none")


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
