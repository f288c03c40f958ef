"""What is expected against what happens: only what is written counts, and a difference shows both."""

from __future__ import annotations

import pytest

from stanch.drill.rehearsal.show import diff
from tests.drill.runbooks import CHANGE
from tests.drill.support import as_expected, compiled, play

RUNBOOK = compiled(
    CHANGE.replace(
        "steps:\n",
        """\
inputs: {host: {type: string, pattern: "^[a-z]+$"}}
steps:
  - id: load
    title: How loaded is it?
    ssh: {hosts: ["${{ inputs.host }}"], run: [uptime], output: json}
    effect: read
    outputs: {load: double(result.json.load), detail: result.json}
    keep: {uptime.json: result.json}
    findings:
      - when: steps.load.load > 0.9
        is: confirmed
        text: "${{ inputs.host }} is at ${{ steps.load.load }}."
        suggest: {runbook: example, inputs: {host: "${{ inputs.host }}"}}
      - {when: steps.load.load <= 0.9, is: cleared, text: It has room.}
""",
        1,
    )
    + "outputs: {load: steps.load.load, detail: steps.load.detail}\n"
)
SCRIPT = """\
inputs: {host: web}
given:
  load: {json: {load: 0.95, users: 3}}
  restart: {takes: 4s, done: {lines: [active]}}
people: {restart: {approve: go on, after: 6m}}
"""
ASKED, CHANGED = "`requests` differs at `restart`", "`ledger` differs at `restart`"
EXPECTED = """\
expect:
  outcome: succeeded
  steps: [load, restart]
  requests:
    - step: restart
      kind: approval
      question: Restart it?
      from: [incident_commander]
      choices: [approve, deny]
      evidence: [load.load = 0.95]
      findings: [{step: load, is: confirmed, text: web is at 0.95, suggest: example}]
      changes: [{target: web1, command: systemctl restart shop, undo: systemctl stop shop}]
      after: 0s
  findings: [{text: is at 0.95}]
  outputs: {load: 0.95, detail: {users: 3, load: 0.95}}
  ledger: [{step: restart, target: web1, command: systemctl restart shop, undone: false}]
  pages: [incident_commander, {to: incident_commander, after: 5m}]
  kept: [uptime.json]
  problems: []
  not_run: []
  took: 6m4s
"""


def test_everything_that_may_be_expected_can_be_met() -> None:
    as_expected(SCRIPT + EXPECTED, RUNBOOK)


@pytest.mark.parametrize(
    ("old", "new", "what", "points", "shown"),
    [
        ("outcome: succeeded", "outcome: failed", "`outcome` differs", "failed", ["-failed", "+succeeded"]),
        ("steps: [load, restart]", "steps: [restart]", "`steps` differs", "restart", ["+- load"]),
        ("steps: [load, restart]", "steps: [restart, load]", "`steps` differs", "restart", []),
        ("Restart it?", "Stop it?", ASKED, "Stop it?", ["-  question: Stop it?"]),
        ("[approve, deny]", "[approve]", ASKED, "[approve]", ["+    - deny"]),
        ("evidence: [load.load = 0.95]", "evidence: [none]", ASKED, "none", ["-    - none"]),
        ("{target: web1, command", "{target: web2, command", ASKED, "web2", []),
        ("undo: systemctl stop", "undo: systemctl halt", ASKED, "systemctl halt", []),
        ("text: web is at 0.95", "text: web is at 0.5", ASKED, "web is at 0.5", []),
        (
            "[{text: is at 0.95}]",
            "[]",
            "`findings` differs",
            "[]",
            ["+- {is: confirmed, text: web is at 0.95.}"],
        ),
        (
            "detail: {users: 3,",
            "detail: {users: 4,",
            "`outputs` differs",
            "4",
            ["-  users: 4", "+  users: 3"],
        ),
        ("{load: 0.95, detail", "{load: true, detail", "`outputs` differs", "true", []),
        ("undone: false", "undone: true", CHANGED, "true", []),
        ("restart shop, undone", "restart, undone", CHANGED, "systemctl restart", []),
        ("{to: incident_commander, after: 5m}", "nobody", "`pages` differs", "nobody", ["-- nobody"]),
        ("after: 5m", "after: 4m", "`pages` differs", "4m", ["+- {to: incident_commander, after: 5m}"]),
        ("kept: [uptime.json]", "kept: []", "`kept` differs", "[]", ["+- uptime.json"]),
        ("problems: []", "problems: [no route]", "`problems` differs", "no route", ["-- no route"]),
        ("not_run: []", "not_run: [restart]", "`restart` ran", "restart", []),
        ("took: 6m4s", "took: 6m", "`took` differs", "6m", ["-6m", "+6m4s"]),
        ("outcome: succeeded", "outcome: succeeded\n  reason: because", "`reason` differs", "because", []),
    ],
)
def test_a_difference_says_where_it_is_and_shows_both(
    old: str, new: str, what: str, points: str, shown: list[str]
) -> None:
    text = SCRIPT + EXPECTED
    assert old in text
    changed = text.replace(old, new, 1)
    (found,) = play(changed, RUNBOOK).differences
    assert found.what == what
    lines = ("rehearsal: it\nrunbook: example\n" + changed).splitlines()
    assert lines[found.span.line - 1][found.span.column - 1 :].startswith(points.partition("\n")[0])
    assert set(shown) <= set(diff(found.expected, found.happened))


