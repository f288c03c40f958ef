"""Loops, blocks and children under a script: what is inside of something."""

from __future__ import annotations

from tests.drill.runbooks import CHILD, FAN, LOOP, PARALLEL
from tests.drill.support import as_expected, compiled, play, told


def test_each_round_has_its_own_script() -> None:
    script = """\
inputs: {hosts: [a, b, c]}
given:
  each:
    stdout: as all
    takes: 5s
    items: {b: {stdout: as b}}
people: {each: approve}
expect: {outcome: succeeded, outputs: {said: [as all, as b, as all]}, took: 20s}
"""
    as_expected(script, compiled(LOOP))


def test_rounds_of_a_batch_run_at_once_and_the_longest_counts() -> None:
    script = """\
inputs: {hosts: [a, b, c]}
given: {each: {stdout: x, takes: 1s, items: {c: {stdout: y, takes: 30s}}}}
people: {each: approve}
expect: {outcome: succeeded, took: 41s}
"""
    as_expected(script, compiled(LOOP))


def test_an_item_that_no_round_has_is_a_difference() -> None:
    script = (
        "inputs: {hosts: [a]}\ngiven: {each: {stdout: x, items: {z: {stdout: y}}}}\npeople: {each: approve}\n"
    )
    assert told(play(script, compiled(LOOP))) == ["`each`: no round had the item `z`"]


def test_a_loop_without_items_asks_nobody() -> None:
    as_expected(
        "inputs: {hosts: []}\nexpect: {outcome: succeeded, requests: [], steps: []}\n",
        compiled(LOOP.partition('outputs: {said: "steps')[0]),
    )


def test_one_step_may_have_several_targets() -> None:
    script = """\
inputs: {hosts: [a, b]}
given: {ask: {stdout: "up\\n", targets: {b: {stdout: "down\\n"}}}}
expect: {outcome: succeeded, outputs: {said: [a up, b down]}}
"""
    as_expected(script, compiled(FAN))
    failing = script.replace('stdout: "down\\n"', "fails: no route")
    verdict = play(failing, compiled(FAN))
    assert verdict.came.state.reason == "`b`: no route"


def test_steps_at_once_take_as_long_as_the_longest() -> None:
    script = """\
given: {a: {takes: 3s}, b: {takes: 8s}}
expect: {outcome: succeeded, steps: [a, b, then], took: 9s}
"""
    as_expected(script, compiled(PARALLEL))


def test_a_limit_stops_what_runs_longer() -> None:
    script = """\
given: {a: {takes: 25s}, b: {takes: 8s}}
expect:
  outcome: succeeded
  steps: [looks, a, b, then]
  problems: ["`looks` took longer than 20s"]
  took: 21s
"""
    as_expected(script, compiled(PARALLEL))


def test_what_is_inside_of_a_called_runbook_is_named_with_the_call() -> None:
    script = """\
inputs: {nodes: [db1, db2]}
given:
  each/restart: {takes: 1s}
  each/look:
    json: {version: "16"}
    items: {db2: {json: {version: "17"}}}
people: {each: approve}
expect:
  outcome: succeeded
  steps: [each, each/restart, each/look]
  findings: [{step: each/look, text: db1 runs 16}, {is: cleared, text: db2 runs 17}]
  ledger: [{step: each/restart, target: db1, undone: true}, {target: db2, undone: true}]
  outputs: {versions: ["16", "17"]}
"""
    as_expected(script, compiled(CHILD))


def test_steps_of_a_called_runbook_count_only_when_they_are_named() -> None:
    script = """\
inputs: {nodes: [db1]}
given: {each/look: {json: {version: "16"}}}
people: {each: approve}
expect: {outcome: succeeded, steps: [each]}
"""
    as_expected(script, compiled(CHILD))
