"""Which branches rehearsals take, and what is said of those that none takes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from stanch.drill.rehearsal.branches import Branch, ways
from stanch.drill.rehearsal.coverage import gaps, taken_by
from stanch.drill.rehearsal.places import places_of
from stanch.language.plan import Plan, all_steps
from tests.drill.support import HEAD, compiled, play

TEXT = (
    HEAD
    + """\
inputs:
  hosts: {type: array, items: {type: string}, maxItems: 9}
require:
  - that: inputs.hosts.size() < 5
    else: "${{ inputs.hosts.size() }} are too many."
steps:
  - id: look
    prometheus: {query: sum(errors)}
    outputs: {rate: result.value}
    require:
      - that: result.value > 0.1
        else: "The rate is ${{ result.value }}; nothing to do."
      - that: result.value < 100.0
        else: "The rate is ${{ result.value }}, which cannot be."
    findings:
      - {when: result.value > 1.0, is: confirmed, text: "It is bad: ${{ result.value }}"}
      - {when: result.value <= 1.0, is: suspect, text: It is not so bad}
  - id: more
    when: steps.look.rate > 1.0
    on_failure: continue
    steps:
      - id: detail
        http: {url: "http://x/"}
  - id: fix
    approval: incident_commander
    for_each: {as: host, in: "${{ inputs.hosts }}", empty: ok}
    ssh: {hosts: ["${{ host }}"], run: [fix]}
    effect: change
    idempotent: true
    undo: {ssh: {run: [unfix]}}
    verify:
      step: look
      until: result.value < 0.1
      every: 5s
      within: 10s
"""
)
PLAN = compiled(TEXT)
BAD = "given: {look: {value: 2}, fix: {verify: {value: 0}}}\n"
SOME = "inputs: {hosts: [a]}\n"
FINE = SOME + BAD + "people: {fix: approve}\n"
MILD = SOME + "given: {look: {value: 0.5}, fix: {verify: {value: 0}}}\npeople: {fix: approve}\n"
NO_DETAIL = SOME + "given: {look: {value: 2}, detail: {fails: no}}\npeople: {fix: silent}\n"
FAILING = SOME + "given: {look: {value: 2}, fix: {fails: no}}\npeople: {fix: [approve, abort]}\n"
USELESS = SOME + "given: {look: {value: 2}, fix: {verify: {value: 2}}}\npeople: {fix: [approve, undo]}\n"


def branches(plan: Plan, *scripts: str) -> set[tuple[str, str, int]]:
    found = [taken_by(plan, play(script, plan).came) for script in scripts]
    return {(each.step, each.word, each.at) for taken in found for each in taken}


@pytest.mark.parametrize(
    ("script", "step", "word", "at"),
    [
        (FINE, "look", "", 0),
        (FINE, "more", "", 0),
        (FINE, "detail", "", 0),
        (FINE, "look", "findings", 0),
        (MILD, "look", "findings", 1),
        (MILD, "more", "when", 0),
        (SOME + "given: {look: {value: 0}}\n", "look", "require", 0),
        (SOME + "given: {look: {value: 200}}\n", "look", "require", 1),
        ("inputs: {hosts: [a, b, c, d, e]}\n", "", "require", 0),
        (NO_DETAIL, "more", "on_failure", 0),
        (SOME + BAD + "people: {fix: {deny: no}}\n", "fix", "approval", 0),
        (SOME + BAD + "people: {fix: silent}\n", "fix", "approval", 0),
        ("inputs: {hosts: []}\n" + BAD, "fix", "for_each", 0),
        (FAILING, "fix", "on_failure", 0),
        (USELESS, "fix", "verify", 0),
        (USELESS, "fix", "undo", 0),
    ],
)
def test_a_branch_is_taken_by_the_run_that_goes_there_and_not_by_a_good_one(
    script: str, step: str, word: str, at: int
) -> None:
    assert (step, word, at) in branches(PLAN, script)
    good = branches(PLAN, FINE)
    assert ((step, word, at) in good) == (script == FINE)


def missing(plan: Plan, scripts: Sequence[str]) -> list[str]:
    taken = {branch for script in scripts for branch in taken_by(plan, play(script, plan).came)}
    return [way.missing for way in gaps(plan, taken)]


def test_what_no_rehearsal_takes_is_said_in_the_order_of_the_runbook() -> None:
    assert missing(PLAN, [FINE]) == [
        "the runbook is never refused: `inputs.hosts.size() < 5` always holds",
        "`look` is never refused: `result.value > 0.1` always holds",
        "`look` is never refused: `result.value < 100.0` always holds",
        "`look` never says `It is not so bad` (suspect)",
        "`more` always runs: its `when` always holds",
        "`more` never fails (`on_failure` is `continue`)",
        "`fix` always has items, though it may have none",
        "`fix` is never denied",
        "`fix` never fails (`on_failure` is `ask`)",
        "`fix` always helps: its `verify` never fails",
        "`fix` is never taken back",
    ]


def test_of_a_step_that_never_runs_only_that_is_said_and_nothing_of_what_is_inside_of_it() -> None:
    said = missing(PLAN, [MILD])
    assert [each for each in said if "more" in each or "detail" in each] == ["`more` never runs"]


def test_a_denied_step_has_not_run() -> None:
    assert "`fix` never runs" in missing(PLAN, [SOME + BAD + "people: {fix: {deny: no}}\n"])


def test_every_step_of_a_runbook_has_a_branch() -> None:
    assert {way.branch.step for way in ways(PLAN)} - {""} == {step.id for step in all_steps(PLAN.steps)}


def test_every_branch_has_its_place_in_the_file() -> None:
    places = places_of("example.yaml", TEXT)
    lines = TEXT.splitlines()
    for way in ways(PLAN):
        span, branch = places.of(way.branch), way.branch
        line = lines[span.line - 1]
        if branch.word in ("", "require", "findings"):
            assert branch.step in line or branch.word, line
        elif branch.word == "on_failure":
            assert branch.step in line or "on_failure:" in line
        else:
            assert f"{branch.word}:" in line
    require = places.of(Branch("example", "look", "require", 1))
    assert "100.0" in lines[require.line - 1]
    assert places.of(Branch("nowhere", "x")).line == 1


CALLED = """\
runbook: example
title: An example
kind: recovery
owner: team
reviewed: 2026-11-01
inputs: {node: {type: string, pattern: "^[a-z]+$"}}
steps:
  - id: call
    approval: incident_commander
    runbook: inner
    inputs: {node: "${{ inputs.node }}"}
