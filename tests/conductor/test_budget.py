"""A pool's budget: how many of its targets may be disrupted at once, by all runs together."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as each_of
from hypothesis import settings
from hypothesis import strategies as st

from stanch.contract import Claim, LeaseAnswer, LeaseView, RunPolicy
from stanch.language.plan import Call, Check, ForEach, Poll, Step
from tests.conductor.test_leases_together import Town
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read

WEB = ("web1", "web2", "web3", "web4")
POOL = "pool/web"
OTHER = Claim("run/failover/7", "e7", "x#1", targets=("web9",), severity="SEV2", granted=780.0)
RATE = Check(Call("http", {"url": "http://rate/"}), Poll("result.json < 0.01", within=60), each_batch=True)


def policy(budget: int = 1, **fields: Any) -> RunPolicy:
    return RunPolicy(
        ladders={"incident_commander": LADDER}, pools={"web": WEB}, budgets={"web": budget}, **fields
    )


def fix(*hosts: str, name: str = "fix", **fields: Any) -> Step:
    """A change on some hosts, approved unless it says otherwise."""
    fields.setdefault("on_failure", "ask")
    call = Call("ssh", {"hosts": list(hosts), "run": ["fix"]})
    undo = Call("ssh", {"hosts": list(hosts), "run": ["unfix"]})
    return replace(change(name, undo=undo, **fields), call=call)


def loop(hosts: list[str], *batches: int | str, **fields: Any) -> Step:
    each = ForEach("host", hosts, batches or (1,), **fields.pop("each", {}))
    return fix("${{ host }}", for_each=each, **fields)


def run(*steps: Step, budget: int = 1, **fields: Any) -> Host:
    return Host(given(plan(*steps), policy=policy(budget), **fields)).start()


def under_way(host: Host) -> list[str]:
    return [
        f"{each.task.step} {each.task.call.params.get('run', ['look'])[0]}" for each in host.actions.values()
    ]


def shares(host: Host) -> list[tuple[str, ...]]:
    """Targets of what is held."""
    return [claim.lease.targets for claim in host.state.claims.values() if claim.held]


# --- claimed, and given back ------------------------------------------------------------------------------


def test_a_change_on_a_target_of_the_pool_begins_when_the_budget_has_room() -> None:
    host = run(fix("web1", "elsewhere")).decide("approve")
    assert (host.asks, under_way(host)) == ([POOL], [])
    (asked,) = host.asked.values()
    assert (asked.task.claim.targets, asked.task.claim.capacity) == (("web1",), 1)
    host.make_wait(OTHER)
    assert "run/failover/7" in host.told("lease")[0]
    assert under_way(host.ring(POOL)) == []
    assert under_way(host.grant()) == ["fix fix"]
    assert (host.succeed({}).outcome, host.holds, host.rung) == ("succeeded", [], [POOL])


def test_what_touches_no_pool_with_a_budget_asks_nobody() -> None:
    for host in (run(fix("db1")), run(fix("web1"), mode="dry_run"), run(read())):
        if host.actions:
            host.succeed({})
        else:
            host.decide("approve").succeed({})
        assert (host.outcome, host.asks, host.rung) == ("succeeded", [], [])


def test_reads_claim_nothing() -> None:
    look = replace(fix("web1", approval=None), effect="read", undo=None)
    assert run(look).asks == []


def test_each_batch_claims_its_own_targets_when_the_one_before_it_is_over() -> None:
    host = run(loop(list(WEB), 1, 2, each={"pause": 5.0}), budget=2).decide("approve").grant()
    assert (under_way(host), shares(host)) == (["fix[0] fix"], [("web1",)])
    host.succeed({})
    assert (shares(host), host.rung) == ([], [POOL])
    host.fire()
    assert (host.asks, under_way(host)) == ([POOL], [])
    host.grant()
    assert (under_way(host), shares(host)) == (["fix[1] fix", "fix[2] fix"], [("web2", "web3")])
    assert shares(host.succeed({})) == [("web2", "web3")]
    assert shares(host.succeed({})) == []
    assert host.fire().grant().succeed({}).outcome == "succeeded"


def test_a_batch_keeps_its_share_until_it_has_been_verified() -> None:
    host = run(loop(["web1", "web2"], verify=RATE)).decide("approve").grant().succeed({})
    assert (under_way(host), shares(host)) == (["fix look"], [("web1",)])
    host.succeed({"json": 0.0})
    assert (shares(host), host.asks) == ([], [POOL])


def test_a_change_keeps_its_share_while_it_is_verified_and_while_its_failure_is_asked_about() -> None:
    host = run(fix("web1", verify=replace(RATE, each_batch=False)), read()).decide("approve").grant()
    assert shares(host.succeed({})) == [("web1",)]
    assert shares(host.fail("still 0.2")) == [("web1",)]
    assert host.request.kind == "failure"
    assert shares(host.decide("skip")) == []


def test_a_batch_that_failed_keeps_its_share_until_a_person_has_settled_it() -> None:
    host = run(loop(["web1", "web2"])).decide("approve").grant().fail()
    assert (host.request.kind, shares(host)) == ("failure", [("web1",)])
    host.decide("retry")
    assert (under_way(host), shares(host), host.asks) == (["fix[0] fix"], [("web1",)], [])


def test_rounds_of_a_block_claim_for_each_of_their_changes() -> None:
    inner = (fix("${{ host }}", approval=None), fix("db1", name="other", approval=None))
    block = Step(id="each", title="Each", steps=inner, for_each=ForEach("host", ["web1", "web2"], (2,)))
    host = run(replace(block, approval=change().approval)).decide("approve")
    assert host.asks == [POOL, POOL]
    host.grant().make_wait(OTHER)
    assert under_way(host) == ["each[0].fix fix"]
    assert under_way(host.succeed({})) == ["each[0].other fix"]
    assert (shares(host), host.rung) == ([], [POOL])


def test_what_is_taken_back_claims_what_it_touches() -> None:
    last = fix("db1", name="last")
    host = run(fix("web1"), last).decide("approve").grant().succeed({})
    assert (host.request.step, shares(host)) == ("last", [])
    host.order("undo", step="")
    assert (host.asks, under_way(host)) == ([POOL], [])
    assert shares(host.grant()) == [("web1",)]
    assert [each.task.call.params["run"] for each in host.actions.values()] == [["unfix"]]
    assert (host.succeed({}).holds, host.outcome) == ([], "aborted")


def test_what_has_failed_is_taken_back_under_the_share_that_it_still_has() -> None:
    host = run(loop(["web1", "web2"], 2), budget=2).decide("approve").grant().succeed({}).fail()
    host.decide("undo")
    assert (host.asks, shares(host)) == ([], [("web1", "web2")])
    assert len(host.actions) == 1


def test_after_a_share_was_broken_no_batch_begins_until_it_is_released() -> None:
    host = run(loop(["web1", "web2"])).decide("approve").grant()
    host.order("break", lease=POOL)
    assert under_way(host) == ["fix[0] fix"]
    host.succeed({})
    assert (under_way(host), host.asks) == ([], [])
    host.order("release")
    assert under_way(host) == []
    while host.asks:
        host.grant()
    assert (under_way(host), shares(host)) == (["fix[1] fix"], [("web2",)])


# --- what can never fit -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "count"),
    [
        (fix("web1", "web2", on_failure="stop"), 2),
        (loop(list(WEB), 1, "50%", on_failure="stop"), 2),
        (fix("web", on_failure="stop"), 4),
    ],
    ids=["a change", "a later batch", "the pool itself"],
)
@pytest.mark.parametrize("around", [False, True])
def test_what_can_never_fit_the_budget_is_refused_before_anybody_is_asked(
    step: Step, count: int, around: bool
) -> None:
    if around:
        step = Step(id="block", steps=(replace(step, approval=None),), approval=step.approval)
    host = run(step)
    assert (host.outcome, host.pages, host.executed, host.asks) == ("failed", [], [], [])
    assert host.state.reason == (
        f"`fix` would disrupt {count} targets of the pool `web` at once, and its budget in the policy is "
        "1 of 4: change fewer at once, in smaller `batches`"
    )


def test_what_nobody_is_asked_about_is_refused_before_its_first_batch() -> None:
    host = run(loop(list(WEB), 1, 2, approval=None, unattended="a test", on_failure="stop"))
    assert (host.outcome, host.executed) == ("failed", [])


def test_what_is_known_late_and_is_too_much_is_refused_before_it_begins() -> None:
    look = read("look", outputs={"hosts": "result.json"})
    late = replace(fix("x", approval=None, on_failure="stop"), most_targets=4)
    late = replace(late, call=Call("ssh", {"hosts": "${{ steps.look.hosts }}", "run": ["fix"]}))
    host = run(Step(id="block", steps=(look, late), approval=change().approval)).decide("approve")
    host.succeed({"json": ["web1", "web2"]})
    assert (host.outcome, len(host.executed)) == ("failed", 1)


def test_a_lease_that_refuses_a_share_fails_the_change() -> None:
    host = run(loop(["web1", "web2"], on_failure="stop")).decide("approve")
    host.answer(LeaseAnswer("e1", refused="it would disrupt too much"))
    assert (host.outcome, len(host.executed)) == ("failed", 0)


# --- several runs -----------------------------------------------------------------------------------------


def _several(number: int, kind: int) -> Host:
    """Runs of the same pool, each in another way."""
    ways = (
        loop(list(WEB), 1, 2, approval=None, unattended="a test", on_failure="stop"),
        Step(
            id="each",
            steps=(fix("${{ host }}", approval=None, on_failure="undo"),),
            for_each=ForEach("host", ["web3", "web1"], (2,), max_failures="50%"),
            unattended="a test",
        ),
        fix("web2", "web4", approval=None, unattended="a test", on_failure="undo"),
    )
    which = plan(ways[kind], fix("web1", name="last", approval=None, unattended="a test", on_failure="stop"))
    return Host(given(which, policy=policy(2)), run=f"run/pool/{number}").start()


_MOVES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(["go"] * 9 + ["fail", "undo", "abort"])), max_size=60
)


@settings(max_examples=200, deadline=None)
@each_of(st.lists(st.integers(0, 2), min_size=2, max_size=3), _MOVES)
def test_no_more_targets_are_disrupted_at_once_than_the_budget_allows_and_everybody_ends(
    kinds: list[int], moves: list[tuple[int, str]]
) -> None:
    town = Town([_several(*each) for each in enumerate(kinds)], {POOL: LeaseView(POOL)})
    for number, what in moves:
        host = town.hosts[number % len(town.hosts)]
        if what == "go":
            town.step(number)
        elif what == "fail" and host.actions:
            host.fail()
        elif what == "abort" and not host.conductor.abort_refusal(host.state, None):
            host.abort()
        elif what == "undo" and not host.refusal("undo"):
            host.order("undo")
        town.look()
        assert len(_disrupted(town)) <= 2
    for _ in range(400):
        if not town.step(0):
            break
        assert len(_disrupted(town)) <= 2
    assert [host.outcome for host in town.hosts if host.outcome is None] == []
    assert town.leases[POOL] == LeaseView(POOL)


def _disrupted(town: Town) -> set[str]:
    """Targets on which something is being changed or taken back."""
    return {
        target
        for host in town.hosts
        for action in host.actions.values()
        for target in action.task.call.params["hosts"]
    }
