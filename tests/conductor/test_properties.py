"""Whatever happens in whatever order, the conductor keeps its promises.

A random Plan meets a random world: actions succeed, fail or are lost in any order, timers fire, people answer
rightly, wrongly, twice or never, somebody aborts. After every event the invariants of `state.py` are checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeAlias, get_args

import pytest
from hypothesis import given as case
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor.commands import RunAction
from stanch.conductor.describe import details, open_requests, phase_of, view
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    ActionSucceeded,
    ChildEnded,
    Cleared,
    DecisionGiven,
    Entered,
    Event,
    RunStarted,
    TimerFired,
    WorkFailed,
)
from stanch.conductor.machine import TABLE
from stanch.conductor.state import Phase, State
from stanch.conductor.steps.family import batch_size
from stanch.contract import Choice, Decision, RunPolicy
from stanch.errors import IllegalEvent
from stanch.language.plan import (
    Approval,
    Ask,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Plan,
    Poll,
    Require,
    Revert,
    Step,
)
from tests.support.host import Host
from tests.support.plans import LADDER, given

SEE = Call("http", {"url": "http://x"})
DONE = Check(SEE, Poll("result.rc == 0", within=10))
IC = Approval(("incident_commander",))

BACK = Call("ssh", {"hosts": ["h"], "run": ["undo", "${{ run.id }}"]})
findings = st.sampled_from([(), (), (Finding("true", "suspect", "${{ inputs.missing }}"),)])
failures = st.sampled_from(["stop", "continue", "ask", "ask", "undo"])
for_eachs = st.none() | st.builds(
    ForEach,
    name=st.just("n"),
    items=st.lists(st.integers(), max_size=4),
    batches=st.sampled_from([(), (1,), (2,), (1, "50%", "100%")]),
    pause=st.sampled_from([0.0, 5.0]),
    max_failures=st.sampled_from([0, 1, 2, "50%"]),
    empty_ok=st.booleans(),
)
conditions = st.sampled_from([None, None, "true", "false", "inputs.missing == 1", "steps.s0.ok"])
requires = st.sampled_from(
    [(), (), (Require("false", "no"),), (Require("result.rc == 0", "bad", after=True),)]
)


@st.composite
def steps(draw: st.DrawFn, names: list[str], depth: int = 0, *, reads: bool = False) -> Step:
    name = f"s{len(names)}"
    names.append(name)
    common: dict[str, Any] = {
        "id": name,
        "when": draw(conditions),
        "require": draw(requires),
        "for_each": draw(for_eachs),
        "on_failure": draw(failures),
        "findings": draw(findings),
    }
    kinds = ["read", "wait", "compute"] if reads else ["read", "change", "change", "wait", "compute"]
    kinds += [] if reads else ["ask", "manual", "by_hand"]
    kinds += ["block"] * 2 if depth < 2 else []
    kinds += ["child"] if depth < 2 and not reads else []
    kind = draw(st.sampled_from(kinds))
    if kind == "block":
        at_once = reads or draw(st.integers(0, 3)) == 0
        within = st.deferred(lambda: steps(names, depth + 1, reads=at_once))
        inner = draw(st.lists(within, min_size=1, max_size=3))
        asks, free = draw(st.sampled_from([(None, None), (IC, None), (IC, None), (None, "harmless")]))
        # Plainer around than inside, or hardly a plan would get to its inner steps.
        common |= {"when": None, "require": (), "limit": draw(st.sampled_from([0.0, 0.0, 20.0]))}
        asks, free = (None, None) if at_once else (asks, free)
        undo = None if at_once else draw(st.sampled_from([None, None, BACK]))
        return Step(**common, steps=tuple(inner), approval=asks, unattended=free, parallel=at_once, undo=undo)
    if kind == "child":
        # A runbook that calls itself in several places grows with each level to the power of them.
        of = draw(st.sampled_from(["inner"] * 3 + ["p"])) if depth == 0 and "again" not in names else "inner"
        if of == "p":
            names.append("again")
            common["for_each"] = None
        asks = draw(st.sampled_from([None, IC]))
        return Step(**{**common, "require": ()}, child=Child(of, {}), approval=asks)
    if kind == "wait":
        return Step(**common, wait="3s")
    if kind == "compute":
        return Step(**{**common, "for_each": None, "require": ()}, outputs={"x": "1 + 1"})
    if kind == "read":
        return Step(**common, call=SEE, outputs=draw(st.sampled_from([{}, {"v": "result.rc"}])))
    if kind == "ask":
        fields = {"ok": {"type": "boolean"}}
        return Step(**{**common, "require": ()}, ask=Ask(("incident_commander",), fields))
    if kind in ("manual", "by_hand"):
        return Step(
            **{**common, "require": ()},
            call=Call("manual", {"who": "technical_lead", "do": "it"}),
            effect=draw(st.sampled_from(["read", "change"])),
            done=DONE if kind == "by_hand" else None,
        )
    return Step(
        **common,
        effect="change",
        call=Call("ssh", {"hosts": ["h"], "run": ["change"]}),
        approval=draw(st.sampled_from([None, IC, replace(IC, quorum=2)])),
        unattended=draw(st.sampled_from([None, None, "harmless"])),
        done=draw(st.sampled_from([None, DONE])),
        undo=draw(st.sampled_from([None, BACK, replace(BACK, action="manual")])),
        verify=draw(st.sampled_from([None, DONE, replace(DONE, each_batch=common["for_each"] is not None)])),
        irreversible=draw(st.sampled_from([None, None, "gone"])),
        revert=draw(st.sampled_from([None, None, Revert("end_of_block"), Revert("end_of_run")])),
    )


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    names: list[str] = []
    top = draw(st.lists(steps(names), min_size=1, max_size=3))
    inner = draw(st.lists(steps(names, 2), min_size=1, max_size=2))
    child = Plan("inner", "C", "rollback", "me", tuple(inner))
    plan = Plan(
        "p", "P", "rollback", "me", tuple(top), outputs={"o": "steps.s0.ok"}, children={"inner": child}
    )
    if draw(st.integers(0, 19)) == 0:
        return plan
    # A plan with changes that nobody covers does not even start.
    return replace(plan, steps=_covered(plan.steps), children={"inner": _covered_plan(child)})


def _covered_plan(plan: Plan) -> Plan:
    return replace(plan, steps=_covered(plan.steps))


def _covered(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    return tuple(
        replace(
            step,
            steps=_covered(step.steps),
            unattended=step.unattended
            or ("harmless" if step.effect == "change" and step.approval is None else None),
        )
        for step in steps
    )


class Watch:
    """A host that checks the promises after every event."""

    def __init__(self, plan: Plan, **fields: Any) -> None:
        policy = RunPolicy(ladders={"incident_commander": LADDER})
        self.host = Host(given(plan, inputs={}, policy=policy, **fields))
        self.keys: set[str] = set()
        self.changes: dict[str, int] = {}
        self.retries = 0
        """By order, beside those that were decided."""

    def feed(self, event: Event) -> None:
        before, count = self.host.state, len(self.host.commands)
        self.host.feed(event)
        self._check(before, self.host.state, self.host.commands[count:])

    def _check(self, before: State, after: State, commands: list[Any]) -> None:
        for command in commands:
            key = getattr(command, "key", None)
            if isinstance(command, RunAction):
                assert key not in self.keys, "a key was given out twice"
                self.keys.add(command.key)
                self._allowed(after, command)
                self._not_in_place(before, command)
        self._bounded(after)
        if before.outcome is not None:
            assert not commands, "a run that has ended still commands"
        if after.outcome is None:
            waiting = set(after.awaited)
            kept = after.paused or (after.held and after.parked)
            assert waiting or kept, "the run is stuck: nothing is awaited"
            assert waiting == set(self.host.actions) | set(self.host.timers)
        else:
            assert len(after.awaited) == 0
            assert not open_requests(after)
            doubted = any(each.doubted and each.phase is not Phase.SKIPPED for each in after.nodes.values())
            assert not (after.outcome == "aborted" and doubted), "an abort settles nothing"
        for opened in after.requests.values():
            if not opened.closed and not after.paused:
                assert opened.timer in self.host.timers, "an open request without its timer"
        assert len(after.ledger) >= len(before.ledger)
        # What people see never fails, whatever the state.
        details(after), phase_of(after), view(after, self.host.now)

    def _not_in_place(self, before: State, command: RunAction) -> None:
        """What has succeeded is done again only after it was taken back, whatever was retried around it."""
        was = before.nodes.get(command.task.step)
        if command.task.call.params.get("run") == ["change"] and was is not None:
            newest = next((each for each in reversed(before.ledger) if each.step == was.path), None)
            taken_back = newest is not None and newest.undone
            assert was.phase is not Phase.SUCCEEDED or taken_back, "what is in place is done again"

    def _bounded(self, after: State) -> None:
        """No more items of a fan-out are under way than its batches allow."""
        for node in after.nodes.values():
            step = self.host.conductor.book.step(node)
            if node.item is None and step.for_each and node.items:
                total = len(node.items)
                largest = max(batch_size(step, at, total) for at in range(max(len(step.for_each.batches), 1)))
                items = [each for each in after.nodes.values() if each.parent == node.path]
                assert sum(not each.phase.final for each in items) <= largest, "more at once than allowed"

    def _allowed(self, after: State, command: RunAction) -> None:
        """A change was approved, or covered, or is unattended, or is somebody's undo."""
        task = command.task
        if task.effect == "read":
            return
        node = after.nodes[task.step]
        step = self.host.conductor.book.step(node)
        if task.call == step.call or task.call.params.get("run") == ["change"]:
            line = [node]
            while line[-1].parent is not None:
                line.append(after.nodes[line[-1].parent])
            approved = any(each.approved for each in line)
            free = any(self.host.conductor.book.step(each).unattended for each in line)
            free = free and (step.approval is None or step.unattended is not None)
            assert approved or free, "a change that nobody allowed"
            if approved and not free:
                assert any(
                    decision.choice == "approve"
                    for each in after.requests.values()
                    for decision in each.given
                )
            # Once, unless a person said `retry`.
            self.changes[task.step] = self.changes.get(task.step, 0) + 1
            retries = self.retries + sum(
                decision.choice == "retry" for each in after.requests.values() for decision in each.given
            )
            assert self.changes[task.step] <= 1 + retries, "a change was executed twice"


