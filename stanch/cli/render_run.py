"""A run as text: the open questions first, then what stops it and what it found, then all the rest."""

from __future__ import annotations

import json

from stanch.cli.moments import clock, day_clock, length, span
from stanch.cli.program import Program
from stanch.cli.render_answers import SHORT_DIGEST, short_name
from stanch.cli.render_found import render_findings, render_kept
from stanch.cli.render_leases import render_held, render_lacking
from stanch.cli.render_request import render_request
from stanch.cli.safe import lines, one_line
from stanch.cli.style import Style, fitted, mark_of, table
from stanch.conductor.approval.preview import command_of
from stanch.conductor.times import spent_until
from stanch.contract import Effected, Moment, RunView, Spent, StepView
from stanch.language.render.results import line_of

_SHORT_VALUE = 200


def render_run(view: RunView, program: Program, now: float, style: Style) -> str:
    """All of a run, for `stanch show`. `now` is in seconds since the epoch."""
    told: list[str] = []
    for request in view.requests:
        # The run's findings follow at once, so only what differs from them is said twice.
        differ = request.findings != view.findings
        told += [*render_request(view, request, program, now, style, findings=differ), ""]
    if stopped := render_stopped(view, program, style):
        told += [*stopped, ""]
    if found := render_findings(view.findings, program, style, "What it found"):
        told += [*found[1:], ""]
    told += render_head(view, now, style)
    told += _steps(view, now, style)
    told += render_ledger(view.ledger, style)
    told += render_kept(view.kept, style)
    told += _agenda(view, style)
    told += ["", style.bold("Timeline (UTC)")]
    told += [render_moment(moment, style) for moment in view.timeline]
    if view.left_out:
        left = f"Not shown: {', '.join(view.left_out)}. Its history in Temporal has all."
        told += ["", *style.folded(left)]
    told += render_spent(spent_until(view, now), style)
    return "\n".join(told)


def render_stopped(view: RunView, program: Program, style: Style) -> list[str]:
    """That a person, or a lease, keeps it from going on, and how it goes on; empty while it does."""
    run = short_name(view.run)
    told: list[str] = []
    if view.paused:
        told += style.loud(f"PAUSED: {view.paused}")
        told.append(f"  {one_line(program.line('resume', run))}")
    if view.full:
        told += style.loud(f"NOTHING NEW BEGINS: {view.full}")
        told += style.folded("End it, or take back what it has changed; the rest is another run's.", "  ")
        told.append(f"  {one_line(program.line('abort', run))}")
    if view.held:
        told += style.loud(f"ON HOLD, no change begins: {view.held}")
        for incident in view.holds or ("",):
            words = ("incident", "release", incident) if incident else ("release", run)
            told.append(f"  {one_line(program.line(*words))}")
    told += render_lacking(view, program, style)
    if parked := [path for path in view.parked if path]:
        told += style.folded(f"Kept back: {', '.join(parked)}", "  ")
    return told


def render_end(view: RunView, program: Program, style: Style) -> str:
    """What is left to say when a run that was watched has ended."""
    told = ["", *_outcome(view, style), *_gave(view, program, style), *render_spent(view.spent, style)]
    return "\n".join(told)


def _gave(view: RunView, program: Program, style: Style) -> list[str]:
    """What the run has found, changed and kept."""
    return [
        *render_findings(view.findings, program, style, "What it found"),
        *render_ledger(view.ledger, style),
        *render_kept(view.kept, style),
        *_agenda(view, style),
    ]


def _agenda(view: RunView, style: Style) -> list[str]:
    if not view.agenda:
        return []
    told = ["", style.bold("For the review")]
    return told + [line for each in view.agenda for line in style.folded(each, "    ", "  - ")]


def render_head(view: RunView, now: float, style: Style) -> list[str]:
    ended = view.ended or now
    told = [style.bold(one_line(view.run)), *style.folded(view.title)]
    told += style.folded(f"{view.severity}, {_mode(view)}{view.phase}, {length(ended - view.started)}")
    sure = f" ({view.starter})" if view.starter else ""
    told += style.folded(f"started {day_clock(view.started)} by {view.started_by or 'nobody named'}{sure}")
    told.append(f"plan {view.digest[:SHORT_DIGEST]}")
    for name, value in view.inputs.items():
        told += style.folded(f"input {name}: {_value(value)}", "  ")
    if view.resolved:
        told += style.folded(f"alert resolved {day_clock(view.resolved)}")
    if view.mitigated:
        after = span(view.mitigated - view.started)
        told += style.folded(f"mitigated {day_clock(view.mitigated)}, {after} after the start")
    told += render_held(view, style)
    for role, people in view.roles.items():
        told += style.folded(f"{role}: {', '.join(people) or 'nobody'} (handed over)")
    if view.outcome:
        told += _outcome(view, style)
    if view.url and not view.requests:
        told.append(f"Web UI  {one_line(view.url)}")
    return told


