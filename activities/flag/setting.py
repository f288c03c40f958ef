"""What a flag is, whoever keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from stanch.errors import InvalidInput
from stanch.language.plan import Json

_FINEST = 3
"""Decimals of a percentage: the finest that a keeper knows."""


@dataclass(frozen=True, slots=True)
class Setting:
    """How a flag is set in one environment."""

    on: bool
    """Somebody gets it."""
    percentage: float
    """For what share of the users, in percent; 0 while it is off. The keeper's own rules (targets,
    constraints, segments) decide for whom they name, and this is of those whom they leave."""
    raw: Mapping[str, Json]
    """All of it that a change may touch, in its keeper's own words: what the way back writes."""


@dataclass(frozen=True, slots=True)
class Wanted:
    on: bool
    percentage: float | None = None
    """None leaves the share as it is; above 0 otherwise."""

    def holds(self, now: Setting) -> bool:
        if not self.on:
            return not now.on
        return now.on and (self.percentage is None or round(now.percentage, _FINEST) == self.percentage)


class Keeper(Protocol):
    """Where flags are kept. Every method raises as an action does; one that changes raises Unreachable and
    ActionRefused only while nothing has been changed."""

    async def read(self, flag: str, /) -> Setting: ...

    async def set(self, flag: str, wanted: Wanted, /) -> None:
        """Bring it about where it does not hold. Everybody gets what is switched on with a share of 0."""
        ...

    async def restore(self, flag: str, raw: Mapping[str, Json], /) -> None:
        """`raw` is that of an earlier `read`."""
        ...

    async def evaluate(self, flag: str, subject: Mapping[str, Json], /) -> Json:
        """What a client is told: the value, a boolean for most flags."""
        ...


def wanted(said: Json) -> Wanted:
    """What `set` asks for: `on`, `off`, or a percentage, whose 0 is off. Raises InvalidInput."""
    match said:
        case "on" | True:
            return Wanted(True)
        case "off" | False:
            return Wanted(False)
        case {"percentage": int() | float() as share} if 0 <= share <= 100 and not isinstance(share, bool):
            share = round(float(share), _FINEST)
            return Wanted(True, share) if share else Wanted(False)
    raise InvalidInput(f"`set` is `on`, `off` or a `percentage` from 0 to 100, and not {said}")
