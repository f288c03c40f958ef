"""The events of ansible-runner, put together: what happened on each host, and what is not known.

Pure: it is fed the events in their order and keeps little of them. Ansible's own counts (the event
`playbook_on_stats`) are taken when it got so far; a run that was ended is counted here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from activities.ansible.fitting import fitting
from activities.output import WHOLE, Capture, TakeWhole, last_line, shortened
from stanch.contract import TargetEnd
from stanch.language.plan import Json

STDOUT = 32 * 1024
RESULTS = 512 * 1024
"""Bytes of all hosts' results of a module; each may have its share, at most `RESULT`."""
RESULT = 64 * 1024
DIFFERENCE = 16 * 1024
DIFFERENCES = 256 * 1024
"""Bytes of what differs, of one host and of all."""
MESSAGE = 2000
TASKS = 500
"""Tasks that changed or failed, of all hosts together."""

_COUNTS = {
    "ok": "ok",
    "changed": "changed",
    "failures": "failures",
    "dark": "unreachable",
    "skipped": "skipped",
}
"""Ansible's names to ours."""

_ONLY_HERE = {
    "add_host", "assert", "debug", "fail", "group_by", "import_playbook", "import_role", "import_tasks",
    "include_role", "include_tasks", "include_vars", "meta", "pause", "set_fact", "set_stats",
    "validate_argument_spec",
}  # fmt: skip
"""Actions that never speak to the host."""

# What ssh says when it did not get as far as running a command (ssh(1) of OpenSSH 6 to 10).
_NEVER_CONNECTED = re.compile(
    r"connect to host|Could not resolve hostname|Permission denied \(|Host key verification failed"
    r"|REMOTE HOST IDENTIFICATION HAS CHANGED|kex_exchange_identification|ssh_exchange_identification"
    r"|banner exchange|Too many authentication failures|No route to host|Network is unreachable"
    r"|Unable to negotiate|no matching (host key|key exchange|cipher|mac)|stdio forwarding failed"
    r"|configuration option|user config file|Bad owner or permissions|Name or service not known",
    re.IGNORECASE,
)
_NO_USE_AGAIN = re.compile(
    r"Permission denied \(|Host key verification failed|IDENTIFICATION HAS CHANGED|Too many authentication"
    r"|Unable to negotiate|configuration option|Bad owner or permissions"
)
_WHY_NO_HOSTS = re.compile(
    r"(?:Standard error from inventory script:\n"
    r"|Failed to parse inventory with '(?!script')\w+' plugin: )(.+)"
)


@dataclass(slots=True)
class HostRecap:
    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTS.values(), 0))
    message: str = ""
    """Of the task that failed, or could not reach it."""
    task: str = ""
    """Which one that was."""
    tasks: list[dict[str, str]] = field(default_factory=list)
    running: str = ""
    """A task that was begun and has not ended."""
    touched: bool = False
    result: Json = None
    difference: Capture = field(default_factory=lambda: Capture(DIFFERENCE))
    """What was changed, or would be, task by task."""
    cut: bool = False
    """Something of it was left out."""
    over: bool = False
    """No task for it is to come any more."""

    @property
    def status(self) -> str:
        if self.counts["unreachable"]:
            return "unreachable"
        if self.counts["failures"]:
            return "failed"
        return "skipped" if self.counts["skipped"] and not self.counts["ok"] else "ok"

    @property
    def last_lines(self) -> str:
        """Of what the last task that ended there has printed or said."""
        held = self.result if isinstance(self.result, dict) else {}
        said = str(held.get("stdout") or self.message or held.get("stderr") or "")
        return shortened("\n".join(said.strip().splitlines()[-3:]), 300)[0]

    @property
    def doubtful(self) -> str:
        """The task of which nobody knows whether the host has done it."""
        if self.running:
            return self.running
        lost = self.counts["unreachable"] and not _NEVER_CONNECTED.search(self.message)
        return self.task if lost else ""


