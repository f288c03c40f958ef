"""RB304: a value that may not exist is read without asking first."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.guards import INCIDENT, asserts
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.scope import Doubt, StepNames


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.references:
        target = reference.target
        if reference.name.startswith(INCIDENT) and reference.root == "run":
            if not use.broken and INCIDENT not in use.scope.asserted | asserts(use.cel):
                yield _no_incident(context, use, reference)
            continue
        if reference.status != "fine" or target is None or reference.chain.parts[2] not in target.outputs:
            continue
        doubt = next((doubt for doubt in target.doubts if not _settled(doubt, target, use)), None)
        if doubt is not None and not use.broken:
            yield _diagnostic(context, use, reference, doubt)


def _settled(doubt: Doubt, target: StepNames, use: Use) -> bool:
    """Whether this place is reached only if the doubtful step ran well, or asks for it itself."""
    scope = use.scope
    if doubt in scope.doubts:
        return True
    if {doubt.step, target.step.id} & (scope.asserted | asserts(use.cel)):
        return True
    conditions = {each.when for each in scope.doubts}
    if scope.step is not None and scope.step.when is not None:
        conditions.add(scope.step.when.cel)
    return doubt.when is not None and doubt.when in conditions


def _no_incident(context: Context, use: Use, reference: Reference) -> Diagnostic:
    message = f"`{reference.name}` may not exist: a run need not belong to an incident"
    hint = f"ask first: `has({INCIDENT}) && ...`, or `has({INCIDENT}) ? ... : ...`"
    parts = len(reference.name.split("."))
    return context.diagnostic("RB304", context.name_place(use, reference, parts), message, hint)


def _diagnostic(context: Context, use: Use, reference: Reference, doubt: Doubt) -> Diagnostic:
    step = context.annotated.names[doubt.step].step
    name = reference.chain.parts[1]
    why = "may not have run" if doubt.when is not None else "may have failed"
    asked = "ran" if doubt.when is not None else "ok"
    word = "when" if doubt.when is not None else "on_failure"
    related = (Related(step.key(word), f"`{doubt.step}` has `{word}`"),)
    hint = f"ask first: `when: steps.{doubt.step}.{asked}`, or `steps.{doubt.step}.{asked} ? ... : ...`"
    message = f"`{reference.name}` may not exist: `{name}` {why}"
    return context.diagnostic("RB304", context.name_place(use, reference, 3), message, hint, related)
