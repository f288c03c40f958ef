"""Advice about loops whose items are not used, diagnoses that change something, variables of scripts, and
data on its way to a system."""

from __future__ import annotations

import pytest

from tests.language.cases import compiled, really_compiled, whole

CHANGE = """\
- id: restart
  approval: a
  ssh: {hosts: [a], run: [x]}
  effect: change
  idempotent: true
  irreversible: it stays
"""


def told(fragment: str, code: str) -> list[str]:
    """What is pointed at with this code."""
    text = whole(fragment)
    lines = text.splitlines()
    return [
        lines[each.span.line - 1][each.span.column - 1 : each.span.end_column - 1]
        for each in compiled(text).diagnostics
        if each.code == code
    ]


# --- loops --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rest", "expected"),
    [
        ("http: {url: 'http://x/'}", ["host"]),
        ("http: {url: 'http://x/'}\n  title: Look at the host", ["host"]),
        ("http: {url: 'http://x/'}\n  outputs: {x: '[1].exists(host, host == 1)', y: host}", []),
        ("http: {url: 'http://${{ host }}/'}", []),
        ("http: {url: 'http://x/'}\n  title: 'Look at ${{ host }}'", []),
        ("http: {url: 'http://x/'}\n  outputs: {x: host.size()}", []),
        ("steps: [{id: inner, http: {url: 'http://x/'}, outputs: {x: host}}]", []),
        ("steps: [{id: inner, http: {url: 'http://x/'}}]", ["host"]),
        ("https: {url: 'http://x/'}", []),
        ("http: {url: 'http://x/', urls: '${{ host }}'}", []),
        ("http: {url: 'http://${{ hots }}/'}", []),
    ],
)
def test_the_items_of_a_loop_are_read(rest: str, expected: list[str]) -> None:
    assert told(f"- id: each\n  for_each: {{as: host, in: [a, b]}}\n  {rest}\n", "RB534") == expected


def test_an_item_of_another_loop_with_the_same_name_is_another() -> None:
    loops = "".join(
        f"- id: {name}\n  for_each: {{as: host, in: [a, b]}}\n  http: {{url: 'http://{host}/'}}\n"
        for name, host in (("first", "${{ host }}"), ("second", "x"))
    )
    assert told(loops, "RB534") == ["host"]


# --- kinds --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "steps", "expected"),
    [
        ("diagnosis", CHANGE, ["diagnosis"]),
        ("recovery", CHANGE, []),
        ("diagnosis", "- id: look\n  ssh: {hosts: [a], run: [x]}\n  effect: read\n", []),
        (
            "diagnosis",
            "- id: block\n  steps:\n" + "".join(f"    {line}\n" for line in CHANGE.splitlines()),
            ["diagnosis"],
        ),
    ],
)
def test_a_diagnosis_changes_nothing(kind: str, steps: str, expected: list[str]) -> None:
    lines = "".join(f"  {line}\n" for line in steps.splitlines())
    assert told(f"kind: {kind}\nsteps:\n{lines}", "RB535") == expected


# --- scripts ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ('echo "$SERVICE"', []),
        ('echo "$SERVCE"', ["$SERVCE"]),
        ('echo "${SERVCE}"', ["${SERVCE}"]),
        ('echo "$OTHER" $OTHER', ["$OTHER"]),
        ("echo '$OTHER'", []),
        ("echo \\$OTHER", []),
        ("# $OTHER", []),
        ("echo ${OTHER:-x} ${OTHER:?} $OTHER", []),
        ("OTHER=1; echo $OTHER", []),
        ("for OTHER in a b; do echo $OTHER; done", []),
        ("cat x | while read -r OTHER MORE; do echo $OTHER $MORE; done", []),
        ("awk '{print $NF}' x", []),
        ("echo $HOME $PATH $USER $LC_ALL $STANCH_RUN_ID", []),
        ("echo $other $1 $? $$ $#", []),
        (". /etc/app.env; echo $OTHER", []),
        ("source /etc/app.env; echo $OTHER", []),
        ("eval $(app env); echo $OTHER", []),
        ("echo $Mixed", []),
        ("export OTHER; echo $OTHER", []),
    ],
)
def test_a_variable_of_a_script_is_set(script: str, expected: list[str]) -> None:
    step = "- id: s\n  ssh: {hosts: [a], env: {SERVICE: shop}}\n  effect: read\n  script: |\n"
    assert told(f"{step}    {script}\n", "RB536") == expected


def test_an_environment_that_is_a_value_may_have_any_variable() -> None:
    step = "- id: s\n  ssh: {hosts: [a], env: '${{ inputs.env }}'}\n  effect: read\n  script: echo $OTHER\n"
    lines = "".join(f"  {line}\n" for line in step.splitlines())
    assert told(f"inputs: {{env: {{type: object}}}}\nsteps:\n{lines}", "RB536") == []


def test_a_variable_that_is_nearly_one_of_them_is_pointed_out() -> None:
    step = "- id: s\n  ssh: {hosts: [a], env: {SERVICE: shop}}\n  effect: read\n  script: echo $SERVCE\n"
    (found,) = (each for each in compiled(whole(step)).diagnostics if each.code == "RB536")
    assert found.hint == "did you mean `SERVICE`?"


# --- data on its way to a system --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("logs: {query: '{host=\"${{ inputs.x }}\"}'}", ["RB527"]),
        ('dns: {zone: a, names: ["${{ inputs.x }}"], set: {cname: b}}', ["RB527"]),
        ('dns: {zone: a, names: [www, "${{ inputs.x }}.eu"], set: {cname: b}}', ["RB527"]),
        ('dns: {zone: a, names: "${{ inputs.x }}", set: {cname: b}}', ["RB527"]),
        ('dns: {zone: a, names: [www], set: {cname: "${{ inputs.x }}"}}', []),
        ('dns: {resolve: "${{ inputs.x }}"}', []),
    ],
)
@pytest.mark.parametrize(
    ("schema", "is_open"), [("{type: string}", True), ("{type: string, enum: [a]}", False)]
)
def test_data_in_a_query_for_lines_or_in_a_name_that_is_changed_is_restrained(
    step: str, expected: list[str], schema: str, is_open: bool
) -> None:
    found = really_compiled(whole(f"inputs: {{x: {schema}}}\nsteps:\n- id: s\n  {step}\n")).diagnostics
    assert [each.code for each in found if each.code == "RB527"] == (expected if is_open else [])
