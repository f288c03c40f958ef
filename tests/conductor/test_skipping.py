"""Skip: what is left out, from any phase, and what is never left alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.language.plan import Approval, Ask, Call, Check, Child, ForEach, Plan, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))
BACK = Call("ssh", {"hosts": ["web1"], "run": ["back"]}, one=True)
SEEN = Check(Call("http", {"url": "http://x"}), Poll("result.rc == 0", within=30))
THEN = read("then")


def begin(*steps: Step, **fields: Any) -> Host:
    return Host(given(plan(*steps, **fields), revision=2)).start()


def made(name: str, **fields: Any) -> Step:
    return change(name, approval=None, on_failure="stop", **fields)


def under_way(host: Host) -> list[str]:
    return [action.task.step for action in host.actions.values()]


def phase(host: Host, path: str) -> str:
    return host.state.nodes[path].phase.value


MANUAL = Step(id="hand", call=Call("manual", {"who": "incident_commander", "do": "it"}))
ASKING = {
    "approval": change("x"),
    "ask": Step(id="x", ask=Ask(("incident_commander",), {"n": {"type": "integer"}})),
    "manual": replace(MANUAL, id="x"),
}


@pytest.mark.parametrize("kind", ASKING)
def test_what_is_asked_about_is_skipped_and_asked_no_more(kind: str) -> None:
    host = begin(ASKING[kind], THEN)
    assert host.request.kind == kind
    host.order("skip", step="x", reason="not needed")
    assert (phase(host, "x"), under_way(host), host.timers) == ("skipped", ["then"], {})
    assert host.state.nodes["x"].note == "skipped by alice: not needed"
    assert host.succeed({}).outcome == "succeeded"


def test_what_failed_and_is_asked_about_is_skipped() -> None:
    host = begin(change(on_failure="ask"), THEN).decide("approve").fail("no").order("skip", step="fix")
    assert (phase(host, "fix"), under_way(host)) == ("skipped", ["then"])


def test_what_nobody_knows_is_not_skipped() -> None:
    host = begin(change(on_failure="ask"), THEN).decide("approve").lose("gone")
    assert host.refusal("skip", step="fix").startswith("nobody knows whether `fix` was done")


def test_a_change_that_is_under_way_is_not_left_alone() -> None:
    host = begin(change(), THEN).decide("approve")
    assert host.refusal("skip", step="fix") == "`fix` is under way; abort, or wait"


def test_a_read_that_is_under_way_is_stopped_and_does_not_count() -> None:
    host = begin(read("look"), THEN).order("skip", step="look", reason="blind")
    assert host.cancelled == list(host.actions)
    assert host.refusal("skip", step="look").startswith("`look` is being skipped already")
    host.fail("stopped")
    assert (phase(host, "look"), under_way(host)) == ("skipped", ["then"])


def test_work_by_hand_that_the_run_only_watches_is_skipped() -> None:
    host = begin(replace(MANUAL, effect="change", done=SEEN), THEN).fail("not yet")
    host.order("skip", step="hand").lose("stopped")
    assert (phase(host, "hand"), under_way(host)) == ("skipped", ["then"])


def test_the_verification_of_a_change_is_skipped_and_the_change_stays_made() -> None:
    host = begin(change(verify=SEEN), THEN).decide("approve").succeed({})
    host.order("skip", step="fix", reason="we see it ourselves").fail("stopped")
    assert (phase(host, "fix"), under_way(host)) == ("succeeded", ["then"])
    assert "its verification was skipped by alice" in host.state.nodes["fix"].note
    assert len(host.state.ledger) == 1


def test_a_wait_is_cut_short() -> None:
    host = begin(Step(id="settle", wait="10m"), THEN).order("skip", step="settle")
    assert (phase(host, "settle"), under_way(host), host.timers) == ("skipped", ["then"], {})


def test_a_step_whose_turn_has_not_come_is_skipped_when_it_comes() -> None:
    host = begin(read("a"), change("fix"), THEN).order("skip", step="fix")
    assert host.refusal("skip", step="fix").startswith("`fix` is to be skipped already: skipped by alice")
    host.succeed({})
    assert (phase(host, "fix"), under_way(host)) == ("skipped", ["then"])


def test_what_is_kept_back_is_skipped() -> None:
    host = begin(change(), THEN).order("hold").decide("approve").order("skip", step="fix")
    assert (phase(host, "fix"), host.state.parked, under_way(host)) == ("skipped", (), ["then"])
    host = begin(read("a"), read("b"), THEN).order("pause").succeed({}).order("skip", step="b")
    assert [each.path for each in host.state.parked] == ["then"]


def test_what_reads_a_skipped_step_goes_on_as_after_any_skipped_step() -> None:
    late = replace(THEN, call=Call("http", {"url": "${{ steps.look.v }}"}), on_failure="continue")
    host = begin(read("look", outputs={"v": "result.v"}), late, read("last", when="!steps.look.ran"))
    host.order("skip", step="look").fail("stopped")
    assert (phase(host, "then"), under_way(host)) == ("failed", ["last"])


def test_a_block_is_skipped_with_what_is_asked_in_it() -> None:
    block = Step(id="b", steps=(read("a"), change("fix"), read("c")))
    host = begin(block, THEN).succeed({}).order("skip", step="b")
    assert (phase(host, "b"), phase(host, "fix"), under_way(host)) == ("skipped", "skipped", ["then"])
    assert not host.timers


def test_a_block_in_which_something_is_under_way_is_not_skipped() -> None:
    host = begin(Step(id="b", steps=(read("a"),)), THEN)
    assert host.refusal("skip", step="b") == "`a` inside of `b` is under way; abort, or wait"


def test_what_was_borrowed_in_a_skipped_block_comes_back() -> None:
    out = made("out", undo=BACK, revert=Revert("end_of_block"))
    block = Step(id="b", steps=(out, Step(id="w", wait="1h")), approval=IC)
    host = begin(block, THEN).decide("approve").succeed({}).order("skip", step="b")
    assert [action.task.call for action in host.actions.values()] == [BACK]
    host.succeed({})
    assert (phase(host, "b"), under_way(host)) == ("skipped", ["then"])


def test_what_a_block_inside_of_a_skipped_one_had_borrowed_comes_back_too() -> None:
    out = made("out", undo=BACK, revert=Revert("end_of_block"))
    inner = Step(id="i", steps=(out, Step(id="w", wait="1h")))
    host = begin(Step(id="b", steps=(inner,), approval=IC), THEN).decide("approve").succeed({})
    host.order("skip", step="b")
    assert [action.task.call for action in host.actions.values()] == [BACK]


def test_a_round_is_skipped_before_its_turn_and_while_it_waits() -> None:
    loop = Step(
        id="each",
        steps=(Step(id="w", wait="1h"), read("look")),
        for_each=ForEach("n", ["a", "b", "c"], (1,)),
    )
    host = begin(loop, THEN).order("skip", step="each[1]").order("skip", step="each[0]")
    assert (phase(host, "each[0]"), phase(host, "each[1]")) == ("skipped", "skipped")
    host.order("skip", step="each[2].w").succeed({})
    assert (phase(host, "each"), under_way(host)) == ("succeeded", ["then"])


def test_a_loop_between_two_batches_is_skipped_with_the_rounds_that_are_left() -> None:
    loop = read("look", for_each=ForEach("n", ["a", "b"], (1,), pause=60.0))
    host = begin(loop, THEN).succeed({}).order("skip", step="look")
    assert (phase(host, "look"), under_way(host), host.timers) == ("skipped", ["then"], {})
    assert [each["item"] for each in host.state.values["look"]["results"]] == ["a"]


def test_a_step_of_a_child_is_skipped() -> None:
    child = Plan("c", "C", "rollback", "me", (read("a"), read("b")))
    host = begin(Step(id="call", child=Child("c")), THEN, children={"c": child}).order("skip", step="call/b")
    host.succeed({})
    assert (phase(host, "call/b"), under_way(host)) == ("skipped", ["then"])


def test_what_failed_in_a_block_is_left_out_when_the_block_is_done_again() -> None:
    block = Step(id="b", steps=(read("a"), read("c")), on_failure="ask")
    host = begin(block, THEN).fail("blind").order("skip", step="a").decide("retry")
    assert (phase(host, "a"), under_way(host)) == ("skipped", ["c"])


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("", "`skip` needs the path of a step"),
        ("thn", "there is no step `thn`; did you mean `then`?"),
        ("a", "`a` has ended already (succeeded)"),
        ("w", "`w` is a step of the loop `each`; name the round: `each[0].w`"),
        ("each.w", "`each` is a loop; name the round: `each[0].w`"),
        ("each[7].w", "`each` has 2 rounds, from `each[0]` to `each[1]`"),
        ("a[0]", "`a` is no loop"),
        ("each[0].nope", "there is no step `nope` inside of `each[0]`"),
        ("each[0]/w", "there is no step inside of `each[0]` that is written with `/`"),
        ("..", "`..` is no path of a step"),
        ("then.", "`then.` ends too early"),
        ("q", "`q` never comes: what it belongs to has ended without it"),
        ("lost[1]", "`lost` has ended (failed), so `lost[1]` never comes"),
    ],
)
def test_what_cannot_be_skipped_is_refused_with_the_reason(path: str, told: str) -> None:
    loop = Step(id="each", steps=(Step(id="w", wait="1h"),), for_each=ForEach("n", [1, 2], (1,)))
    b = Step(id="b", steps=(read("q"),), when="false")
    lost = read("lost", for_each=ForEach("n", [1, 2], (1,)), on_failure="continue")
    host = begin(lost, read("a"), b, loop, THEN).fail("no").succeed({})
    assert told in host.refusal("skip", step=path)


def test_a_skip_needs_a_reason_and_is_told() -> None:
    host = begin(change())
    assert host.refusal("skip", step="fix", reason="") == "`skip` needs a reason"
    host.order("skip", step="fix", reason="done elsewhere")
    assert host.told("ordered") == ["skip `fix`, says alice: done elsewhere (unverified, via cli)"]
