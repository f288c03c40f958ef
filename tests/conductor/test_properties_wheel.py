"""Whoever reaches for the wheel, whenever: the conductor keeps its promises, and says why where it refuses.

Random runs of Plans that last, and of those of `test_properties`, with orders at arbitrary moments. What is
accepted never leads to an illegal event; no change begins while the run is paused or on hold; the run can
always be ended; and what was kept back is begun afterwards, or told.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given as case
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor.commands import RunAction
from stanch.conductor.describe import open_requests
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    ActionSucceeded,
    DecisionGiven,
    OrderGiven,
    RunStarted,
    TimerFired,
)
from stanch.conductor.state import Phase, State
from stanch.contract import Decision, Order, Verb
from stanch.language.plan import Approval, Ask, Call, Check, Child, ForEach, Plan, Poll, Revert, Step
from tests.conductor.test_properties import Watch, _must_raise, plans
from tests.support.plans import change, plan, read

VERBS = [
    verb
    for verb in get_args(Verb)
    if verb in ("pause", "resume", "hold", "release", "skip", "retry", "undo", "withdraw")
]


class Wheel(Watch):
    """Checks, beside all else, what a pause and a hold promise."""

    def __init__(self, plan: Plan, **fields: Any) -> None:
        super().__init__(plan, revision=2, **fields)
        self.parked: set[str] = set()

    def _check(self, before: State, after: State, commands: list[Any]) -> None:
        super()._check(before, after, commands)
        for command in commands:
            if isinstance(command, RunAction) and command.task.effect == "change":
                assert not after.held, "a change began on hold"
                assert not after.paused, "a change began while the run was paused"
        if after.paused:
            assert not self.host.timers or all(
                not key.endswith(("/ladder", "/limit")) for key in self.host.timers
            )
        self._stands_still(after)
        self._indexed(after)
        self._kept(before, after)

    def _stands_still(self, after: State) -> None:
        """The time of what is kept back does not run out, and that of all else does."""
        kept = set()
        for each in after.parked:
            path: str | None = each.path
            while path is not None:
                kept.add(path)
                path = after.nodes[path].parent
        for path, node in after.nodes.items():
            assert not (node.limit and path in kept), f"the limit of `{path}` runs on"
            assert not node.due or node.limit or after.paused or path in kept, f"`{path}` lost its limit"

    def _indexed(self, after: State) -> None:
        """What the state keeps beside its nodes is what the nodes say."""
        assert set(after.live) == {path for path, node in after.nodes.items() if not node.phase.final}
        below: dict[str, list[str]] = {}
        for path, node in after.nodes.items():
            if node.parent is not None:
                below.setdefault(node.parent, []).append(path)
        assert {path: sorted(held) for path, held in below.items()} == {
            path: sorted(held) for path, held in after.inside.items() if held
        }
        counted: dict[tuple[str, Phase], int] = {}
        for node in after.nodes.values():
            if node.parent is not None:
                counted[node.parent, node.phase] = counted.get((node.parent, node.phase), 0) + 1
        assert counted == {key: count for key, count in after.tally.items() if count}

    def _kept(self, before: State, after: State) -> None:
        """What was kept back is under way, or it is told that it never begins."""
        if after.outcome is not None:
            assert not after.parked, "the run has ended, and something was kept back"
        now = {each.path for each in after.parked}
        told = " ".join(moment.text for moment in after.timeline[len(before.timeline) :])
        for each in before.parked:
            if each.path in now or each.path not in after.nodes:
                continue
            moved = after.nodes[each.path] != before.nodes[each.path]
            assert moved or "never begun" in told, f"`{each.path}` was forgotten"


# --- Plans that last ---------------------------------------------------------------------------------------


IC = Approval(("incident_commander",))
TWO = Approval(("incident_commander",), quorum=2)
SEEN = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=10))
BACK = Call("ssh", {"hosts": ["h"], "run": ["undo", "all"]})


def made(name: str, **fields: Any) -> Step:
    fields = {
        "approval": None,
        "undo": replace(BACK, params={"hosts": ["h"], "run": ["undo", name]}),
        **fields,
    }
    return replace(change(name, **fields), call=Call("ssh", {"hosts": ["h"], "run": ["change"]}))


def block(name: str, *steps: Step, **fields: Any) -> Step:
    return Step(id=name, title=name, steps=steps, **fields)


BORROWED = made("borrowed", revert=Revert("end_of_block"))
TO_THE_END = made("to_the_end", revert=Revert("end_of_run"))
CHILD = Plan(
    "inner", "Inner", "rollback", "me", (read("seen"), made("inner_fix", on_failure="ask"), TO_THE_END)
)
LASTING = [
    plan(
        read("a"),
        made("one", approval=TWO, verify=SEEN, on_failure="ask"),
        Step(id="w", wait="60s"),
        made("two", approval=IC, done=SEEN, on_failure="ask", revert=Revert("end_of_run")),
        read("z"),
    ),
    plan(
        block(
            "b",
            read("a"),
            made("one", on_failure="ask"),
            made("two", on_failure="undo"),
            undo=BACK,
            approval=TWO,
        ),
        block("c", BORROWED, made("three"), read("z"), approval=IC, on_failure="ask", limit=90.0),
    ),
    plan(
        replace(
            block("each", BORROWED, made("one", on_failure="ask"), read("look")),
            for_each=ForEach("n", [1, 2, 3], (2, 1), pause=5.0, max_failures=1),
            verify=replace(SEEN, each_batch=True),
            approval=TWO,
            on_failure="ask",
        ),
        made("last", approval=IC, irreversible="gone", on_failure="ask"),
    ),
    plan(
        made("fan", approval=IC, for_each=ForEach("n", [1, 2, 3, 4], (1, 2), pause=5.0), on_failure="ask"),
        Step(id="call", child=Child("inner"), approval=IC, on_failure="ask"),
        Step(id="asked", ask=Ask(("incident_commander",), {"ok": {"type": "boolean"}})),
        Step(id="hand", effect="change", call=Call("manual", {"who": "dba", "do": "it"}), done=SEEN),
        children={"inner": CHILD},
    ),
    plan(
        block(
            "at_once", read("a"), read("b"), block("c", read("d"), read("e")), parallel=True, on_failure="ask"
        ),
        block("b2", made("x", verify=SEEN), made("y"), approval=IC, on_failure="undo"),
        made("q", approval=TWO, for_each=ForEach("n", [1, 2], (2,)), on_failure="ask"),
    ),
]


# --- moves ------------------------------------------------------------------------------------------------


_ENDS = ["good"] * 6 + ["already", "failed", "failed", "partly", "lost"]


def _act(dice: Random, watch: Watch) -> None:
    host = watch.host
    key = dice.choice(list(host.actions))
    action, end = host.actions.pop(key), dice.choice(_ENDS)
    result = {"rc": 0}
    if end in ("good", "already"):
        watch.feed(ActionSucceeded(host.now, key, result, already=end == "already"))
    elif end in ("failed", "partly") or action.task.effect == "read":
        watch.feed(ActionFailed(host.now, key, "no", ran=end == "partly"))
    else:
        watch.feed(ActionLost(host.now, key, "gone"))


def _fire(dice: Random, watch: Watch) -> None:
    host = watch.host
    key = dice.choice(list(host.timers))
    del host.timers[key]
    watch.feed(TimerFired(host.now, key))


def _decide(dice: Random, watch: Watch) -> None:
    host = watch.host
    request = dice.choice(open_requests(host.state))
    choice = (
        "approve" if "approve" in request.choices and dice.random() < 0.9 else dice.choice(request.choices)
    )
    if choice == "abort" and dice.random() < 0.7:
        choice = request.choices[0]
    decision = Decision(
        request.id, choice, dice.choice(["alice", "bob"]), request.digest, "why", values={"ok": True}
    )
    event = DecisionGiven(host.now, decision)
    if host.conductor.refusal(host.state, decision, host.now):
        _must_raise(watch, event)
    else:
        watch.feed(event)


def _order(dice: Random, watch: Wheel, verb: Verb) -> None:
    host = watch.host
    paths = [path for path in host.state.nodes if path]
    asked = [each.step for each in open_requests(host.state)]
    step = (
        dice.choice([*paths, *asked * 3, "one", "last", "each[1].one", "s9"])
        if verb in ("skip", "retry")
        else ""
    )
    if verb == "undo" and paths and dice.random() < 0.5:
        step = dice.choice(paths)
    inputs = {"n": dice.randrange(3)} if verb == "retry" and dice.random() < 0.5 else {}
    incident = dice.choice(["", "", "inc-1"]) if verb in ("hold", "release") else ""
    order = Order(verb, dice.choice(["alice", "bob"]), "because", step=step, inputs=inputs, incident=incident)
    event = OrderGiven(host.now, order)
    if refused := host.conductor.order_refusal(host.state, order, host.now):
        assert refused == refused.strip()
        _must_raise(watch, event)
    else:
        # Whatever is done again by it may be executed again, and once more after each approval.
        watch.retries += verb == "retry"
        watch.feed(event)


def _move(dice: Random, watch: Wheel) -> None:
    host = watch.host
    host.now += dice.choice([0.0, 1.0, 30.0])
    moves: list[Any] = [_act] * 4 * bool(host.actions) + [_decide] * 3 * bool(open_requests(host.state))
    moves += [_fire] * bool(host.timers and dice.random() < 0.5)
    if dice.random() < 0.3:
        _order(dice, watch, dice.choice(VERBS))
    elif moves:
        dice.choice(moves)(dice, watch)
    elif host.timers:
        _fire(dice, watch)
    elif host.state.paused:
        watch.feed(OrderGiven(host.now, Order("resume", "alice")))
    else:
        for incident in list(host.state.holds):
            watch.feed(OrderGiven(host.now, Order("release", "alice", incident=incident)))


def _end(watch: Wheel) -> None:
    """A person ends it, and it must end, wherever it stands: by one abort, and by one more if it is taking
    something back that a hold keeps."""
    for _ in range(2):
        if watch.host.state.outcome is None and not watch.host.conductor.abort_refusal(
            watch.host.state, None
        ):
            watch.feed(AbortRequested(watch.host.now, "alice", "enough"))
        while watch.host.actions:
            key, action = watch.host.actions.popitem()
            lost = action.task.effect == "change"
            watch.feed((ActionLost if lost else ActionFailed)(watch.host.now, key, "stopped"))
    assert watch.host.state.outcome is not None


INPUTS = {"n": {"type": "integer", "default": 1}}


def _play(which: Plan, dice: Random) -> Wheel:
    watch = Wheel(replace(which, inputs=INPUTS), held=dice.choice(["", "", "", "the incident is on hold"]))
    watch.feed(RunStarted(watch.host.now))
    for _ in range(dice.choice([10, 60])):
        if watch.host.state.outcome is not None:
            return watch
        _move(dice, watch)
    _end(watch)
    return watch


@pytest.mark.parametrize("number", range(len(LASTING)))
@settings(max_examples=120, deadline=None)
@case(seed=st.integers(0, 2**32))
def test_any_order_at_any_moment_keeps_the_promises(number: int, seed: int) -> None:
    _play(LASTING[number], Random(seed))


@settings(max_examples=200, deadline=None)
@case(plans(), st.integers(0, 2**32))
def test_any_order_at_any_moment_of_any_plan_keeps_them_too(which: Plan, seed: int) -> None:
    _play(which, Random(seed))


@settings(max_examples=100, deadline=None)
@case(st.sampled_from(LASTING), st.integers(0, 2**32))
def test_a_pause_changes_nothing_but_the_time(which: Plan, seed: int) -> None:
    """A run that is paused before each event and resumed after it does what it would have done."""
    plain, paused = Wheel(which), Wheel(which)
    pictures = []
    for watch in (plain, paused):
        dice, seen = Random(seed), []
        watch.feed(RunStarted(watch.host.now))
        for _ in range(40):
            host = watch.host
            if host.state.outcome is not None:
                break
            if watch is paused and not host.state.aborting:
                watch.feed(OrderGiven(host.now, Order("pause", "carol", "look")))
            if host.actions:
                _act(dice, watch)
            elif open_requests(host.state):
                _decide(dice, watch)
            if host.state.paused and host.state.outcome is None:
                watch.feed(OrderGiven(host.now, Order("resume", "carol")))
            if not host.actions and not open_requests(host.state) and host.timers:
                _fire(dice, watch)
            seen.append({path: node.phase.value for path, node in host.state.nodes.items()})
        pictures.append(seen)
    assert pictures[0] == pictures[1]