def render_moment(moment: Moment, style: Style) -> str:
    """One line of a timeline, folded below its text."""
    head = f"{clock(moment.at)} {mark_of(moment.kind)} "
    step = f"{moment.step}: " if moment.step else ""
    by = f" ({moment.by})" if moment.by and moment.by not in moment.text else ""
    text = moment.text or moment.kind.removeprefix("step_").replace("_", " ")
    if moment.kind == "verifying":
        text = f"did it help? {text}"
    return "\n".join(style.folded(f"{step}{text}{by}", " " * len(head), head))


def render_ledger(ledger: tuple[Effected, ...], style: Style) -> list[str]:
    if not ledger:
        return []
    told = ["", style.bold("What it changed")]
    for effect in ledger:
        undone = "  (taken back, and seen to be)" if effect.verified else "  (taken back)"
        undone = undone if effect.undone else ""
        told += style.folded(f"{clock(effect.at)}  {effect.target or effect.step}{undone}", "    ", "  ")
        told += [f"    $ {line}" for line in lines(effect.command)]
        if effect.incomplete:
            told += style.folded(f"not complete: {effect.incomplete}", "      ", "    ")
        if effect.undone:
            continue
        if effect.doubtful and not effect.incomplete:
            told += style.folded("nobody knows whether it was made", "      ", "    ")
        if effect.undo:
            told += style.folded(f"way back: {command_of(effect.undo)}", "      ", "    ")
        elif effect.part_of:
            told += style.folded(f"way back: with that of {effect.part_of}", "      ", "    ")
        elif effect.irreversible:
            told += style.folded(f"no way back: {effect.irreversible}", "      ", "    ")
        if effect.unsure:
            told += style.folded("nobody knows whether it is back already", "      ", "    ")
        if effect.left_to:
            told += style.folded(f"comes back by {effect.left_to}", "      ", "    ")
        if effect.reverts is not None:
            told += style.folded(f"put back: at the end of {effect.reverts or 'the run'}", "      ", "    ")
    return told


def render_spent(spent: Spent, style: Style) -> list[str]:
    rows = [
        ("  automation", length(spent.automation)),
        ("  waiting for a person", length(spent.waiting)),
        *([("  in doubt", length(spent.in_doubt))] if spent.in_doubt else []),
        *([("  watching whether it helped", length(spent.soaking))] if spent.soaking else []),
    ]
    return ["", style.bold("Where the time went"), *table(rows)]


def _outcome(view: RunView, style: Style) -> list[str]:
    outcome = view.outcome or view.phase
    words = outcome.replace("_", " ")
    told = style.folded(f"{words}: {view.reason}" if view.reason else words)
    told[0] = f"{style.mark(outcome)} {style.bold(told[0])}"
    for name, value in view.outputs.items():
        told += style.folded(f"output {name}: {_value(value)}", "  ")
    return told


def _steps(view: RunView, now: float, style: Style) -> list[str]:
    rows = [
        (
            style.mark(step.phase),
            one_line(step.path),
            length((step.ended or now) - step.started) if step.started else "",
            _what(step, parked=step.path in view.parked),
        )
        for step in view.steps
    ]
    return ["", style.bold("Steps"), *fitted(rows, style, "  ")] if rows else []


def _what(step: StepView, *, parked: bool) -> str:
    title = one_line(step.title)
    quiet = step.phase in ("succeeded", "pending")
    told = "kept back" if parked else "" if quiet else one_line(step.phase).replace("_", " ")
    return ": ".join(part for part in (title, told, one_line(step.note)) if part)


def _mode(view: RunView) -> str:
    return "" if view.mode == "live" else f"{view.mode.replace('_', ' ')}, "


def _value(value: object) -> str:
    if (line := line_of(value)) is not None:
        return one_line(line)
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    shown = one_line(text)
    return shown if len(shown) <= _SHORT_VALUE else f"{shown[:_SHORT_VALUE]}..."
