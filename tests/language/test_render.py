"""How diagnostics and Plans look."""

from __future__ import annotations

import os
import re

import pytest

from stanch.language.diagnostics import Diagnostic, Related, Severity
from stanch.language.plan import Approval, Ask, Call, Finding, ForEach, Plan, Revert, Step
from stanch.language.render.json import render_json
from stanch.language.render.mermaid import plan_mermaid
from stanch.language.render.plan_text import plan_text
from stanch.language.render.text import render_text
from stanch.language.source import Span
from tests.language.cases import CHECKOUT, HERE, really_compiled
from tests.language.everything import EVERYTHING


def said(line: int, column: int, end: int, hint: str | None = None, path: str = "a.yaml") -> Diagnostic:
    return Diagnostic("RB302", Severity.ERROR, "it is wrong", path, Span(line, column, line, end), (), hint)


# --- text ---------------------------------------------------------------------------------------------------


def test_the_excerpt_is_that_of_the_design() -> None:
    source = "\n" * 40 + "        pool: ${{ steps.drain.pool }}\n"
    diagnostic = Diagnostic(
        "RB302",
        Severity.ERROR,
        "step `restart` reads the output of `drain`, which runs later",
        "runbooks/rollback/api.yaml",
        Span(41, 19, 41, 30),
        (Related(Span(58, 9, 58, 14), "`drain` is declared"),),
        "move `drain` above `restart`",
    )
    assert render_text([diagnostic], {"runbooks/rollback/api.yaml": source}, colour=False) == (
        "error[RB302]: step `restart` reads the output of `drain`, which runs later\n"
        "  --> runbooks/rollback/api.yaml:41:19\n"
        "   |\n"
        "41 |         pool: ${{ steps.drain.pool }}\n"
        "   |                   ^^^^^^^^^^^ `drain` is declared at line 58\n"
        "\n"
        "hint: move `drain` above `restart`\n"
    )


def test_a_hint_of_several_lines_keeps_them_and_nothing_in_them_is_obeyed() -> None:
    rendered = render_text(
        [said(1, 1, 2, "write\n  steps:\n    - id: a\x1b[2J")], {"a.yaml": "x\n"}, colour=False
    )
    assert rendered.endswith("\nhint: write\n  steps:\n    - id: a\ufffd[2J\n")


def test_colour_changes_nothing_but_colour() -> None:
    sources = {"a.yaml": "one\ntwo\n"}
    diagnostics = [said(1, 1, 4, "do it"), said(2, 1, 2)]
    coloured = render_text(diagnostics, sources, colour=True)
    assert "\x1b[1;31merror[RB302]\x1b[0m" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render_text(diagnostics, sources, colour=False)


@pytest.mark.parametrize(
    ("line", "column", "end", "marks"),
    [
        ("日本: x", 5, 6, "      ^"),
        ("e\u0301: x", 5, 6, "   ^"),
        ("\tx", 2, 3, " ^"),
        ("abc", 4, 4, "   ^"),
        ("abc", 9, 12, "   ^"),
    ],
)
def test_the_marks_stand_under_what_they_mark(line: str, column: int, end: int, marks: str) -> None:
    rendered = render_text([said(1, column, end)], {"a.yaml": line}, colour=False)
    assert rendered.splitlines()[4] == f"  | {marks}"


def test_a_long_line_is_cut_around_the_mistake() -> None:
    line = "x" * 5000 + "HERE" + "y" * 5000
    rows = render_text([said(1, 5001, 5005)], {"a.yaml": line}, colour=False).splitlines()
    shown, marks = rows[3], rows[4]
    assert len(shown) < 160
    assert shown[marks.index("^") : marks.rindex("^") + 1] == "HERE"


def test_nothing_that_a_terminal_obeys_comes_out() -> None:
    diagnostic = Diagnostic(
        "RB301", Severity.ERROR, "no `\x1b[2J`", "a\x07.yaml", Span(1, 1, 1, 2), (), "\x1b]0;x\x07"
    )
    rendered = render_text([diagnostic], {"a\x07.yaml": "k: \x1b[31m\u202e"}, colour=False)
    assert all(char.isprintable() or char == "\n" for char in rendered)


