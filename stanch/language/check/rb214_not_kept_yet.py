"""RB214: a promise that this release does not keep yet."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    document = context.document
    if document.locks:
        message = "no lease is held yet: this release keeps `locks` in the plan and does not act on them"
        yield context.diagnostic("RB214", document.key("locks"), message)
