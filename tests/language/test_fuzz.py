"""Whatever the text is, the compiler answers with diagnostics or a Plan."""

from __future__ import annotations

import re

from hypothesis import example, given
from hypothesis import strategies as st

from stanch.language.compile import Compiled
from stanch.language.diagnostics import is_error
from stanch.language.render.json import render_json
from stanch.language.render.text import render_text
from tests.language.cases import CHECKOUT, compiled

SHIPPED = sorted((CHECKOUT / "runbooks").rglob("*.yaml"))
TEXTS = [path.read_text(encoding="utf-8") for path in SHIPPED]
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
    "'",
    '"',
    "${{",
    "}}",
    "&a ",
    "*a",
    "!!",
    "|",
    ">",
    "#",
    "? ",
    "\\",
    "\x00",
]
WORDS = [
    "null",
    "{}",
    "[]",
    "5",
    "-1",
    ".nan",
    "1e999",
    "0o17",
    "true",
    "steps",
    "result",
    "inputs.x",
    "id",
    "steps: []",
]


def well_formed(compiled: Compiled, text: str) -> None:
    """What holds for every answer."""
    errors = [each for each in compiled.diagnostics if is_error(each)]
    assert (compiled.plan is None) == bool(errors)
    last = len(re.split("\r\n|[\n\r\x85\u2028\u2029]", text)) + 1
    for each in compiled.diagnostics:
        span = each.span
        assert 1 <= span.line <= last
        assert span.column >= 1
        assert (span.line, span.column) <= (span.end_line, span.end_column)
        assert each.message
        assert not each.message.endswith(".")
    assert list(compiled.diagnostics) == sorted(compiled.diagnostics, key=lambda each: each.place)
    assert "\x1b" not in render_text(compiled.diagnostics, {"example.yaml": text}, colour=False)
    assert len(render_json(compiled.diagnostics)) == len(compiled.diagnostics)


@given(st.text())
@example("steps: [{id: a, steps: [{id: a}]}]")
@example("a: &a [*a]")
@example("? [a]\n: b")
@example("\ufeffrunbook: x")
@example("--- !x y")
def test_random_text_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


@given(st.binary())
def test_random_bytes_are_diagnosed(content: bytes) -> None:
    assert compiled(content).diagnostics


@st.composite
def mutations(draw: st.DrawFn) -> str:
    """A shipped runbook of which a few places were cut out, doubled or overwritten."""
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 6))):
        start = draw(st.integers(0, len(text)))
        end = min(len(text), start + draw(st.integers(0, 40)))
        new = draw(st.sampled_from(PIECES + ODD + WORDS) | st.just(text[start:end] * 2))
        text = text[:start] + new + text[end:]
    return text


@given(mutations())
def test_a_mutated_runbook_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)


@st.composite
def line_mutations(draw: st.DrawFn) -> str:
    """A shipped runbook of which lines were moved, dropped, doubled, indented or given another value."""
    lines = draw(st.sampled_from(TEXTS)).splitlines()
    for _ in range(draw(st.integers(1, 5))):
        at = draw(st.integers(0, len(lines) - 1))
        match draw(st.integers(0, 4)):
            case 0:
                del lines[at]
                lines = lines or ["x"]
            case 1:
                lines.insert(at, lines[draw(st.integers(0, len(lines) - 1))])
            case 2:
                lines[at] = "  " + lines[at]
            case 3:
                lines[at] = lines[at].removeprefix("  ")
            case _:
                key, colon, _ = lines[at].partition(":")
                lines[at] = key + colon + " " + draw(st.sampled_from(PIECES + WORDS))
    return "\n".join(lines)


@given(line_mutations())
def test_a_runbook_with_mutated_lines_is_diagnosed(text: str) -> None:
    well_formed(compiled(text), text)
