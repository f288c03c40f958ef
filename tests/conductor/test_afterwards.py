"""What a run that has ended has changed is taken back by another one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.conductor import describe, within
from stanch.conductor.back.afterwards import Ended, Fate, Return, step_at, take_back, taken_back_by
from stanch.contract import RunInput, RunPolicy, RunView
from stanch.errors import IllegalDecision
from stanch.language.coverage import uncovered
from stanch.language.plan import Call, Check, Child, ForEach, Plan, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import LADDER, change, given, plan, read, rollback

RUN = "run/rollback-release/abc"
SO = Call("ssh", {"hosts": ["web1"], "run": ["is", "${{ inputs.service }}"]}, one=True)


def free(name: str, **fields: object) -> Step:
    return change(name, approval=None, unattended="a test", on_failure="stop", **fields)


def shows(until: str = "result.stdout == inputs.service") -> Check:
    return Check(SO, Poll(until, within=60, every=1))


def run(*steps: Step, **fields: object) -> tuple[Host, Plan]:
    """A run that has made all its changes and has ended."""
    held = plan(*steps, **fields)
    host = Host(given(held)).start()
    while host.finished is None:
        host.succeed({"stdout": "ok"})
    return host, held


def ended(host: Host, held: Plan, **fates: Fate) -> Ended:
    view = describe.view(host.state, host.now)
    return Ended(view, held, "execution-1", {int(at[1:]): fate for at, fate in fates.items()})


def begun(what: Return, name: str = f"{RUN}/undo-1") -> Host:
    """The new run, asking."""
    assert uncovered(what.plan) == ()
    policy = RunPolicy(ladders={"incident_commander": LADDER})
    return Host(RunInput(what.plan, what.inputs, "alice", revision=2, policy=policy), name).start()


def ran(host: Host) -> list[list[str]]:
    return [each.task.call.params["run"] for each in host.executed]


def test_it_asks_once_with_everything_and_goes_back_newest_first() -> None:
    host = begun(take_back(ended(*run(free("one"), free("two"))), "", "it was wrong"))
    assert [each.command for each in host.request.changes] == ["unfix two", "unfix one"]
    assert host.actions == {}
    host.decide("approve", by="bob").succeed({}).succeed({})
    assert (host.outcome, ran(host)) == ("succeeded", [["unfix", "two"], ["unfix", "one"]])


def test_it_goes_back_to_before_the_step_that_was_named() -> None:
    three = run(free("one"), free("two"), free("three"))
    host = begun(take_back(ended(*three), "two", "x")).decide("approve", by="bob").succeed({}).succeed({})
    assert ran(host) == [["unfix", "three"], ["unfix", "two"]]


def test_a_step_that_is_not_there_or_has_changed_nothing_is_refused_with_what_has() -> None:
    there = ended(*run(read("look"), free("one")))
    with pytest.raises(IllegalDecision, match=r"has no step `on`; did you mean `one`"):
        take_back(there, "on", "x")
    with pytest.raises(IllegalDecision, match="`look` has changed nothing that is still so; what is: `one`"):
        take_back(there, "look", "x")


def test_blocks_rounds_and_children_are_named_as_they_are_written() -> None:
    child = Plan("c", "C", "rollback", "me", (free("deep"),), inputs={})
    loop = free("each", for_each=ForEach("h", ["a", "b"], (1,)))
    block = Step(id="block", steps=(free("one"), loop))
    host, held = run(block, Step(id="call", child=Child("c")), children={"c": child})
    there = ended(host, held)
    assert [effect.step for effect in there.view.ledger] == ["one", "each[0]", "each[1]", "call/deep"]
    for to, count in {"block": 4, "each": 3, "each[1]": 2, "call": 1, "call/deep": 1}.items():
        assert take_back(there, to, "x").changes == count, to
    assert [step_at(held, path) for path in ("each[1]", "call/deep")] == [loop, child.steps[0]]


def test_a_block_with_its_own_way_back_goes_as_a_whole() -> None:
    undo = Call("ssh", {"hosts": ["web1"], "run": ["all", "back"]}, one=True)
    host, held = run(Step(id="b", steps=(free("one"), free("two")), undo=undo))
    what = take_back(ended(host, held), "two", "x")
    assert (what.changes, what.plan.steps[0].title) == (2, f"Take back 2 changes of {RUN}")
    again = begun(what).decide("approve", by="bob").succeed({})
    assert (again.outcome, ran(again)) == ("succeeded", [["all", "back"]])


def test_what_has_no_way_back_is_a_barrier_and_said_before_anybody_agrees() -> None:
    drop = free("drop", undo=None, irreversible="the column is gone")
    there = ended(*run(free("one"), drop, free("two")))
    host = begun(take_back(there, "", "x"))
    stays = "stays: `fix drop` web1 and all before it: there is no way back, the column is gone"
    assert [each.text for each in host.request.findings] == [stays]
    assert [each.command for each in host.request.changes] == ["unfix two"]
    with pytest.raises(IllegalDecision, match=r"nothing of .* can be taken back; `fix drop` web1 and all"):
        take_back(ended(*run(free("one"), drop)), "", "x")


def test_what_was_taken_back_already_or_is_left_to_another_run_stays() -> None:
    later = free("lent", revert=Revert("after", after="72h"))
    host, held = run(free("one"), later, free("two"))
    assert host.state.ledger[1].left_to == f"{RUN}/return-1"
    there = ended(host, held, p1=Fate("awaited", f"{RUN}/return-1"), p2=Fate("back", f"{RUN}/undo-1"))
    what = take_back(there, "", "x")
    assert (what.changes, what.stays) == (1, (f"`fix lent` web1: `{RUN}/return-1` brings it back",))
    over = ended(host, held, p0=Fate("back", "u"), p1=Fate("back", "r"), p2=Fate("back", "u"))
    with pytest.raises(IllegalDecision, match=r"was taken back by `u`, `r`"):
        take_back(over, "", "x")


def test_nothing_is_taken_back_that_was_never_done() -> None:
    host = Host(given(held := plan(free("one"), free("two")))).start()
    host.succeed({}, already=True).fail("no")
    with pytest.raises(IllegalDecision, match="has changed nothing"):
        take_back(ended(host, held), "", "x")


def test_what_nobody_knows_and_has_no_way_back_is_said_and_left() -> None:
    host = Host(given(held := plan(free("one"), free("two", undo=None)))).start()
    host.succeed({}).lose("gone").decide("abort")
    assert host.outcome == "in_doubt"
    told = "its way back is not written down: look, and take it back by hand if it was"
    assert take_back(ended(host, held), "", "x").stays == (
        f"`two`: nobody knows whether it was done, and {told}",
    )


def aborted(*steps: Step, revision: int = 2) -> tuple[Host, Plan]:
    """A run that was aborted while its last change was under way, and never heard of that again."""
    host = Host(given(held := plan(*steps), revision=revision)).start()
    for _ in steps[1:]:
        host.succeed({"stdout": "ok"})
    host.abort().lose("its worker went silent")
    assert host.outcome == "in_doubt"
    return host, held


def test_what_an_abort_has_left_in_doubt_is_offered_with_its_way_back() -> None:
    host, held = aborted(free("one"), free("two"))
    assert [(each.step, each.doubtful, each.undone) for each in host.state.ledger] == [
        ("one", False, False),
        ("two", True, False),
    ]
    what = take_back(ended(host, held), "", "x")
    assert (what.changes, what.stays) == (2, ())
    again = begun(what)
    assert [each.command for each in again.request.changes] == ["unfix two", "unfix one"]
    titles = [step.title for step in what.plan.steps[-1].steps]
    assert titles == [
        "Take back: fix two web1 (nobody knows whether it was made)",
        "Take back: fix one web1",
    ]
    again.decide("approve", by="bob").succeed({}).succeed({})
    assert (again.outcome, ran(again)) == ("succeeded", [["unfix", "two"], ["unfix", "one"]])


def test_what_nobody_knows_is_looked_at_first_and_left_if_it_was_not_made() -> None:
    host, held = aborted(free("one", done=shows()))
    what = take_back(ended(host, held), "", "x")
    (step,) = what.plan.steps[-1].steps
    assert step.title == "Take back: fix one web1 (nobody knows whether it was made, so it is looked first)"
    again = begun(what).decide("approve", by="bob")
    (task,) = [each.task for each in again.actions.values()]
    assert task.done is not None
    assert (task.done.poll.until, task.done.after_only) == ("!(result.stdout == inputs.service)", False)
    again.succeed({"stdout": "other"}, already=True)
    assert again.outcome == "succeeded"


def test_of_several_targets_one_answer_does_not_leave_the_others() -> None:
    several = Call("ssh", {"hosts": ["web1", "web2"], "run": ["unfix"]})
    host, held = aborted(free("one", done=shows(), undo=several))
    (step,) = take_back(ended(host, held), "", "x").plan.steps[-1].steps
    assert step.done is not None
    assert step.done.after_only


def test_what_is_in_doubt_is_no_barrier_and_comes_back_by_nothing_else() -> None:
    lent, drop = free("one", revert=Revert("after", after="72h")), free("one", undo=None, irreversible="gone")
    host, _ = aborted(lent)
    assert [(each.later, each.left_to) for each in host.state.ledger] == [(None, "")]
    assert host.finished is not None
    assert host.finished.followups == ()
    assert aborted(drop)[0].state.ledger == ()


def test_what_is_in_doubt_inside_of_a_block_goes_back_with_that() -> None:
    undo = Call("ssh", {"hosts": ["web1"], "run": ["all", "back"]}, one=True)
    host, held = aborted(Step(id="b", steps=(free("one"),), undo=undo))
    what = take_back(ended(host, held), "", "x")
    assert [step.title for step in what.plan.steps[-1].steps] == [
        "Take back: b (nobody knows whether it was made)"
    ]
    again = begun(what).decide("approve", by="bob").succeed({})
    assert (again.outcome, ran(again)) == ("succeeded", [["all", "back"]])


def test_what_nobody_knows_stands_where_it_was_begun() -> None:
    loop = free("each", for_each=ForEach("h", ["a", "b"], (2,)))
    host = Host(given(held := plan(loop))).start().after(1).lose("gone").succeed({}).decide("abort")
    assert [(each.step, each.doubtful) for each in host.state.ledger] == [
        ("each[0]", True),
        ("each[1]", False),
    ]
    steps = take_back(ended(host, held), "", "x").plan.steps[-1].steps
    assert [step.id for step in steps] == ["back_2", "back_1"]


def test_an_older_run_lists_what_it_listed() -> None:
    assert aborted(free("one"), revision=1)[0].state.ledger == ()


def test_it_is_seen_that_the_change_is_gone_with_the_values_of_then() -> None:
    host, held = run(free("one", done=shows()))
    again = begun(take_back(ended(host, held), "", "x"))
    shown = "!(result.stdout == inputs.service) (inputs.service is checkout)"
    assert shown in again.request.changes[0].done
    again.decide("approve", by="bob")
    (task,) = [each.task for each in again.actions.values()]
    assert task.done is not None
    assert (task.done.call.params["run"], task.done.after_only) == (["is", "checkout"], True)
    assert task.scope == {"inputs": {"service": "checkout"}}


def test_each_round_is_checked_with_its_own_item() -> None:
    host = Host(given(held := rollback())).start()
    host.succeed({"json": {"rate": 0.2}}).succeed([{"json": {"release": "v2"}}]).decide("approve")
    host.through(lambda action: {"json": {"rate": 0, "release": "v1"}})
    assert host.outcome == "succeeded"
    again = begun(take_back(ended(host, held), "", "x")).decide("approve", by="bob")
    for name in ("web3", "web2", "web1"):
        (task,) = [each.task for each in again.actions.values()]
        assert task.done is not None
        assert (task.call.params["hosts"], task.done.call.params["hosts"]) == ([name], [name])
        assert task.scope == {"steps": {"current": {"bad": "v2"}}}
        again.succeed({})
    assert again.outcome == "succeeded"


def test_what_may_be_back_already_is_looked_at_first() -> None:
    host, held = run(free("one", done=shows()))
    host.state = replace(host.state, ledger=(replace(host.state.ledger[0], unsure=True),))
    again = begun(take_back(ended(host, held), "", "x")).decide("approve", by="bob")
    (task,) = [each.task for each in again.actions.values()]
    assert task.done is not None
    assert not task.done.after_only
    host, held = run(free("one"))
    again = begun(take_back(ended(host, held, p0=Fate("unsure", "u")), "", "x"))


def test_a_second_undo_reads_what_the_first_one_did() -> None:
    host, held = run(free("one"), free("two"), free("three"))
    first = begun(take_back(ended(host, held), "", "x")).decide("approve", by="bob")
    first.succeed({}).fail("no route").decide("skip", by="bob").lose("gone").decide("abort", by="bob")
    view = describe.view(first.state, first.now)
    fates = taken_back_by(view)
    assert fates == {2: Fate("back", view.run), 0: Fate("unsure", view.run)}
    second = take_back(Ended(ended(host, held).view, held, "execution-1", fates), "", "x")
    assert second.changes == 2
    again = begun(second).decide("approve", by="bob")
    assert ran(again) == [["unfix", "two"]]


def test_what_the_view_of_a_large_undo_leaves_out_was_taken_back_all_the_same(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    host, held = run(free("each", for_each=ForEach("h", list(range(5)))))
    first = begun(take_back(ended(host, held), "", "x")).decide("approve", by="bob")
    while first.actions:
        first.succeed({})
    monkeypatch.setattr(within, "STEPS", 0)
    view = describe.view(first.state, first.now)
    assert view.steps == ()
    assert taken_back_by(view) == {at: Fate("back", view.run) for at in range(5)}


def test_what_went_back_in_part_is_taken_back_once_more() -> None:
    host, held = run(free("one"))
    first = begun(take_back(ended(host, held), "", "x")).decide("approve", by="bob")
    first.fail("1 of 2 hosts", ran=True).decide("abort", by="bob")
    assert taken_back_by(describe.view(first.state, first.now)) == {}


def test_what_is_held_when_something_is_changed_is_held_again_before_it_is_asked() -> None:
    inputs = {"n": {"type": "string"}}
    child = Plan("c", "C", "rollback", "me", (free("deep"),), inputs=inputs, locks=("node/${{ inputs.n }}",))
    call = Step(id="call", child=Child("c", {"n": "db1"}))
    held = plan(free("one"), call, children={"c": child}, locks=("service/${{ inputs.service }}",))
    host = Host(given(held)).start().grant().succeed({}).grant().succeed({})
    assert [effect.locks for effect in host.state.ledger] == [
        ("service/checkout",),
        ("node/db1", "service/checkout"),
    ]
    again = begun(take_back(ended(host, held), "", "x"))
    assert again.asks == ["node/db1"]
    again.grant()
    assert again.asks == ["service/checkout"]
    again.grant()
    assert len(again.request.changes) == 2


def test_it_takes_only_the_leases_of_what_goes_back() -> None:
    host, held = run(free("one"), free("two"))
    one, two = host.state.ledger
    ledger = (replace(one, locks=("service/a", "node/b")), replace(two, locks=("service/a",)))
    host.state = replace(host.state, ledger=ledger)
    assert take_back(ended(host, held), "", "x").plan.locks == ("service/a", "node/b")
    assert take_back(ended(host, held), "two", "x").plan.locks == ("service/a",)


def test_a_run_that_was_terminated_while_it_went_back_may_have_gone_further() -> None:
    host = Host(given(held := plan(free("one"), free("two"), free("three")))).start()
    host.succeed({}).succeed({}).order("undo").fail("stopped")
    view = describe.view(host.state, host.now)
    assert (view.outcome, view.phase) == (None, "undoing")
    what = take_back(Ended(view, held, "e"), "", "x")
    titles = [step.title for step in what.plan.steps[-1].steps]
    assert all(title.startswith("Nobody knows whether") for title in titles)


def test_what_a_person_takes_back_is_asked_for() -> None:
    by_hand = Call("manual", {"who": "dba", "do": "close it"})
    host = begun(take_back(ended(*run(free("one", undo=by_hand))), "", "x")).decide("approve", by="bob")
    assert (host.request.kind, host.request.roles) == ("manual", ("dba",))
    host.decide("done", by="carol")
    assert host.outcome == "succeeded"


def test_a_view_shows_what_a_person_needs_to_know_of_where_it_came_from() -> None:
    view: RunView = describe.view(begun(take_back(ended(*run(free("one"))), "", "it was wrong")).state, 0.0)
    assert view.title == f"Take back what {RUN} has changed"
    assert view.inputs == {"run": RUN, "execution": "execution-1", "to": "", "reason": "it was wrong"}
