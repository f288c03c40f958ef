"""Large and hostile documents cost bounded time, and are refused with a place."""

from __future__ import annotations

import time

import pytest

from stanch.language.judge import MOST_EXPRESSIONS
from stanch.language.parse import MOST_STEPS
from stanch.language.read import LARGEST_FILE
from stanch.language.render.text import render_text
from tests.language.cases import HEAD, compiled


def steps(count: int) -> str:
    return HEAD + "steps:\n" + "".join(f"- {{id: s{at}, wait: 1s}}\n" for at in range(count))


def test_a_runbook_has_a_largest_number_of_steps() -> None:
    assert compiled(steps(MOST_STEPS)).diagnostics == ()
    (found,) = compiled(steps(MOST_STEPS + 100)).diagnostics
    assert (found.code, found.span.line) == ("RB601", HEAD.count("\n") + 2 + MOST_STEPS)


def test_steps_are_counted_in_blocks_too() -> None:
    blocks = "".join(
        f"- id: b{block}\n  steps:\n" + "".join(f"  - {{id: s{block}_{at}, wait: 1s}}\n" for at in range(100))
        for block in range(8)
    )
    assert [each.code for each in compiled(HEAD + "steps:\n" + blocks).diagnostics] == ["RB601"]


def test_a_runbook_has_a_largest_number_of_expressions() -> None:
    words = ", ".join(['"${{ run.id }}"'] * (MOST_EXPRESSIONS + 10))
    step = f"- id: s\n  ssh: {{hosts: [a], run: [{words}]}}\n  effect: read\n"
    assert [each.code for each in compiled(HEAD + "steps:\n" + step).diagnostics] == ["RB601"]


@pytest.mark.parametrize(
    "expression",
    [
        "1" + "+1" * 3000,
        "(" * 2000,
        "[" * 2000,
        "a" + ".b" * 2000,
        "f(" * 2000,
        "x " * 2000,
    ],
)
def test_a_hostile_expression_is_refused_in_place(expression: str) -> None:
    text = f"{HEAD}steps:\n- id: s\n  outputs:\n    x: '{expression}'\n"
    found = [each for each in compiled(text).diagnostics if each.code != "RB306"]
    assert found
    assert {each.span.line for each in found} == {HEAD.count("\n") + 4}


def filled(unit: str, head: str = HEAD, tail: str = "") -> str:
    """A file of nearly the largest size, made of numbered copies of `unit`."""
    count = (LARGEST_FILE - len(head) - len(tail) - 10) // (len(unit) + 4)
    return head + "".join(unit.replace("#", f"{at:05}") for at in range(count)) + tail


LOOK = "steps:\n- {id: a, wait: 1s}\n"
LARGE = {
    "steps": filled("- {id: s#, outputs: {x: steps.s0.x}}\n", HEAD + "steps:\n"),
    "no steps": filled("- #\n", HEAD + "steps:\n"),
    "inputs": filled("  i#: {type: string}\n", HEAD + LOOK + "inputs:\n"),
    "unknown keys": filled("k#: x\n", HEAD + LOOK),
    "expressions": filled(
        '"${{ inputs.x# }}", ', HEAD + "steps:\n- id: s\n  ssh: {hosts: [a], run: [", "x]}\n"
    ),
    "outputs": filled("    o#: steps.nope#.x\n", HEAD + "steps:\n- id: s\n  outputs:\n"),
    "triggers": filled("- {source: a, when: alert.x#}\n", HEAD + LOOK + "triggers:\n"),
    "one text": filled("#", HEAD + LOOK + "impact: "),
    "one expression": filled("&& inputs.x# ", HEAD + "steps:\n- id: s\n  when: true ", "\n  wait: 1s\n"),
}


@pytest.mark.parametrize("name", LARGE)
def test_a_file_of_the_largest_size_is_answered_in_bounded_time(name: str) -> None:
    begun = time.perf_counter()
    found = compiled(LARGE[name]).diagnostics
    render_text(found, {"example.yaml": LARGE[name]}, colour=False)
    assert time.perf_counter() - begun < 20.0


@pytest.mark.parametrize(
    ("pattern", "value", "code"),
    [("^(a+)+$", "a" * 60 + "!", "RB210"), ("(" * 400_000, "a", "RB210"), ("(a*)*" * 60_000, "a", None)],
    ids=["goes back for ever", "deep", "long"],
)
def test_no_pattern_of_an_input_holds_the_compiler_up(pattern: str, value: str, code: str | None) -> None:
    schema = f"{{type: string, pattern: '{pattern}', default: '{value}'}}"
    began = time.process_time()
    found = compiled(f"{HEAD}inputs:\n  odd: {schema}\nsteps: [{{id: s, wait: 1s}}]\n").diagnostics
    assert time.process_time() - began < 2
    assert [each.code for each in found if each.severity == "error"] == ([code] if code else [])
    assert all(len(each.message) < 500 for each in found)


def test_a_schema_with_patterns_for_names_is_refused() -> None:
    """The library would judge them by patterns that may go back for ever, and crash on a wrong one."""
    schema = "{type: object, patternProperties: {'(': {}}, default: {a: 1}}"
    found = compiled(f"{HEAD}inputs:\n  odd: {schema}\nsteps: [{{id: s, wait: 1s}}]\n").diagnostics
    assert [each.code for each in found if each.severity == "error"] == ["RB210"]
