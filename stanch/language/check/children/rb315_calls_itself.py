"""RB315: a runbook that calls itself, directly or not."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.children.circle import in_words, way_round
from stanch.language.diagnostics import Diagnostic
from stanch.language.link import Library


def check(library: Library) -> Iterator[Diagnostic]:
    for circle in library.circles:
        if way_round(library, circle, certain=True) is not None:
            continue  # which is an error
        found = way_round(library, circle, certain=False)
        if found is not None:
            unit, call = found[0]
            hint = "every round asks for its own approvals, and eight calls inside of each other are the most"
            yield unit.diagnostic("RB315", call.child.runbook.span, in_words(found), hint)
