"""RB533: a trigger that every alert matches."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.errors import EvaluationError
from stanch.language.chains import chains
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.evaluate import holds
from stanch.language.triggers import SOURCES

_LONGEST = 400
"""Characters of a condition that is looked into."""
_OF_ALL = (("alert", "status"), ("alert", "source"))
"""What says nothing of what an alert is about."""


def check(context: Context) -> Iterator[Diagnostic]:
    for trigger in context.document.triggers:
        when = trigger.when.cel
        if len(when) <= _LONGEST and _asks_for_nothing(when) and _holds(when):
            message = "every alert starts this runbook, whatever it is about"
            hint = 'ask for its name, too: `alert.labels.alertname == "..."`'
            yield context.diagnostic("RB533", trigger.when.scalar.span, message, hint)


def _asks_for_nothing(when: str) -> bool:
    return all(chain.parts in _OF_ALL for chain in chains(when) if chain.parts[:1] == ("alert",))


def _holds(when: str) -> bool:
    try:
        return any(holds(when, {"alert": {"status": "firing", "source": each}}) for each in SOURCES)
    except EvaluationError:
        return False
