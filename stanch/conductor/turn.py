"""One event's working copy of the state. It is thrown away when the event turns out to be illegal."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any

from stanch.conductor.commands import Command, Page, RunAction, StartTimer
from stanch.conductor.events import Entered, Internal, Repeated
from stanch.conductor.preview import page_text
from stanch.conductor.state import Node, OpenRequest, Phase, State, folder
from stanch.contract import ActionTask, Effected, Kept, Moment, PageTask
from stanch.errors import EvaluationError
from stanch.language.encode import plan_digest
from stanch.language.evaluate import Scope, render, show
from stanch.language.plan import Json, Plan, Step, all_steps
from stanch.language.template import OPEN


class Book:
    """A Plan and those of its children, with their steps by id; made once a run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.plans: Mapping[str, Plan] = {**plan.children, plan.runbook: plan, "": plan}
        self._steps = {name: _by_id(held) for name, held in self.plans.items()}

    def step(self, node: Node) -> Step:
        return self._steps[node.runbook][node.step]

    def root(self, runbook: str) -> Step:
        """A runbook as one step: what it requires, and its steps."""
        return self._steps[runbook][""]

    @cached_property
    def digest(self) -> str:
        return plan_digest(self.plan)


def _by_id(plan: Plan) -> dict[str, Step]:
    root = Step(id="", title=plan.title, steps=plan.steps, require=plan.require)
    return {"": root} | {step.id: step for step in all_steps(plan.steps)}


