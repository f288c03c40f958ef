"""Whoever reaches for the wheel while leases are asked for, waited for, refused, broken and given back.

The Plans of `test_properties_wheel` that last, with locks around them and a budget under their targets. No
change and no way back begins without what it needs; nothing is stuck, and everything can be ended.
"""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given as case
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor.approval.preview import targets_of
from stanch.conductor.commands import RunAction
from stanch.conductor.describe import details, open_requests, phase_of, view
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    HistoryFilled,
    OrderGiven,
    RunStarted,
    TakeBack,
)
from stanch.conductor.state import State
from stanch.contract import Claim, LeaseAnswer, Order, RunPolicy, Verb
from stanch.language.plan import Plan, Step
from tests.conductor.test_properties_wheel import INPUTS, LASTING, Wheel, _act, _decide, _fire, _order
from tests.support.plans import LADDER

OTHER = Claim("run/failover/7", "e7", "x#1", severity="SEV2", started_by="alice", granted=780.0)
VERBS: list[Verb] = [
    "pause",
    "resume",
    "hold",
    "release",
    "release",
    "skip",
    "retry",
    "undo",
    "withdraw",
    "break",
    "break",
]
POLICY = RunPolicy(
    ladders={"incident_commander": LADDER}, pools={"web": ("h", "h1", "h2", "h3")}, budgets={"web": 2}
)


class Leased(Wheel):
    """Checks, beside all else, that what needs a lease has it."""

    def _check(self, before: State, after: State, commands: list[Any]) -> None:
        self._stands_still(after)
        self._indexed(after)
        self._kept(before, after)
        for command in commands:
            if not isinstance(command, RunAction):
                continue
            assert command.key not in self.keys, "a key was given out twice"
            self.keys.add(command.key)
            self._allowed(after, command)
            self._not_in_place(before, command)
            if command.task.effect == "change":
                assert not after.held, "a change began on hold"
                assert not after.paused, "a change began while the run was paused"
                self._has_its_leases(after, command)
            if command.task.effect == "change" and command.task.call.params.get("run") != ["change"]:
                there = [each for each in after.ledger if each.step == command.task.step and not each.undone]
                assert there or command.task.call.action == "manual", "what is back is taken back once more"
        if after.outcome is None:
            stopped = after.paused or after.parked
            assert after.awaited or self.host.asked or stopped, "the run is stuck: nothing is awaited"
            for each in after.parked if not (after.paused or after.held or after.full) else ():
                assert after.claims, f"`{each.path}` is kept back by nothing"
            assert set(after.awaited) == set(self.host.actions) | set(self.host.timers)
        else:
            assert (dict(after.awaited), dict(after.claims), open_requests(after)) == ({}, {}, ())
        details(after), phase_of(after), view(after, self.host.now)

    def _has_its_leases(self, after: State, command: RunAction) -> None:
        held = [claim.lease for claim in after.claims.values() if claim.held]
        names, node = {lease.name for lease in held}, after.nodes[command.task.step]
        line = [node]
        while line[-1].parent is not None:
            line.append(after.nodes[line[-1].parent])
        for each in line:
            assert set(each.locks) <= names, f"a change of `{each.path}` without its locks"
        shares = {target for lease in held for target in lease.targets}
        assert set(targets_of(command.task.call)) <= shares, "a change outside of the budget"


def _answer(dice: Random, watch: Leased) -> None:
    asked = next(iter(watch.host.asked.values())).task.claim
    back = any(isinstance(each.event, TakeBack) for each in watch.host.state.parked)
    # A lock always fits, and so does what is taken back.
    refusable = asked.targets and not back and dice.random() < 0.1
    end = dice.choice(["held"] * 5 + ["waits"] * 2 + ["refused"] * bool(refusable))
    if end == "held":
        _hear(watch, LeaseAnswer("e1", held=True, since=watch.host.now))
    elif end == "waits":
        _hear(watch, LeaseAnswer("e1", ahead=1, holders=(OTHER,)))
    else:
        _hear(watch, LeaseAnswer("e1", refused="more than there are"))