Move: TypeAlias = Callable[[st.DataObject, Watch], None]


def world(data: st.DataObject, watch: Watch) -> None:
    """One thing happens."""
    host = watch.host
    moves: list[Move] = [_abort, _nonsense] if data.draw(st.integers(0, 9)) == 0 else []
    moves += [_action] * 4 * bool(host.actions) + [_timer] * bool(host.timers)
    moves += [_decide] * 3 * bool(open_requests(host.state))
    host.now += data.draw(st.sampled_from([0.0, 1.0, 30.0]))
    data.draw(st.sampled_from(moves or [_abort]))(data, watch)


def _action(data: st.DataObject, watch: Watch) -> None:
    host = watch.host
    key = data.draw(st.sampled_from(sorted(host.actions)))
    action = host.actions.pop(key)
    end = data.draw(st.sampled_from(["good", "good", "good", "already", "failed", "partly", "lost"]))
    result = {"rc": data.draw(st.sampled_from([0, 0, 1]))}
    if end in ("good", "already"):
        before = host.state
        watch.feed(ActionSucceeded(host.now, key, result, already=end == "already"))
        if end == "good" and action.task.effect == "change":
            assert _told(host.state) > _told(before), "the ledger missed a change"
    elif end == "partly":
        held = len(host.state.ledger)
        watch.feed(ActionFailed(host.now, key, "no", ran=True))
        if action.task.call.params.get("run") == ["change"]:
            newest = next(each for each in reversed(host.state.ledger) if each.step == action.task.step)
            assert newest.incomplete or len(host.state.ledger) > held, "the ledger missed half a change"
    elif end == "failed" or action.task.effect == "read":
        watch.feed(ActionFailed(host.now, key, "no"))
    else:
        watch.feed(ActionLost(host.now, key, "gone"))


