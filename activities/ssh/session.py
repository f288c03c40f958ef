"""One command on one channel, from the request to the exit status. Blocks; runs in a thread of its own.

What a person may rely on:

- Nothing is sent after `Stop.now`, or after the deadline: `Stop.may_send` is the one gate, and whoever asks
  afterwards learns from `Stop.sent` whether the command went out.
- A command that is stopped gets SIGTERM and a second later SIGKILL, with its process group, where the server
  delivers signals (OpenSSH since 7.9, unless the command is a forced one). Then its channel is closed. A
  server that delivers none leaves the command running; it notices when it next reads or writes.
- An exit status that has arrived counts, even if the connection breaks before the last of the output.
"""

from __future__ import annotations

import contextlib
import threading
import time
from dataclasses import dataclass
from typing import Literal, TypeAlias

from paramiko import Channel, ChannelException, Message, SSHException, Transport
from paramiko.common import cMSG_CHANNEL_REQUEST

from activities.output import Capture
from activities.ssh.command import Command
from activities.ssh.config import Target
from activities.ssh.pool import Session
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable

EndState: TypeAlias = Literal["stopped", "running", "unknown"]

KILLED = -1
"""The `rc` of a command that ended by a signal: SSH gives it no exit status. Where the login shell stays in
between, it gives one, 128 and the signal's number."""
_HELD_OPEN = 2.0
"""Seconds of silence after the exit status until its output counts as complete. A daemon that the command has
left behind may hold the channel open for ever."""
_GRACE = 1.0
_CHUNK = 65536


class Stop:
    """How the side that waits tells the side that works to stop, and learns whether it has begun."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stopped = False
        self._sent = False
        self.leaves = False
        """Whoever stops does not want the command stopped, only this side of it."""
        self.wake = _Wake()

    def now(self, *, leave: bool = False) -> None:
        with self._lock:
            self.leaves = leave if not self._stopped else self.leaves
            self._stopped = True
        self.wake.set()

    @property
    def stopped(self) -> bool:
        return self._stopped

    @property
    def sent(self) -> bool:
        with self._lock:
            return self._sent

    def may_send(self) -> bool:
        with self._lock:
            self._sent = not self._stopped
            return self._sent


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has ended, with what it printed."""

    rc: int
    stdout: Capture
    stderr: Capture
    complete: bool
    """Its output was read to the end."""
    seconds: float


def run(
    session: Session, command: Command, stop: Stop, deadline: float, limits: tuple[int, int]
) -> Finished | None:
    """None: the channel was found closed and nothing was sent. `limits`: bytes of stdout and stderr to keep.

    Raises Unreachable (nothing was sent), ActionRefused (the server runs no commands), OutcomeUnknown.
    """
    channel, target = session.channel, session.link.target
    if not usable(session):
        return None
    begun = time.monotonic()
    if begun >= deadline or not stop.may_send():
        raise Unreachable(f"{target}: its turn did not come in time")
    try:
        channel.exec_command(command.sent)
    except (SSHException, EOFError, OSError):
        if lost(session.link.transport):
            raise unknown(target, "the connection was lost while the command was sent") from None
        raise ActionRefused(f"{target}: the server refuses to run commands") from None
    stdout, stderr = Capture(limits[0]), Capture(limits[1])
    try:
        pump(channel, command.fed, stop, deadline, stdout, stderr)
        seconds = time.monotonic() - begun
        if channel.exit_status >= 0:
            return Finished(channel.exit_status, stdout, stderr, bool(channel.eof_received), seconds)
        if not channel.closed:
            state, how = _end(channel)
            raise unknown(target, f"still running after {seconds:.0f}s; {how}", state)
        if lost(session.link.transport):
            raise unknown(target, f"the connection was lost {seconds:.1f}s after the command was sent")
        return Finished(KILLED, stdout, stderr, True, seconds)
    finally:
        channel.close()


def usable(session: Session) -> bool:
    return session.link.transport.is_active() and not session.channel.closed


def pump(
    channel: Channel, stdin: bytes, stop: Stop, deadline: float, stdout: Capture, stderr: Capture
) -> None:
    """Feed and drain `channel` until the command has ended, the connection has, or it is time to stop."""
    channel.in_buffer.set_event(stop.wake)
    channel.in_stderr_buffer.set_event(stop.wake)
    heard = time.monotonic()
    while not stop.stopped and time.monotonic() < deadline:
        stop.wake.reset()
        # Before the output is read, or its last part could come between.
        over = channel.closed or (channel.eof_received and channel.exit_status >= 0)
        if _drain(channel, stdout, stderr):
            heard = time.monotonic()
        if over or (channel.exit_status >= 0 and time.monotonic() - heard > _HELD_OPEN):
            return
        stdin = _feed(channel, stdin)
        # Neither room for more stdin nor the exit status wakes us.
        stop.wake.wait(min(0.02 if stdin else 0.25, max(0.0, deadline - time.monotonic())))


def _drain(channel: Channel, stdout: Capture, stderr: Capture) -> bool:
    some = False
    while channel.recv_ready():
        stdout.add(channel.recv(_CHUNK))
        some = True
    while channel.recv_stderr_ready():
        stderr.add(channel.recv_stderr(_CHUNK))
        some = True
    return some


def _feed(channel: Channel, stdin: bytes) -> bytes:
    """What of `stdin` is left. At its end the command is told, so one that reads does not wait for ever."""
    # The command may end without having read it all.
    with contextlib.suppress(OSError):
        while stdin and channel.send_ready() and (sent := channel.send(stdin[:_CHUNK])):
            stdin = stdin[sent:]
        if stdin and not channel.closed:
            return stdin
        if not channel.eof_sent:
            channel.shutdown_write()
    return b""


def unknown(target: Target, text: str, state: EndState = "unknown") -> OutcomeUnknown:
    return OutcomeUnknown(f"{target}: {text}", ends=(TargetEnd(target.name, state),))


def _end(channel: Channel) -> tuple[EndState, str]:
    """Stop the command as far as the server lets us; what became of it, and what was done, in words."""
    for name in ("TERM", "KILL"):
        _signal(channel, name)
        until = time.monotonic() + _GRACE
        while time.monotonic() < until:
            if channel.closed or channel.exit_status >= 0:
                return "stopped", f"it was stopped with SIG{name}"
            channel.status_event.wait(0.05)
    return "running", "it was told to stop (SIGTERM, SIGKILL) and may still be running"


def _signal(channel: Channel, name: str) -> None:
    """The request `signal` of RFC 4254, 6.9, which paramiko has no method for."""
    message = Message()
    message.add_byte(cMSG_CHANNEL_REQUEST)
    message.add_int(channel.remote_chanid)
    message.add_string("signal")
    message.add_boolean(False)
    message.add_string(name)
    with contextlib.suppress(SSHException, EOFError, OSError):
        channel.get_transport()._send_user_message(message)  # type: ignore[attr-defined]  # noqa: SLF001


def lost(transport: Transport) -> bool:
    """Whether a channel ended because its connection did. That it is closed does not tell: paramiko closes
    the channels of a broken connection too, a moment before it marks it as broken."""
    try:
        transport.open_session(timeout=5.0).close()
    except ChannelException:
        return False
    except (SSHException, EOFError, OSError):
        return True
    return False


class _Wake(threading.Event):
    """Set by whatever has news. paramiko clears the event when one of the two streams is empty, which says
    nothing about the other; so only `reset` clears it."""

    def clear(self) -> None:
        pass

    def reset(self) -> None:
        super().clear()
