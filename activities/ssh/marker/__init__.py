r"""What runs on the target round a change: POSIX `sh`, so that it outlives its connection and is found.

A marker is a folder, `~/.stanch/ID` (`$XDG_STATE_HOME/stanch/ID` where that is set and there, and below
`/var/tmp/stanch-UID` for an account without a home). ID is made of the execution's key and the host, so one
execution on one host has one marker. In it:

- `begun`: boot id of the host; process, its start, its group; when (of the worker, of the host); complete or
  not there. It is on disk before the command starts.
- `out.a`, `out.c`, `out.b`: stdout from the beginning, and its end, older part first; `out.gone`: how many
  bytes were between them. `out.eof`: it is complete. `out.full`: the disk was. `err.*` likewise.
- `status`: exit status, and when. Room for it was taken before the start.
- `stopped`: the signal that somebody had it stopped with; `never`, if that was before it began; `over`, if
  nothing else is left of it.

Neither the command nor its variables nor its stdin are ever in a file: they come over the channel and stay in
the memory of the shell.

**One `mkdir` decides who starts it**: that of `run`, a shell in a session of its own, which then goes on with
the command. Everybody else follows.

Modes: `start` (or follow; reads the command from stdin), `look`, `stop`, `release`. Each answers one line:
`\036ID WORD ...`; after `ended` and `stopped` come the bytes of the output, as many as the line says.
Programs that are needed: cat dd mkdir mkfifo mv rm rmdir sleep wc, and `id` without a home; used where they
are there: setsid (else nohup), sync, sysctl.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

from activities.ssh.command import Command
from activities.ssh.marker import following, places, running
from activities.ssh.quoting import quoted

Mode: TypeAlias = Literal["start", "look", "stop", "release"]

KEPT_FOR = 7 * 24 * 3600
"""Seconds after its start that the marker of a command that nobody asked for again is swept away."""
CHUNK = 16 * 16384
"""Bytes by which a part of the output may be longer than asked for: `dd bs=16384 count=16`."""

_LINES = f"{places.SHELL}\n{running.SHELL}\n{following.SHELL}".splitlines()
TEXT = "\n".join(line.strip() for line in _LINES if line.strip() and not line.strip().startswith("# "))


@dataclass(frozen=True, slots=True)
class Marker:
    """One execution of a command on one host."""

    id: str
    most: tuple[int, int]
    """Bytes of stdout and of stderr that will be asked for: of each, so many of both ends are kept."""
    begin: bool = True
    """Start it where it has not been started; else only find it. For `release`: nobody else has had the key,
    so nothing need be left that keeps a late worker from starting it."""

    def line(self, mode: Mode) -> str:
        """For the remote shell."""
        stdout, stderr = self.most
        may = "yes" if self.begin else "no"
        words = (mode, self.id, int(time.time()), stdout, stderr, may, KEPT_FOR)
        return f"exec /bin/sh -c 'eval \"$1\"' stanch {quoted(TEXT)} {' '.join(map(str, words))}"

    def order(self, command: Command) -> bytes:
        """What `start` reads: the command, and its stdin as `printf %b` takes it."""
        given = command.fed.replace(b"\\", b"\\\\").replace(b"\0", b"\\0000").replace(b"'", b"'\\''")
        return b"_command=%s\n_input='%s'\n#whole %s" % (
            quoted(command.sent, plain=False).encode(),
            given,
            self.id.encode(),
        )


def marker(key: str, host: str, most: tuple[int, int], *, begin: bool = True) -> Marker:
    """`key` names the execution for ever, `host` is the target as the runbook calls it."""
    return Marker(hashlib.sha256(f"{key}\0{host}".encode()).hexdigest()[:32], most, begin)
