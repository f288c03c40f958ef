"""What looks right, and would not do at night what its author means."""

from __future__ import annotations

import pytest

from tests.language.cases import codes, diagnose, really_compiled, whole

CHANGE = """\
- id: change
  ssh: {hosts: [web1], run: [restart]}
  effect: change
  approval: incident_commander
  irreversible: it is merged
"""
AGAIN = CHANGE + "  idempotent: true\n"
INPUT = "inputs: {x: {type: string, enum: [a]}}\nsteps:\n"


def real_codes(text: str) -> list[str]:
    """With the actions that this release has, and all that they let through."""
    return [each.code for each in really_compiled(whole(text)).diagnostics]


# --- roles --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("role", "meant"),
    [
        ("incident_comander", "incident_commander"),
        ("tehcnical_lead", "technical_lead"),
        ("communication_lead", "communications_lead"),
        ("scribes", "scribe"),
        ("incident_manager", None),
        ("tech_lead", None),
        ("payments_on_call", None),
        ("payments-on-call", None),
        ("incident-commander", "incident_commander"),
        ("technical-lead", "technical_lead"),
        ("a", None),
    ],
)
def test_a_role_that_is_nearly_a_standard_one_is_pointed_out(role: str, meant: str | None) -> None:
    found = [(each.code, each.hint) for each in diagnose(AGAIN.replace("incident_commander", role))]
    assert found == ([] if meant is None else [("RB528", f"did you mean `{meant}`?")])


@pytest.mark.parametrize(
    "step",
    [
        AGAIN.replace("incident_commander", "{from: [scribe, technical_laed]}"),
        "- id: q\n  ask: {from: technical_laed, fields: {x: {type: boolean}}}\n",
        "- id: hand\n  manual: {who: technical_laed, do: Look at it.}\n",
        AGAIN.replace("  irreversible: it is merged\n", "  undo: {ssh: {run: [back]}}\n")
        + "  revert: {ask: technical_laed}\n",
    ],
)
def test_wherever_a_role_is_named(step: str) -> None:
    assert codes(step) == ["RB528"]


def test_a_person_by_name_is_no_role() -> None:
    assert codes("- id: hand\n  manual: {who: Technical Leed, do: Look at it.}\n") == []


@pytest.mark.parametrize(
    ("often", "once", "expected"),
    [
        ("database_on_call", "databse_on_call", ["RB528"]),
        ("on_call_eu", "on_call_us", []),
        ("team_1", "team_2", []),
    ],
)
def test_a_role_that_is_nearly_one_that_the_file_names_more_often(
    often: str, once: str, expected: list[str]
) -> None:
    steps = [
        AGAIN.replace("id: change", f"id: s{at}").replace("incident_commander", role)
        for at, role in enumerate((often, once, often))
    ]
    assert codes("".join(steps)) == expected


# --- brackets -----------------------------------------------------------------------------------------------

STEPS = "- id: r\n  outputs: {n: 1 + 1}\n- id: s\n  for_each: {as: host, in: [a]}\n"
MANUAL = STEPS + "  manual: {who: scribe, do: 'Look at %s, ${{ host }} and ${{ steps.r.n }}'}\n"


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("{{ run.id }}", "run.id"),
        ("{{run.url | upper}}", "run.url"),
        ("${ steps.r.n }", "steps.r.n"),
        ("$(run.id)", "run.id"),
        ("${ { run.id }}", "run.id"),
        ("$ {{ run.id }}", "run.id"),
        ("{{ run.id", "run.id"),
        ("{{ host }}", "host"),
        ("${ { host }}", "host"),
    ],
)
def test_a_value_in_other_brackets_stays_text(text: str, meant: str) -> None:
    (found,) = diagnose(MANUAL % text)
    assert (found.code, found.hint) == ("RB529", f"did you mean `${{{{ {meant} }}}}`?")
    assert found.span.end_column - found.span.column == len(text)


@pytest.mark.parametrize(
    "text",
    ["{{ .Name }}", "{{ item }}", "$(run.sh)", "${host}", "$(host x)", "{run}", '${{ "{{ run.id }}" }}'],
)
def test_other_brackets_have_their_meaning_elsewhere(text: str) -> None:
    assert codes(MANUAL % text) == []


def test_an_expression_in_other_brackets_is_one_mistake() -> None:
    assert codes("- {id: a, when: '{{ run.id }}', wait: 1s}\n") == ["RB401"]


@pytest.mark.parametrize(
    "line", ["title: 'Of {{ inputs.x }}'", "links: [{title: a, url: 'http://x/${ run.id }'}]"]
)
def test_the_texts_of_a_runbook_are_looked_at_too(line: str) -> None:
    assert codes(f"{line}\n") == ["RB529"]