def _told(state: State) -> int:
    """Changes made or taken back that the ledger tells of; one known in part may have become whole."""
    ledger = state.ledger
    whole = sum(not effect.incomplete and not effect.doubtful for effect in ledger)
    return len(ledger) + whole + sum(effect.undone for effect in ledger)


def _timer(data: st.DataObject, watch: Watch) -> None:
    key = data.draw(st.sampled_from(sorted(watch.host.timers)))
    del watch.host.timers[key]
    watch.feed(TimerFired(watch.host.now, key))


def _decide(data: st.DataObject, watch: Watch) -> None:
    host = watch.host
    request = data.draw(st.sampled_from(open_requests(host.state)))
    # Mostly sensible people: the deep states lie behind several right answers.
    wrong = data.draw(st.integers(0, 9)) == 0
    choice = data.draw(st.sampled_from(get_args(Choice) if wrong else request.choices))
    by = data.draw(st.sampled_from(["alice", "bob"]))
    digest = data.draw(st.sampled_from([request.digest, "0" * 64])) if wrong else request.digest
    values = {} if wrong else {"ok": True}
    event = DecisionGiven(host.now, Decision(request.id, choice, by, digest, reason="why", values=values))
    if host.conductor.refusal(host.state, event.decision):
        _must_raise(watch, event)
    else:
        watch.feed(event)