class Turn:
    def __init__(self, book: Book, state: State, at: float) -> None:
        self.book = book
        self.before = state
        self.at = max(at, state.clock)
        self.nodes = dict(state.nodes)
        self.values = dict(state.values)
        self.awaited = dict(state.awaited)
        self.requests = dict(state.requests)
        self.ledger = list(state.ledger)
        self.timeline = list(state.timeline)
        self.found = list(state.found)
        self.kept = list(state.kept)
        self.issued = state.issued
        self.changing = state.changing
        self.aborting = state.aborting
        self.given = state.given
        self.paused = state.paused
        self.paused_at = state.paused_at
        self.held = state.held
        self.parked = list(state.parked)
        self.to_skip = dict(state.to_skip)
        self.roles = dict(state.roles)
        self.handed = dict(state.handed)
        self.keys = state.keys
        self.used = dict(state.used)
        self.resolved = state.resolved
        self.mitigated = state.mitigated
        self.agenda = list(state.agenda)
        self.ending: dict[str, Any] = {}
        self.commands: list[Command] = []
        self.queue: deque[tuple[str, Internal]] = deque()

    # --- nodes --------------------------------------------------------------------------------------------

    def step(self, node: Node) -> Step:
        return self.book.step(node)

    def put(self, node: Node, **fields: Any) -> Node:
        """Store `node` with `fields` replaced; returns what was stored."""
        changed = replace(node, **fields) if fields else node
        self.nodes[changed.path] = changed
        return changed

    def open_child(self, parent: Node, step: str, *, item: int | None = None) -> None:
        """A new node under `parent` for `step`, or for one item of the parent's own step; it is entered."""
        names, frame, runbook = parent.names, parent.frame, parent.runbook
        if item is not None:
            spec = self.step(parent).for_each
            names = {**names, spec.name: parent.items[item]} if spec else names
        elif (child := self.step(parent).child) is not None:
            names, frame, runbook = {}, parent.path, child.runbook
        covered = parent.covered or parent.approved
        free = parent.free or self.step(parent).unattended is not None
        if frame != parent.frame and runbook in self.calling(parent):
            # Nobody was shown how far a runbook that calls itself goes, so each call asks for itself.
            covered = free = False
        path = self.child_path(parent, step, item)
        node = Node(path, step, parent.path, runbook, frame, item=item, names=names, started=self.at)
        self.put(node, covered=covered, free=free)
        self.post(path, Entered())

    def child_path(self, parent: Node, step: str, item: int | None = None) -> str:
        """Of `step` in the block or child `parent`, or of a round of the parent's own step."""
        if item is not None:
            return f"{parent.path}[{item}]"
        calls = self.step(parent).child is not None and not self.is_loop(parent)
        return f"{parent.path}/{step}" if calls else f"{parent.prefix}{step}"

    def is_loop(self, node: Node) -> bool:
        """Whether the node's children are the rounds of its loop."""
        return node.item is None and self.step(node).for_each is not None

    def repeat(self, node: Node) -> None:
        """Have `node` do again what is not in place. From here on it has not ended."""
        again = {"phase": Phase.PENDING, "attempt": node.attempt + 1, "undo_queue": (), "end": None}
        self.put(node, note="", key="", **again)
        self.post(node.path, Repeated())

    def post(self, path: str, event: Internal) -> None:
        """Tell another node, after the handler that is running now."""
        self.queue.append((path, event))

    def children(self, node: Node) -> list[Node]:
        return [child for child in self.nodes.values() if child.parent == node.path]

    def is_below(self, node: Node, ancestor: Node) -> bool:
        """Whether `node` is `ancestor` or inside of it."""
        path: str | None = node.path
        while path is not None:
            if path == ancestor.path:
                return True
            path = self.nodes[path].parent
        return False

    def inner(self, node: Node) -> list[Node]:
        """All nodes below `node`."""
        return [each for each in self.nodes.values() if each.path != node.path and self.is_below(each, node)]

    def calling(self, node: Node) -> frozenset[str]:
        """The runbooks that `node` is inside of: the run's own, and the children that were called."""
        found = {self.book.plan.runbook}
        while node.frame:
            found.add(node.runbook)
            node = self.nodes[node.frame]
        return frozenset(found)

    # --- what expressions see -----------------------------------------------------------------------------

    def scope(self, node: Node, /, **extra: Json) -> Scope:
        """The names that `node`'s expressions may read, with `extra` (such as `result`). A loop may call its
        items `node`, or anything else."""
        frame = self.nodes[node.frame].inputs if node.frame else self.given.inputs
        return self._names(node.prefix, node.frame, {**node.names, "inputs": dict(frame)}, extra)

    def inside(self, node: Node) -> Scope:
        """What a runbook's own outputs may read: of the run's, or of the child that `node` calls."""
        if not node.path:
            return self.scope(node)
        return self._names(f"{node.path}/", node.path, {"inputs": dict(node.inputs)}, {})

    def _names(
        self, prefix: str, frame: str, names: Mapping[str, Json], extra: Mapping[str, Json]
    ) -> dict[str, Json]:
        steps: dict[str, Json] = {}
        moments: dict[str, Json] = {"run.started": self.before.started, "run.now": self.at}
        outermost = f"{frame}/" if frame else ""
        for path, held in self.values.items():
            where = folder(path)
            if prefix.startswith(where) and where.startswith(outermost):
                name = path[len(where) :]
                steps[name] = held
                if (of := self.nodes.get(path)) is not None:
                    moments[f"steps.{name}.started"] = of.started
                    moments[f"steps.{name}.ended"] = of.ended
        return {**names, "steps": steps, "run": self._run(), **moments, **extra}

    def _run(self) -> dict[str, Json]:
        given = self.given
        run: dict[str, Json] = {
            "id": self.before.run,
            "short_id": self.before.run.rsplit("/", 1)[-1][:12],
            "url": given.url,
            "mode": given.mode,
            "severity": given.severity,
            "findings": [{"step": each.step, "is": each.verdict, "text": each.text} for each in self.found],
        }
        if given.incident is not None:
            of = given.incident
            run["incident"] = {"id": of.id, "severity": of.severity, "title": of.title, "url": of.url}
        return run

    def text(self, node: Node, text: str) -> str:
        """A text for people with its `${{ }}` filled in; as it is written while that is not possible."""
        if OPEN not in text:
            return text
        try:
            return show(render(text, self.scope(node)))
        except EvaluationError:
            return text

    def title(self, node: Node) -> str:
        step = self.step(node)
        return node.title or self.text(node, step.title) or step.id

    # --- what the host is told ----------------------------------------------------------------------------

    def key(self, node: Node, purpose: str = "") -> str:
        """A key that was never used before; its end will be delivered to `node`."""
        self.issued += 1
        key = f"{node.path or 'run'}#{self.issued}{purpose}"
        self.awaited[key] = node.path
        return key

    def run_action(
        self, node: Node, task: ActionTask, summary: str, deadline: float, tries: int, every: float = 2.0
    ) -> str:
        key = self.key(node)
        keyed = replace(task, key=f"{self.before.run}/{key}")
        self.commands.append(RunAction(key, keyed, summary, deadline, tries, every))
        return key

    def start_timer(self, node: Node, seconds: float, summary: str, purpose: str = "") -> str:
        key = self.key(node, purpose)
        self.commands.append(StartTimer(key, seconds, summary))
        return key

    def page(self, opened: OpenRequest, to: str) -> None:
        given = self.given
        request = opened.request
        text = page_text(f"{given.severity} {self.book.plan.runbook}", request)
        task = PageTask(self.before.run, request.id, to, opened.rung, given.severity, text, given.url)
        self.commands.append(Page(task))
        self.note("paged", f"paged {to}", step=request.step)

    def page_about(self, node: Node, to: str, text: str) -> None:
        """Tell somebody something that needs no answer."""
        given = self.given
        told = " ".join(f"{given.severity} {self.book.plan.runbook}: {text}".split())[:400]
        self.commands.append(Page(PageTask(self.before.run, "", to, 0, given.severity, told, given.url)))
        self.note("paged", f"paged {to}", step=node.path)

    def note(self, kind: str, text: str, *, step: str = "", by: str = "") -> None:
        self.timeline.append(Moment(self.at, kind, text, step, by))

    def keep(self, node: Node, kept: tuple[Kept, ...]) -> None:
        """Evidence that the node's action has stored, or could not store."""
        for each in kept:
            self.kept.append(replace(each, step=node.path))
            if each.error:
                self.note("problem", f"`{each.name}` was not kept: {each.error}", step=node.path)

    def record(self, effect: Effected) -> None:
        self.ledger.append(effect)

    def result(self, **fields: Any) -> State:
        """The state after this turn."""
        return replace(
            self.before,
            clock=self.at,
            nodes=self.nodes,
            values=self.values,
            awaited=self.awaited,
            requests=self.requests,
            ledger=tuple(self.ledger),
            timeline=tuple(self.timeline),
            found=tuple(self.found),
            kept=tuple(self.kept),
            issued=self.issued,
            changing=self.changing,
            aborting=self.aborting,
            given=self.given,
            paused=self.paused,
            paused_at=self.paused_at,
            held=self.held,
            parked=tuple(self.parked),
            to_skip=self.to_skip,
            roles=self.roles,
            handed=self.handed,
            keys=self.keys,
            used=self.used,
            resolved=self.resolved,
            mitigated=self.mitigated,
            agenda=tuple(self.agenda),
            **self.ending,
            **fields,
        )
