"""`schemas/plan.v1.json` and the Plan: one shape, and one digest wherever it is made."""

from __future__ import annotations

import dataclasses
import json
import os
import random
import re
import subprocess
import sys
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator
from pydantic import TypeAdapter

from stanch.language.encode import digest, plan_digest, to_data
from stanch.language.plan import Plan
from stanch.schemas import load_schema
from tests.language.cases import CHECKOUT, really_compiled
from tests.language.everything import EVERYTHING
from tests.language.plans import plans
from tests.support.plans import everything, rollback

SCHEMA = load_schema("plan.v1.json")
FITS = Draft202012Validator(SCHEMA)
RUNBOOKS = [
    *sorted((CHECKOUT / "runbooks").rglob("*.yaml")),
    *sorted(path for path in (CHECKOUT / "tests").rglob("runbooks/**/*.yaml")),
]


def misfits(plan: Plan) -> list[str]:
    """As it is written: what no JSON could hold would not arrive."""
    data = json.loads(json.dumps(to_data(plan)))
    return [f"{error.json_path}: {error.message}" for error in FITS.iter_errors(data)]


def compiled(path: Path) -> Plan | None:
    return really_compiled(path.read_text(encoding="utf-8"), path.name).plan


def test_the_schema_is_one() -> None:
    Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$id"].endswith("/schemas/plan.v1.json")


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: str(path.relative_to(CHECKOUT)))
def test_the_plan_of_every_runbook_of_the_checkout_fits(path: Path) -> None:
    plan = compiled(path)
    if plan is None:
        assert path.is_relative_to(CHECKOUT / "tests"), "what ships compiles"
        pytest.skip("it is one with errors")
    assert misfits(plan) == []


@pytest.mark.parametrize("plan", [EVERYTHING, everything(), rollback()], ids=["all", "conductor", "rollback"])
def test_a_plan_that_is_written_by_hand_fits(plan: Plan) -> None:
    assert misfits(plan) == []


@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_a_plan_that_is_made_up_fits_and_is_read_back_as_it_was(plan: Plan) -> None:
    assert misfits(plan) == []
    text = json.dumps(to_data(plan))
    back = TypeAdapter(Plan).validate_json(text)
    assert plan_digest(back) == plan_digest(plan)
    assert digest(json.loads(text)) == plan_digest(plan)


@pytest.mark.parametrize(
    ("way", "value"),
    [
        (("steps",), {}),
        (("steps", 0, "colour"), "red"),
        (("steps", 0, "timeout"), -1),
        (("steps", 0, "effect"), "perhaps"),
        (("steps", 0, "call", "action"), None),
        (("children",), {"x": {"runbook": "x"}}),
        (("owner",), None),
    ],
)
def test_what_is_no_plan_does_not_fit(way: tuple[str | int, ...], value: Any) -> None:
    data = json.loads(json.dumps(to_data(rollback())))
    held = data
    for key in way[:-1]:
        held = held[key]
    held[way[-1]] = value
    assert not FITS.is_valid(data)


# --- in step with the dataclasses -------------------------------------------------------------------------


def reachable(kind: Any, found: dict[str, Any] | None = None) -> dict[str, Any]:
    """Every dataclass that a value of type `kind` may hold, by name."""
    found = {} if found is None else found
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and kind.__name__ not in found:
        found[kind.__name__] = kind
        for hint in typing.get_type_hints(kind).values():
            reachable(hint, found)
    for inner in get_args(kind):
        reachable(inner, found)
    return found


def described(kind: Any) -> Any:
    """The schema of a type, as far as its shape goes."""
    origin, inner = get_origin(kind), get_args(kind)
    simple = {str: "string", bool: "boolean", int: "integer", float: "number"}
    if kind is Any:
        return {}
    if kind in simple:
        return {"type": simple[kind]}
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return {"$ref": "#" if kind is Plan else f"#/$defs/{snake(kind.__name__)}"}
    if origin is Literal:
        return {"enum": list(inner)}
    if origin is tuple:
        return {"type": "array", "items": described(inner[0])}
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {"type": "object", "additionalProperties": described(inner[1])}
    assert origin in (Union, types.UnionType), kind
    parts = [described(part) for part in inner if part is not type(None)]
    return parts[0] if len(parts) == 1 else {"anyOf": parts}


def snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


SHAPE = {"type", "items", "additionalProperties", "anyOf", "enum", "$ref"}


def shape(schema: Any) -> Any:
    """A schema without what it says beside its shape."""
    if isinstance(schema, dict):
        return {key: shape(held) for key, held in schema.items() if key in SHAPE}
    return [shape(held) for held in schema] if isinstance(schema, list) else schema


def schema_of(name: str) -> Any:
    return SCHEMA if name == "Plan" else SCHEMA["$defs"][snake(name)]