---
runbook: inner
title: Inside
kind: recovery
owner: team
reviewed: 2026-11-01
inputs: {node: {type: string, pattern: "^[a-z]+$"}}
require: [{that: inputs.node != "db", else: "Not ${{ inputs.node }}."}]
steps:
  - id: fix
    ssh: {hosts: ["${{ inputs.node }}"], run: [fix]}
    effect: change
    idempotent: true
    undo: {ssh: {run: [unfix]}}
    on_failure: undo
"""


def test_branches_of_a_called_runbook_are_its_own_and_taken_by_who_calls_it() -> None:
    plan = compiled(CALLED)
    scripts = [
        "inputs: {node: web}\npeople: {call: approve}\n",
        "inputs: {node: db}\npeople: {call: approve}\n",
        "inputs: {node: web}\ngiven: {call/fix: {lost: x}}\npeople: {call: approve}\n",
    ]
    taken = {branch for script in scripts for branch in taken_by(plan, play(script, plan).came)}
    assert Branch("inner", "", "require", 0) in taken
    assert Branch("inner", "fix") in taken
    assert {way.branch.runbook for way in ways(plan)} == {"example"}
    inner = plan.children["inner"]
    assert [way.missing for way in gaps(inner, taken)] == ["`fix` is never taken back"]
    assert places_of("x.yaml", CALLED).of(Branch("inner", "fix", "undo")).line == 25


BLOCK = """\
steps:
  - id: all
    approval: incident_commander
    undo: {ssh: {hosts: [web1], run: [unall]}}
    on_failure: undo
    steps:
      - id: one
        ssh: {hosts: [web1], run: [one]}
        effect: change
        idempotent: true
      - id: two
        http: {url: "http://x/"}
"""


def test_the_way_back_of_a_block_counts_for_the_block() -> None:
    plan = compiled(BLOCK)
    assert branches(plan, "given: {two: {fails: no}}\npeople: {all: approve}\n") >= {
        ("all", "undo", 0),
        ("all", "on_failure", 0),
    }


def test_steps_of_a_block_with_a_way_back_of_its_own_have_none_to_try() -> None:
    own = BLOCK.replace(
        "        idempotent: true\n", "        idempotent: true\n        undo: {ssh: {run: [unone]}}\n"
    )
    assert [way.branch.step for way in ways(compiled(own)) if way.branch.word == "undo"] == ["all"]


def test_findings_of_one_text_are_told_apart_by_how_certain_they_are() -> None:
    runbook = compiled(
        """\
steps:
  - id: look
    prometheus: {query: up}
    findings:
      - {when: result.value > 1.0, is: confirmed, text: Bad.}
      - {when: result.value <= 1.0, is: suspect, text: Bad.}
"""
    )
    assert ("look", "findings", 0) not in branches(runbook, "given: {look: {value: 0}}\n")
    assert ("look", "findings", 1) in branches(runbook, "given: {look: {value: 0}}\n")


def test_a_way_back_that_is_left_to_people_is_one() -> None:
    plan = compiled(
        """\
steps:
  - id: hand
    manual: {who: technical_lead, do: Do it.}
    effect: change
    undo: {manual: {who: technical_lead, do: Undo it.}}
    revert: end_of_run
  - id: look
    http: {url: "http://x/"}
"""
    )
    assert ("hand", "undo", 0) in branches(plan, "people: {hand: done}\n")
