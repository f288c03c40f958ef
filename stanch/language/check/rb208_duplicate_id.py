"""RB208: two steps with one id."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc


def check(context: Context) -> Iterator[Diagnostic]:
    first: dict[str, StepDoc] = {}
    for step in context.steps:
        if not step.id:
            continue
        if (earlier := first.get(step.id)) is not None:
            related = (Related(earlier.name, f"`{step.id}` stands first"),)
            message = f"there are two steps with the id `{step.id}`"
            yield context.diagnostic("RB208", step.name, message, None, related)
        first.setdefault(step.id, step)
