"""What the one question of a block shows of the changes inside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stanch.contract import Request
from stanch.language.plan import Approval, Call, Check, ForEach, Poll, Step
from tests.support.host import Host
from tests.support.plans import given, plan, read


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


def test_items_that_only_a_step_in_the_block_tells_are_shown_as_they_are_written() -> None:
    request = asked(read("look", outputs={"hosts": "result.json"}), fan(items="${{ steps.look.hosts }}"))
    assert [each.target for each in request.changes] == ["${{ host }}"]


def test_the_digest_covers_what_people_do_not_see() -> None:
    with_input = replace(fan(), call=Call("ssh", {"hosts": ["a"], "run": ["fix"], "stdin": "one"}, one=True))
    other = replace(fan(), call=Call("ssh", {"hosts": ["a"], "run": ["fix"], "stdin": "two"}, one=True))
    first, second = asked(with_input), asked(other)
    assert first.changes == second.changes
    assert first.digest != second.digest
