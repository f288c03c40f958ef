"""What became of rehearsals, as text and as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from stanch.cli.played import Gap, Played
from stanch.cli.rehearsals import Rehearsals
from stanch.cli.safe import one_line
from stanch.cli.style import Style, mark_of
from stanch.drill.rehearsal.compare import Difference
from stanch.drill.rehearsal.performance import Performance
from stanch.drill.rehearsal.rehearse import Verdict
from stanch.drill.rehearsal.show import diff
from stanch.language.diagnostics import Diagnostic, in_order
from stanch.language.duration import format_duration
from stanch.language.render.json import render_json
from stanch.language.render.text import render_text
from stanch.language.source import Span

_INDENT = "    "


def as_text(
    held: Rehearsals, played: Sequence[Played], missing: Sequence[Gap] | None, style: Style, *, timeline: bool
) -> Iterator[str]:
    """Lines: first what is wrong with the files, then a line for each rehearsal with what differs under it,
    at last what no rehearsal takes."""
    sources = {file.path: file.text for file in held.files}
    if found := in_order(each for file in held.files for each in file.diagnostics):
        yield render_text(found, sources, style.colour)
    width = max((len(each.bound.rehearsal.label) for each in played), default=0)
    for each in played:
        yield _line(each, width, style)
        if each.verdict is not None:
            yield from _details(each, each.verdict, sources, style, timeline=timeline)
    for gap in missing or ():
        yield f"{gap.path}:{gap.span.line}: {one_line(gap.text)}"


def _line(played: Played, width: int, style: Style) -> str:
    label = played.bound.rehearsal.label.ljust(width)
    if played.verdict is None:
        return f"{style.mark('failed')} {label}  has errors"
    took = format_duration(round(played.verdict.came.seconds, 3))
    mark = style.mark("succeeded" if played.passed else "failed")
    return f"{mark} {label}  {took:>8}  {played.ms:5.1f} ms"


def _details(
    played: Played, verdict: Verdict, sources: dict[str, str], style: Style, *, timeline: bool
) -> Iterator[str]:
    path, came = played.bound.rehearsal.path, verdict.came
    for difference in verdict.differences:
        span = difference.span
        yield f"{_INDENT}{path}:{span.line}:{span.column}: {one_line(difference.what)}"
        yield from (f"{_INDENT}{style.diff(one_line(line))}" for line in _diff(difference))
    if verdict.differences and not any("`reason`" in each.what for each in verdict.differences):
        reason = f": {came.state.reason}" if came.state.reason else ""
        yield f"{_INDENT}{one_line(f'it ended as `{came.state.outcome}`{reason}')}"
    if verdict.diagnostics:
        text = render_text(verdict.diagnostics, sources, style.colour).rstrip("\n")
        yield from (f"{_INDENT}{line}".rstrip() for line in text.split("\n"))
    if timeline:
        yield from _timeline(came)


def _timeline(came: Performance) -> Iterator[str]:
    for moment in came.state.timeline:
        passed = format_duration(round(moment.at - came.state.started, 3))
        where = f"{moment.step}: " if moment.step else ""
        yield f"{_INDENT}{passed:>8}  {mark_of(moment.kind)} {one_line(f'{where}{moment.text}')}"


def _diff(difference: Difference) -> list[str]:
    return diff(difference.expected, difference.happened)


def summary(played: Sequence[Played], errors: int, missing: Sequence[Gap] | None) -> str:
    """One line on all of it."""
    good = sum(each.passed for each in played)
    broken = sum(each.verdict is None for each in played)
    told = [f"{good} as expected", f"{len(played) - good - broken} not"]
    if broken or errors:
        told.append(f"{_count(errors, 'error')}")
    if missing is not None:
        told.append(f"{_count(len(missing), 'branch', 'branches')} not taken")
    spent = sum(each.ms for each in played)
    return f"{_count(len(played), 'rehearsal')} in {spent:.0f} ms: {', '.join(told)}"


def _count(number: int, noun: str, several: str = "") -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {several or f'{noun}s'}"


# --- for programs -----------------------------------------------------------------------------------------


def as_data(
    held: Rehearsals, played: Sequence[Played], missing: Sequence[Gap] | None, *, timeline: bool
) -> dict[str, Any]:
    found = [each for file in held.files for each in file.diagnostics]
    return {
        "rehearsals": [_played(each, timeline=timeline) for each in played],
        "diagnostics": render_json(in_order(found)),
        "coverage": None if missing is None else [_gap(gap) for gap in missing],
    }


def _played(played: Played, *, timeline: bool) -> dict[str, Any]:
    rehearsal, verdict = played.bound.rehearsal, played.verdict
    came = verdict.came if verdict else None
    told: Sequence[Diagnostic] = verdict.diagnostics if verdict else ()
    data = {
        "runbook": rehearsal.runbook.text,
        "rehearsal": rehearsal.name.text,
        "path": rehearsal.path,
        "line": rehearsal.name.span.line,
        "passed": played.passed,
        "outcome": came.state.outcome if came else None,
        "reason": came.state.reason if came else "",
        "seconds": round(came.seconds, 3) if came else 0.0,
        "ms": round(played.ms, 3),
        "differences": [_difference(each) for each in verdict.differences] if verdict else [],
        "diagnostics": render_json(told),
    }
    if timeline:
        data["timeline"] = list(came.state.timeline) if came else []
    return data


def _difference(difference: Difference) -> dict[str, Any]:
    return {
        "what": difference.what,
        **_place(difference.span),
        "expected": list(difference.expected),
        "happened": list(difference.happened),
        "diff": _diff(difference),
    }


def _gap(gap: Gap) -> dict[str, Any]:
    branch = gap.branch
    return {
        "runbook": gap.runbook,
        "step": branch.step if branch else "",
        "word": branch.word if branch else "",
        "path": gap.path,
        **_place(gap.span),
        "text": gap.text,
    }


def _place(span: Span) -> dict[str, int]:
    return {
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
