"""The compiler and the published schema are asked about the same documents, and neither knows better.

Documents that fit are broken in one place at a time. "Refused" means by the structure alone: what a word
means where it stands, which names exist and what would be unsafe is for the compiler to say.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from stanch.language.diagnostics import Report
from stanch.language.parse import parse
from stanch.language.read import read
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT, HERE
from tests.language.test_real_runbooks import IMPROVED
from tests.language.test_schema import SHIPPED, document, published

STRUCTURE = {"RB113", "RB201", "RB202", "RB203", "RB204", "RB205"}
REAL = sorted((CHECKOUT / "tests" / "data" / "real-runbooks").glob("*.yaml"))
EVERY_WORD = HERE / "data" / "every-word.yaml"
DOCUMENTS = [EVERY_WORD, HERE / "data" / "design.yaml", *SHIPPED, *REAL]

Place: TypeAlias = tuple[str | int, ...]

OTHERS: tuple[Any, ...] = (
    "",
    "some text",
    "${{ inputs.x }}",
    0,
    2.5,
    True,
    None,
    [],
    ["text"],
    {},
    {"text": 1},
)
"""Put into the place of every value: one of each kind, and the smallest of those that have a size."""
HEAD = {"runbook": "piece", "kind": "diagnosis", "owner": "team"}
STEP = {"id": "step"}
WITH_ACTIONS = {"steps": "step", "done": "check", "verify": "verification", "when": "check", "undo": "call"}
OWN_DATA = {"inputs", "json", "headers", "query", "vars", "env"}
"""What an author writes under these is not the language's."""


def mutations(data: Any) -> Iterator[tuple[str, Any]]:
    """A piece of `data` with one thing changed, and what that is. What looks the same is changed once."""
    seen = set()
    for piece in pieces(data):
        for place, value in places(piece):
            look = (kind(place), type(value))
            if look not in seen:
                seen.add(look)
                yield from changes(piece, place, value)


def changes(data: Any, place: Place, value: Any) -> Iterator[tuple[str, Any]]:
    name = f"{data['steps'][0]['id']}: {'.'.join(map(str, place))}"
    if isinstance(place[-1], str):
        yield f"{name} is missing", changed(data, place, lambda owner, key: owner.pop(key))
        yield f"{name} is misspelt", changed(data, place, misspell)
    for other in OTHERS:
        if other != value or type(other) is not type(value):
            yield f"{name} is {other!r}", changed(data, place, put(other))


def pieces(data: Any) -> Iterator[Any]:
    """Small documents with all that is in `data`: its head, and each of its steps by itself."""
    yield {**data, "steps": [STEP]}
    left = list(data["steps"])
    while left:
        step = left.pop()
        left += step.get("steps", ())
        yield {**HEAD, "steps": [{**step, "steps": [STEP]} if "steps" in step else step]}


def places(data: Any, place: Place = ()) -> Iterator[tuple[Place, Any]]:
    """Every value inside, with the way to it, as far as the language has something to say about it."""
    if place:
        yield place, data
    if len(place) > 1 and place[-2] in OWN_DATA:
        return
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in inner:
        yield from places(value, (*place, key))


def kind(place: Place) -> Place:
    """A place without the numbers of items and without the blocks around a step."""
    last = max((at for at, key in enumerate(place) if key == "steps"), default=0)
    return tuple("" if isinstance(key, int) else key for key in place[last:])


def changed(data: Any, place: Place, change: Any) -> Any:
    """A copy of `data` in which `change` was made to what owns the end of `place`."""
    copy = data.copy()
    if len(place) == 1:
        change(copy, place[0])
    else:
        copy[place[0]] = changed(data[place[0]], place[1:], change)
    return copy


def misspell(owner: Any, key: str) -> None:
    owner[f"{key}x"] = owner.pop(key)


def put(value: Any) -> Any:
    def change(owner: Any, key: str | int) -> None:
        owner[key] = value

    return change


def names(data: Any, keyword: str | None = None) -> set[str]:
    """Every key inside; with a `keyword`, only the keys of what stands behind it."""
    inner = data.values() if isinstance(data, dict) else data if isinstance(data, list) else ()
    found = set().union(*(names(value, keyword) for value in inner))
    if isinstance(data, dict):
        found |= set(data if keyword is None else data.get(keyword, ()))
    return found


def refusals(data: Any) -> list[str]:
    """What the compiler has against the structure of a document."""
    report = Report("x.yaml")
    source, root = read("x.yaml", json.dumps(data), report)
    assert root is not None
    parse(source, root, load_catalogue(), report)
    return [f"{each.code}: {each.message}" for each in report.found if each.code in STRUCTURE]


def fitting(path: Path) -> Any:
    """The document at `path`, improved where it is a draft, with an action that exists in the place of each
    that does not."""
    text = path.read_text(encoding="utf-8")
    for change in IMPROVED:
        if change["of"] == path.stem:
            text = text.replace(change["old"], change["new"])
    return known(document(text))


def known(data: Any, words: str = "") -> Any:
    """`data`, where `words` is the definition of what may stand in it: a step, a check or a call."""
    if isinstance(data, list):
        return [known(each, words) for each in data]
    if not isinstance(data, dict):
        return data
    # An input may have the name of a word.
    inner = {
        name: value if name == "inputs" else known(value, WITH_ACTIONS.get(name, ""))
        for name, value in data.items()
    }
    schema: Any = published().schema
    allowed = schema["$defs"][words]["properties"] if words else inner
    strange = [name for name in inner if name not in allowed]
    for name in strange:
        del inner[name]
    return {**inner, "http": {"url": "https://example.org/"}} if strange else inner


def test_every_word_is_in_a_document_that_is_broken_in_every_place() -> None:
    written = names(document(EVERY_WORD.read_text(encoding="utf-8")))
    schema: Any = published().schema
    params = [action.params["properties"] for action in load_catalogue().actions.values()]
    assert (names(schema, "properties") | set().union(*params)) - written == set()


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.stem)
def test_the_compiler_and_the_editor_refuse_the_same_documents(path: Path) -> None:
    data = fitting(path)
    assert refusals(data) == []
    assert [error.message for error in published().iter_errors(data)] == []
    disagreed = []
    for what, other in mutations(data):
        mistakes = refusals(other)
        if published().is_valid(other) is bool(mistakes):
            disagreed.append((what, mistakes, [error.message for error in published().iter_errors(other)]))
    assert disagreed == []
