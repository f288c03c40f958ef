"""The scripted people, and what a script lacks."""

from __future__ import annotations

import pytest

from stanch.contract import Ladder, Rung, RunPolicy
from stanch.drill.rehearsal import stage
from tests.drill.runbooks import ASK, CHANGE, CHILD, READ, WAIT
from tests.drill.support import as_expected, compiled, play, told
from tests.support.keys import public

# --- people ---------------------------------------------------------------------------------------------


def test_people_give_values_and_do_things_by_hand() -> None:
    script = """\
people:
  which: {answer: {node: db2}, by: bob, after: 1m}
  hand: {done: restarted, after: 10m}
expect:
  outcome: succeeded
  requests:
    - {step: which, kind: ask, from: [technical_lead], show: two, choices: [answer, abort], after: 0s}
    - {step: hand, kind: manual, show: Restart db2., checklist: [It is up], after: 1m}
  outputs: {node: db2, sure: true}
  ledger: [{step: hand, command: "technical_lead: Restart db2."}]
  took: 11m
"""
    as_expected(script, compiled(ASK))


def test_a_policy_that_wants_proofs_is_rehearsed_without_them() -> None:
    script = "people: {which: {answer: {node: db2}}, hand: {done: ok}}\nexpect: {outcome: succeeded}\n"
    as_expected(script, compiled(ASK), RunPolicy(unsigned="refuse", keys=(public("alice", "alice"),)))


def test_a_step_whose_question_nobody_answers_has_run_and_those_behind_it_have_not() -> None:
    script = "people: {which: silent}\nexpect: {outcome: aborted, steps: [which], took: 30m}\n"
    as_expected(script, compiled(ASK))


def test_somebody_may_be_unable_to_do_it() -> None:
    script = """\
people: {which: {answer: {node: db1}}, hand: {fail: no access}}
expect: {outcome: failed, reason: no access, ledger: []}
"""
    as_expected(script, compiled(ASK))


def test_silence_climbs_and_ends() -> None:
    ladder = Ladder((Rung(0, "alice"), Rung(60, "bob")), 120, "abort")
    script = """\
people: {restart: silent}
expect: {outcome: aborted, pages: [alice, {to: bob, after: 1m}], took: 2m, steps: []}
"""
    as_expected(script, compiled(CHANGE), RunPolicy(ladders={"incident_commander": ladder}))


def test_an_answer_that_comes_too_late_is_not_taken() -> None:
    script = "people: {restart: {approve: late, after: 2h}}\nexpect: {outcome: denied}\n"
    (found,) = play(script, compiled(CHANGE)).diagnostics
    assert found.code == "RB709"
    assert "the run has ended (denied)" in found.message
    as_expected(script.replace("after: 2h", "after: 2h, refused: the run has ended"), compiled(CHANGE))


def test_who_started_a_run_cannot_approve_it_and_somebody_else_can() -> None:
    script = """\
started_by: alice
given: {restart: {done: {lines: [active]}}}
people:
  restart:
    - {approve: mine, by: alice, refused: alice started this run}
    - {approve: fine, by: bob, after: 1m}
expect: {outcome: succeeded, took: 1m}
"""
    as_expected(script, compiled(CHANGE))


def test_a_refusal_that_does_not_come_is_a_difference() -> None:
    script = (
        "given: {restart: {done: {lines: [active]}}}\npeople: {restart: {approve: fine, refused: never}}\n"
    )
    assert told(play(script, compiled(CHANGE))) == [
        "`restart`: the answer was taken, and should have been refused"
    ]


def test_after_a_refusal_with_nobody_left_there_is_silence() -> None:
    script = """\
started_by: alice
people: {restart: {approve: mine, by: alice, refused: started}}
expect: {outcome: denied, took: 30m}
"""
    as_expected(script, compiled(CHANGE))


