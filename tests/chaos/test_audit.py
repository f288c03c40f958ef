"""Each rule of the audit can fail: a story that is right, and one wrong thing at a time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.contract import Effected, Moment, Outcome, Request, RunView
from tests.chaos.audit import Story, change_of, check
from tests.chaos.record import Turn, Verb
from tests.chaos.scenarios import Scenario
from tests.chaos.schedule import Case

CASE = Case(
    number=1,
    scenario=Scenario("turn-two", changes=("first", "second")),
    at=0.0,
    hosts=("web1",),
    seconds=1.0,
    deliveries=1,
    answer="approve",
    twice="together",
    thinking=0.0,
)


def turn(at: float, verb: Verb, change: str, *, ended: bool = True) -> Turn:
    return Turn("web1", at, ended, verb, change, CASE.run)


def both(at: float, verb: Verb, change: str) -> tuple[Turn, Turn]:
    return turn(at, verb, change, ended=False), turn(at + 1.0, verb, change)


def effect(change: str, *, undone: bool = False) -> Effected:
    return Effected(step=f"both/{change}", target="web1", command="turn", at=12.0, undone=undone)


def moments(*kinds: str, step: str = "both/first") -> tuple[Moment, ...]:
    return tuple(Moment(11.5, kind, "because", step) for kind in kinds)


def view(
    outcome: Outcome | None = "succeeded",
    *,
    ledger: tuple[Effected, ...] = (effect("first"), effect("second")),
    timeline: tuple[Moment, ...] = (),
) -> RunView:
    return RunView(
        run=CASE.run,
        runbook="turn-two",
        title="",
        digest="",
        phase="mitigating",
        severity="SEV2",
        mode="live",
        started_by="alert",
        started=10.0,
        outcome=outcome,
        timeline=(*moments("asked", "decided", step="both"), *timeline),
        ledger=ledger,
    )


MADE = (*both(11.0, "on", "first"), *both(13.0, "on", "second"))
RIGHT = Story(CASE, accepted=True, executions=1, view=view(), turns=MADE)
TAKEN_BACK = replace(
    RIGHT,
    view=view("aborted", ledger=(effect("first", undone=True), effect("second", undone=True))),
    turns=(*MADE, *both(15.0, "off", "second"), *both(17.0, "off", "first")),
)
NOBODY = replace(CASE, answer="nothing")


def asking(*holders: str) -> RunView:
    request = Request("both", "both", "approval", "?", (), ("approve", "deny"), holders=holders)
    return replace(view(None, ledger=()), requests=(request,), timeline=moments("asked", step="both"))


def test_a_run_whose_account_is_true_passes() -> None:
    assert check(RIGHT) == []
    assert check(TAKEN_BACK) == []
    assert check(replace(RIGHT, case=NOBODY, view=asking("alice"), turns=())) == []


def test_an_alert_that_was_not_accepted_needs_no_run() -> None:
    assert check(replace(RIGHT, accepted=False, executions=0, view=None, turns=())) == []


def test_what_the_run_does_not_know_of_may_have_happened_when_it_says_so() -> None:
    told = view("in_doubt", ledger=(effect("second"),), timeline=moments("in_doubt"))
    assert check(replace(RIGHT, view=told)) == []
    assert check(replace(RIGHT, view=replace(told, timeline=told.timeline[:2]))) != []


@pytest.mark.parametrize(
    ("story", "expected"),
    [
        (
            replace(RIGHT, turns=(turn(10.5, "on", "first", ended=False), *MADE)),
            "once: `turn on first` began 2",
        ),
        (replace(RIGHT, executions=2), "once: its id has 2 workflows"),
        (replace(RIGHT, turns=MADE[:2]), "true: the ledger has `second` on web1, and the host does not"),
        (replace(RIGHT, view=view(ledger=(effect("first"),))), "true: web1 has made `second`, and the run"),
        (
            replace(RIGHT, view=view(ledger=(effect("first"), effect("second"), effect("second")))),
            "true: the ledger has `second` on web1 2 times",
        ),
        (
            replace(RIGHT, view=view("aborted", ledger=(effect("first"),)), turns=MADE[:3]),
            "true: `second` began on web1 and did not end",
        ),
        (
            replace(RIGHT, view=view(timeline=moments("settled"))),
            "true: `first` was settled as in place, and no host had made it",
        ),
        (
            replace(RIGHT, view=view(timeline=(Moment(13.0, "settled", "it is not in place", "first"),))),
            "true: `first` was settled as not in place, and every host had made it",
        ),
        (replace(RIGHT, case=replace(CASE, answer="deny")), "allowed: nobody approved it, and web1 was told"),
        (
            replace(RIGHT, view=view(timeline=moments("decided"))),
            "allowed: 1 questions and 2 decisions",
        ),
        (
            replace(RIGHT, case=NOBODY, view=view("failed", ledger=()), turns=()),
            "allowed: nobody approved it, and it ended as failed",
        ),
        (
            replace(TAKEN_BACK, turns=(*MADE, *both(15.0, "off", "second"))),
            "back: `first` on web1 is said to be taken back",
        ),
        (
            replace(
                TAKEN_BACK, view=view("aborted", ledger=(effect("first"), effect("second", undone=True)))
            ),
            "back: web1 has taken `first` back, and the ledger does not say so",
        ),
        (
            replace(TAKEN_BACK, turns=(*TAKEN_BACK.turns[2:],)),
            "back: web1 has taken `first` back, which it never made",
        ),
        (
            replace(TAKEN_BACK, turns=(*MADE, *both(15.0, "off", "first"), *both(17.0, "off", "second"))),
            "back: web1 made ['first', 'second'] and took them back as ['first', 'second']",
        ),
        (
            replace(TAKEN_BACK, turns=(*TAKEN_BACK.turns, turn(19.0, "off", "first", ended=False))),
            "once: `turn off first` began 2 times",
        ),
        (replace(RIGHT, case=NOBODY, view=asking(), turns=()), "over: it has not ended"),
        (replace(RIGHT, view=view(ledger=()), turns=()), "over: it succeeded without `first` on web1"),
        (
            replace(RIGHT, case=replace(CASE, scenario=replace(CASE.scenario, comes_back=True))),
            "over: it was to be taken back by itself, and is still there",
        ),
        (
            replace(RIGHT, executions=0, view=None, turns=()),
            "heard: the alert was accepted, and there is no run",
        ),
        (replace(RIGHT, view=None), "heard: its run cannot be read"),
    ],
)
def test_every_rule_can_fail(story: Story, expected: str) -> None:
    assert any(text.startswith(expected) for text in check(story)), check(story)


@pytest.mark.parametrize("path", ["first", "both/first", "both/first[0]", "first[web1]", "each[1]/first"])
def test_a_step_is_its_change(path: str) -> None:
    assert change_of(path) == "first"


def test_a_line_that_is_not_complete_may_name_a_host_that_has_nothing_of_it() -> None:
    there = replace(effect("second"), incomplete="1 of 2 hosts failed")
    story = Story(CASE, True, 1, view("failed", ledger=(effect("first"), there)), both(11.0, "on", "first"))
    assert [text for text in check(story) if "the ledger has" in text] == []
    whole = replace(story, view=view("failed"))
    assert [text for text in check(whole) if "the ledger has `second`" in text] != []
