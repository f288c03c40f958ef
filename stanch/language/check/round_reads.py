"""What expressions read of the rounds of loops, for the rules about outputs."""

from __future__ import annotations

from stanch.language.check.context import Context
from stanch.language.judge import Use
from stanch.language.rounds import RoundRead


def read_of_rounds(context: Context) -> tuple[tuple[Use, RoundRead], ...]:
    """Each field that is read of a round, with the expression."""
    return context.rounds_read
