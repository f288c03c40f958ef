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
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TypeVar

from activities.action import Context
from activities.ssh.command import Command, read_command
from activities.ssh.config import ClientConfig, Target
from activities.ssh.marker import marker
from activities.ssh.outcome import failure, limits, not_reached, settle
from activities.ssh.pool import Pool
from activities.ssh.session import Finished
from activities.ssh.worker import Worker
from stanch.errors import InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json

_T = TypeVar("_T")

_DEFAULT_CONFIG = Path("~/.ssh/config")
_BEAT = 1.0
_PATIENCE = 4.2
"""Seconds that a thread has to notice that its time is over. Stopping a command takes up to `STOPPING`."""


class SshAction:
    """Runs commands over SSH. One instance keeps its connections between steps; `close` ends them.

    `config_file` is an OpenSSH client configuration; `~/.ssh/config`, if it exists, when not given.
    `pass_phrases` has references to the secrets that open key files. `idle` is how many seconds an unused
    connection is kept, `threads` how many hosts all steps work on at once.
    """

    name = "ssh"

    def __init__(
        self,
        config_file: Path | None = None,
        *,
        pass_phrases: Mapping[Path, Json] | None = None,
        idle: float = 300.0,
        threads: int = 128,
    ) -> None:
        self._config_file = config_file
        self._phrases = pass_phrases or {}
        self._pool = Pool(idle)
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="ssh")

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """One result a host: `host rc stdout stderr truncated seconds`, with `lines` or `json` if asked for.

        When the task is cancelled, or after `context.timeout`, commands are stopped as `session` says.
        """
        command = read_command(params)
        if context.one and len(command.hosts) != 1:
            raise InvalidInput(f"ssh: one host was expected in `hosts`, there are {len(command.hosts)}")
        results = settle(command, await self.run(command, context), context.whole)
        return results[0] if context.one else results

    async def run(self, command: Command, context: Context) -> list[Finished | StanchError]:
        """What became of `command` on each of its hosts. Raises when one of them cannot be reached: nothing
        was executed then on any."""
        crew = await self._crew(command, context)
        try:
            opened = await crew.each(Worker.open, command.parallel, context, "connected to {} of {} hosts")
            if errors := [outcome for outcome in opened if isinstance(outcome, StanchError)]:
                not_reached(errors, len(opened), again=context.again)
            return await crew.each(Worker.run, command.parallel, context, "{} of {} hosts done")
        finally:
            crew.dismiss()

    def reattaches(self, params: Mapping[str, Json]) -> bool:
        return params.get("reattach") is not False

    async def begun(self, params: Mapping[str, Json], context: Context) -> bool:
        """Whether the execution that `context.key` names was started on any host. Raises Unreachable."""
        command = read_command(params)
        crew = await self._crew(command, context)
        try:
            found = await crew.each(Worker.look, command.parallel, context, "looked at {} of {} hosts")
        finally:
            crew.dismiss()
        if True in found:
            return True
        if errors := [outcome for outcome in found if isinstance(outcome, StanchError)]:
            raise Unreachable("; ".join(map(str, errors[:3])))
        return False

    async def release(self, params: Mapping[str, Json], context: Context) -> None:
        """Remove what the execution left on its hosts. Where that fails, a later command does it."""
        command = read_command(params)
        crew = await self._crew(command, context)
        try:
            await crew.each(Worker.release, command.parallel, context, "cleared {} of {} hosts")
        finally:
            crew.dismiss()

    def failure(self, result: Json) -> str | None:
        return failure(result)

    async def close(self) -> None:
        """End all connections, with what runs on them."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._pool.close()

    async def _crew(self, command: Command, context: Context) -> _Crew:
        deadline = time.monotonic() + context.timeout
        loop = asyncio.get_running_loop()
        targets = await loop.run_in_executor(self._threads, self._targets, command)
        most = limits(command)
        key, begin = context.key, not (context.ended_before or context.others)
        return _Crew(
            [
                Worker(
                    self._pool,
                    target,
                    command,
                    deadline,
                    marker(key, target.name, most, begin=begin) if key and command.reattach else None,
                    again=context.again,
                )
                for target in targets
            ],
            self._threads,
        )

    def _targets(self, command: Command) -> list[Target]:
        default = _DEFAULT_CONFIG.expanduser()
        config = ClientConfig(self._config_file or (default if default.is_file() else None), self._phrases)
        return [config.target(host, command.user) for host in command.hosts]


class _Crew:
    """The workers of one step: they work in threads, and this side never waits longer than it must."""

    def __init__(self, workers: list[Worker], threads: ThreadPoolExecutor) -> None:
        self._workers = workers
        self._threads = threads

    async def each(
        self, work: Callable[[Worker], _T], parallel: int, context: Context, note: str
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
            self.stop(leave=await context.leave())
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

    def stop(self, *, leave: bool = False) -> None:
        for worker in self._workers:
            worker.stop.now(leave=leave)

    def dismiss(self) -> None:
        """Give back what is still held, without waiting for it."""
        self.stop()
        with contextlib.suppress(RuntimeError):  # the action is being closed, with all connections
            for worker in self._workers:
                self._threads.submit(worker.leave)

    async def _one(
        self, worker: Worker, work: Callable[[Worker], _T], gate: asyncio.Semaphore
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
