"""RB504: data inside the text of a script."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.place import locate
from stanch.language.template import OPEN
from stanch.language.tree import Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    for step in context.steps:
        for call in step.calls:
            script = call.param("script")
            if isinstance(script, Scalar) and (at := script.text.find(OPEN)) >= 0:
                span = locate(context.document.source, script, at, at + len(OPEN))
                hint = 'write `env: {NAME: ...}` beside it, and `"$NAME"` in the script'
                yield context.diagnostic("RB504", span, "data would become shell text here", hint)
