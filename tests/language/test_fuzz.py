"""Whatever the text is, the compiler answers with diagnostics or a Plan.

`FUZZ=5000 pytest tests/language/test_fuzz.py` tries that many examples in each test instead of a hundred.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stanch.language.compile import Compiled
from stanch.language.diagnostics import Report, is_error
from stanch.language.encode import plan_digest
from stanch.language.read import read_all
from stanch.language.render.json import render_json
from stanch.language.render.text import render_text
from stanch.language.tree import plain
from tests.language import generate
from tests.language.cases import CHECKOUT, HERE, compiled, really_compiled
from tests.language.places import assert_inside, assert_span_inside

FOLDERS = [
    CHECKOUT / "runbooks",
    CHECKOUT / "tests" / "data" / "real-runbooks",
    HERE / "data",
    HERE / "golden",
]
TEXTS = [path.read_text(encoding="utf-8") for folder in FOLDERS for path in sorted(folder.rglob("*.yaml"))]
WELL_FORMED = [
    plain(roots[0]) for text in TEXTS if (roots := read_all("x.yaml", text, report := Report("x.yaml"))[1])
]
PIECES = sorted({piece for text in TEXTS for piece in re.findall(r"\w+|[^\w\s]+|\s+", text)})
ODD = [
    "{",
    "}",
    "[",
    "]",
    "- ",
    ": ",
    "\t",
    "\n",
    "\r",
    "'",
    '"',
    "${{",
    "}}",
    "&a ",
    "*a",
    "!!",
    "!x ",
    "|",
    ">",
]
ODD += [
    "#",
    "? ",
    "\\",
    "\x00",
    "\x85",
    "\u2028",
    "\ufeff",
    "é",
    "😀",
    "\n---\n",
    "\n...\n",
    "%",
    "<<: ",
    "@",
    "`",
]
WORDS = ["null", "{}", "[]", "5", "-1", ".nan", "1e999", "0o17", "true", "steps", "result", "inputs.x", "id"]
WORDS += [
    "steps: []",
    "2026-11-01",
    "22:30",
    "&a x",
    "*a",
    "!!str x",
    "${{ inputs.x }}",
    "'${{ '",
    "|\n",
    "? [a]",
]

fuzz = settings(
    max_examples=int(os.environ.get("FUZZ", "100")),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def well_formed(compiled: Compiled, text: str) -> None:
    """What holds for every answer."""
    errors = [each for each in compiled.diagnostics if is_error(each)]
    assert (compiled.plan is None) == bool(errors)
    assert_inside(compiled.diagnostics, text)
    for each in compiled.diagnostics:
        assert each.message
        assert not each.message.endswith(".")
        assert len(each.message) + len(each.hint or "") < 2000
    assert list(compiled.diagnostics) == sorted(compiled.diagnostics, key=lambda each: each.place)
    assert "\x1b" not in render_text(compiled.diagnostics, {"example.yaml": text}, colour=False)
    assert len(render_json(compiled.diagnostics)) == len(compiled.diagnostics)


# --- text ---------------------------------------------------------------------------------------------------


@given(st.text())
@example("steps: [{id: a, steps: [{id: a}]}]")
@example("a: &a [*a]")
@example("? [a]\n: b")
@example("\ufeffrunbook: x")
@example("--- !x y")
@example("a: \u2028")
@fuzz
def test_random_text_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


@given(st.binary())
@fuzz
def test_random_bytes_are_diagnosed(content: bytes) -> None:
    assert compiled(content).diagnostics


@given(st.lists(st.sampled_from(ODD + WORDS + [" ", "  ", "a", "b"]), max_size=30).map("".join))
@fuzz
def test_the_punctuation_of_yaml_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


@given(st.lists(st.lists(st.sampled_from(ODD + WORDS + ["a", " "]), max_size=8).map("".join), max_size=4))
@fuzz
def test_several_documents_are_read_or_diagnosed(parts: list[str]) -> None:
    text = "\n---\n".join(parts)
    report = Report("x.yaml")
    _, roots = read_all("x.yaml", text, report)
    assert_inside(report.found, text)
    for root in roots:
        assert_span_inside(root.span, text)
    assert roots or report.failed


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A runbook of which a few places were cut out, doubled or overwritten."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        new = draw(st.sampled_from(PIECES + ODD + WORDS) | st.just(text[start:end] * 2))
        text = text[:start] + new + text[end:]
    return text[: draw(st.just(len(text)) | st.integers(0, len(text)))]


@given(mutations())
@fuzz
def test_a_mutated_runbook_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


@st.composite
def line_mutations(draw: st.DrawFn) -> str:
    """A runbook of which lines were moved, dropped, doubled, indented, given values, or are others'."""
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(lines) - 1))
        end = min(len(lines), at + draw(st.integers(1, 6)))
        match draw(st.integers(0, 7)):
            case 0:
                del lines[at:end]
                lines = lines or ["x"]
            case 1:
                lines[at:at] = lines[draw(st.integers(0, len(lines) - 1)) :][: end - at]
            case 2:
                lines[at:end] = ["  " + line for line in lines[at:end]]
            case 3:
                lines[at:end] = [line.removeprefix("  ") for line in lines[at:end]]
            case 4:
                other = draw(st.sampled_from(TEXTS)).splitlines()
                lines[at:end] = other[draw(st.integers(0, len(other) - 1)) :][: draw(st.integers(1, 40))]
            case 5:
                lines[at:end] = reversed(lines[at:end])
            case 6:
                lines += ["---", *draw(st.sampled_from(TEXTS)).splitlines()]
            case _:
                key, colon, _ = lines[at].partition(":")
                lines[at] = key + colon + " " + draw(st.sampled_from(PIECES + WORDS))
    return draw(st.sampled_from(["\n", "\r\n", "\r"])).join(lines)


@given(line_mutations())
@fuzz
def test_a_runbook_with_mutated_lines_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


# --- data ---------------------------------------------------------------------------------------------------


@given(generate.runbooks(), st.integers(0, 2))
@fuzz
def test_a_made_up_runbook_is_diagnosed(data: object, style: int) -> None:
    text = generate.written(data, style)
    well_formed(really_compiled(text), text)


@given(generate.changed(WELL_FORMED), st.integers(0, 2))
@fuzz
def test_a_runbook_with_other_values_is_diagnosed(data: object, style: int) -> None:
    text = generate.written(data, style)
    well_formed(really_compiled(text), text)


@given(generate.changed(WELL_FORMED))
@fuzz
def test_the_same_data_is_the_same_plan_however_it_is_written(data: object) -> None:
    answers = [really_compiled(generate.written(data, style)) for style in range(3)]
    assert len({each.plan and plan_digest(each.plan) for each in answers}) == 1


def test_the_answer_does_not_depend_on_the_order_in_which_sets_are_walked() -> None:
    program = "from tests.language import test_fuzz; test_fuzz.print_answers()"
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=CHECKOUT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            check=True,
            capture_output=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(outputs) == 1


def print_answers() -> None:
    """Everything that is said about the texts, and the digests of their Plans."""
    for text in TEXTS:
        answer = really_compiled(text)
        said = render_text(answer.diagnostics, {"example.yaml": text}, colour=False)
        sys.stdout.write(f"{said}{answer.plan and plan_digest(answer.plan)}\n")
