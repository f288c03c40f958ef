"""The scripted outside and clock: reads, waits and changes."""

from __future__ import annotations

import pytest

from tests.drill.runbooks import CHANGE, READ, WAIT
from tests.drill.support import as_expected, compiled

# --- reads ----------------------------------------------------------------------------------------------


def test_time_passes_as_the_script_says() -> None:
    as_expected(
        "given: {look: {takes: 20s}}\nexpect: {outcome: succeeded, took: 20s}\n",
        compiled(READ.replace("result.status", "1")),
    )


def test_a_read_that_fails_ends_the_run_with_its_reason() -> None:
    as_expected(
        "given: {look: {fails: no route}}\nexpect: {outcome: failed, reason: no route}\n", compiled(READ)
    )


def test_a_result_that_the_action_calls_a_failure_is_one() -> None:
    as_expected(
        "given: {look: {status: 503}}\nexpect: {outcome: failed, reason: answered 503}\n", compiled(READ)
    )


def test_what_takes_longer_than_its_time_out_is_given_up_then_and_tried_again() -> None:
    script = """\
given: {look: [{status: 200, takes: 5m}, {status: 200}]}
expect: {outcome: succeeded, took: 32s}
"""
    as_expected(script, compiled(READ))
    script = """\
given: {look: {status: 200, takes: 5m}}
expect: {outcome: failed, reason: did not end within 30s, took: 1m36s}
"""
    as_expected(script, compiled(READ))


def test_what_cannot_be_reached_is_tried_again_with_the_pauses_of_a_real_run() -> None:
    script = """\
given:
  look: [{unreachable: no route, takes: 1s}, {unreachable: no route}, {status: 204}]
expect: {outcome: succeeded, outputs: {status: 204}, took: 7s}
"""
    as_expected(script, compiled(READ))  # 1s, then pauses of 2s and 4s


def test_tries_end_and_so_does_the_run() -> None:
    as_expected(
        "given: {look: {unreachable: no route}}\nexpect: {outcome: failed, reason: no route}\n",
        compiled(READ),
    )


# --- waiting --------------------------------------------------------------------------------------------


def test_a_wait_ends_when_its_condition_has_held_for_long_enough() -> None:
    script = """\
given:
  drained: [{value: 3}, {value: 0}]
expect: {outcome: succeeded, took: 25s}
"""
    as_expected(script, compiled(WAIT))


def test_a_condition_that_breaks_begins_anew() -> None:
    script = """\
given:
  drained: [{value: 0}, {value: 1}, {value: 0}]
expect: {outcome: succeeded, took: 35s}
"""
    as_expected(script, compiled(WAIT))


def test_a_condition_that_never_holds_is_a_failure_at_the_end_of_within() -> None:
    script = """\
given: {drained: {value: 3}}
expect: {outcome: failed, reason: "`result.value == 0.0` did not hold", took: 1m}
"""
    as_expected(script, compiled(WAIT))


def test_a_look_without_an_answer_does_not_hold_and_does_not_end_the_wait() -> None:
    script = "given: {drained: [{fails: no route}, {value: 0}]}\nexpect: {outcome: succeeded, took: 25s}\n"
    as_expected(script, compiled(WAIT))


def test_a_very_long_wait_costs_no_time() -> None:
    runbook = compiled(WAIT.replace("10s", "50ms").replace("1m", "30d").replace("stable: 15s", "stable: 1s"))
    as_expected("given: {drained: {value: 3}}\nexpect: {outcome: failed, took: 30d}\n", runbook)


# --- changes --------------------------------------------------------------------------------------------


def test_a_change_is_confirmed_by_what_its_check_sees() -> None:
    script = """\
given:
  restart: {takes: 3s, done: [{lines: [activating]}, {lines: [active]}]}
people: {restart: approve}
expect:
  outcome: succeeded
  ledger: [{step: restart, target: web1, command: systemctl restart shop}]
  took: 8s
"""
    as_expected(script, compiled(CHANGE))


def test_a_change_that_its_check_never_sees_has_failed_though_it_was_executed() -> None:
    script = """\
given:
  restart: {done: {lines: [failed]}}
people: {restart: [approve, {abort: enough}]}
expect:
  outcome: aborted
  requests:
    - kind: approval
    - {kind: failure, evidence: ["was executed and ended well, but `done` is not true"]}
  took: 30s
"""
    as_expected(script, compiled(CHANGE))


def test_a_step_that_says_it_is_not_in_place_already_is_executed() -> None:
    script = """\
given: {restart: {already: false, done: {lines: [active]}}}
people: {restart: approve}
expect: {outcome: succeeded, ledger: [{step: restart}]}
"""
    as_expected(script, compiled(CHANGE))


def test_another_action_in_the_check_of_a_change_has_its_usual_time() -> None:
    other = CHANGE.replace(
        "ssh: {run: [systemctl, is-active, shop], output: lines}", "http: {url: 'http://x/'}"
    ).replace('result.lines == ["active"]', "result.status == 200")
    script = """\
given: {restart: {done: [{status: 200, takes: 40s}, {status: 200}]}}
people: {restart: [approve, abort]}
expect: {outcome: aborted, reason: "", took: 30s}
"""
    # The change may take a minute; an HTTP request is given up after 30 seconds, which is all that there is.
    as_expected(script.replace('reason: "", ', ""), compiled(other))


