"""RB314: runbooks that call each other without end."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.children.circle import in_words, way_round
from stanch.language.diagnostics import Diagnostic
from stanch.language.link import Library


def check(library: Library) -> Iterator[Diagnostic]:
    for circle in library.circles:
        found = way_round(library, circle, certain=True)
        if found is not None:
            unit, call = found[0]
            hint = "let a `when` or a `for_each` around one of the calls decide whether to go on"
            message = f"{in_words(found)}, and nothing on the way can end it"
            yield unit.diagnostic("RB314", call.child.runbook.span, message, hint)
