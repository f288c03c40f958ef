"""RB306: an output that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.mentions import mentioned
from stanch.language.diagnostics import Diagnostic


def check(context: Context) -> Iterator[Diagnostic]:
    read = mentioned(context.document)
    for step in context.steps():
        for output in step.outputs:
            name = output.name.text
            if ("steps", step.id, name) not in read:
                hint = "give it to the runbook's `outputs`, or leave it away"
                message = f"nothing reads the output `{name}` of `{step.id}`"
                yield context.diagnostic("RB306", output.name.span, message, hint)
