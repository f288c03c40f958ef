"""`# stanch: allow`: which advice it silences, and what is said about a comment that is wrong itself."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.language.allow import may_allow
from stanch.language.diagnostics import CODES, Severity
from stanch.language.source import Span
from tests.language.cases import CHECKOUT, HEAD, LOOK, compiled

UNUSED = "inputs:\n  region: {type: string}"
WHY = "dashboards show it"


def said(text: str) -> list[tuple[str, int]]:
    """The codes and lines of a whole runbook."""
    return [(each.code, each.span.line) for each in compiled(text).diagnostics]


def test_advice_is_given_without_a_comment() -> None:
    assert said(HEAD + LOOK + UNUSED) == [("RB305", 14)]


@pytest.mark.parametrize(
    "inputs",
    [
        "inputs:\n  region: {type: string}  # stanch: allow RB305 WHY",
        "inputs:\n  region: {type: string} #stanch:allow RB305: WHY",
        "inputs:\n  region: {type: string}\t# stanch: allow RB305 (WHY)",
        "inputs:\n  # stanch: allow RB305 WHY\n  region: {type: string}",
        "inputs:\n  # stanch: allow RB305 WHY\n\n  # a word on the region\n  region: {type: string}",
        "inputs:\n# stanch: allow RB305 WHY\n  region:\n    type: string  # it is one",
        "inputs:\n  region: {type: string}  # stanch: allow RB305, RB305 WHY",
        "inputs: {region: {type: string}}  # stanch: allow RB305 WHY\n",
        "inputs:\n  region:  # stanch: allow RB305 WHY\n    type: string",
        "inputs:\r\n  # stanch: allow RB305 WHY\r\n  region: {type: string}\r\n",
        "inputs:\n  'region': {type: string, description: \"# no\"}  # stanch: allow RB305 WHY",
        "inputs:\n  region: {type: string, description: it's}  # stanch: allow RB305 WHY, isn't it?",
    ],
)
def test_a_comment_allows_advice_on_its_line_or_on_the_next_that_is_no_comment(inputs: str) -> None:
    assert said(HEAD + LOOK + inputs.replace("WHY", WHY)) == []


@pytest.mark.parametrize(
    "first",
    [
        "# stanch: allow RB305 WHY\n",
        "# yaml-language-server: $schema=x\n\n# stanch: allow RB305 WHY\n# a word\n\n",
        "# stanch: allow RB305 WHY\n---\n",
        "--- # stanch: allow RB305 WHY\n",
        "\ufeff# stanch: allow RB305 WHY\n",
    ],
)
def test_a_comment_before_the_first_key_is_for_the_whole_file(first: str) -> None:
    inputs = "inputs:\n  region: {type: string}\n  zone: {type: string}\n"
    assert said(first.replace("WHY", WHY) + HEAD + LOOK + inputs) == []


def test_one_comment_allows_several_codes() -> None:
    text = HEAD + LOOK.replace("up\n", "up\n    outputs: {value: result.value}\n") + UNUSED
    assert [code for code, _ in said(text)] == ["RB306", "RB305"]
    assert said(f"# stanch: allow RB305,  RB306 {WHY}\n{text}") == []


def test_comments_above_each_other_are_all_for_the_line_below_them() -> None:
    comments = f"  # stanch: allow RB306 {WHY}\n  # stanch: allow RB305 {WHY}\n"
    assert said(f"{HEAD}{LOOK}inputs:\n{comments}  region: {{type: string}}") == [("RB218", 14)]


def test_a_comment_is_for_no_other_line() -> None:
    inputs = f"inputs:  # stanch: allow RB305 {WHY}\n  region: {{type: string}}"
    assert said(HEAD + LOOK + inputs) == [("RB218", 13), ("RB305", 14)]


@pytest.mark.parametrize(
    "place",
    [
        'impact: "a text # stanch: allow RB501 x"',
        "impact: 'a text # stanch: allow RB501 x'",
        'impact: "a text\n  # stanch: allow RB501 x\n  more"',
        "impact: |\n  # stanch: allow RB501 x\n",
        "impact: |\n  a text  # stanch: allow RB501 x\n\n\n",
        "impact: >-  # with a comment\n  a text  # stanch: allow RB501 x\n",
        "impact: a text#stanch:allow RB501 x",
        "impact: a text  # see also # stanch: allow RB501 x",
        "# it used to say # stanch: allow RB501 x",
        "# stanch: allowed once a year by the board",
        "# stanch: allows 50 requests",
        "# stanch: see the wiki",
        "# Stanch: allow RB501 x",
    ],
)
def test_text_and_other_comments_are_not_for_the_compiler(place: str) -> None:
    assert said(f"{HEAD}{place}\n{LOOK}") == []


def test_the_header_of_a_block_of_text_may_end_in_a_comment() -> None:
    text = f"{HEAD}{LOOK}impact: |  # stanch: allow RB501 x\n  a text\n"
    assert said(text) == [("RB215", 13)]


@pytest.mark.parametrize(
    ("comment", "code", "marked", "message"),
    [
        ("stanch: allow RB305", "RB216", None, "the comment does not say why this is allowed"),
        ("stanch: allow RB305 --", "RB216", None, "the comment does not say why this is allowed"),
        ("stanch: allow", "RB217", None, "the comment names no code to allow"),
        ("stanch: allow it for now", "RB217", None, "the comment names no code to allow"),
        ("stanch: alow RB305 x", "RB217", (8, "alow"), "`alow` is not understood"),
        ("stanch: allow RB999 x", "RB217", (14, "RB999"), "there is no diagnostic `RB999`"),
        ("stanch: allow RB3O5 x", "RB217", (14, "RB3O5"), "there is no diagnostic `RB3O5`"),
        ("stanch: allow rb305 x", "RB217", (14, "rb305"), "there is no diagnostic `rb305`"),
        ("stanch: allow RB305 RB306 x", "RB217", (20, "RB306"), "there is no comma before `RB306`"),
        (
            "stanch: allow RB501 x",
            "RB215",
            (14, "RB501"),
            "`RB501` cannot be allowed: a change that nobody approves",
        ),
        (
            "stanch: allow RB305, RB501",
            "RB215",
            (21, "RB501"),
            "`RB501` cannot be allowed: a change that nobody approves",
        ),
        (
            "stanch: allow RB218 x",
            "RB215",
            (14, "RB218"),
            "`RB218` cannot be allowed: an `allow` comment that nothing needs",
        ),
    ],
)
def test_a_wrong_comment_is_an_error_at_its_place(
    comment: str, code: str, marked: tuple[int, str] | None, message: str
) -> None:
    found = compiled(f"{HEAD}{UNUSED}  # {comment}\n{LOOK}").diagnostics
    (wrong,) = (each for each in found if each.code != "RB305")
    assert (wrong.code, wrong.message, wrong.severity) == (code, message, Severity.ERROR)
    at, text = marked or (-2, f"# {comment}")
    start = len("  region: {type: string}  # ") + 1 + at
    assert wrong.span == Span(7, start, 7, start + len(text))


def test_a_missing_reason_is_one_diagnostic_and_not_the_advice_once_more() -> None:
    assert said(HEAD + LOOK + UNUSED + "  # stanch: allow RB305") == [("RB216", 14)]


@pytest.mark.parametrize(("code", "near"), [("RB3O5", "RB305"), ("rb306", "RB306"), ("RB2012", "RB212")])
def test_the_nearest_code_that_can_be_allowed_is_suggested(code: str, near: str) -> None:
    hints = {each.hint for each in compiled(f"{HEAD}{LOOK}# stanch: allow {code} x\n").diagnostics}
    assert hints == {f"did you mean `{near}`?"}


def test_an_error_stays_where_a_comment_names_it() -> None:
    step = "steps:\n  - id: look\n    wait: steps.x.y  # stanch: allow RB203, RB204, RB301 x\n"
    codes = [code for code, _ in said(HEAD + step)]
    assert codes.count("RB215") == 3
    assert len(codes) > 3


def test_a_comment_that_nothing_needs_is_advice() -> None:
    text = f"{HEAD}{LOOK}# stanch: allow RB305 {WHY}\n"
    (found,) = compiled(text).diagnostics
    assert (found.code, found.severity, found.message) == (
        "RB218",
        Severity.WARNING,
        "there is no `RB305` on line 13 to allow",
    )
    (found,) = compiled(f"# stanch: allow RB305 {WHY}\n{HEAD}{LOOK}").diagnostics
    assert found.message == "there is no `RB305` in this file to allow"


def test_while_there_are_errors_no_comment_is_called_needless() -> None:
    """The use of an input may stand in an expression that could not be read."""
    text = HEAD + LOOK.replace("query: up", "query: '${{ inputs.region + }}'") + UNUSED
    broken = said(f"{text}  # stanch: allow RB305 {WHY}")
    assert "RB218" not in [code for code, _ in broken]
    assert broken


def test_advice_can_be_allowed_and_nothing_else() -> None:
    """But for the advice on the comments themselves; and each page says so."""
    for code, meta in CODES.items():
        page = (CHECKOUT / "docs" / "diagnostics" / f"{code}.md").read_text(encoding="utf-8")
        assert may_allow(code) == (meta.severity is Severity.WARNING and code != "RB218"), code
        assert may_allow(code) == (f"`# stanch: allow {code} <reason>` silences it." in page), code


@pytest.mark.parametrize(
    "more",
    [
        "inputs:\n" + "  # stanch: allow RB305 x\n" * 30_000 + "  region: {type: string}\n",
        "inputs:\n" + "  # stanch: allow RB306 x\n" * 30_000 + "  region: {type: string}\n",
        (
            "# stanch: allow RB305 x\n" * 20_000
            + "inputs: {"
            + ", ".join(f"i{at}: {{type: string}}" for at in range(10_000))
            + "}\n"
        ),
        'impact: "' + " # stanch: allow RB305 x" * 40_000 + '"\n',
        "# stanch: allow" + " RB305," * 100_000 + "\n",
        "#" + " " * 900_000 + "stanch: allow RB305 x\n",
        "# " * 450_000 + "\n",
        "# stanch: allow " + "x" * 900_000 + "\n",
    ],
    ids=["one", "unused", "many", "text", "codes", "blank", "hashes", "word"],
)
def test_a_file_full_of_comments_costs_bounded_time(more: str) -> None:
    begun = time.process_time()
    compiled(HEAD + LOOK + more)
    assert time.process_time() - begun < 10


BROKEN = [
    HEAD + LOOK.replace("up", "'${{ inputs.nothing }}'") + UNUSED,
    HEAD + 'steps:\n- {id: a, ssh: {hosts: [x], run: [y]}, effect: change}\n- {id: a, wait: "1s"}\n' + UNUSED,
]
COMMENTS = st.lists(st.sampled_from([*CODES, "RB999", "x"]), max_size=3).map(
    lambda codes: f" # stanch: allow {', '.join(codes)} why"
)


def errors(text: str) -> set[str]:
    return {each.code for each in compiled(text).diagnostics if each.severity is Severity.ERROR}


@given(st.sampled_from(BROKEN), st.integers(0, 20), COMMENTS)
def test_no_comment_takes_an_error_away(text: str, line: int, comment: str) -> None:
    lines = text.splitlines()
    lines[line % len(lines)] += comment
    assert errors(text) <= errors("\n".join(lines))


@given(st.sampled_from(BROKEN), st.integers(0, 300), COMMENTS)
def test_a_comment_may_come_to_stand_anywhere(text: str, at: int, comment: str) -> None:
    """Behind a value, in a text, in the middle of a word."""
    found = compiled(text[:at] + comment + text[at:])
    assert found.diagnostics
