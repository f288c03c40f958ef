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
from stanch.conductor.state import Node, OpenRequest, Phase, State
from stanch.contract import ActionTask, Effected, Moment, PageTask
from stanch.language.encode import plan_digest
from stanch.language.evaluate import Scope
from stanch.language.plan import Json, Plan, Step, all_steps


class Book:
    """A Plan with its steps by id; made once a run."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.root = Step(id="", title=plan.title, steps=plan.steps, require=plan.require)
        self.steps: Mapping[str, Step] = {"": self.root} | {step.id: step for step in all_steps(plan.steps)}

    @cached_property
    def digest(self) -> str:
        return plan_digest(self.plan)


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
        self.issued = state.issued
        self.changing = state.changing
        self.aborting = state.aborting
        self.ending: dict[str, Any] = {}
        self.commands: list[Command] = []
        self.queue: deque[tuple[str, Internal]] = deque()

    # --- nodes --------------------------------------------------------------------------------------------

    def step(self, node: Node) -> Step:
        return self.book.steps[node.step]

    def put(self, node: Node, **fields: Any) -> Node:
        """Store `node` with `fields` replaced; returns what was stored."""
        changed = replace(node, **fields) if fields else node
        self.nodes[changed.path] = changed
        return changed

    def open_child(self, parent: Node, step: str, *, item: int | None = None) -> None:
        """A new node under `parent` for `step`, or for one item of the parent's own step; it is entered."""
        names = parent.names
        path = child_path(parent, step, item)
        if item is not None:
            spec = self.book.steps[step].for_each
            names = {**names, spec.name: parent.items[item]} if spec else names
        covered = parent.covered or parent.approved
        free = parent.free or self.step(parent).unattended is not None
        self.put(
            Node(path, step, parent.path, item=item, names=names, covered=covered, free=free, started=self.at)
        )
        self.post(path, Entered())

    def repeat(self, node: Node) -> None:
        """Have `node` do again what is not in place. From here on it has not ended."""
        self.put(node, phase=Phase.PENDING, attempt=node.attempt + 1, note="", key="")
        self.post(node.path, Repeated())

    def post(self, path: str, event: Internal) -> None:
        """Tell another node, after the handler that is running now."""
        self.queue.append((path, event))

    def children(self, node: Node) -> list[Node]:
        return [child for child in self.nodes.values() if child.parent == node.path]

    # --- what expressions see -----------------------------------------------------------------------------

    def scope(self, node: Node, /, **extra: Json) -> Scope:
        """The names that `node`'s expressions may read, with `extra` (such as `result`). A loop may call its
        items `node`, or anything else."""
        given = self.before.given
        steps: dict[str, Json] = {}
        moments: dict[str, Json] = {"run.started": self.before.started, "run.now": self.at}
        for path, held in self.values.items():
            cut = path.rfind(".") + 1
            if node.prefix.startswith(path[:cut]):
                steps[path[cut:]] = held
                if (of := self.nodes.get(path)) is not None:
                    moments[f"steps.{path[cut:]}.started"] = of.started
                    moments[f"steps.{path[cut:]}.ended"] = of.ended
        run = {
            "id": self.before.run,
            "short_id": self.before.run.rsplit("/", 1)[-1][:12],
            "url": given.url,
            "mode": given.mode,
            "severity": given.severity,
        }
        return {**node.names, "inputs": dict(given.inputs), "steps": steps, "run": run, **moments, **extra}

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
        given = self.before.given
        request = opened.request
        text = page_text(f"{given.severity} {self.book.plan.runbook}", request)
        task = PageTask(self.before.run, request.id, to, opened.rung, given.severity, text, given.url)
        self.commands.append(Page(task))
        self.note("paged", f"paged {to}", step=request.step)

    def note(self, kind: str, text: str, *, step: str = "", by: str = "") -> None:
        self.timeline.append(Moment(self.at, kind, text, step, by))

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
            issued=self.issued,
            changing=self.changing,
            aborting=self.aborting,
            **self.ending,
            **fields,
        )


def child_path(parent: Node, step: str, item: int | None = None) -> str:
    """Of `step` in the block `parent`, or of an item of the parent's own step."""
    return f"{parent.prefix}{step}" if item is None else f"{parent.path}[{item}]"


def is_active(node: Node) -> bool:
    return node.phase not in (Phase.PENDING, Phase.READY) and not node.phase.final