def test_what_is_not_written_is_not_compared() -> None:
    as_expected(SCRIPT + "expect: {outcome: succeeded}\n", RUNBOOK)
    as_expected(SCRIPT + "expect: {outcome: succeeded, requests: [{kind: approval}], outputs: {}}\n", RUNBOOK)


def test_a_change_that_was_taken_back_without_being_expected_to_is_a_difference() -> None:
    runbook = compiled(
        CHANGE + "    verify: {http: {url: 'http://x/'}, until: result.status == 204, within: 5s}\n"
    )
    script = """\
given: {restart: {done: {lines: [active]}, verify: {status: 200}}}
people: {restart: [approve, undo]}
expect: {outcome: failed, ledger: [{step: restart}]}
"""
    (found,) = play(script, runbook).differences
    assert diff(found.expected, found.happened)[2:] == [
        "-- {step: restart}",
        "+- {step: restart, undone: true}",
    ]
    as_expected(script.replace("step: restart}]", "step: restart, undone: true}]"), runbook)


def test_numbers_are_equal_however_they_are_written_and_texts_are_not_numbers() -> None:
    as_expected(
        SCRIPT + "expect: {outcome: succeeded, outputs: {detail: {users: 3.0, load: 0.95}}}\n", RUNBOOK
    )
    script = SCRIPT + 'expect: {outcome: succeeded, outputs: {load: "0.95"}}\n'
    assert len(play(script, RUNBOOK).differences) == 1
    script = SCRIPT.replace("load: 0.95, users: 3", "load: 1, users: 3")
    assert (
        len(play(script + "expect: {outcome: succeeded, outputs: {load: true}}\n", RUNBOOK).differences) == 1
    )
    as_expected(script + "expect: {outcome: succeeded, outputs: {load: 1}}\n", RUNBOOK)


def test_what_the_run_calls_a_problem_has_to_be_expected() -> None:
    runbook = compiled(
        "steps:\n  - id: look\n    http: {url: 'http://x/'}\n"
        "outputs: {name: \"run.findings.filter(f, f.step == 'look')[0].text\"}\n"
    )
    (found,) = play("expect: {outcome: succeeded}\n", runbook).differences
    assert "name it under `problems`" in found.what
    assert found.happened[0].startswith("output `name`")
    as_expected("expect: {outcome: succeeded, problems: [output `name`]}\n", runbook)


def test_an_end_that_is_not_expected_comes_with_all_that_follows_from_it() -> None:
    script = SCRIPT.replace("approve: go on", "deny: not now") + EXPECTED
    words = [each.what for each in play(script, RUNBOOK).differences]
    assert words == [
        "`outcome` differs",
        "`steps` differs",
        "`outputs` differs",
        CHANGED,
        "`took` differs",
    ]
