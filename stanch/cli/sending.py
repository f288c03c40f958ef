"""The one place through which every command speaks to a run: here it is signed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from stanch.cli.proven import BREAK_GLASS, typed_code
from stanch.client.signing import signed
from stanch.contract import Abort, Accepted, Decision, Order

M = TypeVar("M", Decision, Abort, Order)


async def send(
    message: M,
    run: str,
    started: float,
    give: Callable[[M], Awaitable[Accepted]],
    *,
    code: bool = False,
) -> Accepted:
    """What `give` answers to the message, signed for the run that started at the moment `started`; an order
    for an incident is for all of its runs, and names none. With `code`, a printed code is asked for.

    Raises what `give` raises, and InvalidInput for a key that cannot be used.
    """
    if code:
        message = replace(message, via=BREAK_GLASS)
    key = typed_code(message.by) if code else None
    return await give(signed(message, run, started, key=key))