def _hear(watch: Leased, answer: LeaseAnswer) -> None:
    before, count = watch.host.state, len(watch.host.commands)
    watch.host.answer(answer)
    watch._check(before, watch.host.state, watch.host.commands[count:])


def _ring(dice: Random, watch: Leased) -> None:
    names = [claim.lease.name for claim in watch.host.state.claims.values()] or ["service/api"]
    before, count = watch.host.state, len(watch.host.commands)
    watch.host.ring(dice.choice(names))
    watch._check(before, watch.host.state, watch.host.commands[count:])


def _break(dice: Random, watch: Leased) -> None:
    host = watch.host
    names = [claim.lease.name for claim in host.state.claims.values()] or ["service/api"]
    order = Order("break", "alice", "because", lease=dice.choice(names))
    if not host.conductor.order_refusal(host.state, order, host.now):
        watch.feed(OrderGiven(host.now, order))


def _move(dice: Random, watch: Leased) -> None:
    host = watch.host
    host.now += dice.choice([0.0, 1.0, 30.0])
    moves: list[Any] = [_act] * 4 * bool(host.actions) + [_decide] * 3 * bool(open_requests(host.state))
    moves += [_answer] * 4 * bool(host.asked) + [_ring] + [_fire] * bool(host.timers and dice.random() < 0.5)
    verb = dice.choice(VERBS) if dice.random() < 0.25 else None
    if verb == "break":
        _break(dice, watch)
    elif verb is not None:
        _order(dice, watch, verb)
    elif dice.random() < 0.01:
        watch.feed(HistoryFilled(host.now, "its history is full"))
    elif len(moves) > 1:
        dice.choice(moves)(dice, watch)
    elif host.timers:
        _fire(dice, watch)
    elif host.state.paused:
        watch.feed(OrderGiven(host.now, Order("resume", "alice")))
    else:
        for incident in list(host.state.holds):
            order = Order("release", "alice", incident=incident)
            if not host.conductor.order_refusal(host.state, order, host.now):
                watch.feed(OrderGiven(host.now, order))


def _end(watch: Leased) -> None:
    """Two aborts at most, whatever is held; what it puts back may have to wait for its leases first."""
    host = watch.host
    for _ in range(2):
        if host.state.outcome is None and not host.conductor.abort_refusal(host.state, None):
            watch.feed(AbortRequested(host.now, "alice", "enough"))
        while host.state.outcome is None and (host.actions or host.asked):
            if host.asked:
                _hear(watch, LeaseAnswer("e1", held=True, since=host.now))
                continue
            key, action = host.actions.popitem()
            lost = action.task.effect == "change"
            watch.feed((ActionLost if lost else ActionFailed)(host.now, key, "stopped"))
    assert host.state.outcome is not None


def _locked(which: Plan) -> Plan:
    children = {name: replace(child, locks=("z/child",)) for name, child in which.children.items()}
    return replace(which, inputs=INPUTS, locks=("a/run", "service/api"), children=children)


def _fanned(step: Step) -> Step:
    """As it is, but with a limit where it can have one."""
    return replace(step, limit=120.0) if step.steps or step.for_each or step.child else step


@pytest.mark.parametrize("number", range(len(LASTING)))
@settings(max_examples=60, deadline=None)
@case(seed=st.integers(0, 2**32))
def test_no_order_and_no_answer_of_a_lease_breaks_a_promise(number: int, seed: int) -> None:
    dice = Random(seed)
    which = _locked(LASTING[number])
    if dice.random() < 0.5:
        which = replace(which, steps=tuple(map(_fanned, which.steps)))
    watch = Leased(which)
    watch.host.state = replace(watch.host.state, given=replace(watch.host.state.given, policy=POLICY))
    watch.feed(RunStarted(watch.host.now))
    for _ in range(dice.choice([10, 80])):
        if watch.host.state.outcome is not None:
            return
        _move(dice, watch)
    _end(watch)