class Recap:
    def __init__(self, plays: int = 0) -> None:
        """`plays` is how many there are; 0 if that is not known."""
        self._plays = plays
        self._begun: set[str] = set()
        """The plays that have begun."""
        self._batch: set[str] = set()
        """The hosts for which tasks were begun since the last play, or batch of a play, began."""
        self.hosts: dict[str, HostRecap] = {}
        self.finished = False
        """Ansible came to its end and gave its own counts."""
        self._stdout = Capture(WHOLE)
        self._errors: list[str] = []

    def add(self, event: Mapping[str, Json]) -> str:
        """Take in one event; a note on how far the run is, or nothing."""
        text = event.get("stdout") or ""
        if text:
            self._stdout.add(f"{text}\n".replace("\r\n", "\n").encode("utf-8", "replace"))
            self._errors += [line for line in text.splitlines() if "ERROR" in line][:5]
        data = event.get("event_data") or {}
        match event.get("event"), data.get("host"):
            case "playbook_on_stats", _:
                self._finish(data)
            case "playbook_on_play_start", _:
                self._next_batch(str(data.get("play_uuid", "")))
            case "playbook_on_task_start", _:
                return str(data.get("task", ""))
            case "runner_on_start", str(name):
                self._host(name).running = str(data.get("task", "a task"))
                self._batch.add(name)
            case (
                "runner_on_ok" | "runner_on_failed" | "runner_on_skipped" | "runner_on_unreachable"
            ) as kind, str(name):
                self._ended(kind.removeprefix("runner_on_"), name, data, cut=event.get("cut") is True)
                return f"{data.get('task', '')}: {name}"
            case "runner_on_file_diff", str(name) if text.strip():
                what = f"TASK [{data.get('task', '')}]\n{text.strip()}\n".replace("\r\n", "\n")
                self._host(name).difference.add(what.encode("utf-8", "replace"))
        return ""

    def _next_batch(self, play: str) -> None:
        """A play begins, or a further batch of its hosts (`serial`): those before are done with it. A play
        that began before has a number behind its id."""
        if self._plays and len(self._begun) == self._plays:
            for name in self._batch:
                self._host(name).over = True
        self._begun.add(play.partition("_")[0])
        self._batch = set()

    def ends(self, names: tuple[str, ...]) -> tuple[TargetEnd, ...]:
        """How a run that was ended left each host."""
        others = [name for name in self.hosts if name not in names]
        return tuple(self._end_of(name) for name in (*names, *others))

    def so_far(self, names: tuple[str, ...]) -> tuple[TargetEnd, ...]:
        """How it stands on each host while it runs: between two tasks nobody knows which one comes next."""
        unknown = "begun, between two tasks"
        return tuple(
            replace(end, state="unknown", note=unknown) if end.state == "stopped" else end
            for end in self.ends(names)
        )

    def ended_well(self, *, module: bool) -> Iterator[tuple[str, dict[str, Json]]]:
        """The hosts that are done with everything and well, with what the result says of each."""
        well = [
            name
            for name, host in self.hosts.items()
            if (self.finished or host.over) and host.status in ("ok", "skipped") and not host.doubtful
        ]
        for name in well:
            yield name, self._as_json(name, RESULT, 3, module=module)[0]

    def _end_of(self, name: str) -> TargetEnd:
        host = self.hosts.get(name)
        doubtful = host.doubtful if host is not None else ""
        if host is None or not (host.touched or doubtful):
            return TargetEnd(name, "not_started")
        if doubtful:
            return TargetEnd(name, "unknown", f"in `{doubtful}`", host.last_lines)
        if self.finished or host.over:
            failed = f"{host.status} in `{host.task}`" if host.status in ("failed", "unreachable") else ""
            return TargetEnd(name, "done", failed, host.last_lines if failed else "")
        return TargetEnd(name, "stopped", "between two tasks", host.last_lines)

    def result(self, rc: int, names: tuple[str, ...], *, module: bool) -> dict[str, Json]:
        """As the action's schema describes it; hosts in the order of `names`, others as Ansible met them."""
        order = [name for name in names if name in self.hosts]
        order += [name for name in self.hosts if name not in names]
        share = min(RESULT, RESULTS // max(1, len(order)))
        hosts, cut = [], self._stdout.cut(STDOUT) > 0
        for name in order:
            host, host_cut = self._as_json(name, share, max(3, TASKS // len(order)), module=module)
            hosts.append(host)
            cut = cut or host_cut
        return {
            "rc": rc,
            "hosts": hosts,
            "changed": any(host["changed"] > 0 for host in hosts),
            "stdout": self._stdout.text(STDOUT),
            "truncated": cut,
        }

    def tell_whole(self, whole: TakeWhole) -> None:
        """All of Ansible's output, if the result has only head and tail of it."""
        if self._stdout.cut(STDOUT):
            whole("stdout", self._stdout.text(), cut=self._stdout.cut() > 0)

    @property
    def complaint(self) -> str:
        """Why Ansible did not begin, in its own words."""
        words = (re.sub(r"^(\[ERROR\]: |ERROR! )", "", line).strip() for line in self._errors)
        said = next((line for line in words if line), "") or last_line(self._stdout.text())
        reason = _WHY_NO_HOSTS.search(self._stdout.text()) if self.no_inventory else None
        return f"{said}: {last_line(reason[1])}" if reason else said

    @property
    def no_inventory(self) -> bool:
        """Ansible could not read, or be told, which hosts there are."""
        return any("failed to parse inventory source" in line for line in self._errors)

    @property
    def untouched(self) -> bool:
        """No host was reached at all, so nothing was executed."""
        return bool(self.hosts) and all(
            host.status == "unreachable" and not host.touched and not host.doubtful
            for host in self.hosts.values()
        )

    @property
    def hopeless(self) -> bool:
        """Trying again will not help: a person has to change a key or a setting."""
        return any(_NO_USE_AGAIN.search(host.message) for host in self.hosts.values())

    def _host(self, name: str) -> HostRecap:
        return self.hosts.setdefault(name, HostRecap())

    def _ended(self, kind: str, name: str, data: Mapping[str, Json], *, cut: bool) -> None:
        host = self._host(name)
        host.running = ""
        res: dict[str, Json] = data.get("res") or {}
        task = str(data.get("task", ""))
        ignored = kind == "failed" and data.get("ignore_errors") is True
        status = {"failed": "failed", "unreachable": "unreachable", "skipped": "skipped"}.get(kind, "ok")
        action = str(data.get("resolved_action") or data.get("task_action") or "").rpartition(".")[2]
        if status in ("ok", "failed") and action not in _ONLY_HERE:
            host.touched = True
        changed = bool(res.get("changed")) and status == "ok"
        if not self.finished:
            counted = {"failed": "ok" if ignored else "failures"}.get(status, status)
            host.counts[counted] += 1
            host.counts["changed"] += changed
        if status in ("failed", "unreachable") and not ignored:
            host.message, host.task = _message(res), task
        if changed or status in ("failed", "unreachable"):
            host.tasks.append(
                {"name": task, "status": "ignored" if ignored else "changed" if changed else status}
            )
        # An empty result is one that was too large for ansible-runner.
        host.cut = host.cut or cut or not res
        if status in ("ok", "failed"):
            host.result = {key: value for key, value in res.items() if not _is_internal(key)}

    def _finish(self, data: Mapping[str, Json]) -> None:
        self.finished = True
        for theirs, ours in _COUNTS.items():
            for host in self.hosts.values():
                host.counts[ours] = 0
            for name, count in (data.get(theirs) or {}).items():
                self._host(name).counts[ours] = count
        for host in self.hosts.values():
            # A failed task may have been rescued, and includes end without an event of their own.
            host.running = ""
            if host.status in ("ok", "skipped"):
                host.message = host.task = ""

    def _as_json(
        self, name: str, share: int, most_tasks: int, *, module: bool
    ) -> tuple[dict[str, Json], bool]:
        host = self.hosts[name]
        message, message_cut = shortened(host.message, MESSAGE)
        tasks = host.tasks[:most_tasks]
        described: dict[str, Json] = {
            "host": name,
            "status": host.status,
            **host.counts,
            "msg": message,
            "tasks": tasks,
        }
        cut = host.cut or message_cut or len(tasks) < len(host.tasks)
        if module and host.result is not None:
            described["result"], result_cut = fitting(host.result, share)
            cut = cut or result_cut
        if host.difference.seen:
            most = min(DIFFERENCE, DIFFERENCES // len(self.hosts))
            described["diff"] = host.difference.text(most)
            cut = cut or host.difference.cut(most) > 0
        return described, cut


def _is_internal(key: str) -> bool:
    # `invocation` repeats the arguments, which may be secrets.
    return key.startswith("_ansible") or key in ("invocation", "exception")


def _message(res: Mapping[str, Json]) -> str:
    parts = [res.get("msg"), res.get("stderr") or res.get("module_stderr")]
    said = [str(part).strip() for part in parts if part]
    text = ": ".join(dict.fromkeys(said)) or str(res.get("censored", ""))
    # What stands before the reason says no more than the task's name and status do.
    for words in ("Task failed: ", "Module failed: ", "Failed to connect to the host via ssh: "):
        text = text.removeprefix(words)
    return text.replace("\r\n", "\n")