def test_one_line_stands_for_as_many_people_as_are_needed() -> None:
    runbook = compiled(
        CHANGE.replace(
            "approval: incident_commander",
            "approval: {from: [incident_commander, technical_lead], quorum: 3}",
        )
    )
    script = "given: {restart: {done: {lines: [active]}}}\npeople: {restart: approve}\n"
    verdict = as_expected(script, runbook)
    (opened,) = verdict.came.state.requests.values()
    assert len({given.by for given in opened.given}) == 3


def test_people_who_hold_a_role_answer_for_it() -> None:
    script = "given: {restart: {done: {lines: [active]}}}\npeople: {restart: approve}\n"
    verdict = as_expected(script, compiled(CHANGE), RunPolicy(roles={"incident_commander": ("carol",)}))
    assert any("approve by carol" in moment.text for moment in verdict.came.state.timeline)


def test_a_wrong_confirmation_is_refused_and_the_right_one_is_typed_by_itself() -> None:
    runbook = compiled(
        CHANGE.replace("approval: incident_commander", "approval: {from: incident_commander, confirm: shop}")
    )
    script = """\
given: {restart: {done: {lines: [active]}}}
people: {restart: [{approve: fine, confirm: shpo, refused: to confirm}, approve]}
expect: {outcome: succeeded, requests: [{confirm: shop}]}
"""
    as_expected(script, runbook)


def test_answers_that_nobody_asked_for_are_differences() -> None:
    script = "given: {restart: {done: {lines: [active]}}}\npeople: {restart: [approve, retry]}\n"
    assert told(play(script, compiled(CHANGE))) == ["`restart`: only 1 of 2 answers were asked for"]
    script = "given: {look: {status: 200}}\npeople: {look: retry}\n"
    asking = READ.replace("    outputs: {status: r", "    on_failure: ask\n    outputs: {status: r")
    asking = asking.replace("outputs: {status: steps.look.status}", "outputs: {well: steps.look.ok}")
    assert told(play(script, compiled(asking))) == ["`look`: nobody was asked"]


def test_somebody_may_end_the_run_from_outside_while_something_acts() -> None:
    script = """\
given: {restart: {takes: 30s}}
people: {restart: approve}
abort: {after: 10s, by: alice, because: wrong runbook}
expect:
  {outcome: in_doubt, reason: "aborted by alice: wrong runbook", ledger: [{undone: false}], took: 10s}
"""
    as_expected(script, compiled(CHANGE))


def test_a_wait_that_is_broken_off_has_run() -> None:
    script = "abort: {after: 1s}\nexpect: {outcome: aborted, steps: [rest]}\n"
    as_expected(script, compiled("steps:\n  - {id: rest, wait: 1m}\n  - {id: then, wait: 1s}\n"))


# --- orders, and the alert ------------------------------------------------------------------------------


RESTS = "steps:\n  - {id: rest, wait: 1m}\n"
RESTARTED = "given: {restart: {done: {lines: [active]}, undo: {}}}\n"


def test_a_pause_keeps_a_change_back_until_the_resume() -> None:
    script = f"""\
{RESTARTED}people: {{restart: {{approve: fine, after: 10s}}}}
orders:
  - {{order: pause, after: 5s, because: is this the right host?}}
  - {{order: resume, after: 2m}}
expect: {{outcome: succeeded, took: 2m, ledger: [{{step: restart}}]}}
"""
    as_expected(script, compiled(CHANGE))


def test_a_step_is_skipped_and_what_was_done_is_taken_back() -> None:
    steps = "steps:\n  - {id: first, wait: 1m}\n  - {id: then, wait: 1m}\n"
    script = "orders: [{order: skip, after: 10s, step: first}]\nexpect: {outcome: succeeded, took: 70s}\n"
    as_expected(script, compiled(steps))
    steps = CHANGE + "  - {id: then, wait: 1h}\n"
    script = f"""\
{RESTARTED}people: {{restart: approve}}
orders: [{{order: undo, after: 1m, because: it is worse}}]
expect: {{outcome: aborted, ledger: [{{step: restart, undone: true}}]}}
"""
    as_expected(script, compiled(steps))


