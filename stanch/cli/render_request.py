"""An open question as a person reads it, half asleep, on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import groupby

from stanch.cli.moments import clock, far_clock, span
from stanch.cli.program import Program
from stanch.cli.render_answers import render_answers, short_name
from stanch.cli.render_found import render_findings
from stanch.cli.safe import lines, one_line
from stanch.cli.style import Style
from stanch.cli.values import describe_field
from stanch.contract import Change, Request, RunView
from stanch.language.render.phrases import who_agrees

_LONGEST_COMMAND = 4000
_MOST_LINES = 60
_LONGEST_CHECK = 1000
_ENDS = {"deny": "denied", "abort": "the run is aborted"}
_ENDED = {"deny": "it is denied", "abort": "the run is aborted"}


def render_request(
    view: RunView,
    request: Request,
    program: Program,
    now: float,
    style: Style,
    *,
    answers: bool = True,
    findings: bool = True,
) -> list[str]:
    """What is needed to answer, in the order in which it is needed: the question, what an answer lets happen
    where and how it comes back, until when, who may answer, how; then what it rests on."""
    return [
        style.bold(style.rule("ANSWER NEEDED" if answers else "ANSWERING")),
        *style.loud(request.question),
        *style.folded(f"{view.severity}  {short_name(view.run)}  {request.id}"),
        *_notes(request, style),
        *_shown(request, style),
        *_changes(request, style),
        *_fields(request, style),
        "",
        *_until(view, request, now, style),
        *_who(request, style),
        *(["", *render_answers(view, request, program, style)] if answers else []),
        *(render_findings(request.findings, program, style, "Found so far") if findings else []),
        *_evidence(request, style),
        *_links(request, style),
        *(["", f"{style.bold('Web UI')}  {one_line(view.url)}"] if view.url else []),
        style.bold(style.rule()),
    ]


def _notes(request: Request, style: Style) -> list[str]:
    """What has happened since it was put: why it is asked again, that the alert has resolved."""
    return [line for note in request.notes for line in style.folded(note, "  ", "! ")]


def _shown(request: Request, style: Style) -> list[str]:
    """What the person should know, or do; its own line breaks are kept."""
    told: list[str] = []
    if request.show:
        told = ["", *(part for line in lines(request.show.rstrip()) for part in style.folded(line) or [""])]
    if request.checklist:
        told += ["", style.bold("It is done when"), *_checklist(request, style)]
    return told


def _checklist(request: Request, style: Style) -> list[str]:
    """Each line with its number, and with who has ticked it."""
    ticked = {tick.item: tick for tick in request.ticked}
    told: list[str] = []
    for place, text in enumerate(request.checklist):
        tick = ticked.get(place)
        by = f" ({tick.by}, {clock(tick.at)})" if tick else ""
        told += style.folded(f"{text}{by}", "         ", f"  {place + 1:>2} [{'x' if tick else ' '}] ")
    return told


def _fields(request: Request, style: Style) -> list[str]:
    if not request.fields:
        return []
    told = ["", style.bold("Values")]
    for name, schema in request.fields.items():
        told += style.folded(f"{name}: {describe_field(schema)}", "      ", "  ")
    return told


def _links(request: Request, style: Style) -> list[str]:
    if not request.links:
        return []
    told = ["", style.bold("Look here")]
    for link in request.links:
        if link.title != link.url:
            told += style.folded(link.title, "  ")
        told.append(f"    {one_line(link.url)}")
    return told


def _changes(request: Request, style: Style) -> list[str]:
    if not request.changes:
        return []
    told = ["", style.bold("Will run, in this order"), *_reach(request, style)]
    for targets, changes in _by_target(request.changes):
        told += style.folded(", ".join(targets), "  ") if targets else []
        for change in changes:
            told += _change(change, style, irreversible=bool(request.irreversible))
    if request.irreversible:
        told += style.folded(f"NO WAY BACK: {request.irreversible}", "  ")
    return told


def _by_target(changes: Sequence[Change]) -> list[tuple[list[str], list[Change]]]:
    """What happens on one target after another, in order; targets with the same changes stand together."""
    found: list[tuple[list[str], list[Change]]] = []
    for target, each in groupby(changes, key=lambda change: change.target):
        there = [replace(change, target="") for change in each]
        if found and found[-1][1] == there and target:
            found[-1][0].append(target)
        else:
            found.append(([target] if target else [], there))
    return found


def _reach(request: Request, style: Style) -> list[str]:
    """How much it touches."""
    count = f"{request.targets} target{'s' * (request.targets != 1)}" if request.targets else ""
    told = ": ".join(filter(None, (count, ", ".join(request.shares))))
    reach = (told, *request.batches) if told else request.batches
    return [line for each in reach for line in style.folded(each, "    ", "  ")]


def _change(change: Change, style: Style, *, irreversible: bool) -> list[str]:
    """What happens on a target, how it is seen, and how it goes back."""
    command = _command(change.command)
    # A line of its own in a value must not pass for a line of ours.
    told = [f"    {'|' if at else '$'} {line}" for at, line in enumerate(command)]
    for words, text in (
        ("done when", change.done),
        ("helped when", change.verify),
        ("way back", change.undo),
        ("put back", change.revert),
    ):
        if text:
            told += style.folded(f"{words}: {_cut(text)}", "      ", "    ")
        elif words == "way back" and not irreversible:
            told.append("    way back: none known")
    if change.late:
        told += style.folded(f"known later: {', '.join(change.late)}", "      ", "    ")
    return told


def _command(command: str) -> list[str]:
    """Its lines; never folded, because they are pasted. One that fills the screen is cut, and says so."""
    shown = lines(command[:_LONGEST_COMMAND])
    told = shown[:_MOST_LINES]
    left = len(command) - len("\n".join(command[:_LONGEST_COMMAND].split("\n")[:_MOST_LINES]))
    return [*told, f"[{left:,} more characters: `show --json` has all of them]"] if left > 0 else told


def _cut(text: str) -> str:
    left = len(text) - _LONGEST_CHECK
    return f"{text[:_LONGEST_CHECK]} [{left:,} more characters]" if left > 0 else text


def _evidence(request: Request, style: Style) -> list[str]:
    if not request.evidence:
        return []
    told = ["", style.bold("Because")]
    for line in request.evidence:
        told += style.folded(line, "    ", "  - ")
    return told


def _until(view: RunView, request: Request, now: float, style: Style) -> list[str]:
    """How long there is to answer, and what silence ends in."""
    ends, ended = _ENDS[request.silence], _ENDED[request.silence]
    if request.kind == "manual":
        ends = ended = "the step has failed"
    if view.paused:
        return style.loud(f"The run is paused, so time stands still. Later without an answer: {ended}.")
    if not request.until:
        return []
    left = request.until - now
    if left <= 0:
        return style.loud(f"The time to answer is over: {ended}.")
    return style.loud(f"Answer within {span(left)}, else {ends} (at {far_clock(request.until, now)}).")


def _who(request: Request, style: Style) -> list[str]:
    """Who may answer, who has been paged, who has seen it, who has agreed."""
    roles = who_agrees(request.roles, request.quorum, request.of_roles) or "anybody"
    told = style.folded(f"Asked: {roles}", "  ")
    if request.holders:
        told += style.folded(f"May answer now: {', '.join(request.holders)}", "  ")
    if paged := [person for person in request.asked if person not in request.roles]:
        told += style.folded(f"Paged: {', '.join(dict.fromkeys(paged))}", "  ")
    seen = f"{request.acknowledged} is looking at it" if request.acknowledged else "nobody has said so yet"
    told += style.folded(f"Seen: {seen}", "  ")
    if request.answers or request.quorum > 1:
        who = ", ".join(request.answers) or "nobody yet"
        told += style.folded(f"Agreed: {who} ({len(request.answers)} of {request.quorum})", "  ")
    return told
