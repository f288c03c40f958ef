"""What an event costs does not grow with what the run has done already."""

from __future__ import annotations

import sys
from dataclasses import replace
from types import FrameType

from stanch.conductor import describe
from stanch.language.plan import Approval, ForEach, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read


def calls_of_a_loop(rounds: int) -> int:
    """How many calls of Python a loop of that many blocks takes, one after the other."""
    fix = replace(change("fix", approval=None, on_failure="stop"), when="steps.look.v > 0")
    loop = Step(
        id="all",
        steps=(read("look", outputs={"v": "result.v"}), fix, read("check")),
        for_each=ForEach("n", list(range(rounds)), (1,)),
        approval=Approval(("incident_commander",)),
    )
    host = Host(given(plan(loop), revision=2)).start().decide("approve")
    counted = 0

    def count(_frame: FrameType, event: str, _arg: object) -> None:
        nonlocal counted
        counted += event == "call"

    sys.setprofile(count)
    try:
        while host.finished is None:
            host.succeed({"v": 1})
            describe.details(host.state)
    finally:
        sys.setprofile(None)
    assert host.outcome == "succeeded"
    return counted


def test_a_loop_of_four_times_as_many_rounds_takes_about_four_times_as_long() -> None:
    calls_of_a_loop(2)
    assert calls_of_a_loop(160) < 6 * calls_of_a_loop(40)