def test_an_alert_that_resolves_withdraws_what_its_when_does_not_want_any_more() -> None:
    runbook = CHANGE.replace("  - id: restart\n", '  - id: restart\n    when: "!run.resolved"\n')
    script = "people: {restart: {approve: late, after: 10m}}\nalert: [{after: 5m, is: resolved}]\n"
    (found,) = play(script, compiled(runbook)).diagnostics
    assert (found.code, "the run has ended (succeeded)" in found.message) == ("RB709", True)
    as_expected(script.replace("{approve: late, after: 10m}", "silent"), compiled(runbook))


def test_an_order_that_is_refused_is_said_and_may_be_expected() -> None:
    script = "orders: [{order: resume, after: 1s}]\nexpect: {outcome: succeeded}\n"
    (found,) = play(script, compiled(RESTS)).diagnostics
    assert (found.code, found.message) == (
        "RB709",
        "the order `resume` is not obeyed: the run is not paused",
    )
    as_expected(script.replace("1s}", "1s, refused: is not paused}"), compiled(RESTS))


@pytest.mark.parametrize(
    ("order", "difference"),
    [
        (
            "{order: hold, after: 1s, refused: never}",
            "the order `hold` was obeyed, and should have been refused",
        ),
        ("{order: pause, after: 9h}", "the order `pause` was not given: the run had ended before"),
    ],
)
def test_an_order_that_comes_to_something_else_is_a_difference(order: str, difference: str) -> None:
    assert difference in told(play(f"orders: [{order}]\n", compiled(RESTS)))


def test_a_run_that_stays_paused_is_not_as_expected() -> None:
    verdict = play(
        "orders: [{order: pause, after: 1s}]\n",
        compiled("steps:\n  - {id: a, wait: 1m}\n  - {id: b, wait: 1m}\n"),
    )
    assert not verdict.passed


# --- what a script lacks --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("runbook", "script", "code", "hint"),
    [
        (READ, "", "RB707", "write `look: {status: 0}` under `given`"),
        (
            READ.replace("outputs: {status: result.status}", "keep: {a: result.body}").partition("outputs")[
                0
            ],
            "",
            "RB707",
            "write `look: {body: TEXT}` under `given`",
        ),
        (READ, "given: {look: {takes: 5s}}\n", "RB707", "write `look: {status: 0}` under `given`"),
        (WAIT, "", "RB707", "write `drained: {value: 0.0}` under `given`"),
        (
            CHANGE,
            "people: {restart: approve}\n",
            "RB707",
            "write `restart: {done: {lines: [...]}}` under `given`",
        ),
        (CHANGE, "", "RB708", "write `restart: approve` under `people`"),
        (ASK, "", "RB708", "write `which: {answer: {node: ..., sure: ...}}` under `people`"),
        (
            CHILD,
            "inputs: {nodes: [db1]}\npeople: {each: approve}\n",
            "RB707",
            "each/look: {json: {version: ...}}",
        ),
        (
            CHANGE,
            "given: {restart: {fails: no}}\npeople: {restart: approve}\n",
            "RB708",
            "make a list of its answers under `people`; this one may be `retry`, `skip`, `abort` or `silent`",
        ),
    ],
)
def test_what_the_script_lacks_is_named_with_what_to_write(
    runbook: str, script: str, code: str, hint: str
) -> None:
    (found,) = play(script, compiled(runbook)).diagnostics
    assert found.code == code
    assert hint in (found.hint or "")


def test_a_run_that_its_script_keeps_going_is_broken_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stage, "MOST_EVENTS", 200)
    script = "given: {restart: {fails: no}}\npeople: {restart: [approve, retry]}\n"
    (found,) = play(script, compiled(CHANGE)).diagnostics
    assert found.code == "RB710"
    assert "after 200 events" in found.message


def test_a_clock_that_runs_away_is_stopped() -> None:
    runbook = compiled("steps:\n" + "".join(f"  - {{id: w{at}, wait: 3650d}}\n" for at in range(12)))
    (found,) = play("", runbook).diagnostics
    assert found.code == "RB710"
    assert "after a hundred years" in found.message
