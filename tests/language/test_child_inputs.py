"""What a runbook that is called, or suggested, wants and gives."""

from __future__ import annotations

import pytest

from tests.language.libraries import ASKED, CHANGE, LOOK, calling, codes, file, library, many, told

# --- what it wants and gives --------------------------------------------------------------------------------

GIVEN = [
    ("{type: string}", "web1", None),
    ("{type: string}", "5", "must be text, not `5`"),
    ("{type: string}", "${{ run.id }}", None),
    ("{type: string}", "${{ 1 + 1 }}", "must be text, and this gives a whole number"),
    ("{type: string}", "x-${{ 1 + 1 }}", None),
    ("{type: string}", "${{ run.started }}", None),
    ("{type: string}", "${{ [run.id] }}", "must be one value, and this gives a list of text"),
    ("{type: string}", "[a]", "must be text, not a list"),
    ("{type: string, enum: [a, b]}", "c", "must be one of `a` or `b`, not `c`"),
    ("{type: string, enum: [a, b]}", "${{ run.id }}", None),
    ("{type: string, pattern: '^[a-z]+$'}", "A", "must be text that matches `^[a-z]+$`, not `A`"),
    ("{type: integer, minimum: 3}", "2", "must be at least 3, not `2`"),
    ("{type: integer}", "'2'", "must be a whole number, not text"),
    ("{type: integer}", "${{ 2 }}", None),
    ("{type: integer}", "${{ 2.0 }}", None),
    ("{type: integer}", "${{ run.id }}", "must be a whole number, and this gives text"),
    ("{type: integer}", "a ${{ 2 }}", "must be a whole number, and this gives text"),
    ("{type: number}", "${{ 2 }}", None),
    ("{type: boolean}", "${{ run.id == '' }}", None),
    ("{type: boolean}", "${{ run.id }}", "must be true or false, and this gives text"),
    ("{type: array, items: {type: string}}", "${{ run.id }}", "must be a list, and this gives text"),
    ("{type: array, items: {type: string}}", "${{ [run.id] }}", None),
    (
        "{type: array, items: {type: string}}",
        "${{ [1] }}",
        "must be a list of text, and this gives a list of whole numbers",
    ),
    ("{type: array, items: {type: string}}", "['${{ 1 }}']", "must be text, and this gives a whole number"),
    ("{type: array, items: {type: string}}", "[a, '${{ run.id }}']", None),
    ("{type: array, maxItems: 1}", "[a, b]", "is too long: 2, at most 1"),
    ("{type: object}", "['${{ run.id }}']", "must be a mapping, not a list"),
    ("{type: array}", "{x: '${{ run.id }}'}", "must be a list, not a mapping"),
    (
        "{type: object, properties: {x: {type: integer}}}",
        "{x: '${{ run.id }}'}",
        "must be a whole number, and this gives text",
    ),
]


@pytest.mark.parametrize(("schema", "value", "problem"), GIVEN)
def test_what_is_given_to_a_child_fits_its_schema(schema: str, value: str, problem: str | None) -> None:
    quoted = f'"{value}"' if value.startswith(("$", "x-$", "a $")) else value
    text = many(
        file("a", f"steps:\n  - id: call\n    runbook: b\n    inputs:\n      x: {quoted}\n"),
        file("b", f"inputs: {{x: {schema}}}\n"),
    )
    found = [(each.code, each.message) for each in told(text)]
    inner = "x" if problem else ""
    assert found == ([("RB312", f"`{inner}` {problem}")] if problem else [])


@pytest.mark.parametrize(
    ("inputs", "message", "hint"),
    [
        ("", "`b` needs the input `node`", "give it under `inputs`, or declare a default for it in `b`"),
        (", inputs: {nod: x}", "`b` has no input `nod`", "did you mean `node`?"),
        (", inputs: {node: x, other: 1}", "`b` has no input `other`", None),
    ],
)
def test_a_call_gives_what_is_needed_and_nothing_else(inputs: str, message: str, hint: str | None) -> None:
    wants = "inputs: {node: {type: string}, depth: {type: integer, default: 3}}\n"
    (found,) = told(many(file("a", calling("b", rest=inputs)), file("b", wants)))
    assert (found.code, found.message, found.hint) == ("RB312", message, hint)


def test_inputs_that_were_not_understood_are_not_judged() -> None:
    assert codes(many(file("a", calling("b", rest=", inputs: 5")), file("b", LOOK))) == ["a RB203"]
    text = many(
        file("a", calling("b", rest=", inputs: {other: 1}")), file("b", "inputs: {node: {tpye: 5}}\n")
    )
    assert "a RB312" not in codes(text)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("result.outputs.status > 200", []),
        ("result.outputs.names[0].size() > 1", []),
        ("result.outputs.names > 1", ["RB402"]),
        ("result.outputs.stauts > 200", ["RB301"]),
        ("result.outcome == 'succeeded'", []),
        ("result.status > 200", ["RB301"]),
    ],
)
@pytest.mark.parametrize("caller_first", [True, False])
def test_what_a_child_gives_is_known_with_its_types(
    expression: str, expected: list[str], caller_first: bool
) -> None:
    rest = f', inputs: {{node: web1}}, outputs: {{x: "{expression}"}}'
    files = [file("a", calling("b", rest=rest)), file("b", LOOK)]
    found = told(many(*(files if caller_first else files[::-1])))
    assert [each.code for each in found] == expected


def test_the_outputs_of_a_runbook_in_a_circle_are_known_by_name() -> None:
    outputs = "outputs: {x: result.outputs.y, z: result.outputs.w}"
    step = f"  - {{id: again, when: run.id == '', runbook: a, {outputs}}}\n"
    text = file("a", f"steps:\n{step}outputs: {{y: run.id}}\n")
    assert sorted(each.code for each in told(text)) == ["RB301", "RB315"]


# --- suggestions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("suggest", "others", "message"),
    [
        ("{runbook: c}", [], "there is no runbook `c` to suggest"),
        ("{runbook: b, inputs: {node: web1}}", [file("b", LOOK)], None),
        ("{runbook: b}", [file("b", LOOK)], "`b` needs the input `node`"),
        (
            "{runbook: b, inputs: {node: '${{ [run.id] }}'}}",
            [file("b", LOOK)],
            "`node` must be one value, and this gives a list of text",
        ),
        (
            "{runbook: b}",
            [file("b", CHANGE), file("d", calling("b", rest=ASKED))],
            "`b` cannot be started by itself: nobody approves `out`",
        ),
        (
            "{runbook: e}",
            [file("d", calling("e")), "runbook: e\n"],
            "`e` cannot be started by itself: it is called only from `d.yaml`",
        ),
    ],
)
def test_what_a_finding_suggests_can_be_started(suggest: str, others: list[str], message: str | None) -> None:
    finding = f"findings: [{{when: result.status > 1, is: suspect, text: x, suggest: {suggest}}}]"
    text = many(file("a", f'steps:\n  - {{id: s, http: {{url: "http://x/"}}, {finding}}}\n'), *others)
    found = [(each.code, each.message) for each in told(text)]
    assert found == ([] if message is None else [("RB316", message)])
    assert library(text)["a.yaml"].plan is not None
