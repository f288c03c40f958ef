"""Questions beyond yes and no: values, work done by hand, several roles."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.conductor import describe
from stanch.contract import RunPolicy
from stanch.language.plan import Approval, Ask, Call, Check, Poll, Silence, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

CHOOSE = Ask(
    ("technical_lead",),
    {
        "replica": {"type": "string", "enum": "${{ steps.look.all }}"},
        "why": {"type": "string", "default": ""},
    },
    show="There are ${{ string(size(steps.look.all)) }}.",
)


def asking_for_a_value() -> Host:
    look = read(outputs={"all": "result.json"})
    which = Step(id="which", title="Which one?", ask=CHOOSE)
    host = Host(given(plan(look, which, outputs={"chosen": "steps.which.replica + steps.which.why"}))).start()
    return host.succeed({"json": ["db1", "db2", "db1"]})


def test_a_question_shows_choices_that_the_run_has_found() -> None:
    request = asking_for_a_value().request
    assert request.fields["replica"] == {"type": "string", "enum": ["db1", "db2"]}
    assert request.show == "There are 3."
    assert request.roles == ("technical_lead",)
    assert request.choices == ("answer", "abort")


def test_a_question_for_some_of_what_the_run_has_found_shows_it_too() -> None:
    look = read(outputs={"all": "result.json"})
    some = {"type": "array", "items": {"type": "string", "enum": "${{ steps.look.all }}"}, "minItems": 1}
    which = Step(id="which", title="Which?", ask=Ask(("technical_lead",), {"replicas": some}))
    host = Host(given(plan(look, which, outputs={"chosen": "steps.which.replicas"}))).start()
    host = host.succeed({"json": ["db1", "db2"]})
    assert host.request.fields["replicas"]["items"] == {"type": "string", "enum": ["db1", "db2"]}
    strange = host.decision("answer", values={"replicas": ["db3"]})
    assert "must be one of `db1` or `db2`" in host.conductor.refusal(host.state, strange)
    assert host.decide("answer", values={"replicas": ["db2"]}).state.outputs == {"chosen": ["db2"]}


def test_what_a_person_answers_can_be_read_like_an_output() -> None:
    host = asking_for_a_value().decide("answer", reason="", values={"replica": "db2", "why": "!"})
    assert host.state.outputs == {"chosen": "db2!"}


def test_a_field_with_a_default_may_be_left_away() -> None:
    assert asking_for_a_value().decide("answer", values={"replica": "db2"}).outcome == "succeeded"


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({}, "field `replica` is missing"),
        ({"replica": "db3"}, "must be one of `db1` or `db2`"),
        ({"replica": 7}, "field `replica`"),
        ({"replica": "db1", "wy": "x"}, "did you mean `why`"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused(values: dict[str, object], why: str) -> None:
    host = asking_for_a_value()
    assert why in host.conductor.refusal(host.state, host.decision("answer", values=values))


def test_nothing_to_choose_from_is_a_failure_and_not_a_question() -> None:
    look = read(outputs={"all": "result.json"})
    host = Host(given(plan(look, Step(id="which", ask=CHOOSE)))).start().succeed({"json": []})
    assert host.outcome == "failed"
    assert "nothing to choose from" in host.state.reason


def test_silence_never_answers_a_question_it_aborts() -> None:
    asked = Step(id="which", ask=Ask(("ic",), {"x": {"type": "string"}}, silence=Silence(60, "abort")))
    host = Host(given(plan(asked))).start()
    while host.finished is None:
        host.fire()
    assert host.outcome == "aborted"


def test_a_role_without_a_ladder_is_paged_itself_and_then_as_the_commander_is() -> None:
    asked = Step(id="which", ask=Ask(("service_owner",), {"x": {"type": "string"}}))
    host = Host(given(plan(asked))).start()
    while host.finished is None:
        host.fire()
    assert host.pages == ["service_owner", "incident_commander", "technical_lead"]


def by_hand(**fields: object) -> Step:
    call = Call("manual", {"who": "technical_lead", "do": "merge ${{ inputs.service }}", "checklist": ["a"]})
    return Step(id="merge", title="Merge it", call=call, **fields)  # type: ignore[arg-type]


def test_work_by_hand_is_asked_of_the_one_who_does_it_and_needs_no_approval() -> None:
    host = Host(given(plan(by_hand(effect="change", undo=Call("manual", {"do": "revert"}))))).start()
    assert (host.request.kind, host.request.roles) == ("manual", ("technical_lead",))
    assert host.request.show == "merge checkout"
    assert host.request.checklist == ("a",)
    host.order("tick", items=(0,)).decide("done", reason="")
    assert host.outcome == "succeeded"
    assert [effect.step for effect in host.state.ledger] == ["merge"]


def test_work_that_cannot_be_done_has_failed() -> None:
    host = Host(given(plan(by_hand()))).start().decide("fail", reason="no rights")
    assert host.outcome == "failed"
    assert "no rights" in host.state.reason


def test_a_person_who_says_nothing_in_time_has_not_done_it() -> None:
    host = Host(given(plan(by_hand(timeout=600.0, on_failure="continue")))).start()
    while host.finished is None:
        host.fire()
    assert host.now == 1600.0
    assert host.state.nodes["merge"].phase == "failed"


def test_where_a_machine_can_see_it_nobody_has_to_click() -> None:
    done = Check(Call("http", {"url": "http://x"}), Poll("result.status == 200", within=60))
    host = Host(given(plan(by_hand(effect="change", done=done)))).start()
    (look,) = host.actions.values()
    assert look.task.poll is not None
    assert (look.task.poll.within, host.pages) == (0.0, [])
    host.fail("it is not there yet")
    assert host.pages == ["technical_lead"]
    (action,) = host.actions.values()
    assert action.task.poll == done.poll
    host.succeed({"status": 200})
    assert host.outcome == "succeeded"
    assert len(host.state.ledger) == 1


def test_whom_it_waits_for_is_shown_although_there_is_nothing_to_answer() -> None:
    done = Check(Call("http", {"url": "http://x"}), Poll("result.status == 200", within=60))
    host = Host(given(plan(by_hand(effect="change", done=done)))).start().fail("it is not there yet")
    told = "waits until it is seen that technical_lead has done it: merge checkout"
    (step,) = describe.view(host.state, host.now).steps
    assert (step.phase, step.note) == ("acting", told)
    assert describe.open_requests(host.state) == ()
    assert "`merge` waits until it is seen that technical\\_lead has done it: merge checkout" in (
        describe.details(host.state)
    )
    host.succeed({"status": 200})
    (step,) = describe.view(host.state, host.now).steps
    assert (step.phase, step.note) == ("succeeded", "")


TWO = Approval(("incident_commander", "service_owner"), of_roles=2)
HOLDERS = {"incident_commander": ("ann", "cleo"), "service_owner": ("bob", "cleo")}


def asking_both(**fields: object) -> Host:
    approval = Approval(TWO.roles, of_roles=2, **fields)  # type: ignore[arg-type]
    return Host(given(plan(change(approval=approval)), policy=RunPolicy(roles=HOLDERS))).start()


def test_each_of_the_roles_has_to_agree() -> None:
    host = asking_both().decide("approve", "ann")
    assert host.request.answers == ("ann",)
    host.decide("approve", "bob")
    assert host.actions


def test_two_people_of_one_role_are_not_two_roles() -> None:
    host = Host(
        given(
            plan(change(approval=TWO)),
            policy=RunPolicy(roles={"incident_commander": ("ann", "abe"), "service_owner": ("bob",)}),
        )
    ).start()
    host.decide("approve", "ann")
    refused = host.conductor.refusal(host.state, host.decision("approve", "abe"))
    assert "somebody else has already agreed as incident_commander" in refused
    host.decide("approve", "bob")
    assert host.actions


def test_who_holds_both_roles_speaks_for_the_one_that_is_still_open() -> None:
    host = asking_both().decide("approve", "cleo").decide("approve", "ann")
    assert host.actions, "cleo speaks as service owner, since ann can only speak as commander"


def test_a_quorum_beyond_the_roles_counts_people() -> None:
    host = asking_both(quorum=3).decide("approve", "ann").decide("approve", "cleo")
    assert not host.actions
    host.decide("approve", "bob")
    assert host.actions


def test_a_severity_that_the_runbook_is_not_for_is_refused() -> None:
    host = Host(given(plan(read(), severities=("SEV1",)), severity="SEV3")).start()
    assert host.outcome == "refused"
    assert "SEV1" in host.state.reason


def test_titles_and_reasons_are_filled_in() -> None:
    step = change(irreversible="${{ inputs.service }} is gone", undo=None)
    titled = replace(step, title="Stop ${{ inputs.service }}")
    request = Host(given(plan(titled))).start().request
    assert request.question == "Stop checkout?"
    assert request.irreversible == "checkout is gone"