def test_a_place_behind_the_end_of_the_file_has_no_excerpt() -> None:
    assert render_text([said(9, 1, 1)], {"a.yaml": "x"}, colour=False) == (
        "error[RB302]: it is wrong\n --> a.yaml:9:1\n"
    )


def test_nothing_wrong_is_no_text() -> None:
    assert render_text([], {}, colour=True) == ""


# --- json ---------------------------------------------------------------------------------------------------


def test_an_object_has_the_keys_that_programs_rely_on() -> None:
    diagnostic = Diagnostic(
        "RB302", Severity.WARNING, "m", "a.yaml", Span(1, 2, 3, 4), (Related(Span(5, 6, 7, 8), "r"),), "h"
    )
    assert render_json([diagnostic]) == [
        {
            "code": "RB302",
            "severity": "warning",
            "message": "m",
            "path": "a.yaml",
            "line": 1,
            "column": 2,
            "end_line": 3,
            "end_column": 4,
            "hint": "h",
            "related": [{"message": "r", "line": 5, "column": 6, "end_line": 7, "end_column": 8}],
        }
    ]


# --- Plans --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "rendered"),
    [
        ("everything.txt", plan_text(EVERYTHING, None)),
        ("everything-with-inputs.txt", plan_text(EVERYTHING, {"host": "web1", "limit": 5})),
        ("everything.mmd", plan_mermaid(EVERYTHING)),
    ],
)
def test_a_plan_looks_as_before(name: str, rendered: str) -> None:
    expected = HERE / "golden" / "plans" / name
    if os.environ.get("REGENERATE") == "1":
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(rendered, encoding="utf-8")
    assert rendered == expected.read_text(encoding="utf-8")


def test_the_shipped_rollback_reads_well_with_its_inputs() -> None:
    path = CHECKOUT / "runbooks" / "rollback" / "rollback-release.yaml"
    plan = really_compiled(path.read_text(encoding="utf-8"), path.name).plan
    assert plan is not None
    text = plan_text(plan, {"service": "shop", "hosts": ["web1"], "health_url": "http://x/health"})
    assert "undo ssh ${{ host }}: deploy redeploy shop ${{ steps.current.bad }}" in text
    assert "http GET http://x/health" in text
    assert "inputs." not in text


HOSTILE = [
    '"]',
    "end",
    '%%{init: {"theme": "dark"}}%%',
    "---\ntitle: x\n---",
    "<script>alert(1)</script>",
    "#quot;",
    '"`**md**`"',
    '|"| --> s1',
    'click s1 "javascript:x"',
    "::: change; style s1 fill:#000",
    "\x1b[8m\u202e",
    "",
    " ",
    "x" * 5000,
]
LABEL = r'"[^"<>`%\n]{1,1000}"'
LINE = re.compile(
    rf"""flowchart[ ]TD | [ ]*end
    | [ ]*subgraph[ ]s[\d_]+[ ]\[{LABEL}\]
    | [ ]*\w+(?:\[{LABEL}\] | \[/{LABEL}/\] | \[/{LABEL}\\\] | \[\[{LABEL}\]\])(?:::: \w+)?
    | [ ]*\w+(?:\(\[{LABEL}\]\) | \{{{LABEL}\}})(?:::: \w+)?
    | [ ]*\w+[ ](?:-->|-\.->)(?:\|{LABEL}\|)?[ ]\w+
    | [ ]*classDef[ ].*""",
    re.VERBOSE,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_text_leaves_its_box_in_the_graph(text: str) -> None:
    """Whether Mermaid reads such lines was tried with Mermaid itself."""
    finding = Finding(text, "suspect", text)
    change = Step(
        id="fix",
        title=text,
        effect="change",
        when=text,
        call=Call("ssh", {"hosts": [text], "run": [text]}),
        undo=Call("manual", {"who": text, "do": text}),
        approval=Approval((text,)),
        revert=Revert("after", after=text),
        irreversible=text,
        findings=(finding,),
    )
    block = Step(id="block", title=text, steps=(change,), for_each=ForEach("a", [1], (1,)))
    ask = Step(id="ask", title=text, ask=Ask((text,), {}))
    plan = Plan("r", text, "diagnosis", text, (block, ask, Step(id="w", wait=text or "1s")))
    wrong = [line for line in plan_mermaid(plan).splitlines() if not LINE.fullmatch(line)]
    assert wrong == []
