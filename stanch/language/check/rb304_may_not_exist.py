"""RB304: a value that may not exist is read without asking first."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.guards import INCIDENT, NO_FACTS, Facts, known_inside
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.scope import Doubt, StepNames


def check(context: Context) -> Iterator[Diagnostic]:
    for use in context.annotated.uses:
        if use.broken:
            continue
        told = set()
        for reference in use.references:
            if reference.name not in told and (found := _judged(context, use, reference)) is not None:
                told.add(reference.name)
                yield found


def _judged(context: Context, use: Use, reference: Reference) -> Diagnostic | None:
    if reference.root == "run":
        if reference.name.startswith(INCIDENT) and INCIDENT not in _known(use, reference):
            return _no_incident(context, use, reference)
        return None
    target = reference.target
    if target is None or not target.doubts or reference.status != "fine":
        return None
    if reference.chain.parts[2] not in target.outputs:
        return None
    known = _known(use, reference)
    doubts = [doubt for doubt in target.doubts if not _settled(context, doubt, target, use, known)]
    return _diagnostic(context, use, reference, doubts) if doubts else None


def _known(use: Use, reference: Reference) -> Facts:
    """What was asked before the name is read: on the way to the expression, and in it."""
    return use.scope.asserted | known_inside(use.cel).get(reference.chain.start, NO_FACTS)


def _settled(context: Context, doubt: Doubt, target: StepNames, use: Use, known: Facts) -> bool:
    """Whether this place is reached only if the doubtful step ran, or only if it did not fail."""
    if doubt in use.scope.doubts:
        return True
    if not known and doubt.when is None:
        return False
    inward = _inward(context, doubt, target)
    if any(f"steps.{step}.ok" in known for step in inward):
        return True
    ran = [step for step in inward if f"steps.{step}.ran" in known]
    if doubt.when is None:
        # Whether it ran at all is a doubt of its own.
        return any(f"!steps.{step}.failed" in known for step in (doubt.step, *ran))
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
    why = "may not have run" if doubt.when is not None else "may have failed"
    word = "when" if doubt.when is not None else "on_failure"
    related = (Related(step.key(word), f"`{doubt.step}` has `{word}`"),)
    may_fail = any(each.when is None for each in doubts)
    asked = f"steps.{doubts[-1].step}.{'ok' if may_fail else 'ran'}"
    hint = f"ask first: `when: {asked}`, or `{asked} ? ... : ...`"
    message = f"`{reference.name}` may not exist: `{name}` {why}"
    return context.diagnostic("RB304", context.name_place(use, reference, 3), message, hint, related)
