"""One marked command on one host, over as many connections as it takes: started, followed, stopped, let go.

What a person may rely on, besides what `session` says:

- A connection that breaks is replaced, and the command is found again, until the deadline.
- A command is started by one `mkdir` on its host (see `marker`). However often it is asked for and by however
  many workers, it is started once and everybody gets its one result, until it is let go.
- Who stops it waits until its process group is gone, or says that it is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from paramiko import Channel, SSHException

from activities.output import Capture, last_line, one_line
from activities.ssh.command import Command
from activities.ssh.marker import CHUNK, Marker, Mode
from activities.ssh.pool import Pool, Session
from activities.ssh.session import Finished, Stop, lost, pump, unknown, usable
from stanch.errors import ActionRefused, Unreachable

STOPPING = 3.8
"""Seconds that stopping may take, whatever the connection does."""
_ASKING = 1.0
_SIZES = 8
_ROOM = 64 * 1024
"""Bytes that a login shell may print of its own, and the line with the answer."""


@dataclass(frozen=True, slots=True)
class Said:
    """What came over one channel until it ended, or until it was time to stop."""

    rc: int
    stdout: bytes = b""
    stderr: bytes = b""
    refused: bool = False
    """The server did not take the request, or the connection broke."""

    def begins(self, marker: Marker) -> bool:
        """It is an answer of the marker, perhaps not whole."""
        return _sign(marker) in self.stdout

    def strange(self) -> str:
        if not (shown := last_line((self.stderr or self.stdout).decode("utf-8", "replace"))):
            return "the connection was lost" if self.rc < 0 else "it answered nothing"
        return f"it answered `{one_line(shown)}`, which no marker says (does its key allow one command only?)"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a marker answered: `word`, then more words; `ended` and `stopped-*` come with the output."""

    word: str
    rest: tuple[str, ...] = ()
    text: str = ""
    """`rest` as it was said."""
    data: bytes = b""


