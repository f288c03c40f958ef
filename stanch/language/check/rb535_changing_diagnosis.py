"""RB535: a runbook that calls itself a diagnosis and changes something."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.tree import Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    kind = context.document.node.get("kind")
    if context.document.kind != "diagnosis" or not isinstance(kind, Scalar):
        return
    changes = [step for step in context.steps if step.effect == "change"]
    if changes:
        message = f"a diagnosis only looks, and step `{changes[0].id}` changes something"
        hint = "say what the runbook does, such as `kind: recovery`, or let a finding `suggest` another one"
        related = (Related(changes[0].name, "changes something"),)
        yield context.diagnostic("RB535", kind.span, message, hint, related)
