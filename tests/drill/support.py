"""Short ways to rehearse: a runbook and a rehearsal as text, and what came of them."""

from __future__ import annotations

from datetime import date
from functools import cache

from stanch.config import Policy
from stanch.contract import RunPolicy
from stanch.drill.rehearsal.bind import Forms, bind
from stanch.drill.rehearsal.parse import Parsed, parse_rehearsals
from stanch.drill.rehearsal.rehearse import Verdict, rehearse
from stanch.drill.rehearsal.show import diff
from stanch.language.compile import compile_library
from stanch.language.diagnostics import Diagnostic, is_error
from stanch.language.people import asked_roles
from stanch.language.plan import Plan
from stanch.language.shapes import Shape
from stanch.schemas import load_catalogue, load_schema

TODAY = date(2026, 11, 23)
HEAD = """\
runbook: example
title: An example
kind: recovery
owner: team
reviewed: 2026-11-01
"""


@cache
def forms() -> Forms:
    return Forms(load_catalogue(), Shape(load_schema("drill.v1.json")))


@cache
def compiled(text: str) -> Plan:
    """A runbook without its head, or with it; it has no error."""
    whole = text if "runbook: " in text.partition("steps:")[0] else HEAD + text
    (found,) = compile_library([("example.yaml", whole)], load_catalogue(), TODAY)
    assert found.plan is not None, [each for each in found.diagnostics if is_error(each)]
    return found.plan


def parsed(text: str) -> Parsed:
    return parse_rehearsals("it.yaml", text.encode(), forms().document)


def whole(text: str) -> str:
    """A rehearsal without its head."""
    head = "" if "rehearsal:" in text else "rehearsal: it\nrunbook: example\n"
    return head + text + ("" if "expect:" in text else "expect: {outcome: succeeded}\n")


def check(text: str, plan: Plan) -> tuple[Diagnostic, ...]:
    """What is wrong with a rehearsal of `plan` before it begins."""
    found = parsed(whole(text))
    for rehearsal, report in found.rehearsals:
        bind(rehearsal, plan, forms(), report)
    return found.diagnostics


def play(text: str, plan: Plan, policy: RunPolicy | None = None) -> Verdict:
    """Rehearse `plan`; the rehearsal fits it."""
    found = parsed(whole(text))
    assert found.diagnostics == (), found.diagnostics
    ((rehearsal, report),) = found.rehearsals
    bind(rehearsal, plan, forms(), report)
    assert report.found == [], report.found
    pinned = policy or Policy().for_run(asked_roles(plan), rehearsal.severity)
    return rehearse(rehearsal, plan, pinned, load_catalogue())


def as_expected(text: str, plan: Plan, policy: RunPolicy | None = None) -> Verdict:
    """Rehearse `plan`, which goes as the rehearsal says."""
    verdict = play(text, plan, policy)
    assert verdict.diagnostics == (), verdict.diagnostics
    assert verdict.differences == (), "\n".join(
        line for each in verdict.differences for line in (each.what, *diff(each.expected, each.happened))
    )
    return verdict


def told(verdict: Verdict) -> list[str]:
    """What differs, in words."""
    return [each.what for each in verdict.differences]
