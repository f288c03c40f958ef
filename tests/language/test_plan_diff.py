"""What differs between two Plans, and what a Plan gives to actions whose schema has changed since."""

from __future__ import annotations

import copy
from dataclasses import replace

import pytest

from stanch.language.catalogue import Catalogue
from stanch.language.plan import Call, Plan
from stanch.language.render.plan_diff import outgrown, plan_diff
from stanch.schemas import load_catalogue
from tests.support.plans import change, everything, plan, read, rollback


@pytest.mark.parametrize("made", [rollback(), everything()], ids=["rollback", "everything"])
def test_what_is_the_same_differs_in_nothing(made: Plan) -> None:
    assert plan_diff(made, copy.deepcopy(made), "x.yaml") == []


def test_what_differs_is_shown_with_the_lines_around_it() -> None:
    before, after = plan(read("a"), change("b")), plan(read("a"), replace(change("b"), title="Do it"))
    found = plan_diff(before, after, "x.yaml")
    assert found[:2] == ["--- pinned by the run", "+++ today, x.yaml"]
    assert [line for line in found[3:] if line[0] in "+-"] == [
        "-  2. b (change): Do b",
        "+  2. b (change): Do it",
    ]
    assert not any("digest" in line for line in found)


def test_what_the_text_does_not_say_is_compared_as_data() -> None:
    made = rollback()
    found = plan_diff(made, replace(made, format=made.format + 1), "x.yaml")
    assert any(line.startswith("+") and '"format"' in line for line in found)


def without(catalogue: Catalogue, action: str) -> Catalogue:
    return replace(catalogue, actions={n: spec for n, spec in catalogue.actions.items() if n != action})


def changed(catalogue: Catalogue, action: str, **words: object) -> Catalogue:
    spec = catalogue.actions[action]
    schema = {**spec.params, **words}
    return replace(catalogue, actions={**catalogue.actions, action: replace(spec, params=schema)})


def test_an_action_that_is_gone_or_has_another_schema_is_named_with_its_step() -> None:
    catalogue = load_catalogue()
    made = plan(read("look"), change("fix", undo=Call("http", {"url": "http://x/", "method": "POST"})))
    assert outgrown(made, catalogue) == []
    assert outgrown(made, without(catalogue, "ssh")) == ["step `fix`: there is no action `ssh` any more"]
    asks = changed(catalogue, "ssh", required=["hosts", "zone"])
    assert outgrown(made, asks) == ["step `fix`: the schema of `ssh` has changed, and it asks for `zone` now"]
    known = {
        name: held for name, held in catalogue.actions["http"].params["properties"].items() if name != "url"
    }
    knows = changed(catalogue, "http", properties=known, required=[])
    assert outgrown(made, knows) == [
        f"step `{step}`: the schema of `http` has changed, and it knows no `url` any more"
        for step in ("look", "fix")
    ]


def test_what_the_children_of_a_runbook_call_is_looked_at_too() -> None:
    found = outgrown(everything(), without(load_catalogue(), "ssh"))
    assert found == ["runbook `update-node`, step `out`: there is no action `ssh` any more"]
