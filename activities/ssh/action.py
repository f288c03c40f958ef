"""The action itself: connect to all, then run on all, then say one thing.

**All hosts are reached before the command is sent to any.** If one cannot be, the step ends as Unreachable
(Temporal may try again) or ActionRefused (a person has to change something), and nothing was executed
anywhere. So no step stops half way because a host is down, and trying again repeats nothing.

After that, hosts may still differ. OutcomeUnknown if it is unknown for any host, with what is known of each;
ActionRefused if some ran it and others did not (a connection that broke in the instant between), because a
repetition would run it twice on those that did. An exit status other than 0 is no error here: it is a result.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from activities.action import Context
from activities.ssh.command import Command, read_command
from activities.ssh.config import ClientConfig, Target
from activities.ssh.outcome import end_of, failure, limits, nothing_done, settle
from activities.ssh.pool import Pool, Session
from activities.ssh.session import Finished, Stop, run
from stanch.contract import TargetEnd
from stanch.errors import InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.plan import Json

_T = TypeVar("_T")

_DEFAULT_CONFIG = Path("~/.ssh/config")
_BEAT = 1.0
_PATIENCE = 3.0
"""Seconds that a thread has to notice that its time is over. Stopping a command takes up to two."""


class SshAction:
    """Runs commands over SSH. One instance keeps its connections between steps; `close` ends them.

    `config_file` is an OpenSSH client configuration; `~/.ssh/config`, if it exists, when not given. `idle` is
    how many seconds an unused connection is kept, `threads` how many hosts all steps work on at once.
    """

    name = "ssh"

    def __init__(self, config_file: Path | None = None, *, idle: float = 300.0, threads: int = 128) -> None:
        self._config_file = config_file
        self._pool = Pool(idle)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ssh")

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """One result a host: `host rc stdout stderr truncated seconds`, with `lines` or `json` if asked for.

        When the task is cancelled, or after `context.timeout`, commands are stopped as `session` says.
        """
        command = read_command(params)
        if context.one and len(command.hosts) != 1:
            raise InvalidInput(f"ssh: one host was expected in `hosts`, there are {len(command.hosts)}")
        deadline = time.monotonic() + context.timeout
        loop = asyncio.get_running_loop()
        targets = await loop.run_in_executor(self._threads, self._targets, command)
        crew = _Crew([_Worker(self._pool, target, command, deadline) for target in targets], self._threads)
        try:
            opened = await crew.each(_Worker.open, command.parallel, context, "connected to {} of {} hosts")
            if errors := [outcome for outcome in opened if isinstance(outcome, StanchError)]:
                nothing_done(errors, len(targets))
            outcomes = await crew.each(_Worker.run, command.parallel, context, "{} of {} hosts done")
        finally:
            crew.dismiss()
        results = settle(command, outcomes)
        return results[0] if context.one else results

    def failure(self, result: Json) -> str | None:
        return failure(result)

    async def close(self) -> None:
        """End all connections, with what runs on them."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    def _targets(self, command: Command) -> list[Target]:
        default = _DEFAULT_CONFIG.expanduser()
        config = ClientConfig(self._config_file or (default if default.is_file() else None))
        return [config.target(host, command.user) for host in command.hosts]


class _Worker:
    """One host's part of a step. `open` and `run` block and return the error that they end with."""

    def __init__(self, pool: Pool, target: Target, command: Command, deadline: float) -> None:
        self.target = target
        self.deadline = deadline
        self.stop = Stop()
        self._pool = pool
        self._command = command
        self._session: Session | None = None
        self._leaving = threading.Lock()

    def open(self) -> StanchError | None:
        try:
            session = self._pool.open(self.target, self.deadline)
        except StanchError as error:
            return error
        self._session = session
        if self.stop.stopped:  # nobody waits for it any more
            self.leave()
        return None

    def run(self) -> Finished | StanchError:
        try:
            while self._session is not None:
                ended = run(self._session, self._command, self.stop, self.deadline, limits(self._command))
                if ended is not None:
                    return ended
                # It broke while other hosts were being reached.
                self.leave()
                self._session = self._pool.open(self.target, self.deadline)
            return self.late()
        except OutcomeUnknown as error:
            # Whatever happened to this connection, the next step had better not find out.
            if self._session is not None:
                self._pool.discard(self._session.link)
            return error
        except StanchError as error:
            return error
        finally:
            self.leave()

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


class _Crew:
    """The workers of one step: they work in threads, and this side never waits longer than it must."""

    def __init__(self, workers: list[_Worker], threads: ThreadPoolExecutor) -> None:
        self._workers = workers
        self._threads = threads

    async def each(
        self, work: Callable[[_Worker], _T], parallel: int, context: Context, note: str
    ) -> list[_T | StanchError]:
        gate = asyncio.Semaphore(parallel)
        tasks = [asyncio.create_task(self._one(worker, work, gate)) for worker in self._workers]
        try:
            while True:
                done, waiting = await asyncio.wait(tasks, timeout=_BEAT)
                context.beat(note.format(len(done), len(tasks)))
                if not waiting:
                    return [task.result() for task in tasks]
        except asyncio.CancelledError:
            self.stop()
            # Long enough to stop commands, and no longer: whoever cancels is waiting. The others send nothing
            # any more, whenever they notice.
            pairs = list(zip(self._workers, tasks, strict=True))
            running = [task for worker, task in pairs if worker.stop.sent]
            if running:
                await asyncio.wait(running, timeout=_PATIENCE)
            context.ended(tuple(worker.ended(task) for worker, task in pairs))
            raise
        finally:
            for task in tasks:
                task.cancel()

    def stop(self) -> None:
        for worker in self._workers:
            worker.stop.now()

    def dismiss(self) -> None:
        """Give back what is still held, without waiting for it."""
        self.stop()
        with contextlib.suppress(RuntimeError):  # the action is being closed, with all connections
            for worker in self._workers:
                self._threads.submit(worker.leave)

    async def _one(
        self, worker: _Worker, work: Callable[[_Worker], _T], gate: asyncio.Semaphore
    ) -> _T | StanchError:
        async with gate:
            if worker.stop.stopped:
                return worker.late()
            future = asyncio.get_running_loop().run_in_executor(self._threads, partial(work, worker))
            await asyncio.wait([future], timeout=max(0.0, worker.deadline - time.monotonic()) + _PATIENCE)
            if future.done():
                return future.result()
            worker.stop.now()
            future.cancel()
            self._threads.submit(worker.abandon)
            return worker.late()
