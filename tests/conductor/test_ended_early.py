"""A verification, and what comes back later, when the run or the block around them ends before its time."""

from __future__ import annotations

from typing import Literal

from stanch.conductor.events import RunStarted
from stanch.conductor.state import Phase
from stanch.contract import IncidentRef
from stanch.language.plan import Approval, Call, Check, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
HELPED = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=60.0, worse="result.rc > 9"))
FIX = change("fix", outputs={"rc": "result.rc"}, verify=HELPED, approval=None, on_failure="stop")
LENT = change("lent", revert=Revert("after", after="10m"))


def verifying(on_failure: Literal["stop", "continue"] = "stop") -> Host:
    """A change was made in a block, gave 5, and it is being asked whether that helped."""
    block = Step(id="b", steps=(FIX,), approval=IC, limit=60.0, on_failure=on_failure)
    see = Step(id="see", outputs={"rc": "steps.fix.rc"})
    host = Host(given(plan(block, see))).start().decide("approve").succeed({"rc": 5})
    assert host.state.nodes["fix"].phase is Phase.VERIFYING
    return host


def test_what_a_step_gave_is_not_what_its_verification_was_answered_when_that_is_stopped() -> None:
    host = verifying(on_failure="continue").fire().succeed({"rc": 0})
    assert host.state.values["see"]["rc"] == 5


def test_a_change_that_got_worse_while_the_run_was_aborted_is_still_in_the_ledger() -> None:
    host = verifying().abort().fail("`result.rc > 9` holds: it got worse")
    assert (host.outcome, host.state.mitigated) == ("aborted", 0.0)
    assert [(effect.step, effect.undone) for effect in host.state.ledger] == [("fix", False)]


def test_that_nobody_heard_whether_it_helped_does_not_put_the_change_in_doubt() -> None:
    assert verifying().abort().lose("gone").outcome == "aborted"


def test_a_verification_that_holds_after_the_abort_mitigates_nothing() -> None:
    host = verifying().abort().succeed({"rc": 0})
    assert (host.outcome, host.state.mitigated) == ("aborted", 0.0)


def behind(host: Host) -> Host:
    """The run that `host` has left behind at its end."""
    assert host.finished is not None
    (followup,) = host.finished.followups
    return Host(followup.given, host.state.run + followup.suffix).feed(RunStarted(host.now))


def test_what_is_lent_comes_back_by_its_own_run_however_this_one_ends() -> None:
    for host in (
        Host(given(plan(LENT, read("z")))).start().decide("approve").succeed({}).abort().fail("stopped"),
        Host(given(plan(LENT, read("z")))).start().decide("approve").succeed({}).fail("no"),
    ):
        later = behind(host).fire().succeed({})
        assert later.outcome == "succeeded"


def test_a_run_on_hold_that_is_aborted_leaves_a_run_on_hold() -> None:
    """Else what nobody may change now would be changed by itself in ten minutes."""
    host = Host(given(plan(LENT, read("z")))).start().decide("approve").succeed({}).order("hold")
    later = behind(host.abort().fail("stopped")).fire()
    assert (later.actions, [each.path for each in later.state.parked]) == ({}, ["put_back"])
    assert later.order("release").succeed({}).outcome == "succeeded"


def test_its_own_hold_is_not_that_of_its_incident() -> None:
    start = given(plan(LENT, read("z")), incident=IncidentRef("db-down", "SEV2"))
    host = Host(start).start().decide("approve").succeed({}).order("hold")
    later = behind(host.abort().fail("stopped")).fire()
    assert list(later.state.holds) == [""]
    assert later.order("release").succeed({}).outcome == "succeeded"
