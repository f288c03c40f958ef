"""Which runbooks an alert starts: the triggers decide, and what the alert says stays data."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stanch.gateway.alerts.alert import Alert
from stanch.gateway.routing import Routed, concerned, route
from stanch.language.compile import compile_runbook
from stanch.language.plan import Json
from stanch.library import LibraryTrigger
from stanch.schemas import load_catalogue

RUNBOOK = """
runbook: {name}
title: Note it
kind: diagnosis
owner: sre
reviewed: 2026-11-01
inputs:
  value: {{type: string, pattern: "^[a-z$].*$"}}
triggers:
{triggers}
steps:
  - id: note
    outputs: {{value: inputs.value}}
"""


def triggers(
    *whens: str, value: str = "${{ alert.labels.service }}", name: str = "note"
) -> list[LibraryTrigger]:
    listed = "".join(
        f'  - source: alertmanager\n    when: {when}\n    inputs:\n      value: "{value}"\n' for when in whens
    )
    text = RUNBOOK.format(name=name, triggers=listed)
    compiled = compile_runbook(f"{name}.yaml", text, load_catalogue(), date(2026, 11, 23))
    assert compiled.plan, compiled.diagnostics
    return [LibraryTrigger(trigger, compiled.plan) for trigger in compiled.triggers]


def firing(source: str = "alertmanager", **labels: str) -> Alert:
    return Alert(source, "firing", "f1", {"alertname": "Errors", "service": "web", **labels}, started=1000.0)


def started(routed: Routed) -> list[tuple[str, Json]]:
    return [(match.plan.runbook, match.inputs) for match in routed.matches]


ERRORS = 'alert.status == "firing" && alert.labels.alertname == "Errors"'


def test_an_alert_that_the_condition_fits_starts_the_runbook_with_its_values() -> None:
    assert started(route(firing(), triggers(ERRORS))) == [("note", {"value": "web"})]


@pytest.mark.parametrize(
    "alert",
    [
        firing(alertname="Other"),
        firing(source="elsewhere"),
        Alert("alertmanager", "resolved", "f1", {"alertname": "Errors", "service": "web"}),
        Alert("alertmanager", "firing", "f1"),
    ],
    ids=["another name", "another source", "resolved", "no labels"],
)
def test_an_alert_that_the_condition_does_not_fit_starts_nothing(alert: Alert) -> None:
    assert route(alert, triggers(ERRORS)) == Routed()


def test_a_label_that_an_alert_lacks_makes_it_another_alert_and_no_problem() -> None:
    wanted = 'alert.status == "firing" && alert.labels.team == "payments"'
    assert route(firing(), triggers(wanted)) == Routed()
    assert len(route(firing(team="payments"), triggers(wanted)).matches) == 1


def test_a_condition_that_fails_on_the_values_is_a_problem() -> None:
    wanted = 'alert.status == "firing" && int(alert.labels.severity) > 3'
    (problem,) = route(firing(severity="high"), triggers(wanted)).problems
    assert (problem.runbook, problem.fingerprint) == ("note", "f1")
    assert "cannot convert" in problem.reason


def test_a_label_that_an_input_needs_and_the_alert_lacks_is_a_problem() -> None:
    routed = route(firing(), triggers(ERRORS, value="${{ alert.labels.team }}"))
    assert routed.matches == ()
    assert "team" in routed.problems[0].reason


def test_a_value_that_does_not_fit_the_input_is_a_problem_that_names_it() -> None:
    routed = route(firing(service="Web; reboot"), triggers(ERRORS))
    assert routed.matches == ()
    assert "`value`" in routed.problems[0].reason


def test_the_start_of_the_alert_is_a_moment_in_expressions() -> None:
    wanted = 'alert.status == "firing" && alert.started < timestamp("1970-01-02T00:00:00Z")'
    (match,) = route(firing(), triggers(wanted, value="at ${{ string(alert.started) }}")).matches
    assert match.inputs == {"value": "at 1970-01-01T00:16:40Z"}


@pytest.mark.parametrize("hostile", ["${{ 1 + 1 }}", "$(reboot)", "${{ alert.labels.alertname }}${{"])
def test_what_an_alert_says_is_never_evaluated(hostile: str) -> None:
    (match,) = route(firing(service=hostile), triggers(ERRORS)).matches
    assert match.inputs == {"value": hostile}


def test_several_triggers_of_one_runbook_start_it_once_and_the_first_that_fits_decides() -> None:
    both = triggers(ERRORS) + triggers('alert.status == "firing"', value="second")
    assert started(route(firing(), both)) == [("note", {"value": "web"})]
    assert started(route(firing(), both[::-1])) == [("note", {"value": "second"})]


def test_a_trigger_that_fits_makes_up_for_one_that_does_not() -> None:
    fits = triggers(ERRORS)
    fails = triggers(ERRORS, value="${{ alert.labels.team }}")
    assert route(firing(), fails + fits) == route(firing(), fits)
    assert route(firing(), fits + fails) == route(firing(), fits)


LISTED = triggers(ERRORS, 'alert.labels.service.matches("^w") && alert.status == "firing"')


@given(
    st.dictionaries(st.sampled_from(["alertname", "service", "team"]) | st.text(max_size=8), st.text()),
    st.floats(min_value=0, max_value=253402214400),
)
def test_whatever_an_alert_says_ends_in_matches_and_problems(labels: dict[str, str], at: float) -> None:
    alert = Alert("alertmanager", "firing", "f1", labels, labels, started=at)
    for match in route(alert, LISTED).matches:
        assert match.inputs == {"value": labels["service"]}
    assert concerned(alert, LISTED) in ((), ("note",))


def test_a_resolved_alert_concerns_the_runbooks_that_it_started() -> None:
    resolved = Alert("alertmanager", "resolved", "f1", {"alertname": "Errors"}, ended=1.0)
    listed = triggers(ERRORS) + triggers('alert.status == "firing"', name="other")
    assert concerned(resolved, listed) == ("note", "other")
    assert concerned(resolved, triggers('alert.status == "firing" && alert.labels.team == "x"')) == ()
