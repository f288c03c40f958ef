"""Every word that an editor offers is explained, in the words of the schema that it reads."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.editors.written import BY_PEOPLE, BY_PROGRAMS, CHECKOUT, SCHEMAS, WRITTEN, content, shipped

ACTIONS = sorted(path.relative_to(SCHEMAS).as_posix() for path in (SCHEMAS / "actions").glob("*.v1.json"))
NARROWS = ("allOf", "if", "then", "else", "not", "enum", "const", "default", "defaultSnippets")
"""Behind these stand values, or words that are declared elsewhere."""
SENTENCE = re.compile(r"[A-Z`].{8,}[.?]", re.DOTALL)


def words(schema: Any, place: str = "") -> Iterator[tuple[str, Any]]:
    """Every property that stands anywhere in a schema, with the names on the way to it."""
    if isinstance(schema, list):
        for part in schema:
            yield from words(part, place)
    elif isinstance(schema, dict):
        for keyword, part in schema.items():
            if keyword in NARROWS:
                continue
            if keyword in ("properties", "$defs", "dependentSchemas"):
                for name, inner in part.items():
                    there = f"{place}.{name}".lstrip(".")
                    if keyword == "properties":
                        yield there, inner
                    yield from words(inner, there)
            else:
                yield from words(part, place)


def description(word: Any, schema: str) -> str:
    """Its own, or that of what it refers to."""
    if "description" in word or "$ref" not in word:
        return str(word.get("description", ""))
    file, _, place = word["$ref"].partition("#")
    name = (Path(schema).parent / file).as_posix() if file else schema
    target = content(name)
    for part in place.strip("/").split("/") if place else ():
        target = target[part]
    return description(target, name)


@pytest.mark.parametrize("schema", [*WRITTEN, *ACTIONS])
def test_every_word_is_explained(schema: str) -> None:
    # Nobody writes the result of an action.
    written = [(name, word) for name, word in words(content(schema)) if not name.startswith("result.")]
    assert written
    assert [name for name, word in written if len(description(word, schema)) < 10] == []


@pytest.mark.parametrize("schema", WRITTEN)
def test_an_explanation_is_a_sentence(schema: str) -> None:
    said = {name: word["description"] for name, word in words(content(schema)) if "description" in word}
    assert {name: text for name, text in said.items() if not SENTENCE.fullmatch(text)} == {}


@pytest.mark.parametrize("schema", [*WRITTEN, *ACTIONS])
def test_what_does_not_fit_a_pattern_is_told_what_would(schema: str) -> None:
    """The compiler says `title`, an editor `errorMessage`."""
    told = [
        (part["title"], part.get("errorMessage"))
        for part in nodes(content(schema))
        if "pattern" in part and "title" in part
    ]
    assert [(title, message) for title, message in told if message != f"must be {title}"] == []


def nodes(schema: Any) -> Iterator[dict[str, Any]]:
    if isinstance(schema, dict):
        yield schema
    for part in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from nodes(part)


def test_it_is_known_of_every_schema_whether_people_write_by_it() -> None:
    assert {path.name for path in SCHEMAS.glob("*.json")} - BY_PEOPLE.keys() - BY_PROGRAMS == set()


@pytest.mark.parametrize("schema", WRITTEN)
def test_a_shipped_document_names_its_schema(schema: str) -> None:
    for path in shipped(schema):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        named = first.removeprefix("# yaml-language-server: $schema=")
        assert (path.parent / named).resolve() == SCHEMAS / schema, f"the first line of {path}"


def test_the_page_names_every_schema_and_tells_where_they_are(tmp_path: Path) -> None:
    page = (CHECKOUT / "docs" / "editors.md").read_text(encoding="utf-8")
    assert [schema for schema in WRITTEN if f"`schemas/{schema}`" not in page] == []
    (code,) = re.findall(r'^python -c "(.+)"$', page, re.MULTILINE)
    told = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=tmp_path
    )
    assert Path(told.stdout.strip()) == SCHEMAS


def test_the_lock_file_says_what_is_installed_and_not_from_where() -> None:
    folder = Path(__file__).parent.parent / "npm"
    packages = json.loads((folder / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    wanted = json.loads((folder / "package.json").read_text(encoding="utf-8"))["devDependencies"]
    assert packages[""]["devDependencies"] == wanted
    for name, package in packages.items():
        assert not name or (package["version"] and package["integrity"].startswith("sha512-"))
        assert "resolved" not in package, (
            f"{name}: make the lock file in its folder, where .npmrc leaves this out"
        )