@pytest.mark.parametrize("name", sorted(reachable(Plan)))
def test_the_schema_says_of_each_field_what_the_dataclass_says(name: str) -> None:
    kind = reachable(Plan)[name]
    hints = typing.get_type_hints(kind)
    schema = schema_of(name)
    fields = {field.name: field for field in dataclasses.fields(kind)}
    assert list(schema["properties"]) == list(fields)
    assert {key: shape(held) for key, held in schema["properties"].items()} == {
        key: described(hints[key]) for key in fields
    }
    required = [
        key
        for key, field in fields.items()
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
    ]
    assert schema.get("required", []) == required
    assert schema["additionalProperties"] is False
    for key, field in fields.items():
        said = schema["properties"][key]
        assert said["description"].strip(), f"{name}.{key}"
        if "default" in said:
            assert said["default"] == field.default, f"{name}.{key}"


def test_the_schema_has_nothing_that_the_plan_has_not() -> None:
    assert {snake(name) for name in reachable(Plan) if name != "Plan"} == set(SCHEMA["$defs"])


# --- the digest -------------------------------------------------------------------------------------------

DIGESTS = """
import sys
from pathlib import Path
from stanch.language.encode import plan_digest
from tests.language.cases import really_compiled
for path in map(Path, sys.argv[1:]):
    print(plan_digest(really_compiled(path.read_text(encoding="utf-8"), path.name).plan))
"""


def test_the_digest_is_the_same_whatever_seed_python_hashes_with() -> None:
    compiling = [str(path) for path in RUNBOOKS if compiled(path) is not None]
    said = {
        subprocess.run(
            [sys.executable, "-c", DIGESTS, *compiling],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=CHECKOUT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        for seed in ("0", "1", "4242")
    }
    assert said == {"".join(f"{plan_digest(plan)}\n" for path in RUNBOOKS if (plan := compiled(path)))}


def shuffled(data: Any, order: random.Random) -> Any:
    """The same YAML with the keys of every map in another order."""
    if isinstance(data, dict):
        keys = list(data)
        order.shuffle(keys)
        return {key: shuffled(data[key], order) for key in keys}
    return [shuffled(held, order) for held in data] if isinstance(data, list) else data


class _Written(yaml.SafeLoader):
    """Reads every scalar as the text it is, so that nothing is written back as something else."""


_Written.yaml_implicit_resolvers = {}


def written_anew(text: str, seed: int) -> str:
    order = random.Random(seed)
    documents = [shuffled(each, order) for each in yaml.load_all(text, _Written)]
    return "---\n".join(_dump(each) for each in documents)


def _dump(data: Any) -> str:
    text: str = yaml.dump(data, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=10_000)
    return text


class _Plain(yaml.SafeDumper):
    """Writes texts that YAML would take for numbers without quotes: as they stood there."""


def _scalar(dumper: _Plain, text: str) -> yaml.ScalarNode:
    typed = re.fullmatch(r"true|false|null|-?\d+(\.\d+)?", text)
    if typed:
        tag = (
            "bool"
            if text in ("true", "false")
            else "null"
            if text == "null"
            else "float"
            if "." in text
            else "int"
        )
        return dumper.represent_scalar(f"tag:yaml.org,2002:{tag}", text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')


_Plain.add_representer(str, _scalar)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("path", sorted((CHECKOUT / "runbooks").rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_order_of_keys_means_nothing_to_the_digest(path: Path, seed: int) -> None:
    text = path.read_text(encoding="utf-8")
    before = really_compiled(text, path.name).plan
    found = really_compiled(written_anew(text, seed), path.name)
    assert before is not None
    assert found.plan is not None, found.diagnostics
    assert plan_digest(found.plan) == plan_digest(before)


CHILD = EVERYTHING.children["restart-node"]


def backwards(held: Mapping[str, Any]) -> dict[str, Any]:
    return dict(reversed(list(held.items())))


def test_the_order_of_inputs_and_outputs_means_nothing_and_that_of_steps_everything() -> None:
    turned = dataclasses.replace(
        EVERYTHING, inputs=backwards(EVERYTHING.inputs), children=backwards({"a": CHILD, "b": CHILD})
    )
    straight = dataclasses.replace(EVERYTHING, children={"a": CHILD, "b": CHILD})
    assert list(turned.inputs) != list(EVERYTHING.inputs)
    assert plan_digest(turned) == plan_digest(straight)
    upside_down = dataclasses.replace(EVERYTHING, steps=EVERYTHING.steps[::-1])
    assert plan_digest(upside_down) != plan_digest(EVERYTHING)


def test_the_digest_covers_the_runbooks_that_are_called() -> None:
    other = dataclasses.replace(CHILD, steps=CHILD.steps[:1])
    changed = dataclasses.replace(EVERYTHING, children={CHILD.runbook: other})
    assert plan_digest(changed) != plan_digest(EVERYTHING)


def test_the_digest_is_this_one() -> None:
    """On every machine and with every Python; a change of the shape of Plans changes it on purpose."""
    assert plan_digest(rollback()) == "35165e759051b1eab2a542dfbe9cbbf8d39b72ba925114dff35688aca5c6dbb0"
