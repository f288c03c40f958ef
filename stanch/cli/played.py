"""Rehearsals that were run, and what none of them tried."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter

from stanch.cli.rehearsals import Bound, Rehearsals
from stanch.cli.runbooks import RunbookFile
from stanch.config import Policy
from stanch.drill.rehearsal.branches import Branch, Way
from stanch.drill.rehearsal.coverage import gaps, taken_by
from stanch.drill.rehearsal.places import Places, places_of
from stanch.drill.rehearsal.rehearse import Verdict, rehearse
from stanch.language.catalogue import Catalogue
from stanch.language.people import asked_roles
from stanch.language.plan import Plan
from stanch.language.source import Span


@dataclass(frozen=True, slots=True)
class Played:
    bound: Bound
    verdict: Verdict | None
    """None when there was an error in it before it could begin."""
    ms: float = 0.0
    """Of our time, not of the rehearsal's."""

    @property
    def passed(self) -> bool:
        return self.verdict is not None and self.verdict.passed


@dataclass(frozen=True, slots=True)
class Gap:
    """A branch that no rehearsal takes, or a runbook that has none."""

    path: str
    span: Span
    runbook: str
    text: str
    branch: Branch | None = None


def play(bound: Bound, policy: Policy, catalogue: Catalogue) -> Played:
    if bound.plan is None or bound.report.failed:
        return Played(bound, None)
    pinned = policy.for_run(asked_roles(bound.plan), bound.rehearsal.severity)
    began = perf_counter()
    verdict = rehearse(bound.rehearsal, bound.plan, pinned, catalogue)
    return Played(bound, verdict, (perf_counter() - began) * 1000)


def find_gaps(held: Rehearsals, played: Sequence[Played]) -> list[Gap]:
    """Of every runbook that compiles, in the order of the files."""
    taken: set[Branch] = set()
    for each in played:
        if each.verdict is not None and each.bound.plan is not None:
            taken |= taken_by(each.bound.plan, each.verdict.came)
    rehearsed = {branch.runbook for branch in taken}
    files = sorted(held.runbooks, key=lambda file: file.path)
    return [gap for file in files if file.compiled.plan for gap in _of_file(file, taken, rehearsed)]


def _of_file(file: RunbookFile, taken: set[Branch], rehearsed: set[str]) -> Iterator[Gap]:
    assert file.compiled.plan is not None
    places = places_of(file.path, file.text)
    own = file.compiled.plan
    plans: dict[str, Plan] = {own.runbook: own, **file.compiled.private}
    if rehearsed.isdisjoint(plans):
        span = places.of(Branch(own.runbook, ""))
        yield Gap(file.path, span, own.runbook, f"`{own.runbook}` has no rehearsal")
        return
    for plan in plans.values():
        for way in gaps(plan, taken):
            yield _gap(places, way)


def _gap(places: Places, way: Way) -> Gap:
    branch = way.branch
    return Gap(places.path, places.of(branch), branch.runbook, way.missing, branch)