@pytest.mark.parametrize("how", ["already: true", "before: {lines: [active]}"])
def test_what_is_in_place_already_is_not_executed_and_not_in_the_ledger(how: str) -> None:
    script = f"""\
given: {{restart: {{{how}, fails: it must not run}}}}
people: {{restart: approve}}
expect: {{outcome: succeeded, ledger: []}}
"""
    as_expected(script, compiled(CHANGE))


def test_what_is_not_in_place_before_is_executed() -> None:
    script = """\
given:
  restart: {before: {lines: [inactive], takes: 2s}, done: {lines: [active]}}
people: {restart: approve}
expect: {outcome: succeeded, ledger: [{step: restart}], took: 2s}
"""
    as_expected(script, compiled(CHANGE))


@pytest.mark.parametrize("how", ["lost: the connection was cut", "takes: 2m"])
def test_a_lost_change_is_settled_by_its_check(how: str) -> None:
    script = f"""\
given: {{restart: {{{how}, done: {{lines: [active]}}}}}}
people: {{restart: approve}}
expect: {{outcome: succeeded, ledger: [{{step: restart}}]}}
"""
    as_expected(script, compiled(CHANGE))


def test_a_lost_change_of_which_the_check_says_no_has_failed() -> None:
    script = """\
given:
  restart:
    - {lost: the connection was cut, done: {lines: [inactive]}}
    - {done: {lines: [active]}}
people: {restart: [approve, {retry: once more}]}
expect:
  outcome: succeeded
  requests: [{kind: approval}, {kind: failure, choices: [retry, skip, abort]}]
  ledger: [{step: restart}]
"""
    as_expected(script, compiled(CHANGE))


def test_a_lost_change_of_which_the_check_says_nothing_is_asked_about() -> None:
    script = """\
given: {restart: {lost: the connection was cut, done: {unreachable: no route}}}
people: {restart: [approve, {done: I looked myself}]}
expect:
  outcome: succeeded
  requests: [{kind: approval}, {kind: in_doubt, choices: [done, retry, undo, abort]}]
  ledger: [{step: restart}]
"""
    as_expected(script, compiled(CHANGE))


def test_the_takes_of_a_step_come_one_after_the_other_each_with_its_own_check() -> None:
    script = """\
given:
  restart:
    - {rc: 1, stderr: "unit is masked"}
    - {done: {lines: [active]}}
people: {restart: [approve, {retry: unmasked by hand}]}
expect: {outcome: succeeded, ledger: [{step: restart}]}
"""
    as_expected(script, compiled(CHANGE))


def test_what_is_written_for_one_take_only_is_for_the_nearest_others_too() -> None:
    script = """\
given:
  restart:
    - {rc: 1}
    - {done: {lines: [active]}}
    - {rc: 2}
people: {restart: [approve, retry]}
expect: {outcome: succeeded}
"""
    as_expected(script, compiled(CHANGE))
    script = """\
given:
  restart:
    - {rc: 1, done: {lines: [active]}}
    - {stdout: ok}
people: {restart: [approve, retry]}
expect: {outcome: succeeded}
"""
    as_expected(script, compiled(CHANGE))


def test_each_take_begins_its_own_looks() -> None:
    script = """\
given:
  restart:
    - {done: [{lines: [no]}, {lines: [no]}]}
    - {done: [{lines: [no]}, {lines: [no]}, {lines: [active]}]}
people: {restart: [approve, retry]}
expect: {outcome: succeeded, took: 40s}
"""
    as_expected(script, compiled(CHANGE))  # 30s in vain, and two pauses of 5s


def test_a_way_back_succeeds_unless_the_script_says_something_else() -> None:
    tail = "  - id: fails\n    http: {url: 'http://x/'}\n"
    block = CHANGE.replace("steps:\n", "steps:\n  - id: all\n    on_failure: undo\n    steps:\n", 1)
    indented = "\n".join(f"    {line}" if at > 3 else line for at, line in enumerate(block.splitlines()))
    runbook = compiled(
        indented + "\n" + tail.replace("  - id", "      - id").replace("    http", "        http")
    )
    script = "given: {restart: {done: {lines: [active]}}, fails: {fails: no}}\npeople: {restart: approve}\n"
    as_expected(script + "expect: {outcome: failed, ledger: [{step: restart, undone: true}]}\n", runbook)
    script = script.replace("active]}}", "active]}, undo: {fails: no route, takes: 5s}}")
    expect = (
        "expect: {outcome: failed, ledger: [{step: restart}], problems: [could not take back], took: 5s}\n"
    )
    as_expected(script + expect, runbook)


# --- leases ---------------------------------------------------------------------------------------------


def test_nobody_else_is_on_the_stage_so_locks_are_held_at_once() -> None:
    locked = compiled("locks: [service/example, db/example]\n" + READ)
    as_expected("given: {look: {status: 200, takes: 20s}}\nexpect: {outcome: succeeded, took: 20s}\n", locked)
