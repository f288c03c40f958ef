"""Made-up runbooks: documents that fit the published schema more or less, in YAML.

Everything is read off the schemas of `load_catalogue`: a new word of the language is made up here without a
line about it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any, TypeAlias

import yaml
from hypothesis import strategies as st

from stanch.schemas import load_schema

Json: TypeAlias = Any

DEEPEST = 9
IDS = ["a", "b", "look", "roll_back"]
TEXTS = [
    *IDS,
    "rollback-release",
    "incident_commander",
    "technical_lead",
    "30s",
    "1h30m",
    "25%",
    "2026-11-01",
    "https://example.org/x",
    "${{ inputs.a }}",
    "${{ steps.look.b }} and ${{ run.id }}",
    "${{ [1, 2].map(x, x + 1) }}",
    "env/NAME",
    "some text",
    "é日😀: 'x' # \"y\"",
    "line\nanother\n",
    "",
]
ATOMS = [
    "inputs.a",
    "inputs.b[0]",
    "steps.a.b",
    "steps.look.ok",
    "steps.roll_back.results",
    "result",
    "result.value",
    "result[0].json.x",
    "run.id",
    "run.findings",
    "run.incident.severity",
    "alert.labels.x",
    "a",
    "host",
    "1",
    "0.5",
    "'x'",
    '"é😀"',
    "true",
    "null",
    "[1, 2]",
    "{'a': 1}",
    "duration('5m')",
    "nope.x",
    "",
    "(",
]
FORMS = [
    "{} + {}",
    "{} == {}",
    "{} > {}",
    "{} && {}",
    "{} in {}",
    "{} ? {} : 1",
    "size({})",
    "has({})",
    "!{}",
    "-{}",
    "{}.map(x, x)",
    "{}.filter(y, {})",
    "{}.sort_by(x, x)",
    "{}.distinct()",
    "sum({})",
    "extract({}, {})",
    "bytes({})",
    "int({})",
    "{}.b",
    "{}[0]",
    "({})",
]
WORDS = ["steps", "when", "undo", "runbook", "outputs", "x-y"]
OTHERS: list[Json] = [None, True, 0, -1, 2.5, "", "text", "${{", [], ["x"], {}, {"x": 1}, {"secret": "env/X"}]
"""What may stand where something else should."""

MAKES = {"$ref", "type", "properties", "const", "enum", "anyOf"}
"""With none of these a schema only says what is not allowed."""

atoms = st.sampled_from(ATOMS)
expressions = st.recursive(
    atoms,
    lambda inner: st.tuples(st.sampled_from(FORMS), inner, inner).map(lambda drawn: _filled(*drawn)),
    max_leaves=4,
)
texts = st.one_of(
    st.sampled_from(TEXTS),
    expressions.map(lambda cel: f"${{{{ {cel} }}}}"),
    st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), max_size=12),
)


def _filled(form: str, first: str, second: str) -> str:
    return form.replace("{}", first, 1).replace("{}", second, 1)


@cache
def _schema(reference: str) -> Json:
    """What a `$ref` of the runbook's schema, or of an action's, points at."""
    document, _, path = reference.partition("#")
    found = load_schema(document)
    for key in path.strip("/").split("/"):
        found = found[key] if key else found
    return found


@st.composite
def values(draw: st.DrawFn, schema: Json, home: str = "runbook.v1.json", depth: int = 0) -> Json:
    """A value that fits `schema`, of the file `home`, but for a mistake now and then."""
    if not isinstance(schema, dict) or depth > DEEPEST or draw(st.integers(0, 60)) == 0:
        return copied(draw(st.sampled_from(OTHERS)))
    if reference := schema.get("$ref"):
        if reference == "#/$defs/cel":
            return draw(expressions)
        home = home if reference.startswith("#") else reference.partition("#")[0]
        whole = home + reference if reference.startswith("#") else reference
        return draw(values(_schema(whole), home, depth))
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return draw(st.sampled_from(schema["enum"]))
    options = [part for word in ("anyOf", "oneOf") for part in schema.get(word, ()) if MAKES & part.keys()]
    if options and ("properties" not in schema or draw(st.booleans())):
        return draw(values(draw(st.sampled_from(options)), home, depth))
    return draw(_of_type(schema, home, depth))


@st.composite
def _of_type(draw: st.DrawFn, schema: Json, home: str, depth: int) -> Json:
    kinds = schema.get("type", "object" if "properties" in schema or "then" in schema else "string")
    match draw(st.sampled_from(kinds if isinstance(kinds, list) else [kinds])):
        case "object":
            return draw(_objects(schema, home, depth))
        case "array":
            least = schema.get("minItems", 0)
            item = values(schema.get("items", {}), home, depth + 1)
            return draw(st.lists(item, min_size=least, max_size=least + 2))
        case "string":
            pattern = schema.get("pattern", "")
            fitting = [text for text in TEXTS if re.search(pattern, text)]
            return draw(st.sampled_from(fitting)) if pattern and fitting else draw(texts)
        case "integer":
            return draw(st.integers(0, 5))
        case "number":
            return draw(st.sampled_from([0, 1, 2.5]))
        case "boolean":
            return draw(st.booleans())
    return None


@st.composite
def _objects(draw: st.DrawFn, schema: Json, home: str, depth: int) -> Json:
    properties: dict[str, Json] = {}
    required: list[str] = []
    for part in (schema.get("then", {}), schema):
        properties |= part.get("properties", {})
        required += part.get("required", ())
    most = 6 if depth else 12
    chosen = draw(st.lists(st.sampled_from(sorted(properties)), max_size=most)) if properties else []
    names = [name for name in [*required, *chosen] if draw(st.integers(0, 40))]
    made = {name: draw(values(properties.get(name, {}), home, depth + 1)) for name in dict.fromkeys(names)}
    if (
        isinstance(more := schema.get("additionalProperties", "propertyNames" in schema), dict | bool)
        and more
    ):
        inner = values(more, home, depth + 1) if isinstance(more, dict) else texts
        made |= draw(st.dictionaries(st.sampled_from(IDS), inner, max_size=2))
    return made


@st.composite
def runbooks(draw: st.DrawFn) -> Json:
    """A runbook as data."""
    return draw(values(load_schema("runbook.v1.json")))


def written(data: Json, style: int) -> str:
    """`data` as YAML: block style, all in brackets, or JSON."""
    data = copied(data)  # nothing stands in it twice, which would become an alias
    match style % 3:
        case 0:
            return yaml.safe_dump(data, allow_unicode=True, sort_keys=False)
        case 1:
            return yaml.safe_dump(data, default_flow_style=True, width=100)
        case _:
            return json.dumps(data, indent=1, ensure_ascii=False)


def places(data: Json, at: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value inside of `data`."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [place for key, value in inner for place in ((*at, key), *places(value, (*at, key)))]


def at(data: Json, place: tuple[str | int, ...]) -> Json:
    found: Any = data
    for key in place:
        found = found[key]
    return found


def copied(data: Json) -> Json:
    return json.loads(json.dumps(data))


@st.composite
def changed(draw: st.DrawFn, documents: list[Json]) -> Json:
    """One of `documents` in which a few values were dropped, doubled, renamed or replaced by others."""
    data = copied(draw(st.sampled_from(documents)))
    for _ in range(draw(st.integers(1, 4))):
        if not (ways := places(data)):
            break
        *way, key = draw(st.sampled_from(ways))
        owner = at(data, tuple(way))
        match draw(st.integers(0, 4)):
            case 0:
                del owner[key]
            case 1:
                owner[key] = copied(draw(st.sampled_from(OTHERS) | texts | expressions))
            case 2:
                other = draw(st.sampled_from([data, *documents]))
                owner[key] = copied(at(other, draw(st.sampled_from(places(other)))))
            case 3 if isinstance(owner, dict):
                owner[draw(st.sampled_from([*IDS, *WORDS]))] = owner.pop(key)
            case _ if isinstance(owner, list):
                owner.insert(0, copied(at(owner, (key,))))
    return data
