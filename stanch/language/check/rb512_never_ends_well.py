"""RB512: a wait that can never end well."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.duration import format_duration


def check(context: Context) -> Iterator[Diagnostic]:
    for _, poll in context.polls:
        if poll.within is None:
            continue
        if poll.stable is not None and poll.stable >= poll.within > 0:
            stable, within = format_duration(poll.stable), format_duration(poll.within)
            message = f"it must hold for {stable}, and only {within} are given for that"
            yield context.diagnostic("RB512", poll.key, message, "make `within` longer than `stable`")
        elif poll.every is not None and poll.every > poll.within > 0:
            every, within = format_duration(poll.every), format_duration(poll.within)
            message = f"the second look comes after {every}, and the wait ends after {within}"
            yield context.diagnostic("RB512", poll.key, message, "make `every` shorter than `within`")
