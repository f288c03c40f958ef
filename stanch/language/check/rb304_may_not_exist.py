"""RB304 and RB537: a value that may not exist is read without asking first."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from stanch.language.check.context import Context
from stanch.language.check.round_reads import read_of_rounds
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.guards import INCIDENT, NO_FACTS, Facts, asserts, known_inside
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.scope import Doubt, StepNames
from stanch.language.source import Span

_MOVES = re.compile(r"\brun\s*\.\s*(?:now|findings)\b", re.ASCII)
"""What another step may find otherwise under the very same condition."""


_RAN = re.compile(r"steps\.\w+\.ran", re.ASCII)
_MOST_RELATED = 5


def check(context: Context) -> Iterator[Diagnostic]:
    skippable: dict[Related, list[Diagnostic]] = {}
    for use in context.annotated.uses:
        if use.broken:
            continue
        told = set()
        for reference in use.references:
            target = reference.target
            doubtful = reference.root == "run" if target is None else target.doubts or target.alone
            if not doubtful:
                continue  # most of them
            if reference.name not in told and (found := _judged(context, use, reference)) is not None:
                told.add(reference.name)
                if found.code == "RB304":
                    yield found
                else:
                    skippable.setdefault(found.related[0], []).append(found)
    for places in skippable.values():
        first, *others = sorted(places, key=lambda each: (each.span.line, each.span.column))
        # It is one decision, about the step that may be skipped.
        also = tuple(Related(each.span, "and here") for each in others[:_MOST_RELATED])
        yield replace(first, related=(*first.related, *also))
    yield from _of_rounds(context)


def _of_rounds(context: Context) -> Iterator[Diagnostic]:
    """Outputs of rounds that may have failed."""
    told = set()
    for use, read in read_of_rounds(context):
        name = read.name
        if not read.declared or read.whole or (use.expression, name) in told:
            continue
        told.add((use.expression, name))
        place = context.place(use, read.start, read.start + len(name))
        of = read.path if read.path and "[" not in read.path else "r"
        target = context.annotated.names[read.round.step]
        if read.alone:
            yield _already_done(context, target, f"{of}.{name}", name, place)
        else:
            yield _round_failed(context, target.step, of, name, place)


def _round_failed(context: Context, step: StepDoc, of: str, name: str, place: Span) -> Diagnostic:
    assert step.loop is not None
    lets = "`max_failures` lets rounds fail" if step.loop.max_failures else f"the rounds of `{step.id}`"
    message = f"`{of}.{name}` may not exist: a round of `{step.id}` may have failed"
    hint = f"ask first, `{of}.ok ? {of}.{name} : ...`, or take what went well: `.filter({of}, {of}.ok)`"
    return context.diagnostic("RB304", place, message, hint, (Related(step.loop.key, lets),))


def _judged(context: Context, use: Use, reference: Reference) -> Diagnostic | None:
    if reference.root == "run":
        if reference.name.startswith(INCIDENT) and INCIDENT not in _known(context, use, reference):
            return _no_incident(context, use, reference)
        return None
    target = reference.target
    if target is None or not (target.doubts or target.alone) or reference.status != "fine":
        return None
    if reference.chain.parts[2] not in target.outputs:
        return None
    known = _known(context, use, reference)
    if f"has {reference.name}" in known:
        return None
    doubts = [doubt for doubt in target.doubts if not _settled(context, doubt, target, use, known)]
    if doubts:
        return _diagnostic(context, use, reference, doubts)
    if reference.chain.parts[2] in target.alone:
        place = context.name_place(use, reference, 3)
        return _already_done(context, target, reference.name, reference.chain.parts[2], place)
    return None


def _known(context: Context, use: Use, reference: Reference) -> Facts:
    """What was asked before the name is read: on the way to the expression, in it, and by the steps of which
    that says that they ran."""
    known = use.scope.asserted | known_inside(use.cel).get(reference.chain.start, NO_FACTS)
    found, left = set(known), [fact for fact in known if _RAN.fullmatch(fact)]
    while left:
        ran = left.pop().split(".")[1]
        names = context.annotated.names.get(ran)
        around = (*context.blocks.get(ran, ()), *(() if names is None else (names.step,)))
        new = NO_FACTS.union(*(asserts(each.when.cel) for each in around if each.when is not None)) - found
        found |= new
        left += [fact for fact in new if _RAN.fullmatch(fact)]
    return frozenset(found)


def _settled(context: Context, doubt: Doubt, target: StepNames, use: Use, known: Facts) -> bool:
    """Whether this place is reached only if the doubtful step ran, or only if it did not fail."""
    if doubt in use.scope.doubts:
        return True
    if doubt.skipped and doubt.step == target.step.id and target.step.loop is not None:
        return True  # a loop that failed has `results`, and its rounds are asked
    if not known and doubt.when is None:
        return False  # most of them
    inward = _inward(context, doubt, target)
    if any(f"steps.{step}.ok" in known for step in inward):
        return True
    ran = [step for step in inward if f"steps.{step}.ran" in known]
    if doubt.may_fail:
        # Whether it ran at all is a doubt of its own.
        return any(f"!steps.{step}.failed" in known for step in (doubt.step, *ran))
    if doubt.when is None or _MOVES.search(doubt.when) is not None:
        return bool(ran)
    return bool(ran) or doubt.when in _conditions(use)


def _inward(context: Context, doubt: Doubt, target: StepNames) -> list[str]:
    """The doubtful step, and those in it down to the one that is read: what went well there did so here."""
    path = [*(block.id for block in context.blocks[target.step.id]), target.step.id]
    return path[path.index(doubt.step) :] if doubt.step in path else [doubt.step, target.step.id]


def _conditions(use: Use) -> set[str | None]:
    conditions = {each.when for each in use.scope.doubts}
    step = use.scope.step
    if step is not None and step.when is not None:
        conditions.add(step.when.cel)
    return conditions


def _already_done(context: Context, target: StepNames, name: str, output: str, place: Span) -> Diagnostic:
    """An output that is made of the action's own answer, where nothing may have been executed."""
    step = target.step
    assert step.done is not None
    assert step.done.call is not None
    message = (
        f"`{name}` may not exist: where `done` holds already, nothing is executed, "
        f"and `{step.done.call.action}` of `done` gives no `{output}`"
    )
    related = (Related(step.done.key, "asked before anything is executed"),)
    hint = f"ask first: `has({name}) ? ... : ...`, or find `{output}` out in a read behind `{step.id}`"
    return context.diagnostic("RB304", place, message, hint, related)


