"""Which runbooks an alert starts, and with what inputs. Pure: the triggers of the library are all it knows.

What stands in an alert is data: it is bound to the name `alert` of expressions that their author wrote, and
what a template gives is not looked at for templates again.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stanch.errors import EvaluationError, InvalidInput
from stanch.gateway.alerts.alert import Alert
from stanch.language.compile import CompiledTrigger
from stanch.language.evaluate import Scope, holds, is_missing, render
from stanch.language.inputs import check_inputs
from stanch.language.plan import Json, Plan
from stanch.library import LibraryTrigger


@dataclass(frozen=True, slots=True)
class Match:
    """A runbook that an alert starts; `inputs` are checked and complete."""

    plan: Plan
    inputs: Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Problem:
    """A runbook that an alert would have started, had it fitted."""

    runbook: str
    fingerprint: str
    reason: str


@dataclass(frozen=True, slots=True)
class Routed:
    """At most one match or problem a runbook, in the order of the library."""

    matches: tuple[Match, ...] = ()
    problems: tuple[Problem, ...] = ()


def route(alert: Alert, triggers: Iterable[LibraryTrigger]) -> Routed:
    """What the firing `alert` starts. The first trigger of a runbook that fits decides."""
    scope = _scope(alert)
    matches: dict[str, Match] = {}
    problems: dict[str, Problem] = {}
    for held in triggers:
        name = held.plan.runbook
        if held.trigger.source != alert.source or name in matches:
            continue
        try:
            if _wanted(held.trigger, scope):
                matches[name] = Match(held.plan, _inputs(held, scope))
        except (EvaluationError, InvalidInput) as error:
            problems.setdefault(name, Problem(name, alert.fingerprint, str(error)))
    unsolved = (problem for name, problem in problems.items() if name not in matches)
    return Routed(tuple(matches.values()), tuple(unsolved))


def concerned(alert: Alert, triggers: Iterable[LibraryTrigger]) -> tuple[str, ...]:
    """The runbooks that a resolved `alert` started, if any did, while it was firing."""
    scope = _scope(dataclasses.replace(alert, status="firing", ended=0.0))
    names = []
    for held in triggers:
        if held.trigger.source != alert.source or held.plan.runbook in names:
            continue
        try:
            wanted = _wanted(held.trigger, scope)
        except EvaluationError:
            continue
        if wanted:
            names.append(held.plan.runbook)
    return tuple(names)


def _scope(alert: Alert) -> Scope:
    return {"alert": alert.data(), "alert.started": alert.started}


def _wanted(trigger: CompiledTrigger, scope: Scope) -> bool:
    try:
        return holds(trigger.when, scope)
    except EvaluationError as error:
        if is_missing(error):  # a label that the alert does not have: it is simply another alert
            return False
        raise


def _inputs(held: LibraryTrigger, scope: Scope) -> Mapping[str, Json]:
    given = {name: render(template, scope) for name, template in held.trigger.inputs.items()}
    return check_inputs(held.plan, given)