# --- data and shells ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("run", "expected"),
    [
        ('[bash, -c, "a ${{ run.id }}"]', ["RB504"]),
        ('[sudo, -u, x, zsh, -lc, "a ${{ run.id }}"]', ["RB504"]),
        ('[env, A=b, /bin/sh, -e, -c, "${{ run.id }}"]', ["RB504"]),
        ('[bash, -euo, pipefail, -c, "a ${{ run.id }}"]', ["RB504"]),
        ('[bash, -c, "a $1", x, "${{ run.id }}"]', []),
        ('[bash, x.sh, "${{ run.id }}"]', []),
        ('[bash, --rcfile, "${{ run.id }}"]', []),
        ('[deploy, -c, "${{ run.id }}"]', []),
        ('[grep, bash, -c, "${{ run.id }}"]', []),
    ],
)
def test_what_a_shell_reads_in_a_list_holds_no_data(run: str, expected: list[str]) -> None:
    assert codes(f"- id: s\n  ssh:\n    hosts: [web1]\n    run: {run}\n  effect: read\n") == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ("run: 'deploy ${{ inputs.x }}'", ["RB203"]),
        ("run: [deploy, 'a ${{ inputs.x }}']", []),
        ("run: '${{ [inputs.x] }}'", []),
        ("run: [deploy], env: 'A=${{ inputs.x }}'", ["RB203"]),
        ("run: [deploy], stdin: 'A=${{ inputs.x }}'", []),
    ],
)
def test_a_text_is_no_list_whatever_is_filled_in(params: str, expected: list[str]) -> None:
    assert real_codes(f"{INPUT}- id: s\n  ssh: {{hosts: [web1], {params}}}\n  effect: read\n") == expected


def test_the_list_that_is_meant_is_shown() -> None:
    text = f"{INPUT}- id: s\n  ssh: {{hosts: [a], run: 'deploy ${{{{ inputs.x }}}}'}}\n  effect: read\n"
    (found,) = really_compiled(whole(text)).diagnostics
    assert found.hint == "write a list, an item for each word: `[deploy, ...]`"


# --- schemas ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "hint"),
    [
        ("{type: array, maxItmes: 3}", "did you mean `maxItems`?"),
        ("{type: string, patern: a}", "did you mean `pattern`?"),
        ("{type: integer, min: 3}", "write `minimum`, `minLength` or `minItems`"),
        ("{type: string, optional: true}", "an input with a `default` need not be given"),
        ("{type: array, items: {type: string, patern: a}}", "did you mean `pattern`?"),
        ("{type: object, properties: {a: {maxLenght: 3}}}", "did you mean `maxLength`?"),
        ("{type: string, format: date_time}", "did you mean `date-time`?"),
        ("{type: string, format: phone}", "say what it may be with `pattern`"),
    ],
)
def test_a_word_that_json_schema_does_not_have_is_pointed_out(schema: str, hint: str) -> None:
    for text in (
        f"inputs: {{x: {schema}}}\n",
        f"- id: q\n  ask: {{from: scribe, fields: {{x: {schema}}}}}\n",
    ):
        assert [(each.code, each.hint) for each in diagnose(text)] == [("RB530", hint)]


@pytest.mark.parametrize(
    "schema",
    [
        "{type: string, format: ipv4, description: a, title: b, examples: [c], deprecated: true}",
        "{type: object, properties: {patern: {type: string}}}",
        "{type: object, default: {optional: true}}",
        "{type: integer, multipleOf: 2, x-unit: s}",
    ],
)
def test_names_and_values_are_no_words_of_a_schema(schema: str) -> None:
    assert codes(f"inputs: {{x: {schema}}}\n") == []


def test_a_misspelt_bound_of_what_becomes_a_url_is_one_mistake() -> None:
    text = (
        "inputs: {x: {type: string, patern: a}}\nsteps:\n- {id: s, http: {url: 'http://x/${{ inputs.x }}'}}\n"
    )
    assert codes(text) == ["RB530"]


# --- changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "named"),
    [
        ("idempotent: true", "`approval`, `irreversible` and `idempotent`"),
        ("title: Put it back", "`approval` and `irreversible`"),
    ],
)
def test_a_change_that_is_called_a_read_is_one_mistake(word: str, named: str) -> None:
    (found,) = diagnose(CHANGE.replace("effect: change", "effect: read") + f"  {word}\n")
    assert (found.code, found.hint) == ("RB506", "write `effect: change`")
    assert found.message == f"`change` says `effect: read`, and has {named}: it looks like a change"


def test_a_read_keeps_the_words_of_a_change_apart() -> None:
    read = CHANGE.replace("effect: change", "effect: read").replace("  approval: incident_commander\n", "")
    assert codes(read) == ["RB211"]


@pytest.mark.parametrize(
    ("until", "expected"),
    [
        ("true", ["RB531"]),
        ("'true'", ["RB531"]),
        ("1 == 1", ["RB531"]),
        ("result.rc == 0", []),
        ("run.mode == 'live'", []),
    ],
)
def test_done_may_not_hold_always(until: str, expected: list[str]) -> None:
    done = f"  done:\n    ssh: {{run: [look]}}\n    until: {until}\n    within: 1m\n"
    assert codes(CHANGE + done) == expected
