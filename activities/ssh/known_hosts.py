"""Is this host the one we know? The files and the rules of OpenSSH's known_hosts (sshd(8)).

They are only read, but for a host that is quite unknown where the configuration says `accept-new`.

paramiko's own reader knows neither patterns nor `@revoked`, and one key of a kind for each host. Keys are
looked up when a connection is made, so a key that was just added counts without a restart. Host certificates
(`@cert-authority`) are not supported; such lines are left out, and a host that has nothing else is unknown.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import hmac
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from paramiko import HostKeys, PKey, SSHException
from paramiko.hostkeys import HostKeyEntry, InvalidHostKey

from activities.ssh.config import Target
from stanch.errors import ActionRefused, InvalidInput

log = logging.getLogger("stanch.ssh")


@dataclass(frozen=True, slots=True)
class _Entry:
    key: PKey
    place: str
    """`file:line`."""
    revoked: bool


class HostIdentity:
    """What the known_hosts files of `target` say now. Raises InvalidInput when one cannot be read."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._entries = [
            entry for file in target.known_hosts for entry in _entries(file, target.known_as.lower())
        ]

    @property
    def kinds(self) -> list[str]:
        """The kinds of keys that are known, `ssh-ed25519` and so on: ask the host for one of these."""
        return list(dict.fromkeys(entry.key.get_name() for entry in self._entries if not entry.revoked))

    def check(self, key: PKey) -> None:
        """Nothing, if the host may have this key. Else ActionRefused: it did answer, and trying again cannot
        help until a person has changed a file."""
        same = [entry for entry in self._entries if entry.key.asbytes() == key.asbytes()]
        if revoked := next((entry for entry in same if entry.revoked), None):
            raise self._refused(f"its host key is marked `@revoked` in {revoked.place}")
        if same:
            return
        shown = f"{key.get_name()} {key.fingerprint}"
        trusted = next((entry for entry in self._entries if not entry.revoked), None)
        if trusted is None and self._target.accept_new:
            self._accept(key, shown)
            return
        if trusted is None:
            files = self._target.known_hosts or (Path("~/.ssh/known_hosts"),)
            raise self._refused(
                f"its host key is unknown ({shown}), it is not in {' or '.join(map(str, files))}; "
                f"if you trust it, add it: `{self._scan()} >> {files[0]}`"
            )
        file = trusted.place.rpartition(":")[0]
        raise self._refused(
            f"its host key has CHANGED: it shows {shown}, but {trusted.place} has {trusted.key.fingerprint}; "
            "somebody may stand between. If the host was set up anew: "
            f"`ssh-keygen -R '{self._target.known_as}' -f {file}; {self._scan()} >> {file}`"
        )

    def _accept(self, key: PKey, shown: str) -> None:
        """Keep the first key that a host shows. Raises ActionRefused where that cannot be kept."""
        if (file := self._target.kept_in) is None:
            return  # who keeps no keys meets every host for the first time
        name = self._target.known_as
        shown_as = HostKeys.hash_host(name) if self._target.hash_new else name
        line = f"{shown_as} {key.get_name()} {key.get_base64()}\n"
        try:
            file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            with file.open("a+b") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX)
                # Another worker may have met it in this moment, or somebody else in its place.
                met = [entry.key.asbytes() for entry in _entries(file, name.lower())]
                if met and key.asbytes() not in met:
                    raise self._refused(f"its host key is {shown}, and a moment ago it was another one")
                if not met:
                    stream.seek(0, os.SEEK_END)
                    whole = stream.tell() == 0 or _ends_a_line(stream)
                    stream.write(line.encode() if whole else f"\n{line}".encode())
        except OSError as error:
            raise self._refused(f"its host key is new ({shown}), and {file}: {error.strerror}") from None
        log.warning("%s: its host key is new, and was added to %s: %s", self._target, file, shown)

    def _refused(self, reason: str) -> ActionRefused:
        return ActionRefused(f"{self._target}: {reason}")

    def _scan(self) -> str:
        port = "" if self._target.port == 22 else f"-p {self._target.port} "
        return f"ssh-keyscan {port}{self._target.host}"


