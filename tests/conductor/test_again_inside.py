"""Retries, limits and ways back around what is inside: nothing is lost, and nothing is done unseen."""

from __future__ import annotations

from dataclasses import replace

from stanch.language.plan import Approval, Call, Child, Finding, ForEach, Plan, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))


def ran(host: Host) -> list[str]:
    """The changes so far, as they were executed."""
    calls = (action.task for action in host.executed if action.task.effect == "change")
    return [" ".join(task.call.params["run"]) for task in calls]


def made(name: str, **fields: object) -> Step:
    return change(name, approval=None, on_failure="stop", **fields)


def block(name: str, *steps: Step, **fields: object) -> Step:
    return Step(id=name, steps=steps, **fields)  # type: ignore[arg-type]


def test_what_only_a_step_inside_will_tell_is_shown_and_not_left_out() -> None:
    """A finding of the block itself decides whether `fix` runs; nobody knows when the question is put."""
    look = read(findings=(Finding("true", "confirmed", "bad"),))
    fix = replace(made("fix"), when="run.findings.exists(f, f.is == 'confirmed')")
    host = Host(given(plan(block("b", look, fix, approval=IC)))).start()
    assert [each.command for each in host.request.changes] == ["fix fix"]


def test_an_earlier_attempt_does_not_decide_what_is_shown() -> None:
    inner = block("i", made("x"), replace(made("y"), when="steps.x.ok"), approval=IC)
    outer = block("o", block("p", read("r"), inner), on_failure="ask")
    host = Host(given(plan(outer))).start().fail("no").decide("retry").succeed({})
    assert [each.command for each in host.request.changes] == ["fix x", "fix y"]


def test_a_moment_inside_of_a_block_is_shown_as_it_is_written() -> None:
    call = Call("ssh", {"hosts": ["web1"], "run": ["at", "${{ string(run.now) }}"]}, one=True)
    host = Host(given(plan(block("b", replace(made("x"), call=call), approval=IC)))).start()
    assert "run.now" in host.request.changes[0].command


def test_a_child_that_cannot_be_called_leaves_no_limit_behind() -> None:
    child = Plan("c", "C", "rollback", "me", (read(),), inputs={"n": {"type": "string"}})
    call = Step(id="call", child=Child("c", {"n": 7}), limit=60.0, on_failure="ask")
    host = Host(given(plan(call, children={"c": child}))).start()
    assert host.request.kind == "failure"
    assert [name for name in host.timers if name.endswith("/limit")] == []


def test_what_was_borrowed_inside_of_what_takes_too_long_comes_back() -> None:
    inner = block("i", made("borrow", revert=Revert("end_of_block")), read("slow"))
    host = Host(given(plan(block("o", inner, limit=30.0, approval=IC)))).start().decide("approve")
    host.succeed({}).fire().fail("stopped")
    assert ran(host) == ["fix borrow", "unfix borrow"]
    host.succeed({})
    assert host.outcome == "failed"
    assert host.state.ledger[0].undone


def test_a_change_that_was_lost_while_it_was_stopped_belongs_to_the_ledger_when_it_turns_out_made() -> None:
    host = Host(given(plan(block("o", made("c"), limit=30.0, on_failure="ask", approval=IC)))).start()
    host.decide("approve").fire().lose("cancelled").decide("retry").succeed({}, already=True)
    assert host.outcome == "succeeded"
    assert [effect.step for effect in host.state.ledger] == ["c"]


def test_a_retry_does_not_borrow_again_where_all_went_well() -> None:
    rounds = replace(
        block("each", made("depool", revert=Revert("end_of_block")), made("restart")),
        for_each=ForEach("node", ["a", "b"], (1,)),
        approval=IC,
        on_failure="ask",
    )
    host = Host(given(plan(rounds))).start().decide("approve")
    host.succeed({}).succeed({}).succeed({})  # a: out, restarted, back
    host.succeed({}).fail("no").succeed({})  # b: out, not restarted, back
    before = len(ran(host))
    host.decide("retry").succeed({}).succeed({}).succeed({})
    assert host.outcome == "succeeded"
    assert ran(host)[before:] == ["fix depool", "fix restart", "unfix depool"]


def test_what_could_not_be_put_back_is_tried_again_with_the_block() -> None:
    inner = block("i", made("c", revert=Revert("end_of_block")))
    host = Host(given(plan(block("o", inner, on_failure="ask", approval=IC)))).start().decide("approve")
    host.succeed({}).fail("no route").decide("retry").succeed({})
    assert host.outcome == "succeeded"
    assert ran(host) == ["fix c", "unfix c", "unfix c"]
    assert host.state.ledger[0].undone


def test_what_is_still_away_at_the_end_is_told() -> None:
    inner = block("i", made("c", revert=Revert("end_of_block")), on_failure="continue")
    host = Host(given(plan(block("o", inner, approval=IC)))).start().decide("approve")
    host.succeed({}).fail("no route")
    assert any("was not put back: `fix c`" in text for text in host.told("problem"))


def test_a_blocks_way_back_reads_what_its_changes_gave() -> None:
    undo = Call("http", {"method": "DELETE", "url": "http://x/${{ steps.create.id }}"})
    create = made("create", outputs={"id": "string(result.id)"})
    held = block("b", create, read("then"), undo=undo, approval=IC, on_failure="ask")
    host = Host(given(plan(held))).start().decide("approve").succeed({"id": 7}).fail("no").decide("undo")
    (action,) = host.actions.values()
    assert action.task.call.params["url"] == "http://x/7"
    host.succeed({})
    assert "all 1 changes were taken back" in host.state.reason


def test_what_a_block_takes_back_as_a_whole_still_comes_back_by_itself() -> None:
    undo = Call("ssh", {"hosts": ["web1"], "run": ["all", "back"]}, one=True)
    held = block("b", made("c", revert=Revert("end_of_run")), undo=undo, approval=IC)
    host = Host(given(plan(held))).start().decide("approve").succeed({})
    assert ran(host)[-1] == "unfix c"
    assert host.succeed({}).outcome == "succeeded"


def test_rounds_of_all_loops_together_are_bounded() -> None:
    loops = tuple(replace(read(name), for_each=ForEach("n", list(range(900)))) for name in ("a", "b", "c"))
    host = Host(given(plan(Step(id="p", steps=loops, parallel=True)))).start()
    assert len(host.actions) <= 1002
