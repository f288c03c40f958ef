"""What an editor underlines in a runbook: the mistake itself, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.editors.language_server import Document, LanguageServer, Problem
from tests.editors.written import BY_PEOPLE, PLACE, WRITTEN, modeline, nowhere, shipped

pytestmark = pytest.mark.xdist_group("editors")

RUNBOOK = (PLACE / "rollback-release.yaml").read_text(encoding="utf-8")
FINE = [path for schema in BY_PEOPLE for path in shipped(schema)]

NO_DURATION = "must be a duration such as `30s`, `5m` or `1h30m`"
TYPES = '"string", "integer", "number", "boolean", "array", "object"'
MISTAKES = {
    "a word of a step": (
        "    approval: incident_commander",
        "    aproval: incident_commander",
        {"aproval": "Property aproval is not allowed."},
    ),
    "a word of the runbook": (
        "symptoms: ",
        "symptom: ",
        {"symptom": "Property symptom is not allowed."},
    ),
    "a parameter of an action": (
        "      output: json\n    effect: read\n",
        "      ouput: json\n    effect: read\n",
        {"ouput": "Property ouput is not allowed."},
    ),
    "a parameter in a way back": (
        "        run: [deploy, redeploy",
        "        rum: [deploy, redeploy",
        {"ssh": 'Missing property "run".', "rum": "Property rum is not allowed."},
    ),
    "an action that does not exist": (
        "    http:\n      method",
        "    htpp:\n      method",
        {"htpp": "Property htpp is not allowed."},
    ),
    "a required word of the runbook": (
        "owner: payments-sre\n",
        "",
        {"r": 'Missing property "owner".'},
    ),
    "a required word of an action": (
        '      run: [deploy, rollback, "${{ inputs.service }}"]\n',
        "",
        {"ssh": 'Missing property "run".'},
    ),
    "a check without a condition": (
        "      until: result.json.release != steps.current.bad\n",
        "",
        {"done": 'Missing property "until".'},
    ),
    "one of few values": (
        "    effect: change",
        "    effect: cahnge",
        {"cahnge": 'Value is not accepted. Valid values: "read", "change".'},
    ),
    "a value of the wrong kind": (
        "      max_failures: 0",
        "      max_failures: none",
        {"none": "must be a number of items or a percentage such as `10%`"},
    ),
    "a number that is too small": (
        "      max_failures: 0",
        "      max_failures: -1",
        {"-1": "Value is below the minimum of 0."},
    ),
    "a command that is no list": (
        "      run: [deploy, rollback,",
        "      run: deploy rollback #",
        {"deploy rollback": 'Incorrect type. Expected "array".'},
    ),
    "a duration": (
        "      within: 1m",
        "      within: a minute",
        {"a minute": NO_DURATION},
    ),
    "a name": (
        "  - id: roll_back",
        "  - id: Roll back",
        {"Roll back": "must be a name such as `roll_back`: lower case, digits and `_`"},
    ),
    "a date": (
        "reviewed: 2026-11-20",
        "reviewed: last week",
        {"last week": "must be a date such as `2026-11-01`"},
    ),
    "a size of a batch": (
        "      batches: [1, 50%, 100%]",
        "      batches: [1, 50%, 200%]",
        {"200%": "must be a number of items or a percentage from `1%` to `100%`"},
    ),
    "a role": (
        "    approval: incident_commander",
        "    approval: the boss",
        {"the boss": "must be a role such as `incident_commander`, or a mapping with `from`"},
    ),
    "a word of an approval": (
        "    approval: incident_commander",
        "    approval:\n      from: incident_commander\n      quorom: 2",
        {"quorom": "Property quorom is not allowed."},
    ),
    "an approval from nobody": (
        "    approval: incident_commander",
        "    approval:\n      quorum: 2",
        {"approval": 'Missing property "from".'},
    ),
    "an end that does not exist": (
        "    title: Put the previous release back",
        "    revert: end_of_rum",
        {"end_of_rum": "must be `end_of_block`, `end_of_run`, or a mapping with `after`, `when` or `ask`"},
    ),
    "a word of a way back": (
        "    title: Put the previous release back",
        "    revert:\n      after: 72h\n      atmost: 96h",
        {"atmost": "Property atmost is not allowed."},
    ),
    "how certain a finding is": (
        "    title: Put the previous release back",
        "    findings:\n      - when: true\n        is: certain\n        text: It is so.",
        {"certain": 'Value is not accepted. Valid values: "confirmed", "suspect", "cleared", "unknown".'},
    ),
    "a finding that says nothing": (
        "  - id: now",
        "  - id: says\n    findings:\n    - when: true\n      is: confirmed\n  - id: now",
        {"w": 'Missing property "text".'},
    ),
    "a question without fields": (
        "  - id: now",
        "  - id: which\n    ask:\n      from: technical_lead\n  - id: now",
        {"ask": 'Missing property "fields".'},
    ),
    "a list that is only named": (
        '      in: "${{ inputs.hosts }}"',
        "      in: inputs.hosts",
        {"inputs.hosts": "must be a string with `${{ }}`"},
    ),
    "silence that approves": (
        "    approval: incident_commander",
        "    approval:\n      from: technical_lead\n      silence:\n        after: 5m\n        then: approve",
        {"approve": 'Value is not accepted. Valid values: "deny", "abort".'},
    ),
    "an expression that YAML took apart": (
        "      until: result.json.release != steps.current.bad",
        "      until: [result.json.release]",
        {"[result.json.release]": "must be an expression; put the whole of it into quotes"},
    ),
    "the type of an input": (
        "  service:\n    type: string",
        "  service:\n    type: text",
        {"text": f"Value is not accepted. Valid values: {TYPES}."},
    ),
}
"""What is written, what instead of it, and each thing that is underlined then, with what is said about it.

