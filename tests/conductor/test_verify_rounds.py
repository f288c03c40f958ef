"""A `verify` that reads the item of its step's loop is asked in each round."""

from __future__ import annotations

from stanch.language.plan import Call, Check, ForEach, Poll
from tests.support.host import Host
from tests.support.plans import change, given, plan

LOOK = Call("http", {"url": "http://${{ host }}/?${{ steps.fix.rc }}"})
ROUND = Check(LOOK, Poll("result.status == 200", within=60), each_round=True)


def started(*batches: int) -> Host:
    step = change(
        for_each=ForEach("host", ["a", "b"], batches or (1,)),
        outputs={"rc": "result.rc"},
        verify=ROUND,
        on_failure="ask",
    )
    return Host(given(plan(step))).start().decide("approve")


def asked(host: Host) -> list[str]:
    """What is under way: the URL of a verification, or `fix`."""
    return [str(each.task.call.params.get("url", "fix")) for each in host.actions.values()]


def test_the_next_round_waits_until_the_one_before_it_has_helped() -> None:
    host = started()
    assert asked(host) == ["fix"]
    assert asked(host.succeed({"rc": 0})) == ["http://a/?0"]
    assert asked(host.succeed({"status": 200})) == ["fix"]
    assert asked(host.succeed({"rc": 7})) == ["http://b/?7"]
    assert host.told("mitigated") == []
    assert host.succeed({"status": 200}).outcome == "succeeded"
    assert len(host.told("mitigated")) == 1


def test_rounds_of_a_batch_are_verified_side_by_side() -> None:
    host = started(2)
    assert asked(host.succeed({"rc": 0}).succeed({"rc": 0})) == ["http://a/?0", "http://b/?0"]
    assert host.succeed({"status": 200}).succeed({"status": 200}).outcome == "succeeded"


def test_a_round_that_did_not_help_is_asked_about_and_a_retry_looks_again_without_a_change() -> None:
    host = started().succeed({"rc": 0}).fail("still 503 after 1m")
    assert host.request.kind == "failure"
    assert host.request.question.endswith("it failed. What now?")
    assert host.request.choices == ("retry", "skip", "undo", "abort")
    assert "it did not help: still 503 after 1m" in " ".join(host.request.evidence)
    host.decide("retry")
    assert asked(host) == ["http://a/?0"]
    assert asked(host.succeed({"status": 200})) == ["fix"]


def test_what_was_changed_before_it_did_not_help_is_taken_back() -> None:
    host = started().succeed({"rc": 0}).fail("still 503 after 1m").decide("undo")
    (undo,) = host.actions.values()
    assert undo.task.call.params["run"] == ["unfix", "fix"]