class Marked:
    """The command on one host.

    `take` is told which session works on it (None: none), as others may have to tear it down.
    """

    def __init__(
        self,
        pool: Pool,
        order: tuple[Command, Marker],
        stop: Stop,
        deadline: float,
        take: Callable[[Session | None], None],
    ) -> None:
        self._pool = pool
        self._command, self._marker = order
        self._stop = stop
        self._deadline = deadline
        self._take = take
        self._began = time.monotonic()

    def run(self, session: Session) -> Finished:
        """Start it or follow it. Raises as `session.run` does."""
        target, sent = session.link.target, False
        while True:
            if usable(session):
                if not sent and (time.monotonic() >= self._deadline or not self._stop.may_send()):
                    raise Unreachable(f"{target}: its turn did not come in time")
                sent = True
                line, order = self._marker.line("start"), self._marker.order(self._command)
                said = _exchange(session.channel, line, order, self._stop, self._deadline, self._room())
                if (reply := _parsed(self._marker, said)) is not None:
                    return self._meaning(session, reply)
                if self._over():
                    return self._halted(session)
                if said.refused and not lost(session.link.transport):
                    raise ActionRefused(f"{target}: the server refuses to run commands")
                if said.rc >= 0 and not said.begins(self._marker):
                    raise unknown(target, f"{said.strange()}; the command may have been executed")
            session = self._again(session, sent=sent)

    def look(self, session: Session) -> bool:
        """Whether the command was ever started there. Raises Unreachable."""
        return self._asked(session, "look").word == "there"

    def release(self, session: Session) -> None:
        """Remove the marker of a command that has ended. Raises Unreachable."""
        self._asked(session, "release")

    def _asked(self, session: Session, mode: Mode) -> Reply:
        said = _exchange(session.channel, self._marker.line(mode), b"", self._stop, self._deadline, _ROOM)
        if (reply := _parsed(self._marker, said)) is None:
            self._pool.discard(session.link)
            raise Unreachable(f"{session.link.target}: {said.strange()}")
        return reply

    def _room(self) -> int:
        return 3 * sum(self._marker.most) + 6 * CHUNK + _ROOM

    def _over(self) -> bool:
        return self._stop.stopped or time.monotonic() >= self._deadline

    def _again(self, session: Session, *, sent: bool) -> Session:
        """Another session in place of a broken one."""
        target, broken, pause = session.link.target, time.monotonic(), 0.1
        self._take(None)
        self._pool.give_back(session)
        while True:
            self._stop.wake.reset()
            if sent and not self._over():
                self._stop.wake.wait(pause)
            try:
                fresh = self._pool.open(target, self._deadline)
            except (Unreachable, ActionRefused) as error:
                if not sent:
                    raise
                if isinstance(error, ActionRefused) or self._over():
                    after = f"the connection was lost {broken - self._began:.1f}s after the command was sent"
                    raise unknown(target, f"{after}, and no other could be made: {error}") from None
            else:
                self._take(fresh)
                return fresh
            pause = min(2.0, pause * 2)

    # --- what an answer means -----------------------------------------------------------------------------

    def _meaning(self, session: Session, reply: Reply) -> Finished:
        target = session.link.target
        match reply.word:
            case "ended" if reply.rest[0] != "-":
                return self._finished(reply)
            case "ended" | "gone":
                why = "the command was begun, and is gone without an exit status: something else ended it"
            case "refused":
                raise ActionRefused(
                    f"{target}: nothing was executed, as its marker cannot be kept: {reply.text}"
                )
            case "never":
                raise ActionRefused(f"{target}: nothing was executed; it was stopped before it began")
            case "rebooted":
                ended = "" if reply.text == "-" else f"; it had ended with status {reply.text}"
                why = f"the host was restarted after the command had begun{ended}"
            case "claimed":
                why = "somebody was about to begin the command, and nothing shows whether they did"
            case "absent":
                why = "the command had ended, and its result is gone"
            case word if word.startswith("stopped-"):
                signal = word.removeprefix("stopped-")
                raise unknown(target, f"it was stopped with SIG{signal}{self._printed(reply)}", "stopped")
            case _:
                why = f"the marker answered `{reply.word}`, which this version does not know"
        raise unknown(target, why)

    def _halted(self, session: Session) -> Finished:
        """Its time is over or nobody wants it any more: stop it, and tell what became of it."""
        target, seconds = session.link.target, time.monotonic() - self._began
        if self._stop.leaves:
            raise unknown(target, "it goes on, and another worker will find it", "running")
        reply = self._told_to_stop(session)
        still = f"still running after {seconds:.0f}s"
        if reply is None:
            raise unknown(
                target, f"{still}; it could not be told to stop and may still be running", "running"
            )
        if reply.word == "running":
            how = "it was told to stop (SIGTERM, SIGKILL) and may still be running"
            raise unknown(target, f"{still}; {how}", "running")
        if reply.word.startswith("stopped-"):
            signal = reply.word.removeprefix("stopped-")
            raise unknown(
                target, f"{still}{self._printed(reply)}; it was stopped with SIG{signal}", "stopped"
            )
        return self._meaning(session, reply)

    def _told_to_stop(self, session: Session) -> Reply | None:
        until, target = time.monotonic() + STOPPING, session.link.target
        line = self._marker.line("stop")
        try:
            # The same connection first. It may be what hangs.
            channel = session.link.transport.open_session(timeout=_ASKING)
            said = _exchange(channel, line, b"", Stop(), until, self._room())
            if (reply := _parsed(self._marker, said)) is not None:
                return reply
        except (SSHException, EOFError, OSError):
            self._pool.discard(session.link)
        try:
            other = self._pool.open(target, until)
        except (Unreachable, ActionRefused):
            return None
        try:
            return _parsed(self._marker, _exchange(other.channel, line, b"", Stop(), until, self._room()))
        finally:
            self._pool.give_back(other)

    def _finished(self, reply: Reply) -> Finished:
        rc, since, until, full = reply.rest[:4]
        stdout, stderr = self._captures(reply)
        try:
            seconds = max(0.0, float(until) - float(since))
        except ValueError:
            seconds = time.monotonic() - self._began
        return Finished(int(rc), stdout, stderr, full == "no", seconds)

    def _captures(self, reply: Reply) -> tuple[Capture, Capture]:
        sizes, left = list(map(int, reply.rest[4 : 4 + _SIZES])), reply.data
        made: list[Capture] = []
        for (first, gone, older, last), most in zip((sizes[:4], sizes[4:]), self._marker.most, strict=True):
            capture = Capture(most)
            capture.add(left[:first])
            capture.seen += gone
            capture.add(left[first : first + older + last])
            left = left[first + older + last :]
            made.append(capture)
        return made[0], made[1]

    def _printed(self, reply: Reply) -> str:
        """The last line that a stopped command has printed."""
        stdout, stderr = self._captures(reply)
        line = last_line(stderr.text()) or last_line(stdout.text())
        return f" (it printed last: {line})" if line else ""


def _exchange(channel: Channel, line: str, data: bytes, stop: Stop, deadline: float, room: int) -> Said:
    """Run `line` with `data` as its stdin."""
    stdout, stderr = Capture(room), Capture(_ROOM)
    try:
        channel.exec_command(line)
    except (SSHException, EOFError, OSError):
        return Said(-1, refused=True)
    try:
        pump(channel, data, stop, deadline, stdout, stderr)
        return Said(channel.exit_status, stdout.kept(), stderr.kept())
    finally:
        channel.close()


def _sign(marker: Marker) -> bytes:
    return b"\x1e%s " % marker.id.encode()


def _parsed(marker: Marker, said: Said) -> Reply | None:
    """The answer, if it came whole. What a login shell prints may stand before it."""
    _, sign, answer = said.stdout.partition(_sign(marker))
    line, end, data = answer.partition(b"\n")
    if not sign or not end:
        return None
    word, _, text = line.decode("utf-8", "replace").partition(" ")
    reply = Reply(word, tuple(text.split()), text.strip(), data)
    if word == "ended" or word.startswith("stopped-"):
        sizes = list(map(int, reply.rest[4 : 4 + _SIZES]))
        # Without the two that say what is missing.
        if len(data) < sum(sizes) - sizes[1] - sizes[5]:
            return None
    return reply
