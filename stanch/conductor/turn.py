"""One event's working copy of the state. It is thrown away when the event turns out to be illegal."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from stanch.conductor.approval.preview import TARGET_ENDS, page_text
from stanch.conductor.authority.people import addressed, resolve
from stanch.conductor.book import Book
from stanch.conductor.commands import Command, Page, RunAction, StartTimer
from stanch.conductor.events import Entered, Internal, Repeated
from stanch.conductor.state import Node, OpenRequest, Phase, State, folders
from stanch.contract import ActionTask, Effected, Kept, Moment, PageTask, TargetEnd
from stanch.contract.limits import RESULT, UNDER_WAY
from stanch.errors import EvaluationError
from stanch.language.evaluate import Scope, render, show
from stanch.language.plan import Json, Step
from stanch.language.template import OPEN

A_WORKERS_LIFE = 1800.0
"""Seconds, at the least, that a wait can expect of a worker."""
_ALIVE = tuple(phase for phase in Phase if not phase.final)


class Turn:
    def __init__(self, book: Book, state: State, at: float) -> None:
        self.book = book
        self.before = state
        self.at = max(at, state.clock)
        self.nodes = dict(state.nodes)
        self.inside_of = dict(state.inside)
        self.tally = dict(state.tally)
        self.live = dict(state.live)
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
        self.full = state.full
        self.held = state.held
        self.holds = dict(state.holds)
        self.edited = state.edited
        self.back_to = state.back_to
        self.taking_back = state.taking_back
        self.parked = list(state.parked)
        self.claims = dict(state.claims)
        self.waited = state.waited
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

    @property
    def starters(self) -> tuple[str, ...]:
        return self.before.starters

    def step(self, node: Node) -> Step:
        return self.book.step(node)

    def put(self, node: Node, **fields: Any) -> Node:
        """Store `node` with `fields` replaced; returns what was stored."""
        changed = replace(node, **fields) if fields else node
        self._index(self.nodes.get(changed.path), changed)
        self.nodes[changed.path] = changed
        return changed

    def _index(self, was: Node | None, now: Node) -> None:
        parent = now.parent
        if was is None and parent is not None:
            self.inside_of[parent] = (*self.inside_of.get(parent, ()), now.path)
        if was is None or was.phase is not now.phase:
            if parent is not None:
                self.tally[parent, now.phase] = self.tally.get((parent, now.phase), 0) + 1
                if was is not None:
                    self.tally[parent, was.phase] -= 1
            if now.phase.final:
                self.live.pop(now.path, None)
            else:
                self.live[now.path] = None

    def drop(self, node: Node) -> None:
        """Forget `node` and all in it, as if it had never been opened. Nothing of it may be awaited."""
        for each in (node, *self.inner(node)):
            del self.nodes[each.path]
            self.live.pop(each.path, None)
            self.values.pop(each.path, None)
            self.inside_of.pop(each.path, None)
            for phase in Phase:
                self.tally.pop((each.path, phase), None)
        if node.parent is not None:
            left = self.inside_of.get(node.parent, ())
            self.inside_of[node.parent] = tuple(path for path in left if path != node.path)
            self.tally[node.parent, node.phase] -= 1

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

    def children(self, node: Node, *phases: Phase) -> list[Node]:
        """The nodes right below `node`: all, or those in one of the phases."""
        if phases and not any(self.tally.get((node.path, phase)) for phase in phases):
            return []
        children = [self.nodes[path] for path in self.inside_of.get(node.path, ())]
        return [child for child in children if child.phase in phases] if phases else children

    def all_ended(self, node: Node) -> bool:
        """Whether every child of `node` has ended."""
        return not any(self.tally.get((node.path, phase)) for phase in _ALIVE)

    def is_below(self, node: Node, ancestor: Node) -> bool:
        """Whether `node` is `ancestor` or inside of it."""
        path: str | None = node.path
        while path is not None:
            if path == ancestor.path:
                return True
            path = self.nodes[path].parent
        return False

    def inner(self, node: Node) -> list[Node]:
        """All nodes below `node`, each before what is in it."""
        found: list[Node] = []
        for child in self.children(node):
            found += (child, *self.inner(child))
        return found

    def around(self, node: Node) -> Iterator[Node]:
        """The nodes around `node`, from the inside out; the root last."""
        while node.parent is not None:
            node = self.nodes[node.parent]
            yield node

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
        return self._names(
            node.runbook, node.prefix, node.frame, {**node.names, "inputs": dict(frame)}, extra
        )

    def inside(self, node: Node) -> Scope:
        """What a runbook's own outputs may read: of the run's, or of the child that `node` calls."""
        if not node.path:
            return self.scope(node)
        child = self.step(node).child
        assert child is not None
        return self._names(child.runbook, f"{node.path}/", node.path, {"inputs": dict(node.inputs)}, {})

    def _names(
        self, runbook: str, prefix: str, frame: str, names: Mapping[str, Json], extra: Mapping[str, Json]
    ) -> dict[str, Json]:
        """Looked up by the steps that `runbook` has, and not among all that has run: a loop may be long."""
        given = self.given.names
        steps: dict[str, Json] = dict(given.get("steps", {}))
        moments: dict[str, Json] = {"run.started": self.before.started, "run.now": self.at}
        for where in folders(prefix, len(frame) + 1 if frame else 0):
            for name in self.book.names(runbook):
                path = where + name
                if (held := self.values.get(path)) is None:
                    continue
                steps[name] = held
                if (of := self.nodes.get(path)) is not None:
                    moments[f"steps.{name}.started"] = of.started
                    moments[f"steps.{name}.ended"] = of.ended
        return {**given, **names, "steps": steps, "run": self._run(), **moments, **extra}

    def _run(self) -> dict[str, Json]:
        given = self.given
        run: dict[str, Json] = {
            "id": self.before.run,
            "short_id": self.before.run.rsplit("/", 1)[-1][:12],
            "url": given.url,
            "mode": given.mode,
            "severity": given.severity,
            "resolved": self.resolved > 0,
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
        # A later run of the same alert has the same id, and its targets must not take it for this one.
        keyed = replace(task, key=f"{self.before.run}@{self.before.started:.3f}/{key}", room=self._room())
        if self.given.mode == "drill" and self.given.revision >= 2:
            keyed = replace(keyed, drill=True)
        self.commands.append(RunAction(key, keyed, summary, deadline, self._tries(task, tries), every))
        return key

    def _tries(self, task: ActionTask, tries: int) -> int:
        """A wait of days outlives many workers, and nothing but their ends is counted while it waits."""
        if task.poll is None or task.effect != "read" or self.given.revision < 2:
            return tries
        return tries + int(task.poll.within // A_WORKERS_LIFE)

    def _room(self) -> int:
        """Bytes that one action may give; 0 where nobody has to say. All that are under way may end before
        anybody can look at how full the history is."""
        share = UNDER_WAY // max(len(self.live), 1)
        return share if share < RESULT and self.given.revision >= 2 else 0

    def start_timer(self, node: Node, seconds: float, summary: str, purpose: str = "") -> str:
        key = self.key(node, purpose)
        self.commands.append(StartTimer(key, seconds, summary))
        return key

    def page(self, opened: OpenRequest, to: str) -> None:
        given = self.given
        request = opened.request
        text = page_text(f"{given.severity} {self.book.plan.runbook}", request)
        self._page(PageTask(self.before.run, request.id, to, opened.rung, given.severity, text, given.url))
        again = " again" if opened.reminders else ""
        self.note("paged", f"paged {addressed(self, to, self.at)}{again}", step=request.step)

    def page_about(self, node: Node, to: str, text: str) -> None:
        """Tell somebody something that needs no answer."""
        given = self.given
        told = " ".join(f"{given.severity} {self.book.plan.runbook}: {text}".split())[:400]
        self._page(PageTask(self.before.run, "", to, 0, given.severity, told, given.url))
        self.note("paged", f"paged {addressed(self, to, self.at)}", step=node.path)

    def _page(self, task: PageTask) -> None:
        """To whoever that is now."""
        held = resolve(self, task.to, self.at)
        people = tuple(sorted(held.people or ()))
        task = replace(task, to=held.by, people=people, handed=held.by in self.roles)
        self.commands.append(Page(task))

    def note(self, kind: str, text: str, *, step: str = "", by: str = "") -> None:
        self.timeline.append(Moment(self.at, kind, text, step, by))

    def keep(self, node: Node, kept: tuple[Kept, ...]) -> None:
        """Evidence that the node's action has stored, or could not store."""
        for each in kept:
            self.kept.append(replace(each, step=node.path))
            if each.error:
                self.note("problem", f"`{each.name}` was not kept: {each.error}", step=node.path)

    def tell_ends(self, node: Node, ends: tuple[TargetEnd, ...]) -> None:
        """How an action that was cut short ended on each target: one line for those that are alike."""
        alike: dict[str, list[str]] = {}
        for end in ends:
            words = TARGET_ENDS[end.state] + (f" ({end.note})" if end.note else "")
            alike.setdefault(words, []).append(end.target)
        for words, targets in alike.items():
            self.note("target", f"{', '.join(targets)}: {words}", step=node.path)

    def record(self, effect: Effected) -> None:
        self.ledger.append(effect)

    def result(self, **fields: Any) -> State:
        """The state after this turn."""
        return replace(
            self.before,
            clock=self.at,
            nodes=self.nodes,
            inside=self.inside_of,
            tally=self.tally,
            live=self.live,
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
            full=self.full,
            held=self.held,
            holds=self.holds,
            edited=self.edited,
            back_to=self.back_to,
            taking_back=self.taking_back,
            parked=tuple(self.parked),
            claims=self.claims,
            waited=self.waited,
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
