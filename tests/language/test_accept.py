"""The fast answer to whether a value fits a JSON Schema is the answer of `jsonschema`."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from stanch.language import accept, json_schema
from stanch.language.accept import acceptor
from stanch.language.refusal import input_misfits
from stanch.language.shapes import Shape, shapes_of
from stanch.schemas import load_catalogue, load_schema
from tests.language.cases import CHECKOUT

SHAPES = shapes_of(load_catalogue())
OURS: dict[str, Shape] = {
    "runbook": SHAPES.top,
    "step": SHAPES.step,
    **SHAPES.params,
    "configuration": Shape(load_schema("config.v1.json")),
}
NUMBERS = st.sampled_from([0, 1, 2, 3, -1, 100, 600, 0.0, 1.0, 2.5, -0.5])
WORDS = [
    *("", "a", "ab", "abc", "a\n", "ä", "٣s", "env/X", "30s", "1h30m", "30 s", "25%", "0%", "101%"),
    *("2026-11-01", "2026-11-1", "٢026-11-01", "roll_back", "roll-back", "Roll", "x" * 61, "x" * 81),
    *("${{ x }}", "$ {{", "http://a/b", "http://a b", "ftp://a", "GET", "read", "ok", "true", "1"),
]
TEXTS = st.sampled_from(WORDS)
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


class Fitting:
    """Values that have a good chance to fit a schema, and every now and then something else."""

    def __init__(self, root: Any) -> None:
        self._root = root
        self._named: dict[str, st.SearchStrategy[Any]] = {}

    def of(self, schema: Any) -> st.SearchStrategy[Any]:
        meant = self._fitting(schema)
        return st.integers(1, 40).flatmap(lambda chance: VALUES if chance == 40 else meant)

    def _fitting(self, schema: Any) -> st.SearchStrategy[Any]:
        if not isinstance(schema, dict):
            return VALUES
        if "$id" in schema and schema is not self._root:
            return Fitting(schema)._fitting(schema)
        if "$ref" in schema:
            return self._reference(schema["$ref"].removeprefix("#/$defs/"))
        if "enum" in schema or "const" in schema:
            return st.sampled_from(schema.get("enum", [schema.get("const")]))
        for word in ("anyOf", "oneOf"):
            if word in schema and "type" not in schema:
                return st.one_of(*(self._fitting(part) for part in schema[word]))
        return self._kind(schema)

    def _reference(self, name: str) -> st.SearchStrategy[Any]:
        if name not in self._named:
            self._named[name] = st.deferred(lambda: self._fitting(self._root["$defs"][name]))
        return self._named[name]

    def _kind(self, schema: Any) -> st.SearchStrategy[Any]:
        match schema.get("type"):
            case "object":
                return self._object(schema)
            case "array":
                return st.lists(self.of(schema.get("items", True)), max_size=4)
            case "integer" | "number":
                return NUMBERS
            case "boolean":
                return st.booleans()
            case _:
                fits = Draft202012Validator(schema).is_valid
                return st.sampled_from([text for text in WORDS if fits(text)] or WORDS)

    def _object(self, schema: Any) -> st.SearchStrategy[Any]:
        known = {name: self.of(part) for name, part in schema.get("properties", {}).items()}
        needed = {name: known.pop(name) for name in schema.get("required", ()) if name in known}
        named = st.fixed_dictionaries(needed, optional=known)
        others = st.dictionaries(TEXTS, self.of(schema.get("additionalProperties", True)), max_size=2)
        return named | named | st.builds(lambda one, two: {**one, **two}, named, others)


@cache
def fitting(name: str) -> st.SearchStrategy[Any]:
    return Fitting(OURS[name].schema).of(OURS[name].schema)


@pytest.mark.parametrize("name", OURS)
@given(data=st.data())
def test_what_is_written_is_judged_as_by_the_library(name: str, data: st.DataObject) -> None:
    value = data.draw(fitting(name))
    assert OURS[name].accepts(value) == Draft202012Validator(OURS[name].schema).is_valid(value)


PATTERNS = st.sampled_from(["^a", "b$", "^[a-z]+$", "\\d", "^.$", "\\$\\{\\{", "ä"])
SIZES = st.integers(0, 3)
NAMES = st.sampled_from(["a", "ab", "abc", ""])
KINDS = st.sampled_from(["array", "boolean", "integer", "null", "number", "object", "string"])


def schemas(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    some = st.lists(inner, min_size=1, max_size=3)
    words: dict[str, st.SearchStrategy[Any]] = {
        "type": KINDS | st.lists(KINDS, min_size=1, max_size=3, unique=True),
        "enum": st.lists(VALUES, max_size=4),
        "const": VALUES,
        **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems"), SIZES),
        **dict.fromkeys(("minProperties", "maxProperties"), SIZES),
        **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), NUMBERS),
        "pattern": PATTERNS,
        "uniqueItems": st.booleans(),
        **dict.fromkeys(
            ("items", "additionalProperties", "propertyNames", "not", "if", "then", "else"), inner
        ),
        **dict.fromkeys(("properties", "dependentSchemas"), st.dictionaries(NAMES, inner, max_size=3)),
        "dependentRequired": st.dictionaries(NAMES, st.lists(NAMES, max_size=2), max_size=2),
        "required": st.lists(NAMES, max_size=2, unique=True),
        **dict.fromkeys(("allOf", "anyOf", "oneOf"), some),
        "title": TEXTS,
        "$ref": st.sampled_from(["#/$defs/one", "#/$defs/two"]),
    }
    names = st.lists(st.sampled_from(sorted(words)), max_size=3, unique=True)
    return names.flatmap(lambda chosen: st.fixed_dictionaries({name: words[name] for name in chosen}))


SCHEMAS: st.SearchStrategy[Any] = st.recursive(
    st.booleans() | st.just({}) | schemas(st.booleans()), schemas, max_leaves=6
)
ONE = {"type": "object", "properties": {"a": {"$ref": "#/$defs/one"}}, "required": ["a"]}


@given(schema=schemas(SCHEMAS), value=VALUES)
@example(schema={"enum": [1, [True], {"a": 0}]}, value=True)
@example(schema={"enum": [1, [True], {"a": 0}]}, value=[1])
@example(schema={"enum": [1, [True], {"a": 0}]}, value={"a": 0.0})
@example(schema={"uniqueItems": True}, value=[1, True, {"a": 1}, {"a": True}])
@example(schema={"uniqueItems": True}, value=[[1], [1.0]])
@example(schema={"type": "integer", "minimum": 1}, value=1.0)
@example(schema={"type": ["number"]}, value=True)
@example(schema={"minimum": 1}, value=False)
@example(schema={"maxLength": 2, "minLength": 2}, value="ab")
@example(schema={"maxItems": 1, "minItems": 1}, value=[1])
@example(schema={"maxProperties": 1, "minProperties": 1}, value={"a": 1})
@example(schema={"minimum": 1, "maximum": 1}, value=1)
@example(schema={"exclusiveMinimum": 1}, value=1)
@example(schema={"exclusiveMaximum": 1}, value=1)
@example(schema={"if": False, "else": False}, value=1)
@example(schema={"if": False, "then": False}, value=1)
@example(schema={"$ref": "#/$defs/one"}, value={"a": {"a": {}}})
def test_every_schema_that_is_read_is_read_as_the_library_does(schema: Any, value: Any) -> None:
    schema = {**schema, "$defs": {"one": ONE, "two": {"type": "string"}}}
    assert acceptor(schema)(value) == Draft202012Validator(schema).is_valid(value)


def test_each_word_of_json_schema_is_read_or_left_to_the_library() -> None:
    read = {word for _, words, _ in accept._GROUPS for word in words} | set(accept._WORDS)
    with_others = read | {"type", "then", "else", "format"} | accept._UNREAD
    assert set(Draft202012Validator.VALIDATORS) <= with_others


@pytest.mark.parametrize("word", sorted(accept._UNREAD))
def test_a_schema_with_a_word_that_is_not_read_is_fitted_by_nothing(word: str) -> None:
    assert not acceptor({"properties": {"a": {word: {}}}})({})


def test_a_document_inside_of_a_schema_has_definitions_of_its_own() -> None:
    inner = {"$id": "inner.json", "$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x"}
    fits = acceptor(
        {"$defs": {"x": {"type": "integer"}}, "properties": {"a": inner, "b": {"$ref": "#/$defs/x"}}}
    )
    assert fits({"a": "text", "b": 1})
    assert not fits({"a": 1})
    assert not fits({"b": "text"})


@given(schema=SCHEMAS, value=VALUES)
def test_a_schema_that_is_called_plain_is_one(schema: Any, value: Any) -> None:
    for each in (schema, value):
        if json_schema._is_plain(each):
            Draft202012Validator.check_schema(each)


INPUTS: list[Any] = [
    {"type": "string", "pattern": "^[a-z]+$"},
    {"type": "string", "format": "uri"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "regex"},
    {"type": "string", "format": "date"},
    {"type": "array", "items": {"type": "string", "maxLength": 2}, "maxItems": 2, "uniqueItems": True},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": {"type": "boolean"}},
]
FORMS = st.sampled_from(
    ["2026-11-01", "2026-11-01T10:00:00Z", "2026-11-01T10:00:00", "a:b", "a b:", "(", "abc\n"]
)


@pytest.mark.parametrize("schema", INPUTS, ids=str)
@given(data=st.data())
def test_an_input_is_refused_exactly_when_the_library_refuses_it(schema: Any, data: st.DataObject) -> None:
    value = data.draw(Fitting(schema).of(schema) | FORMS)
    refused = any(True for _ in input_misfits(schema, value, json_schema._FORMATS))
    assert any(True for _ in json_schema.problems(schema, value)) == refused


def test_runbooks_without_a_mistake_are_checked_without_the_library() -> None:
    """Its import alone takes a quarter of what `stanch check` may take."""
    command = [sys.executable, "-X", "importtime", "-m", "stanch.cli", "check", "runbooks"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, check=False)
    assert done.returncode == 0, done.stdout
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "stanch.language.accept" in imported
    assert "jsonschema" not in imported