def _no_incident(context: Context, use: Use, reference: Reference) -> Diagnostic:
    message = f"`{reference.name}` may not exist: a run need not belong to an incident"
    hint = f"ask first: `has({INCIDENT}) && ...`, or `has({INCIDENT}) ? ... : ...`"
    parts = len(reference.name.split("."))
    return context.diagnostic("RB304", context.name_place(use, reference, parts), message, hint)


def _diagnostic(context: Context, use: Use, reference: Reference, doubts: list[Doubt]) -> Diagnostic:
    """`doubts`: those that are not settled, outermost first. The hint settles all of them."""
    doubt = doubts[0]
    step = context.annotated.names[doubt.step].step
    name = reference.chain.parts[1]
    asked = f"steps.{doubts[-1].step}.{'ok' if any(each.may_fail for each in doubts) else 'ran'}"
    hint = f"ask first: `when: {asked}`, or `{asked} ? ... : ...`"
    if doubt.skipped:
        why = "may have been skipped when it failed"
        related = Related(step.key("on_failure"), f"who is asked when `{doubt.step}` fails may skip it")
        hint += f"; or let the run end with it: `on_failure: stop` for `{doubt.step}`"
    elif doubt.when is not None:
        why = "may not have run"
        related = Related(step.key("when"), f"`{doubt.step}` has `when`")
    else:
        why = "may have failed"
        related = Related(step.key("on_failure"), f"`{doubt.step}` has `on_failure`")
    message = f"`{reference.name}` may not exist: `{name}` {why}"
    # What only a person takes away, who sees what that means, is advice.
    code = "RB537" if all(each.skipped for each in doubts) else "RB304"
    return context.diagnostic(code, context.name_place(use, reference, 3), message, hint, (related,))
