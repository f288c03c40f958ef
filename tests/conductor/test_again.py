"""Retry does again what failed and only that, at any depth, in order and no faster than the batches allow."""

from __future__ import annotations

from typing import Any

from stanch.language.plan import Approval, Check, ForEach, Poll, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
HELPED = Check(change().call, Poll("result.rc == 0", within=30))  # type: ignore[arg-type]


def block(*steps: Step, name: str = "both", **fields: Any) -> Step:
    return Step(id=name, title=name, steps=steps, approval=IC, on_failure="ask", **fields)


def quiet(name: str, **fields: Any) -> Step:
    """A change that leaves the question what now to the block around it."""
    return change(name, approval=None, on_failure="stop", **fields)


def begin(*steps: Step) -> Host:
    return Host(given(plan(*steps))).start().decide("approve")


def done(host: Host) -> list[str]:
    return [action.task.step for action in host.executed]


def test_a_round_of_a_loop_goes_on_where_it_failed() -> None:
    loop = block(quiet("drain"), read("check"), for_each=ForEach("host", ["a", "b"], (1,)))
    host = begin(loop).succeed({}).fail("not ready").decide("retry")
    assert done(host) == ["both[0].drain", "both[0].check", "both[0].check"]
    host.succeed({}).succeed({}).succeed({})
    assert host.outcome == "succeeded"
    assert done(host)[3:] == ["both[1].drain", "both[1].check"]


def test_a_block_inside_a_block_goes_on_where_it_failed() -> None:
    inner = Step(id="inner", steps=(quiet("one"), quiet("two")))
    host = begin(block(inner, quiet("three"))).succeed({}).fail("no").decide("retry")
    assert done(host) == ["one", "two", "two"]
    host.succeed({}).succeed({})
    assert (host.outcome, len(host.state.ledger)) == ("succeeded", 3)


def test_a_fan_out_inside_a_block_repeats_the_items_that_failed() -> None:
    host = begin(block(quiet("fix", for_each=ForEach("n", [1, 2], (2,))))).succeed({}).fail("no")
    host.decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["fix[1]"]
    assert host.succeed({}).outcome == "succeeded"


def test_a_step_whose_failure_was_accepted_is_not_repeated_with_the_one_that_failed() -> None:
    host = begin(block(read("a", on_failure="continue"), quiet("b"))).fail("no").fail("no").decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["b"]
    assert host.succeed({}).outcome == "succeeded"


def test_a_change_that_did_not_help_is_not_made_again_but_asked_again() -> None:
    host = begin(block(quiet("fix", verify=HELPED))).succeed({}).fail("still bad").decide("retry")
    (action,) = host.actions.values()
    assert action.task.effect == "read"
    assert host.succeed({}).outcome == "succeeded"
    assert len(host.state.ledger) == 1


def test_what_was_taken_back_is_made_again() -> None:
    fan = change("fix", approval=None, on_failure="undo", for_each=ForEach("n", [1, 2], (1,)))
    host = begin(block(fan)).succeed({}).fail("no").succeed({}).decide("retry")
    assert [effect.undone for effect in host.state.ledger] == [True]
    assert [action.task.step for action in host.actions.values()] == ["fix[0]"]
    host.succeed({}).succeed({})
    assert host.outcome == "succeeded"
    assert [(effect.step, effect.undone) for effect in host.state.ledger] == [
        ("fix[0]", True),
        ("fix[0]", False),
        ("fix[1]", False),
    ]


def test_a_retry_keeps_to_the_batches() -> None:
    each = ForEach("n", [1, 2, 3, 4], (1,), max_failures=1)
    host = begin(change("fix", for_each=each, on_failure="ask")).fail("no").fail("no").decide("retry")
    assert [action.task.step for action in host.actions.values()] == ["fix[0]"]
    host.succeed({})
    assert [action.task.step for action in host.actions.values()] == ["fix[1]"]
    host.succeed({}).succeed({}).succeed({})
    assert host.outcome == "succeeded"
