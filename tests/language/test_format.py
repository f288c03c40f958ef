"""The formatter: nothing is said otherwise than before, words have their order, and files their ends."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import date
from pathlib import Path
from textwrap import dedent

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from stanch.errors import OurError
from stanch.language.compile import Compiled, compile_runbook
from stanch.language.diagnostics import Report
from stanch.language.encode import canonical, plan_digest
from stanch.language.format import house
from stanch.language.format.house import format_runbook
from stanch.language.format.order import FORMS, OTHERS
from stanch.language.read import LARGEST_FILE, read_all
from stanch.language.tree import plain
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT
from tests.language.house_form import formatted, in_house_form
from tests.language.yaml_texts import yaml_texts

SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))
FOLDERS = (
    "bench",
    "tests/data/real-runbooks",
    "tests/e2e/runbooks",
    "tests/gateway/runbooks",
    "tests/language/data",
    "tests/language/golden",
)
FILES = [
    *SHIPPED,
    *(path for folder in FOLDERS for path in sorted((CHECKOUT / folder).rglob("*.yaml"))),
    *sorted((CHECKOUT.parent / "shared" / "real-runbooks").glob("*.yaml")),
]
TEXTS = [
    path.read_text(encoding="utf-8") for path in FILES if format_runbook("x.yaml", path.read_bytes()).text
]


def data(text: str | bytes) -> list[bytes]:
    report = Report("example.yaml")
    _, roots = read_all("example.yaml", text, report)
    assert not report.failed
    return [canonical(plain(root)) for root in roots]


def comments(text: str) -> Counter[str]:
    """Each `#` and what follows it, where the parser of YAML has no scalar."""
    text = text.removeprefix("\ufeff")
    rest = list(text)
    for token in yaml.scan(text, Loader=yaml.CSafeLoader):
        if isinstance(token, yaml.ScalarToken):
            start, end = token.start_mark.index, token.end_mark.index
            if token.style in ("|", ">") and (header := re.compile("[^\n\r]*").match(text, start)):
                start = header.end()
            for at in range(start, end):
                rest[at] = rest[at] if rest[at] in "\n\r" else "x"
    return Counter(found.rstrip() for found in re.findall("#[^\n\r]*", "".join(rest)))


def says_the_same(text: str, path: str = "example.yaml") -> None:
    """What holds for every file that can be read."""
    found = format_runbook(path, text)
    if found.text is None:
        assert found.diagnostics
        return
    assert data(found.text) == data(text)
    assert comments(found.text) == comments(text)
    assert formatted(found.text) == found.text
    assert found.text.endswith("\n")
    assert not set("\r\ufeff") & set(found.text)


# --- any YAML, and every runbook -------------------------------------------------------------------------


@given(yaml_texts())
@example("steps:\n- id: a\n- id: b\n-\n # c\n\n - d")
@example("- ? |\n")
@example('? "' + "\\u00e9" * 300 + '"\n: a')
@example("--- |1-")
@example("[-]")
@example("a: |+\n  x\n\n\nsteps:\n- id: b\n\n- id: c")
@example("title: x\nnote: |+\n  x\n\nrunbook: b\nsteps: [{id: c}]")
def test_any_yaml_says_the_same_in_the_house_form(text: str) -> None:
    says_the_same(text)


@given(st.text(st.sampled_from("ab:-?#[]{},&*!|>%@\"'\\ \n")))
def test_whatever_the_characters_are_the_house_form_says_the_same(text: str) -> None:
    says_the_same(text)


@st.composite
def decorated(draw: st.DrawFn) -> str:
    """A runbook with more comments and blank lines, other line ends, and some lines gone."""
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(1, 12))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                lines.insert(at, " " * draw(st.integers(0, 12)) + "# a comment")
            case 1:
                lines.insert(at, "")
            case 2:
                lines[at] += " # beside"
            case 3 if len(lines) > 1:
                del lines[at]
            case _:
                lines[at] += "  "
    return draw(st.sampled_from(["\n", "\n", "\r\n"])).join(lines)


@given(decorated())
def test_a_runbook_with_comments_anywhere_says_the_same(text: str) -> None:
    says_the_same(text)


def compiled(path: Path, text: str | bytes) -> Compiled:
    return compile_runbook(str(path), text, load_catalogue(), date(2026, 11, 23))


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_runbook_says_the_same_and_compiles_to_the_same(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    says_the_same(text, str(path))
    result = format_runbook(str(path), text).text
    if result is None:
        return
    before, after = compiled(path, text), compiled(path, result)
    assert Counter(found.code for found in after.diagnostics) == Counter(
        found.code for found in before.diagnostics
    )
    assert (before.plan is None) == (after.plan is None)
    if before.plan is not None and after.plan is not None:
        assert plan_digest(after.plan) == plan_digest(before.plan)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_the_shipped_runbooks_are_in_the_house_form(path: Path) -> None:
    assert formatted(path.read_bytes()).encode() == path.read_bytes()


# --- order ------------------------------------------------------------------------------------------------


def test_the_keys_of_a_runbook_are_ordered() -> None:
    assert in_house_form("""\
        steps:
          - id: a
        owner: team
        outputs:
          x: steps.a.y
        runbook: example
        kind: diagnosis
        """) == dedent("""\
        runbook: example
        kind: diagnosis
        owner: team
        steps:
          - id: a
        outputs:
          x: steps.a.y
        """)


def test_the_keys_of_a_step_are_ordered_with_its_action_behind_those_that_decide_whether_it_runs() -> None:
    assert in_house_form("""\
        steps:
          - within: 5m
            until: result.ok
            undo:
              script: b
              ssh:
                hosts: [x]
            some_action:
              z: 1
              a: 2
            on_failure: ask
            effect: change
            for_each:
              in: [a]
              as: b
            approval: role
            when: inputs.x
            id: first
        """) == dedent("""\
        steps:
          - id: first
            when: inputs.x
            approval: role
            for_each:
              as: b
              in: [a]
            some_action:
              z: 1
              a: 2
            effect: change
            until: result.ok
            within: 5m
            undo:
              ssh:
                hosts: [x]
              script: b
            on_failure: ask
        """)


def test_a_block_says_what_holds_for_all_of_it_before_its_steps() -> None:
    assert in_house_form("""\
        steps:
          - id: block
            steps:
              - timeout: 1m
                id: inner
                wait: 5s
            outputs: {x: steps.inner.ok}
            timeout: 5m
            on_failure: stop
        """) == dedent("""\
        steps:
          - id: block
            on_failure: stop
            timeout: 5m
            steps:
              - id: inner
                wait: 5s
                timeout: 1m
            outputs:
              x: steps.inner.ok
        """)


def test_inputs_parameters_and_answers_stay_in_their_authors_order() -> None:
    text = dedent("""\
        kind: diagnosis
        inputs:
          z: {type: string}
          a:
            pattern: x
            type: string
        steps:
          - id: child
            runbook: other
            inputs:
              z: 1
              a: 2
          - id: call
            http:
              url: x
              method: GET
            outputs:
              z: a
              b: c
        """)
    assert formatted(text) == text


def test_an_unknown_key_of_a_runbook_stays_behind_the_one_it_was_written_behind() -> None:
    assert in_house_form("""\
        kind: diagnosis
        titel: x
        runbook: example
        steps: []
        """) == dedent("""\
        runbook: example
        kind: diagnosis
        titel: x
        steps: []
        """)


def test_yaml_that_is_no_runbook_keeps_its_order_and_its_rows() -> None:
    text = dedent("""\
        title: a rehearsal
        rehearsal: b
        ledger:
          - {target: web1, undone: true}
          - {target: web2}
        """)
    assert formatted(text) == text


def test_where_an_alias_must_follow_its_anchor_no_key_moves() -> None:
    text = "kind: &a x\nrunbook: *a\nsteps:\n  - title: b\n    id: c\n"
    assert formatted(text) == text


def test_every_word_of_the_language_has_its_place() -> None:
    schema = json.loads((CHECKOUT / "schemas" / "runbook.v1.json").read_text(encoding="utf-8"))
    step = schema["$defs"]["step"]["properties"].keys() - load_catalogue().actions.keys()
    assert schema["properties"].keys() == set(FORMS["runbook"].order)
    assert step <= {*FORMS["step"].order, "steps"}
    assert step <= set(FORMS["block"].order) | set(FORMS["step"].order)
    assert OTHERS in FORMS["step"].order


def test_a_block_orders_each_word_of_a_step() -> None:
    assert set(FORMS["step"].order) - set(FORMS["block"].order) == {
        "script",
        "maxItems",
        "after",
        "effect",
        "until",
        "worse",
        "every",
        "within",
        "stable",
    }


# --- files -------------------------------------------------------------------------------------------------


def test_line_ends_and_the_end_of_the_file_become_those_of_unix() -> None:
    assert formatted(b"\xef\xbb\xbfa: b  \r\nc:\r\n  - d\t\r\n\r\n") == "a: b\nc:\n  - d\n"
    assert formatted("a: b") == "a: b\n"


def test_the_documents_of_a_file_stay_apart() -> None:
    assert in_house_form("""\
        # first
        %YAML 1.2
        ---   # of the first
        kind: x
        runbook: a

        ...
        # end

        ---
        # second
        kind: y
        runbook: b
        """) == dedent("""\
        # first
        %YAML 1.2
        ---   # of the first
        runbook: a
        kind: x

        # end
        ---
        # second
        runbook: b
        kind: y
        """)


def test_anchors_and_aliases_stay_with_what_they_name() -> None:
    text = dedent("""\
        a: &x {b: c}
        d: *x
        e:
          - &y
            f: g
          - *y
          - &z h: i
          - *z
        *z : j
        """)
    assert formatted(text) == text


@pytest.mark.parametrize(
    "content", [b"a: [", b"a: \xff", b"", b"a: 1\na: 2", b"a: !x 1", b"a: b\n---\n---\nc: d\n"]
)
def test_what_cannot_be_read_is_refused_with_its_diagnostics(content: bytes) -> None:
    found = format_runbook("example.yaml", content)
    assert found.text is None
    assert found.diagnostics


def test_what_yaml_cut_off_from_an_expression_is_not_made_to_look_as_if_it_was_meant() -> None:
    found = format_runbook("example.yaml", "require: [{that: f(a, b), else: x}]\n")
    assert found.text is None
    assert [(each.code, each.span.column) for each in found.diagnostics] == [("RB113", 23)]
    assert formatted("a: {b: , c: null}\n") == "a:\n  b:\n  c: null\n"


def test_what_would_become_too_large_is_refused() -> None:
    text = "[" * 60 + "a," * 40_000 + "]" * 60
    assert len(text) < LARGEST_FILE
    found = format_runbook("example.yaml", text)
    assert found.text is None
    assert [each.code for each in found.diagnostics] == ["RB103"]


@pytest.mark.parametrize(("old", "new"), [("b", "c"), ("# d", ""), ("b", "'b' # e")])
def test_a_form_that_says_something_else_is_never_handed_out(
    old: str, new: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever mistake the layout may have: it is put in here."""
    right = house._text
    monkeypatch.setattr(house, "_text", lambda documents: right(documents).replace(old, new))
    with pytest.raises(OurError, match="would not say the same"):
        format_runbook("example.yaml", "a: b  # d\n")
