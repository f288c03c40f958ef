"""Whatever a rehearsal says, it is answered by diagnostics or by a verdict.

`FUZZ=5000 pytest tests/drill/test_fuzz.py` tries that many examples in each test instead of a hundred.
"""

from __future__ import annotations

import json
import os
import re
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch.config import Policy
from stanch.drill.kind import first_key, kind_of
from stanch.drill.rehearsal.bind import bind
from stanch.drill.rehearsal.parse import parse_rehearsals
from stanch.drill.rehearsal.rehearse import rehearse
from stanch.language.data import SMALLEST
from stanch.language.people import asked_roles
from stanch.language.render.text import render_text
from stanch.library import load_library
from stanch.schemas import load_catalogue
from tests.drill.runbooks import ASK, CHANGE, CHILD, FAN, LOOP, PARALLEL, READ, WAIT
from tests.drill.support import compiled, forms
from tests.language.places import assert_inside

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = [path.read_text(encoding="utf-8") for path in sorted((CHECKOUT / "drills").rglob("*.yaml"))]
PIECES = sorted({piece for text in SHIPPED for piece in re.findall(r"\w+|[^\w\s]+|\s+", text)})
ODD = [
    "{",
    "}",
    "[",
    "]",
    "- ",
    ": ",
    "\n",
    "'",
    '"',
    "&a ",
    "*a",
    "!x ",
    "|",
    "#",
    "\\",
    "\x00",
    "\ufeff",
    "\n---\n",
]
VALUES = [
    "null",
    "{}",
    "[]",
    "5",
    "-1",
    "1e308",
    "true",
    "silent",
    "approve",
    "10d",
    "0s",
    str(SMALLEST),
    "${{ x }}",
]
FUZZED = settings(
    max_examples=int(os.environ.get("FUZZ", "100")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
LIBRARY = load_library([CHECKOUT / "runbooks"], date(2026, 11, 23))
PLANS = {**LIBRARY.plans, "example": compiled(CHANGE)}


def answered(text: str) -> None:
    """Nothing is raised, and every place is one in the file."""
    content = text.encode("utf-8", "surrogatepass")
    kind_of(content)
    found = parse_rehearsals("it.yaml", content, forms().document)
    for rehearsal, report in found.rehearsals:
        plan = PLANS.get(rehearsal.runbook.text)
        if plan is None:
            continue
        bind(rehearsal, plan, forms(), report)
        if report.failed:
            continue
        verdict = rehearse(rehearsal, plan, Policy().for_run(asked_roles(plan), "SEV3"), load_catalogue())
        assert_inside(verdict.diagnostics, found.text)
        assert verdict.came.state.outcome is not None or verdict.diagnostics
        render_text(verdict.diagnostics, {"it.yaml": found.text}, colour=True)
    assert_inside(found.diagnostics, found.text)
    render_text(found.diagnostics, {"it.yaml": found.text}, colour=True)


@st.composite
def cut(draw: st.DrawFn) -> str:
    """A shipped rehearsal with pieces of it replaced, doubled or taken out."""
    text = draw(st.sampled_from(SHIPPED))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 12)))
        new = draw(st.sampled_from(ODD) | st.sampled_from(VALUES) | st.sampled_from(PIECES) | st.just(""))
        text = text[:start] + new + text[end:]
    return text


@st.composite
def revalued(draw: st.DrawFn) -> str:
    """A shipped rehearsal in which values are others."""
    lines = draw(st.sampled_from(SHIPPED)).splitlines()
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(0, len(lines) - 1))
        head, colon, _ = lines[at].partition(": ")
        if colon:
            lines[at] = f"{head}: {draw(st.sampled_from(VALUES))}"
        else:
            del lines[at]
            lines.append("")
    return "\n".join(lines) + "\n"


@FUZZED
@given(cut())
def test_a_mutated_rehearsal_is_answered(text: str) -> None:
    answered(text)


@FUZZED
@given(revalued())
def test_a_rehearsal_with_other_values_is_answered(text: str) -> None:
    answered(text)


@FUZZED
@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=200))
def test_any_text_is_answered(text: str) -> None:
    answered(text)


RESULTS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(SMALLEST, -SMALLEST - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["json", "rc", "value", "a"]), inner, max_size=3)
    ),
    max_leaves=6,
)
"""Anything that an action might be said to give."""


FIELDS = [
    "json",
    "status",
    "value",
    "rc",
    "stdout",
    "lines",
    "takes",
    "fails",
    "lost",
    "unreachable",
    "already",
]
GIVEN = st.dictionaries(
    st.sampled_from(FIELDS), RESULTS | st.sampled_from(["5s", "no", True, 200, 0.5]), max_size=3
)
SAID = st.sampled_from(["approve", "deny", "retry", "skip", "undo", "abort", "silent", "done", "fail"])


@FUZZED
@given(
    runbook=st.sampled_from([READ, WAIT, CHANGE, LOOP, FAN, PARALLEL, CHILD, ASK]),
    gives=st.lists(GIVEN, min_size=1, max_size=2),
    says=st.lists(SAID, min_size=1, max_size=3),
)
def test_whatever_the_outside_gives_and_people_say_the_run_comes_to_an_end(
    runbook: str, gives: list[object], says: list[str]
) -> None:
    plan = compiled(runbook)
    inputs = {"hosts": ["a", "b"]} if "hosts" in plan.inputs else {"nodes": ["a"]} if plan.inputs else {}
    document = {
        "rehearsal": "it",
        "runbook": "example",
        "inputs": inputs,
        "given": {step.id: gives for step in plan.steps if step.call and step.call.action != "manual"},
        "people": {step.id: says for step in plan.steps if step.approval or step.ask or step.id == "hand"},
        "expect": {"outcome": "succeeded"},
    }
    found = parse_rehearsals("it.yaml", json.dumps(document).encode(), forms().document)
    for rehearsal, report in found.rehearsals:
        bind(rehearsal, plan, forms(), report)
        if not report.failed:
            rehearse(rehearsal, plan, Policy().for_run(asked_roles(plan), "SEV3"), load_catalogue())


def test_the_kind_of_a_document_is_told_by_its_first_key() -> None:
    for head in ("", "# a comment\n\n", "---\n", "\ufeff", "# x\r\n", "--- # x\n", "\n  \n"):
        assert kind_of(f"{head}rehearsal: x\n".encode()) == "rehearsal"
        assert kind_of(f"{head}runbook: x\nrehearsal: x\n".encode()) == "runbook"
    assert kind_of(b'{"rehearsal": "x"}') == "rehearsal"
    assert kind_of(b"") == kind_of(b"# rehearsal: x\n") == kind_of(b"\xff\xfe") == "runbook"
    assert first_key(b"rehersal: x") == "rehersal"
    assert first_key(b"# " * 500_000) == ""
