"""The runbooks of a pass, and what each of them does to its hosts. A new one is a file and a line here.

Every change is a `turn on CHANGE RUN` on each host of the run, and the step has the name of its change; its
way back is a `turn off`. So whatever a run did is in the hosts' own records under its id.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

RUNBOOKS = Path(__file__).parent / "runbooks"


@dataclass(frozen=True, slots=True)
class Scenario:
    """`runbook` is made of these `changes`, in this order, on at most `hosts` hosts."""

    runbook: str
    changes: tuple[str, ...] = ("switch",)
    hosts: int = 3
    each: tuple[str, ...] = ()
    """Changes that are made host by host, so that what failed on one host is tried again there alone."""
    twice: bool = False
    """Its author says `idempotent: true`: where nobody knows whether it happened, it may happen again."""
    comes_back: bool = False
    """Whether it takes back what it has changed before it ends."""
    lasting: bool = False
    """It takes long enough for somebody to order it back, or to abort it."""


SCENARIOS = (
    Scenario("turn-one"),
    Scenario("turn-each", each=("switch",)),
    Scenario("turn-plain", each=("switch",), hosts=2),
    Scenario("turn-again", hosts=1, twice=True),
    Scenario("turn-back", changes=("first", "second"), each=("second",), hosts=2, comes_back=True),
    Scenario("turn-borrow", comes_back=True),
    Scenario("turn-three", changes=("first", "second", "third"), hosts=2, lasting=True),
)
