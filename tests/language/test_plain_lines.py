"""Files that are read line by line give the trees that PyYAML's parser gives, to the last offset.

`FUZZ=5000 pytest tests/language/test_plain_lines.py` tries that many examples in each test, not a hundred.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from bench._library import write_runbook
from stanch.language.characters import decode
from stanch.language.diagnostics import Report
from stanch.language.plain_lines import LONGEST, read_plain
from stanch.language.read import parse_all
from stanch.language.source import Source
from stanch.language.tree import Mapping, Node, Scalar, Sequence
from stanch.language.unread import has_directive
from tests.language.cases import CHECKOUT
from tests.language.yaml_texts import yaml_texts

SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))
FOLDERS = [CHECKOUT / "runbooks", CHECKOUT / "drills", CHECKOUT / "tests"]
TEXTS = [
    path.read_text(encoding="utf-8", errors="replace")
    for folder in FOLDERS
    for path in sorted(folder.rglob("*.yaml"))
    if "node_modules" not in path.parts
]
ODD = r"""
{ } [ ] - : ' " ${{ }} &a *a !! !x | > # \ ? % --- ... <<: null true ~ 0x1F 0o7 1.5 .nan 1e400 -1 , @ ` = é
'' ""
"""
SPACED = [" ", "  ", "\n", "\n  ", "\n- ", "\n  - ", ": ", "- ", " #", ", ", "\t", "\r"]
PIECES = [
    ">-\n",
    "|\n",
    "|-\n    ",
    "a: >-\n  b\n  c\n",
    "- d: |\n    e\n     f\n",
    "\n\n",
    *ODD.split(),
    *SPACED,
]
SMALL = [
    "a: b\nc: [d, e]\n",
    "a:\n  - b: c\n    d: 'e''f'\n  - g\n",
    "a: {b: c, d: [e, {f: g}]}  # x\n",
    "k:\n- a\n- b: c\nl: m\n",
    'a: "x\\n\\"y"\nb: -1\nc: .5\nd: x\n',
    "a:\n  b:\n    c: d # e\n  # f\n  g: h\n\ni: j\n",
    "- a\n- b: c\n  d: e\n-  f: g\n   h: i\n",
    "a: >-\n  b\n  c: d\ne: |\n    # f\n     g\n\n\nh: i\n",
    "- a: |-\n    b\n    - c\n  d: >-\n    e\n# f\n- g\n",
]
EXAMPLES = settings(
    max_examples=int(os.environ.get("FUZZ", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def everything(node: Node) -> Any:
    """All that is in a tree."""
    place = (node.start, node.end)
    match node:
        case Scalar():
            return (node.text, type(node.value), node.value, node.style, node.refused, *place)
        case Sequence():
            return (node.flow, [everything(item) for item in node.items], *place)
        case Mapping():
            entries = [(everything(entry.key), everything(entry.value)) for entry in node.entries]
            names = None if node.by_name is None else list(node.by_name.items())
            assert names == [(entry.name, entry) for entry in node.entries]
            return (node.flow, entries, *place)


def assert_agreed(text: str) -> bool:
    """Whether the text is plain; then both readers have to give one tree."""
    report = Report("x.yaml")
    source, readable = decode("x.yaml", text, report)
    if not readable or has_directive(source, report) or (plain := read_plain(source)) is None:
        return False
    parsed = parse_all(source, report)
    assert report.found == []
    assert [everything(plain)] == [everything(root) for root in parsed]
    return True


@st.composite
def changed(draw: st.DrawFn) -> str:
    """Some lines of a file with something put in, taken out or indented otherwise."""
    lines = draw(st.sampled_from([*TEXTS, *SMALL, *SMALL])).split("\n")
    begin = draw(st.integers(0, max(len(lines) - 12, 0)))
    text = "\n".join(lines[begin : begin + 12]) + "\n"
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(text)))
        end = at + draw(st.sampled_from([0, 0, 1, 2, 6]))
        text = text[:at] + draw(st.sampled_from(PIECES)) + text[end:]
    return text


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_a_shipped_runbook_is_read_alike(path: Path) -> None:
    assert_agreed(path.read_text(encoding="utf-8"))


def test_most_shipped_runbooks_are_plain() -> None:
    assert sum(assert_agreed(path.read_text(encoding="utf-8")) for path in SHIPPED) > len(SHIPPED) / 2


def test_runbooks_of_the_benchmark_are_plain() -> None:
    assert all(assert_agreed(write_runbook(number, 40)[1]) for number in range(20))


def test_files_of_this_checkout_are_read_alike() -> None:
    assert sum(map(assert_agreed, TEXTS)) > len(TEXTS) / 3


@EXAMPLES
@given(yaml_texts())
def test_made_up_files_are_read_alike(text: str) -> None:
    assert_agreed(text)


@EXAMPLES
@given(changed())
@example("a: b\n c: d\n")
@example("a:\n- b\n  - c\n")
@example("a: 'b' c\n")
@example("a: [b, c]d\n")
@example("a: b:\n")
@example("a: b\n---\n")
def test_slips_of_the_hand_are_read_alike(text: str) -> None:
    assert_agreed(text)


@pytest.mark.parametrize("text", SMALL)
def test_what_people_write_is_plain(text: str) -> None:
    assert assert_agreed(text)
    assert assert_agreed(text.rstrip("\n"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing\n",
        "word\n",
        "a:\n",
        "a: b\na: c\n",
        "null: a\n",
        "a: b\n  c\n",
        "a: |+\n  b\n",
        "a: >-\n  b\n\n  c\n",
        "a: &x b\n",
        "a: *x\n",
        "a: !x b\n",
        "a: {b: c\n}\n",
        "a: [b\n",
        "a: [b: c]\n",
        "a: [b: ]\n",
        "a: [b, , c]\n",
        "a: {b}\n",
        "a: {b: c: d}\n",
        "a: {b:c}\n",
        "a: [b #c]\n",
        "a: [b c]#d\n",
        "a: 'b'#c\n",
        "a: b: c\n",
        "a: b:\n",
        'a: "b\n  c"\n',
        'a: "\\u00e4"\n',
        "a:\tb\n",
        "a: b\r\n",
        "---\na: b\n",
        "<<: {a: b}\n",
        "? a\n: b\n",
        '"a": b\n',
        "- - a\n",
        "a: .nan\n",
        f"a: {'b' * LONGEST}\n",
        "".join(f"{' ' * at}k{at}:\n" for at in range(100)) + " " * 100 + "k: v\n",
    ],
)
def test_the_rest_is_left_to_the_parser(text: str) -> None:
    assert read_plain(Source("x.yaml", text)) is None


@pytest.mark.parametrize("before", ["", "a: ", "a: [", "a: {b: ", 'a: "', "a: '", "- "])
@pytest.mark.parametrize(
    "piece", [" ", "a", "a b ", "a:", "#", " #", "[", "[a, ", "{a: ", "''", '\\"', "$(", "--"]
)
def test_time_grows_with_the_text_alone(before: str, piece: str) -> None:
    text = before + piece * ((LONGEST - 100) // len(piece)) + "!"
    begun = time.process_time()
    read_plain(Source("x.yaml", text))
    assert time.process_time() - begun < 1
