"""RB206: a built-in name that this release does not fill."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.references():
        if reference.status == "unsupported":
            span = context.name_place(use, reference, 2)
            yield context.diagnostic("RB206", span, f"`{reference.name}` is not supported by this release")
