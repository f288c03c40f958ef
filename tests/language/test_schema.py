"""The published schema: what an editor checks is what the compiler checks."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from stanch.language.diagnostics import CODES, Report
from stanch.language.read import read
from stanch.language.tree import plain
from tests.language.cases import CHECKOUT, HERE, whole
from tests.language.test_diagnostics_pages import SPOKEN, example, sections

SCHEMAS = CHECKOUT / "schemas"
SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))
STRUCTURE = ("RB201", "RB202", "RB203", "RB204", "RB205", "RB206")
ACTIONS = sorted(path.name.removesuffix(".v1.json") for path in (SCHEMAS / "actions").glob("*.v1.json"))


@cache
def published() -> Draft202012Validator:
    registry: Registry[Any] = Registry()
    for path in (SCHEMAS / "actions").glob("*.v1.json"):
        resource = Resource.from_contents(json.loads(path.read_text(encoding="utf-8")))
        registry = registry.with_resource(f"actions/{path.name}", resource)
        registry = registry.with_resource(resource.id() or path.name, resource)
    schema = json.loads((SCHEMAS / "runbook.v1.json").read_text(encoding="utf-8"))
    return Draft202012Validator(schema, registry=registry)


def document(text: str) -> Any:
    _, node = read("x.yaml", text, Report("x.yaml"))
    assert node is not None
    return plain(node)


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(published().schema)


@pytest.mark.parametrize("place", ["step", "check", "call"])
def test_an_editor_knows_every_action_everywhere(place: str) -> None:
    schema: Any = published().schema
    references = [part.get("$ref", "") for part in schema["$defs"][place]["properties"].values()]
    listed = sorted(reference for reference in references if reference.endswith("_fields"))
    assert listed == [f"#/$defs/{name}_fields" for name in ACTIONS]


def test_an_editor_knows_the_whole_of_an_action_that_is_used_alone() -> None:
    schema: Any = published().schema
    alone = schema["$defs"]["step"]["allOf"][0]["then"]["properties"]
    assert alone == {name: {"$ref": f"actions/{name}.v1.json#/$defs/params"} for name in ACTIONS}


@pytest.mark.parametrize("name", ACTIONS)
def test_an_editor_knows_every_parameter_of_an_action(name: str) -> None:
    schema: Any = published().schema
    action = json.loads((SCHEMAS / "actions" / f"{name}.v1.json").read_text(encoding="utf-8"))
    prefix = f"actions/{name}.v1.json#/$defs/params/properties"
    expected = {field: {"$ref": f"{prefix}/{field}"} for field in action["$defs"]["params"]["properties"]}
    assert schema["$defs"][f"{name}_fields"]["properties"] == expected


@pytest.mark.parametrize("path", [*SHIPPED, HERE / "data" / "design.yaml"], ids=lambda path: path.stem)
def test_an_editor_has_nothing_against_a_runbook_that_compiles(path: Any) -> None:
    assert list(published().iter_errors(document(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_names_its_schema(path: Any) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == SCHEMAS / "runbook.v1.json"


@pytest.mark.parametrize("code", sorted(CODES.keys() - SPOKEN))
def test_an_editor_has_nothing_against_the_correct_example_of_a_page(code: str) -> None:
    data = document(whole(example(sections(code)["Correct"])))
    assert [error.message for error in published().iter_errors(data)] == []


@pytest.mark.parametrize("code", STRUCTURE)
def test_an_editor_refuses_a_wrong_structure_as_the_compiler_does(code: str) -> None:
    data = document(whole(example(sections(code)["Problematic"])))
    assert not published().is_valid(data)


def test_every_word_is_described_for_the_editor() -> None:
    schema: Any = published().schema
    undescribed = [
        f"{place}.{name}"
        for place, part in [("runbook", schema), *schema["$defs"].items()]
        for name, word in part.get("properties", {}).items()
        if not described(word, schema)
    ]
    assert undescribed == []


def described(word: Any, schema: Any) -> bool:
    reference = word.get("$ref", "")
    if reference.startswith("actions/"):
        return True
    if reference.endswith("/role") or word.get("title"):
        return True
    target = schema["$defs"].get(reference.removeprefix("#/$defs/"), {})
    return "description" in word or "description" in target or "title" in target
