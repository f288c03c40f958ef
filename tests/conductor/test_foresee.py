"""What the one question of a block shows of the changes inside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stanch.conductor import describe
from stanch.contract import Request
from stanch.language.plan import Approval, Call, Check, Child, ForEach, Plan, Poll, Revert, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read


def fan(name: str = "fix", items: str | list[str] = "${{ inputs.hosts }}", **fields: Any) -> Step:
    where = {"hosts": ["${{ host }}"]}
    return Step(
        id=name,
        effect="change",
        for_each=ForEach("host", items, (1,)),
        call=Call("ssh", {**where, "run": [name]}, one=True),
        undo=Call("ssh", {**where, "run": ["un" + name]}, one=True),
        done=Check(
            Call("ssh", {**where, "run": ["ask", "${{ host }}"]}, one=True), Poll("result.rc == 0", within=60)
        ),
        **fields,
    )


def asked(*steps: Step, **fields: Any) -> Request:
    block = Step(id="both", title="Both", steps=steps, approval=Approval(("incident_commander",)), **fields)
    return Host(given(plan(block))).start().request


def test_every_target_of_a_fan_out_is_shown_with_its_check_and_its_way_back() -> None:
    request = asked(fan(), fan("tell", ["mon"]))
    assert request.question == "Both? (4 changes)"
    assert [(each.target, each.command, each.undo) for each in request.changes] == [
        ("web1", "fix", "unfix"),
        ("web2", "fix", "unfix"),
        ("web3", "fix", "unfix"),
        ("mon", "tell", "untell"),
    ]
    assert request.changes[1].done == "ask web2, until result.rc == 0"


def test_a_loop_round_a_block_shows_each_of_its_rounds() -> None:
    inner = replace(fan(), for_each=None)
    outer = asked(inner, for_each=ForEach("host", ["a", "b"], (1,)))
    nested = asked(Step(id="all", steps=(inner,), for_each=ForEach("host", ["a", "b"], (1,))))
    assert [each.target for each in outer.changes] == ["a", "b"]
    assert [each.target for each in nested.changes] == ["a", "b"]


def test_what_is_certain_not_to_run_is_not_shown_and_what_may_run_is() -> None:
    look = read("look", outputs={"bad": "result.json.bad"})
    request = asked(
        look,
        fan("never", when="inputs.service == 'other'"),
        fan("surely", ["a"], when="inputs.service == 'checkout'"),
        fan("perhaps", ["b"], when="steps.look.bad"),
    )
    assert [each.command for each in request.changes] == ["surely", "perhaps"]


def test_items_that_only_a_step_in_the_block_tells_are_said_to_be_known_later() -> None:
    request = asked(read("look", outputs={"hosts": "result.json"}), fan(items="${{ steps.look.hosts }}"))
    assert [each.target for each in request.changes] == ['any number of targets, known after "look"']


@pytest.mark.parametrize(
    ("revert", "words"),
    [
        (Revert("end_of_run"), "at the end of the run"),
        (Revert("end_of_block"), "at the end of the block around it"),
        (Revert("after", after="${{ inputs.service == 'checkout' ? '72h' : '1h' }}"), "after 72h"),
        (Revert("ask", roles=("technical_lead",)), "when technical_lead says so"),
        (
            Revert(
                "when",
                when=Check(Call("prometheus", {"query": "up"}), Poll("result.value == 0.0", 0)),
                not_before="48h",
                at_most="720h",
                roles=("incident_commander",),
            ),
            (
                "when result.value == 0.0, not before 48h, after 720h in any case, if "
                "incident_commander agrees"
            ),
        ),
    ],
)
def test_what_is_borrowed_is_shown_with_when_it_comes_back(revert: Revert, words: str) -> None:
    step = change(approval=None, revert=revert)
    assert [each.revert for each in asked(step).changes] == [words]
    alone = Host(given(plan(replace(step, approval=Approval(("incident_commander",)))))).start()
    assert [each.revert for each in alone.request.changes] == [words]
    assert f"put back {describe.escape(words)}" in describe.details(alone.state)


def test_what_a_child_borrows_comes_back_at_the_end_of_the_child() -> None:
    inner = Step(
        id="out",
        effect="change",
        call=Call("ssh", {"hosts": ["a"], "run": ["out"]}),
        undo=Call("ssh", {"hosts": ["a"], "run": ["in"]}),
        revert=Revert("end_of_run"),
    )
    child = Plan("update", "Update", "maintenance", "sre", (inner,))
    call = Step(id="each", child=Child("update"), approval=Approval(("incident_commander",)))
    request = Host(given(plan(call, children={"update": child}))).start().request
    assert [(each.undo, each.revert) for each in request.changes] == [("in", "at the end of `update`")]


def test_a_way_back_of_the_block_is_shown_in_place_of_those_inside() -> None:
    back = Call("ssh", {"hosts": ["${{ inputs.service }}"], "run": ["all", "back"]}, one=True)
    request = asked(fan(items=["a"]), undo=back, revert=Revert("end_of_run"))
    assert [(each.undo, each.revert) for each in request.changes] == [("all back", "at the end of the run")]


def test_the_digest_covers_what_people_do_not_see() -> None:
    with_input = replace(fan(), call=Call("ssh", {"hosts": ["a"], "run": ["fix"], "stdin": "one"}, one=True))
    other = replace(fan(), call=Call("ssh", {"hosts": ["a"], "run": ["fix"], "stdin": "two"}, one=True))
    first, second = asked(with_input), asked(other)
    assert first.changes == second.changes
    assert first.digest != second.digest
