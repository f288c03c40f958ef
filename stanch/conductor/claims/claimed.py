"""A claim of a run, with what the run has to remember of it."""

from __future__ import annotations

from dataclasses import dataclass

from stanch.contract import RunLease


@dataclass(frozen=True, slots=True)
class Claimed:
    lease: RunLease
    capacity: int = 1
    nodes: tuple[str, ...] = ()
    """Paths of the nodes for which it is claimed; it is given back with the last of them."""
    asking: bool = False
    """An answer of the lease is awaited."""
    again: bool = False
    """It has rung since it was asked, so the answer to come may be an old one."""
    asks: int = 0
    """How often it has been asked in vain."""
    timer: str = ""
    """Key of the timer after which it is asked again or, once it is held, has been held for too long."""

    @property
    def held(self) -> bool:
        return self.lease.state == "held"

    @property
    def waits(self) -> bool:
        return self.lease.state in ("asked", "waiting")
