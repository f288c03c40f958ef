"""RB309: a value of one round of a loop, read outside of it."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.references():
        target = reference.target
        if reference.status != "round" or target is None:
            continue
        loop = next(name for name in target.rounds if name not in use.scope.rounds)
        step = context.annotated.names.get(loop)
        related = () if step is None else (Related(step.step.key("for_each"), f"`{loop}` repeats it"),)
        message = f"`{target.step.id}` ends once in every round of `{loop}`, so it can be read only in there"
        yield context.diagnostic("RB309", context.name_place(use, reference, 3), message, None, related)
