"""The published schema: what an editor checks is what the compiler checks."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from scripts.schema import action_documents, with_actions
from stanch.language.diagnostics import CODES, Report
from stanch.language.read import read, read_all
from stanch.language.tree import plain
from tests.language.cases import CHECKOUT, HERE, files_of, whole
from tests.language.test_diagnostics_pages import REHEARSED, SPOKEN, example, sections

SCHEMAS = CHECKOUT / "schemas"
SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))
STRUCTURE = ("RB201", "RB202", "RB203", "RB204", "RB205")
CHECKS = ("done", "verify", "undo")
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


def test_the_parts_about_actions_are_those_that_the_script_writes() -> None:
    text = (SCHEMAS / "runbook.v1.json").read_text(encoding="utf-8")
    assert with_actions(text, action_documents()) == text, "run `make schema`"


@pytest.mark.parametrize("place", ["step", "check", "call"])
def test_an_editor_knows_every_action_everywhere(place: str) -> None:
    schema: Any = published().schema
    references = [part.get("$ref", "") for part in schema["$defs"][place]["properties"].values()]
    listed = sorted(reference for reference in references if reference.endswith("_fields"))
    assert listed == [f"#/$defs/{name}_fields" for name in ACTIONS]


@pytest.mark.parametrize("place", ["step", "inheriting"])
def test_an_editor_knows_what_an_action_needs(place: str) -> None:
    schema: Any = published().schema
    always, beside, last = schema["$defs"][place]["allOf"][:3]
    scripts = [name for name in ACTIONS if "script" in known(name)[0]["properties"]]
    assert always["properties"] == {name: needed(name, place) for name in ACTIONS if name not in scripts}
    assert beside["if"] == {"not": {"required": ["script"]}}
    assert beside["then"]["properties"] == {name: needed(name, place) for name in scripts}
    assert beside["else"]["properties"].keys() == set(scripts)
    assert last == {"$ref": "#/$defs/scriptless"}
    scriptless = schema["$defs"]["scriptless"]["if"]["anyOf"]
    assert scriptless == [{"required": [name]} for name in ACTIONS if name not in scripts]


def needed(name: str, place: str) -> Any:
    """What an action must have; where its targets may come from the step around it, all but these."""
    params, targets = known(name)
    if place == "step" or targets is None:
        return {"$ref": f"actions/{name}.v1.json#/$defs/params"}
    others = [word for word in params["required"] if word != targets]
    words = {word: params[word] for word in ("oneOf", "anyOf", "dependentSchemas") if word in params}
    return {**words, "required": others} if others else words


def test_an_editor_knows_that_without_the_action_there_are_no_targets_to_inherit() -> None:
    schema: Any = published().schema
    found = {}
    for each in schema["$defs"]["step"]["allOf"][3:]:
        (name,) = each["if"]["not"]["required"]
        found[name] = each["then"]["properties"]
    wanted = {name: known(name)[1] for name in ACTIONS if known(name)[1] is not None}
    assert found.keys() == wanted.keys()
    for name, words in found.items():
        there = {"properties": {name: {"required": [wanted[name]]}}}
        revert = words["revert"]["properties"]["when"]
        assert {"properties": revert["properties"]} == there
        assert {word: words[word] for word in words if word != "revert"} == dict.fromkeys(CHECKS, there)


def known(name: str) -> tuple[Any, str | None]:
    """An action's parameters, and which of them are its targets."""
    action = json.loads((SCHEMAS / "actions" / f"{name}.v1.json").read_text(encoding="utf-8"))
    return action["$defs"]["params"], action["x-stanch"]["targets"]


@pytest.mark.parametrize("name", ACTIONS)
def test_an_editor_knows_every_parameter_of_an_action(name: str) -> None:
    schema: Any = published().schema
    action = json.loads((SCHEMAS / "actions" / f"{name}.v1.json").read_text(encoding="utf-8"))
    prefix = f"actions/{name}.v1.json#/$defs/params/properties"
    expected = {field: {"$ref": f"{prefix}/{field}"} for field in action["$defs"]["params"]["properties"]}
    assert schema["$defs"][f"{name}_fields"]["properties"] == expected
    assert schema["$defs"][f"{name}_fields"]["description"] == action["description"]


@pytest.mark.parametrize("path", [*SHIPPED, HERE / "data" / "design.yaml"], ids=lambda path: path.stem)
def test_an_editor_has_nothing_against_a_runbook_that_compiles(path: Any) -> None:
    assert list(published().iter_errors(document(path.read_text(encoding="utf-8")))) == []


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_names_its_schema(path: Any) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == SCHEMAS / "runbook.v1.json"


@pytest.mark.parametrize("code", sorted(CODES.keys() - SPOKEN - REHEARSED))
def test_an_editor_has_nothing_against_the_correct_example_of_a_page(code: str) -> None:
    for _, text in files_of(example(sections(code)["Correct"])):
        _, nodes = read_all("x.yaml", text, Report("x.yaml"))
        for node in nodes:
            assert [error.message for error in published().iter_errors(plain(node))] == []


@pytest.mark.parametrize("code", STRUCTURE)
def test_an_editor_refuses_a_wrong_structure_as_the_compiler_does(code: str) -> None:
    data = document(whole(example(sections(code)["Problematic"])))
    assert not published().is_valid(data)
