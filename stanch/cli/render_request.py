"""An open question as a person reads it, half asleep, on a phone."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby

from stanch.cli.moments import clock, length
from stanch.cli.program import Program
from stanch.cli.render_found import render_findings
from stanch.cli.safe import lines, one_line
from stanch.cli.style import WIDTH, Style, folded
from stanch.cli.values import describe_field
from stanch.contract import Change, Request, RunView
from stanch.language.render.phrases import who_agrees

SHORT_DIGEST = 12
_ENDS = {"deny": "it is denied", "abort": "the run is aborted"}


def render_request(
    view: RunView, request: Request, program: Program, now: float, style: Style, *, answers: bool = True
) -> list[str]:
    """The question, what is to be known or done, what an answer lets happen, what it rests on, who may answer
    until when, and how."""
    several = len(view.requests) > 1
    ways = _answers(view, request, program, style, named=several) if answers else []
    return [
        style.bold(_rule("ANSWER NEEDED" if answers else "ANSWERING")),
        *(style.bold(line) for line in folded(request.question)),
        f"{view.severity}  {one_line(view.run)}  {one_line(request.id)}",
        *_shown(request, style),
        *_changes(request, style),
        *render_findings(request.findings, program, style, "Found so far"),
        *_evidence(request, style),
        *_fields(request, style),
        *_links(request, style),
        "",
        *_who(request, now),
        *(["", *ways] if ways else []),
        *(["", f"{style.bold('Web UI')}  {one_line(view.url)}"] if view.url else []),
        style.bold("=" * WIDTH),
    ]


def short_name(run: str) -> str:
    """The shortest name of a run that is never ambiguous: its id without `run/`."""
    return run.removeprefix("run/")


def _rule(title: str) -> str:
    return f"== {title} ".ljust(WIDTH, "=")


def _shown(request: Request, style: Style) -> list[str]:
    """What the person should know, or do; its own line breaks are kept."""
    told: list[str] = []
    if request.show:
        told = ["", *(part for line in lines(request.show.rstrip()) for part in folded(line) or [""])]
    if request.checklist:
        told += ["", style.bold("It is done when")]
        told += [line for each in request.checklist for line in folded(each, "      ", "  [ ] ")]
    return told


def _fields(request: Request, style: Style) -> list[str]:
    if not request.fields:
        return []
    told = ["", style.bold("Values")]
    for name, schema in request.fields.items():
        told += folded(f"{name}: {describe_field(schema)}", "      ", "  ")
    return told


def _links(request: Request, style: Style) -> list[str]:
    if not request.links:
        return []
    told = ["", style.bold("Look here")]
    for link in request.links:
        if link.title != link.url:
            told += folded(link.title, "  ")
        told.append(f"    {one_line(link.url)}")
    return told


def _changes(request: Request, style: Style) -> list[str]:
    if not request.changes:
        return []
    told = ["", style.bold("Will run, in this order")]
    for _, alike in groupby(request.changes, key=lambda each: replace(each, target="")):
        told += _alike(list(alike), irreversible=bool(request.irreversible))
    if request.irreversible:
        told += folded(f"NO WAY BACK: {request.irreversible}", "  ")
    return told


def _alike(changes: list[Change], *, irreversible: bool) -> list[str]:
    """Changes that differ in their targets only: the targets, then what happens on each of them."""
    change = changes[0]
    targets = ", ".join(change.target for change in changes if change.target)
    told = folded(targets, "  ") if targets else []
    told += [f"    $ {line}" if at == 0 else f"      {line}" for at, line in enumerate(lines(change.command))]
    if change.done:
        told += folded(f"done when: {change.done}", "      ", "    ")
    if change.undo:
        told += folded(f"way back: {change.undo}", "      ", "    ")
    elif not irreversible:
        told.append("    way back: none known")
    if change.revert:
        told += folded(f"put back: {change.revert}", "      ", "    ")
    return told


def _evidence(request: Request, style: Style) -> list[str]:
    if not request.evidence:
        return []
    told = ["", style.bold("Because")]
    for line in request.evidence:
        told += folded(line, "    ", "  - ")
    return told


def _who(request: Request, now: float) -> list[str]:
    told = folded(f"Asked: {who_agrees(request.roles, request.quorum, request.of_roles) or 'anybody'}")
    if paged := [person for person in request.asked if person not in request.roles]:
        told += folded(f"Paged too: {', '.join(dict.fromkeys(paged))}")
    if request.answers:
        told += folded(f"Approved so far: {', '.join(request.answers)}")
    if request.until:
        left = request.until - now
        when = f"{length(left)} left" if left > 0 else "now"
        told += folded(f"Until: {clock(request.until)} UTC ({when}); then {_end(request)}")
    return told


def _end(request: Request) -> str:
    """What silence ends in."""
    return "the step has failed" if request.kind == "manual" else _ENDS[request.silence]


def _answers(view: RunView, request: Request, program: Program, style: Style, *, named: bool) -> list[str]:
    told: list[str] = []
    for choice in request.choices:
        title = _BY_HAND.get(choice, _WORDS[choice]) if request.kind == "manual" else _WORDS[choice]
        told += [style.bold(title), f"  {answer_line(view, request, choice, program, named=named)}"]
        if choice == "approve" and request.confirm:
            # Not part of the line to paste: the point is that a person types it.
            told += folded(f"and confirm by typing: {request.confirm}", "  ", "  ")
        if choice == "answer":
            names = " ".join(f"{one_line(name)}=..." for name in request.fields)
            told += folded(f"asks for each value; or add them: {names}", "  ")
    return told


_WORDS = {
    "approve": "Approve",
    "deny": "Deny",
    "retry": "Try the step again",
    "skip": "Go on without it",
    "undo": "Take back what was done",
    "abort": "End the run here",
    "done": "It is in place after all",
    "answer": "Answer",
    "fail": "It cannot be done",
}
_BY_HAND = {"done": "It is done"}
_VERBS = ("approve", "deny", "answer")
_NO_REASON = ("approve", "answer")


def answer_line(view: RunView, request: Request, choice: str, program: Program, *, named: bool) -> str:
    """The command that gives this answer. Whatever lets something happen carries the digest of what was shown
    here; a denial is safe without."""
    run = short_name(view.run)
    words = [choice, run] if choice in _VERBS else ["decide", run, choice]
    if named:
        words += ["--request", request.id]
    if choice != "deny":
        words += ["--digest", request.digest[:SHORT_DIGEST]]
    by_hand = choice == "done" and request.kind == "manual"
    if choice not in _NO_REASON and not by_hand:
        words += ["--reason", "say why"]
    return one_line(program.line(*words))
