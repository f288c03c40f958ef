"""Checklists: each line ticked by somebody, at some time; the work is not done while one is open."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.contract import RunPolicy
from stanch.language.plan import Call, Child, Plan, Step
from tests.support.host import Host
from tests.support.plans import LADDER, given, plan

LINES = ["the queue is empty", "the lamp is red", "the door is shut"]
POLICY = RunPolicy(ladders={"incident_commander": LADDER})


def by_hand(revision: int = 2, checklist: list[str] | None = None, policy: RunPolicy = POLICY) -> Host:
    params = {"who": "technical_lead", "do": "look", "checklist": LINES if checklist is None else checklist}
    step = Step(id="look", call=Call("manual", params), outputs={"checked": "result.checked"})
    return Host(
        given(plan(step, outputs={"c": "steps.look.checked"}), policy=policy, revision=revision)
    ).start()


def test_work_is_not_done_while_a_line_of_its_checklist_is_open() -> None:
    host = by_hand().order("tick", items=(1,))
    refused = host.conductor.refusal(host.state, host.decision("done"))
    assert refused == (
        "not ticked yet: 1 `the queue is empty`, 3 `the door is shut`; "
        "each line is ticked by whoever has done it"
    )
    host.order("tick", by="bob", items=(0, 2)).decide("done")
    assert host.outcome == "succeeded"


def test_work_may_be_given_up_whatever_is_ticked() -> None:
    host = by_hand()
    assert host.conductor.refusal(host.state, host.decision("fail")) == ""
    assert host.conductor.refusal(host.state, host.decision("abort")) == ""


def test_each_tick_has_its_name_and_time_in_the_request_the_timeline_and_the_result() -> None:
    host = by_hand().order("tick", items=(1,)).after(60).order("tick", by="bob", items=(2, 0))
    assert [(tick.item, tick.by, tick.at) for tick in host.request.ticked] == [
        (1, "alice", 1000.0),
        (2, "bob", 1060.0),
        (0, "bob", 1060.0),
    ]
    assert host.told("ticked") == [
        f"{who} ticks line {line + 1}, `{LINES[line]}` (unverified, via cli)"
        for who, line in (("alice", 1), ("bob", 2), ("bob", 0))
    ]
    host.decide("done")
    assert host.finished is not None
    assert host.finished.outputs["c"] == [
        "the queue is empty (bob, 1970-01-01T00:17:40Z)",
        "the lamp is red (alice, 1970-01-01T00:16:40Z)",
        "the door is shut (bob, 1970-01-01T00:17:40Z)",
    ]


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        (
            {},
            f"say which lines are done; open: 1 `{LINES[0]}`, 2 `{LINES[1]}`, 3 `{LINES[2]}`",
        ),
        ({"items": (0, 3)}, "there is no line 4: the checklist of `look` has 3 lines"),
        ({"items": (-1,)}, "there is no line 0: the checklist of `look` has 3 lines"),
        ({"items": (0,), "request": "other"}, "there is no open request `other`; open: `look`"),
    ],
)
def test_a_tick_of_nothing_is_refused_in_words(fields: dict[str, Any], refused: str) -> None:
    assert by_hand().refusal("tick", **fields) == refused


def test_a_line_is_ticked_once() -> None:
    host = by_hand().order("tick", items=(1,))
    assert host.refusal("tick", items=(1, 1)) == "ticked already: line 2 by alice at 00:16 UTC"
    host.order("tick", by="bob", items=(0, 1))
    assert [(tick.item, tick.by) for tick in host.request.ticked] == [(1, "alice"), (0, "bob")]


def test_without_a_checklist_there_is_nothing_to_tick() -> None:
    host = by_hand(checklist=[])
    assert host.refusal("tick", items=(0,)) == "no open request has a checklist"
    assert host.refusal("tick", items=(0,), request="look") == "`look` has no checklist"
    assert host.decide("done").outcome == "succeeded"


def test_ticks_stay_when_the_work_is_handed_to_somebody_else() -> None:
    roles = {"technical_lead": ("bob",), "incident_commander": ("alice",)}
    policy = RunPolicy(ladders={"incident_commander": LADDER}, roles=roles, people=("carol",), named=True)
    host = by_hand(policy=policy).order("tick", by="bob", items=(0,))
    host.order("handover", by="alice", role="technical_lead", to="carol")
    assert [(tick.item, tick.by) for tick in host.request.ticked] == [(0, "bob")]
    digest = host.request.digest
    host.order("tick", by="carol", items=(1, 2))
    assert host.request.digest == digest


def test_a_run_of_an_earlier_release_asks_for_no_ticks() -> None:
    host = by_hand(revision=1)
    assert host.decide("done").outcome == "succeeded"
    assert host.finished is not None
    assert host.finished.outputs["c"] == LINES


def test_a_checklist_in_a_child_is_ticked_by_its_request() -> None:
    params = {"who": "scribe", "do": "look", "checklist": LINES[:1]}
    child = Plan("c", "C", "recovery", "me", (Step(id="look", call=Call("manual", params)),))
    twice = (Step(id="one", child=Child("c")), Step(id="two", child=Child("c")))
    both = plan(Step(id="both", steps=twice, parallel=True), children={"c": child})
    host = Host(given(both, policy=POLICY, revision=2)).start()
    assert host.refusal("tick", items=(0,)) == (
        "several requests with a checklist are open: `one/look`, `two/look`; say which one"
    )
    host.order("tick", items=(0,), request="two/look")
    assert [bool(each.request.ticked) for each in host.state.requests.values()] == [False, True]