A word that has to be there and is misspelt is both unknown and missing. Nothing else is said twice.
"""


@pytest.fixture(scope="session")
def opened(server: LanguageServer) -> dict[str, Document]:
    """Every document at once: the server waits a fifth of a second before it looks at one."""
    documents = {what: server.open(mistaken(what), nowhere()) for what in MISTAKES}
    documents |= {str(path): server.open(path.read_text(encoding="utf-8"), path) for path in FINE}
    for schema in WRITTEN:
        documents[schema] = server.open(f"{modeline(schema)}nonsense: true\n", nowhere())
    return documents


def mistaken(what: str) -> str:
    old, new, _ = MISTAKES[what]
    assert RUNBOOK.count(old) >= 1, f"`{old}` is no longer in the runbook"
    return RUNBOOK.replace(old, new, 1)


@pytest.mark.parametrize("what", MISTAKES)
def test_a_mistake_is_underlined_where_it_is(opened: dict[str, Document], what: str) -> None:
    document, (_, new, said) = opened[what], MISTAKES[what]
    problems = document.problems()
    assert {problem.text: problem.message for problem in problems} == said
    assert len(problems) == len(said)
    lines, before = document.text.splitlines(), RUNBOOK.splitlines()
    first = next(at for at, line in enumerate(lines) if line != before[at])
    for problem in problems:
        if problem.message.startswith("Missing"):
            # What is not there has no place: it is the key above, or the first letter of what lacks it.
            keys = {"r": "runbook:", "w": "- when: true"}
            key = keys.get(problem.text, f"{problem.text}:")
            end = first + new.count("\n")
            assert problem.line == 1 + max(at for at in range(end + 1) if lines[at].strip().startswith(key))
        else:
            assert first < problem.line <= first + 1 + new.count("\n")


@pytest.mark.parametrize("path", FINE, ids=lambda path: path.stem)
def test_nothing_is_underlined_in_what_is_shipped(opened: dict[str, Document], path: Path) -> None:
    assert opened[str(path)].problems() == []


@pytest.mark.parametrize("schema", WRITTEN)
def test_a_document_is_held_against_the_schema_of_its_first_line(
    opened: dict[str, Document], schema: str
) -> None:
    unknown = Problem(2, "nonsense", "Property nonsense is not allowed.")
    assert unknown in opened[schema].problems()


def test_a_document_is_held_against_the_schema_that_the_settings_name(server: LanguageServer) -> None:
    document = server.open("gateway:\n  prot: 8080\n", nowhere().parent / "elsewhere" / "stanch.yaml")
    assert document.problems() == [Problem(2, "prot", "Property prot is not allowed.")]
