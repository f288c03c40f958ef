"""RB402: a field of a `result` that is a list."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.wrong_references:
        if reference.status == "many" and not use.broken:
            field = reference.chain.parts[1]
            hint = f"write `result[0].{field}`, or `result.all(r, r.{field} ...)` for all of them"
            message = "`result` is a list here, an item for each target"
            yield context.diagnostic("RB402", context.name_place(use, reference, 2), message, hint)
