"""RB513: a trigger that starts a change when the alert is already over."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.triggers import says_status

_ONLY_FIRING = re.compile(
    r"""alert\s*\.\s*status\s*==\s*["']firing["']|["']firing["']\s*==\s*alert\s*\.\s*status
      |alert\s*\.\s*status\s*!=\s*["']resolved["']""",
    re.VERBOSE,
)


def check(context: Context) -> Iterator[Diagnostic]:
    for trigger in context.document.triggers:
        if _changes(context) and says_status(trigger.when.cel) and not _ONLY_FIRING.search(trigger.when.cel):
            message = "a resolved alert would start this runbook, and it changes something"
            hint = 'write `alert.status == "firing" && ...`'
            yield context.diagnostic("RB513", trigger.when.scalar.span, message, hint)


def _changes(context: Context) -> bool:
    for step in context.steps:
        known = None if step.child is None else context.interfaces.get(step.child.runbook.text)
        if step.effect == "change" or (known is not None and known.changes):
            return True
    return False
