"""One host's part of a step, in a thread: reached first, then given the command.

A change runs under a marker, so that it survives its connection and its worker. A read does not: what it says
is of now, and asking again is safe.
"""

from __future__ import annotations

import asyncio
import threading
import time

from activities.ssh.command import Command
from activities.ssh.config import Target
from activities.ssh.marked import Marked
from activities.ssh.marker import Marker
from activities.ssh.outcome import end_of, limits
from activities.ssh.pool import Pool, Session
from activities.ssh.session import Finished, Stop, run
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, StanchError, Unreachable


class Worker:
    """`open`, `run`, `look` and `release` block, and return the error that they end with.

    With `again`, the command may have been begun already: a host that is away is waited for, because what is
    known about it is there.
    """

    def __init__(
        self,
        pool: Pool,
        target: Target,
        command: Command,
        deadline: float,
        marker: Marker | None,
        *,
        again: bool = False,
    ) -> None:
        self.target = target
        self.deadline = deadline
        self.stop = Stop()
        self._pool = pool
        self._command = command
        self._marker = marker
        self._again = again
        self._session: Session | None = None
        self._leaving = threading.Lock()

    def open(self) -> StanchError | None:
        pause = 0.1
        while True:
            try:
                self._session = self._pool.open(self.target, self.deadline)
            except StanchError as error:
                lasts = self.stop.stopped or time.monotonic() + pause >= self.deadline
                if lasts or not (self._again and isinstance(error, Unreachable)):
                    return error
            else:
                break
            self.stop.wake.reset()
            self.stop.wake.wait(pause)
            pause = min(2.0, pause * 2)
        if self.stop.stopped:  # nobody waits for it any more
            self.leave()
        return None

    def run(self) -> Finished | StanchError:
        try:
            ended = self._plain() if self._marker is None else self._marked(self._marker)
            return self._refused(ended) or ended
        except OutcomeUnknown as error:
            # Whatever happened to this connection, the next step had better not find out.
            if self._session is not None:
                self._pool.discard(self._session.link)
            return error
        except StanchError as error:
            return error
        finally:
            self.leave()

    def look(self) -> bool | StanchError:
        """Whether the command was ever started on the host."""
        try:
            assert self._marker is not None
            session = self._session = self._pool.open(self.target, self.deadline)
            return self._of(self._marker).look(session)
        except StanchError as error:
            return error
        finally:
            self.leave()

    def release(self) -> StanchError | None:
        """Remove what the command has left on the host."""
        try:
            assert self._marker is not None
            session = self._session = self._pool.open(self.target, self.deadline)
            self._of(self._marker).release(session)
        except StanchError as error:
            return error
        finally:
            self.leave()
        return None

    def leave(self) -> None:
        with self._leaving:
            session, self._session = self._session, None
        if session is not None:
            self._pool.give_back(session)

    def late(self) -> StanchError:
        """The error for a thread that did not come back in time."""
        if self.stop.sent:
            return OutcomeUnknown(
                f"{self.target}: the connection hangs; nobody knows whether the command ended"
            )
        return Unreachable(f"{self.target}: no answer in time")

    def ended(self, task: asyncio.Task[object]) -> TargetEnd:
        """How the host was left by `task`, which worked on it when the step was cancelled."""
        outcome = task.result() if task.done() else self.late()
        if not isinstance(outcome, Finished | StanchError):
            return TargetEnd(self.target.name, "not_started")  # it was being connected to
        return end_of(self.target.name, outcome)

    def abandon(self) -> None:
        """Tear the connection down under a thread that hangs on it."""
        if (session := self._session) is not None:
            self._pool.discard(session.link)
            session.link.close()
            # paramiko waits for the answer to a request without a limit, and may miss that the channel ended.
            session.channel.event.set()

    def _plain(self) -> Finished | StanchError:
        while self._session is not None:
            ended = run(self._session, self._command, self.stop, self.deadline, limits(self._command))
            if ended is not None:
                return ended
            # It broke while other hosts were being reached.
            self.leave()
            self._session = self._pool.open(self.target, self.deadline)
        return self.late()

    def _marked(self, marker: Marker) -> Finished | StanchError:
        return self.late() if self._session is None else self._of(marker).run(self._session)

    def _refused(self, ended: Finished | StanchError) -> ActionRefused | None:
        """What ended there was not the command, but sudo before it."""
        sudo = self._command.sudo
        if sudo is None or not isinstance(ended, Finished):
            return None
        why = sudo.refused(self._command.line, ended.rc, ended.stderr.text())
        return ActionRefused(f"{self.target}: nothing was executed; {why}") if why else None

    def _of(self, marker: Marker) -> Marked:
        return Marked(self._pool, (self._command, marker), self.stop, self.deadline, self._take)

    def _take(self, session: Session | None) -> None:
        with self._leaving:
            self._session = session