def _ends_a_line(stream: BinaryIO) -> bool:
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) == b"\n"


def _entries(file: Path, name: str) -> Iterator[_Entry]:
    for line in _read(file).about(name):
        try:
            entry = HostKeyEntry.from_line(" ".join(line.fields), line.number)
        except (InvalidHostKey, SSHException, ValueError):
            continue  # OpenSSH passes over a line that it cannot read as well
        if entry is not None and entry.key is not None:
            yield _Entry(entry.key, f"{file}:{line.number}", line.revoked)


def _read(file: Path) -> _Lines:
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        content = b""
    except OSError as error:
        raise InvalidInput(f"known_hosts file {file}: {error.strerror}") from None
    return _parsed(content)


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    revoked: bool
    fields: tuple[str, str, str]
    """Names, kind and key."""


class _Lines:
    """What a file says, so arranged that a host is not compared with the names of all others."""

    def __init__(self, text: str) -> None:
        self._named: dict[str, list[_Line]] = {}
        self._hashed: list[tuple[tuple[bytes, bytes], _Line]] = []
        self._matched: list[tuple[list[str], _Line]] = []
        for number, text_line in enumerate(text.splitlines(), 1):
            if (line := _line(number, text_line.split())) is not None:
                self._keep(line)

    def about(self, name: str) -> list[_Line]:
        """The lines about the host `name`, in their order."""
        told = name.encode(errors="replace")
        found = [
            *self._named.get(name, ()),
            *(line for (salt, digest), line in self._hashed if hmac.digest(salt, told, "sha1") == digest),
            *(line for patterns, line in self._matched if _matches(name, patterns)),
        ]
        return sorted(found, key=lambda line: line.number)

    def _keep(self, line: _Line) -> None:
        names = line.fields[0].split(",")
        if len(names) == 1 and (hashed := _hashed(names[0])) is not None:
            self._hashed.append((hashed, line))
        elif any(name.startswith(("!", "|1|")) or "*" in name or "?" in name for name in names):
            self._matched.append((names, line))
        else:
            for name in {name.lower() for name in names}:
                self._named.setdefault(name, []).append(line)


def _line(number: int, words: list[str]) -> _Line | None:
    marker, fields = "", words
    if words and words[0].startswith("@"):
        marker, *fields = words
    if len(fields) < 3 or words[0].startswith("#") or marker not in ("", "@revoked"):
        return None
    return _Line(number, bool(marker), (fields[0], fields[1], fields[2]))


@lru_cache(maxsize=8)
def _parsed(content: bytes) -> _Lines:
    """Kept by what the file holds, as every host of a step asks for the same."""
    return _Lines(content.decode("utf-8", errors="replace"))


def _matches(name: str, patterns: Iterable[str]) -> bool:
    """One that matches with `!` before it wins over all others."""
    found = False
    for pattern in patterns:
        if pattern.startswith("!"):
            if fnmatchcase(name, _glob(pattern[1:])):
                return False
        elif (hashed := _hashed(pattern)) is not None:
            found = found or hmac.digest(hashed[0], name.encode(errors="replace"), "sha1") == hashed[1]
        else:
            found = found or fnmatchcase(name, _glob(pattern))
    return found


def _hashed(name: str) -> tuple[bytes, bytes] | None:
    """Salt and digest of a name that is written as `|1|SALT|DIGEST`."""
    match name.split("|"):
        case ["", "1", salt, digest]:
            with contextlib.suppress(ValueError):
                return base64.b64decode(salt, validate=True), base64.b64decode(digest, validate=True)
    return None


def _glob(pattern: str) -> str:
    # `[host]:port` is written with brackets, which mean a set of characters to fnmatch.
    return pattern.lower().replace("[", "[[]")
