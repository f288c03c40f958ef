"""The action itself: one run of Ansible, and what became of it.

What a run ends as, in this order:

- OutcomeUnknown if for any host nobody knows whether it did a task: its connection broke in the middle, the
  time ran out, or Ansible died. The message says what is known of each host.
- Unreachable if no host was reached, so nothing was executed and Temporal may try again; ActionRefused
  instead if that cannot help (a host key, a login).
- Unreachable, too, if the project's inventory cannot be read: it may be a program that asks others.
- InvalidInput if Ansible did not begin: a mistake in a playbook, no host that matches.
- A result in all other cases, with the status of each host. If a host failed, or some were unreachable
  while others did their tasks, `failure` says so. Nothing tries that again: the others would repeat theirs.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from activities.action import Context
from activities.ansible.folder import environment, lay_out
from activities.ansible.job import Job, is_name, read_job
from activities.ansible.order import Order
from activities.ansible.recap import Recap
from activities.ansible.tree import end_tree
from activities.ansible.vault import wrong
from activities.attempt.repeating import fits
from activities.output import Capture, last_line
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OurError, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_ROOT = Path(__file__).resolve().parents[2]
_BEAT = 1.0
_PATIENCE = 3.0
"""Seconds that the child process has to end everything below it."""
_LONGEST_LINE = 16 * 1024 * 1024
_NAMES = 10
_NOBODY = "no hosts to target"
"""What Ansible says when `--limit` leaves out all of them."""


class AnsibleAction:
    """Runs Ansible. `project` is the folder with the playbooks and inventories; `ssh_config` is an OpenSSH
    client configuration for its connections (None: its defaults, and what the project's `ansible.cfg` says).
    """

    name = "ansible"

    def __init__(self, project: Path | None = None, ssh_config: Path | None = None) -> None:
        self._project = project
        self._ssh_config = ssh_config

    async def close(self) -> None:
        """Nothing is kept between steps."""

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`{rc, hosts, changed, stdout, truncated}`, as the action's schema describes it.

        When the task is cancelled, or after `context.timeout`, every process of the run is killed and its
        connections with them. A host notices when its task next uses the connection, or at once if the task
        has a terminal (Ansible's default).
        """
        job = await asyncio.to_thread(read_job, params, self._project)
        course = _Course(job, context)
        if course.is_over:
            return course.result([])
        await asyncio.to_thread(_try_passwords, job, self._project)
        folder = Path(tempfile.mkdtemp(prefix="stanch-"))
        try:
            order = await asyncio.to_thread(lay_out, course.job, folder, self._project)
            run = _Run(order, environment(folder, self._project, self._ssh_config, os.environ), course)
            await run.wait(context)
        except asyncio.CancelledError:
            context.ended(course.ends())
            raise
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        course.tell()
        run.recap.tell_whole(context.whole)
        return _outcome(course, run, context.timeout)

    def failure(self, result: Json) -> str | None:
        if result["rc"] == 0:
            return None
        bad = [_described(host) for host in result["hosts"] if host["status"] in ("failed", "unreachable")]
        some = f"{len(bad)} of {len(result['hosts'])} hosts: {_joined(bad)}" if bad else ""
        return f"ansible ended with status {result['rc']}" + (f"; {some}" if some else "")


class _Course:
    """What becomes of each host, over all attempts at one execution."""

    def __init__(self, job: Job, context: Context) -> None:
        earlier = context.earlier if isinstance(context.earlier, dict) else {}
        known = [name for name in earlier if is_name(name) and (name in job.names or not job.names)]
        self.before: dict[str, Json] = {name: earlier[name] for name in known}
        """The hosts on which an earlier attempt has ended well, with what the result says of each."""
        self.names = job.names
        self.job = job.without(self.before)
        """What is left to do."""
        self.recap = Recap(job.plays_in_all)
        self._context = context

    @property
    def is_over(self) -> bool:
        """Whether an earlier attempt has ended well everywhere, as far as that can be told beforehand."""
        return bool(self.names) and set(self.names) <= set(self.before)

    def ends(self) -> tuple[TargetEnd, ...]:
        before = [TargetEnd(name, "done", "by an earlier attempt") for name in self.before]
        left = tuple(name for name in self.names if name not in self.before)
        return (*before, *self.recap.ends(left))

    def tell(self) -> None:
        """For whoever comes when this worker is lost: another attempt, or a person."""
        before = [TargetEnd(name, "done") for name in self.before]
        left = tuple(name for name in self.names if name not in self.before)
        well = dict(self.recap.ended_well(module=self.job.module))
        if not fits(well):
            well = {name: _short(held) for name, held in well.items()}
        self._context.so_far((*before, *self.recap.so_far(left)), {**self.before, **well})

    def result(self, hosts: list[Json]) -> dict[str, Json]:
        """That of all attempts together, with `hosts` as this one left them."""
        every = {**self.before, **{host["host"]: host for host in hosts}}
        order = [name for name in self.names if name in every]
        order += [name for name in every if name not in self.names]
        told = [every[name] for name in order]
        changed = any(host["changed"] > 0 for host in told)
        return {"rc": 0, "hosts": told, "changed": changed, "stdout": "", "truncated": False}


class _Run:
    """The child process and what it has told so far."""

    def __init__(self, order: Order, env: dict[str, str], course: _Course) -> None:
        self.recap = course.recap
        self._course = course
        self.rc: int | None = None
        """Ansible's exit status, if it ended by itself."""
        self.stopped = False
        self.heard_all = False
        """Everything that the process had to say was read."""
        self.stderr = Capture(4096)
        self._order = order
        self._env = env
        self._note = "starting"

    async def wait(self, context: Context) -> None:
        """Until the process has ended, by itself or stopped by us."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "activities.ansible.process",
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            cwd=_ROOT,
            env=self._env,
            start_new_session=True,
            limit=_LONGEST_LINE,
        )
        reading = asyncio.create_task(self._read(process))
        loop = asyncio.get_running_loop()
        end = loop.time() + context.timeout
        try:
            while not reading.done() and (left := end - loop.time()) > 0:
                await asyncio.wait([reading], timeout=min(_BEAT, left))
                context.beat(self._note)
                self._course.tell()
        finally:
            self.stopped = not reading.done()
            await self._end(process, reading)
        if not reading.cancelled() and (error := reading.exception()):
            raise error

    async def _read(self, process: Process) -> None:
        stdin, stdout, stderr = process.stdin, process.stdout, process.stderr
        if stdin is None or stdout is None or stderr is None:
            raise OurError("the process has no pipes")
        stdin.write(json.dumps(asdict(self._order)).encode() + b"\n")
        errors = asyncio.create_task(self._read_errors(stderr))
        async for line in stdout:
            message = json.loads(line)
            if "event" in message:
                self._note = self.recap.add(message["event"]) or self._note
            elif not self.stopped:
                self.rc = message["rc"]
        await errors
        self.heard_all = True

    async def _read_errors(self, stderr: asyncio.StreamReader) -> None:
        while some := await stderr.read(4096):
            self.stderr.add(some)

    async def _end(self, process: Process, reading: asyncio.Task[None]) -> None:
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.wait([reading], timeout=_PATIENCE)
        if process.returncode is None and not reading.done():
            end_tree(process.pid)
        await process.wait()
        await asyncio.wait([reading], timeout=_PATIENCE)
        reading.cancel()
        await asyncio.wait([reading])


def _try_passwords(job: Job, project: Path | None) -> None:
    if project is not None and job.vault and (name := wrong(job.vault, project.resolve())) is not None:
        raise ActionRefused(
            f"nothing was executed: the password that `vault` gives for the id `{name}` opens nothing of "
            f"what is encrypted for it in the Ansible project {project}"
        )


def _outcome(course: _Course, run: _Run, timeout: float) -> Json:
    job, recap = course.job, run.recap
    if run.stopped and not recap.hosts and run.heard_all:
        raise Unreachable(f"nothing was executed: {job.title} had not begun a task after {timeout:.0f}s")
    result = recap.result(-1 if run.rc is None else run.rc, job.names, module=job.module)
    told = _known(recap, result)
    if run.stopped:
        text = f"{job.title} was still running after {timeout:.0f}s and was ended; {told}"
        raise OutcomeUnknown(text, ends=course.ends())
    if run.rc is None and not recap.hosts:
        raise OurError(f"ansible ended without an answer: {last_line(run.stderr.text())}")
    if run.rc is None or any(host.doubtful for host in recap.hosts.values()):
        raise OutcomeUnknown(f"{job.title} broke off; {told}", ends=course.ends())
    if not recap.hosts and course.before and _NOBODY in recap.complaint:
        return course.result([])
    if recap.no_inventory and isinstance(job.inventory, Path):
        # A program or a plugin asks others, who may answer later.
        raise Unreachable(f"nothing was executed: {recap.complaint}")
    if not recap.hosts:
        why = "no host matches" if run.rc == 0 else recap.complaint or f"ansible ended with status {run.rc}"
        raise InvalidInput(f"ansible: nothing was executed: {job.title}, hosts `{job.pattern}`: {why}")
    if recap.untouched:
        family = ActionRefused if recap.hopeless else Unreachable
        raise family(f"nothing was executed: {told}")
    return {**result, **course.result(result["hosts"]), **_own(result)} if course.before else result


def _short(host: Json) -> dict[str, Json]:
    """What the result says of a host, without what may be long."""
    return {**{name: held for name, held in host.items() if name != "result"}, "tasks": []}


def _own(result: Json) -> dict[str, Json]:
    return {name: result[name] for name in ("rc", "stdout", "truncated")}


def _known(recap: Recap, result: Json) -> str:
    """What is known of each host, those in doubt first."""
    doubtful = [
        f"`{name}` may have done `{host.doubtful}` or not"
        + (f": {last_line(host.message)}" if host.message else "")
        for name, host in recap.hosts.items()
        if host.doubtful
    ]
    others = [_described(host) for host in result["hosts"] if not recap.hosts[host["host"]].doubtful]
    return _joined([*doubtful, *others])


def _described(host: Json) -> str:
    text = f"`{host['host']}` {host['status']}"
    if host["status"] not in ("failed", "unreachable"):
        return text
    tasks = [task["name"] for task in host["tasks"] if task["status"] == host["status"]]
    where = f" in `{tasks[-1]}`" if tasks else ""
    line = last_line(host["msg"])
    return f"{text}{where}" + (f": {line}" if line else "")


def _joined(items: list[str]) -> str:
    few = items if len(items) <= _NAMES else [*items[:_NAMES], f"and {len(items) - _NAMES} more"]
    return "; ".join(few)