def _abort(_: st.DataObject, watch: Watch) -> None:
    if watch.host.state.outcome is None and not watch.host.state.aborting:
        watch.feed(AbortRequested(watch.host.now, "alice", "enough"))


def _nonsense(_: st.DataObject, watch: Watch) -> None:
    now = watch.host.now
    for event in (TimerFired(now, "x"), ActionSucceeded(now, "x"), RunStarted(now)):
        _must_raise(watch, event)


def _must_raise(watch: Watch, event: Event) -> None:
    before = watch.host.state
    with pytest.raises(IllegalEvent):
        watch.host.feed(event)
    assert watch.host.state is before


@settings(max_examples=1000, deadline=None)
@case(plans(), st.data())
def test_any_interleaving_keeps_the_promises(plan: Plan, data: st.DataObject) -> None:
    watch = Watch(plan)
    watch.feed(RunStarted(watch.host.now))
    for _ in range(60):
        if watch.host.state.outcome is not None:
            break
        world(data, watch)
    else:
        # Long enough: a person ends it, and it must end.
        if not watch.host.state.aborting:
            watch.feed(AbortRequested(watch.host.now, "alice", "enough"))
        while watch.host.actions:
            key, action = watch.host.actions.popitem()
            lost = action.task.effect == "change"
            watch.feed((ActionLost if lost else ActionFailed)(watch.host.now, key, "stopped"))
        assert watch.host.state.outcome is not None


@settings(max_examples=150, deadline=None)
@case(plans(), st.data())
def test_every_transition_is_one_that_the_table_names(plan: Plan, data: st.DataObject) -> None:
    """The table that draws the diagram tells the truth about where a node may go."""
    watch = Watch(plan)
    events: list[Event] = [RunStarted(watch.host.now)]
    reachable = {phase: _reachable(phase) for phase in Phase}
    watch.feed(events[0])
    for _ in range(40):
        if watch.host.state.outcome is not None:
            return
        before = watch.host.state
        world(data, watch)
        for path, node in watch.host.state.nodes.items():
            was = before.nodes[path].phase if path in before.nodes else Phase.PENDING
            told = watch.host.state.timeline[len(before.timeline) :]
            halted = any("took longer than" in moment.text for moment in told)
            if halted or (watch.host.state.aborting and not before.aborting):
                continue
            if not path and before.aborting:
                # Putting back before an aborted run ends is no event of the root: it is `undoing` then.
                assert node.phase in (was, Phase.UNDOING, Phase.ABORTED), (was, node.phase)
                continue
            again = was.final and any(
                decision.choice in ("retry", "done")
                for r in watch.host.state.requests.values()
                for decision in r.given
            )
            back = any(effect.step == path and effect.undone for effect in watch.host.state.ledger)
            settled = (was, node.phase) == (Phase.IN_DOUBT, Phase.FAILED) and back
            allowed = again or settled or node.phase is was or node.phase in reachable[was]
            assert allowed, (path, was, node.phase)


def _reachable(phase: Phase) -> set[Phase]:
    """Phases that a turn may leave a node in: one row, then rows of internal events."""
    found: set[Phase] = set()
    todo = [row.to for (held, _), row in TABLE.items() if held is phase]
    internal = (Entered, Cleared, ChildEnded, WorkFailed)
    while todo:
        for new in todo.pop() - found:
            found.add(new)
            todo += [row.to for (held, kind), row in TABLE.items() if held is new and kind in internal]
    return found
