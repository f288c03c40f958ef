"""What a pass will do: which alerts, what people will say to each run, and what is broken when.

All of it comes from the seed, so a seed that found something is the same schedule again. How the processes
meet in time is the machine's own; that faults wait for a moment (`when`) makes them meet the bad ones again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal, TypeAlias, get_args

from tests.chaos.scenarios import SCENARIOS, Scenario

HOSTS = ("web1", "web2", "web3", "web4")

Kind: TypeAlias = Literal[
    "kill_worker",
    "kill_workers",
    "stop_worker",
    "kill_gateway",
    "stop_gateway",
    "kill_temporal",
    "stop_temporal",
    "cut_host",
    "freeze_host",
    "close_host",
    "fill_disk",
]
Moment: TypeAlias = Literal["now", "change", "asked", "decided", "alert"]
Answer: TypeAlias = Literal["approve", "deny", "nothing", "silence"]
Twice: TypeAlias = Literal["together", "signal", "contradicted"]
Meddling: TypeAlias = Literal["", "undo", "abort", "cancel"]

KINDS: tuple[Kind, ...] = get_args(Kind)
_WEIGHTS: dict[Kind, int] = {
    "kill_worker": 30,
    "kill_workers": 6,
    "stop_worker": 12,
    "kill_gateway": 8,
    "stop_gateway": 4,
    "kill_temporal": 6,
    "stop_temporal": 5,
    "cut_host": 14,
    "freeze_host": 6,
    "close_host": 4,
    "fill_disk": 5,
}
_MOMENTS: dict[Moment, int] = {"now": 6, "change": 10, "asked": 1, "decided": 3, "alert": 1}
_LASTS: dict[Kind, tuple[float, float]] = {
    "stop_worker": (2.0, 16.0),
    "stop_gateway": (1.0, 5.0),
    "stop_temporal": (1.0, 5.0),
    "freeze_host": (2.0, 8.0),
    "close_host": (1.0, 6.0),
    "fill_disk": (3.0, 10.0),
}
"""Seconds. A worker may sleep for longer than Temporal waits for its heartbeat."""


@dataclass(frozen=True, slots=True)
class Case:
    """One alert, and what people do about its run."""

    number: int
    scenario: Scenario
    at: float
    """Seconds from the beginning of the pass."""
    hosts: tuple[str, ...]
    seconds: float
    """How long each change takes on its host."""
    deliveries: int
    answer: Answer
    twice: Twice
    """How the answer is given a second time; `contradicted`: with a denial, or by somebody who may not."""
    thinking: float
    meddling: Meddling = ""
    meddled: float = 0.0
    """Seconds after the answer."""

    @property
    def fingerprint(self) -> str:
        return f"c{self.number:04d}"

    @property
    def run(self) -> str:
        return f"run/{self.scenario.runbook}/{self.fingerprint}"


@dataclass(frozen=True, slots=True)
class Fault:
    """From `at` on it waits for its moment, and for no longer than until the next one is due."""

    number: int
    at: float
    kind: Kind
    when: Moment
    victim: int
    """Which worker or host, modulo how many there are."""
    lasts: float = 0.0
    """Seconds until it is over; a killed process is started again after them."""


@dataclass(frozen=True, slots=True)
class Schedule:
    seed: int
    cases: tuple[Case, ...]
    faults: tuple[Fault, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """How many alerts and faults, spread over so many `seconds`."""

    runs: int
    faults: int
    seconds: float
    workers: int = 3


FULL = Size(runs=220, faults=370, seconds=600.0)
SHORT = Size(runs=10, faults=14, seconds=14.0, workers=2)


def draw(seed: int, size: Size, scenarios: Sequence[Scenario] = SCENARIOS) -> Schedule:
    chance = Random(seed)
    # Alerts do not wait for the last fault: what is broken at the end should meet somebody.
    starts = sorted(chance.uniform(0.0, size.seconds * 0.9) for _ in range(size.runs))
    cases = tuple(_case(chance, number, at, scenarios) for number, at in enumerate(starts))
    moments = sorted(chance.uniform(1.0, size.seconds) for _ in range(size.faults))
    return Schedule(seed, cases, tuple(_fault(chance, number, at) for number, at in enumerate(moments)))


def _case(chance: Random, number: int, at: float, scenarios: Sequence[Scenario]) -> Case:
    # In turn and not at random: a short pass has each of them too.
    scenario = scenarios[number % len(scenarios)]
    answers: dict[Answer, int] = {"approve": 76, "deny": 12, "nothing": 5, "silence": 7}
    meddling: Meddling = ""
    if scenario.lasting:
        meddling = chance.choice(["", "undo", "undo", "abort", "cancel"])
    return Case(
        number=number,
        scenario=scenario,
        at=round(at, 2),
        hosts=tuple(chance.sample(HOSTS, chance.randint(1, scenario.hosts))),
        seconds=round(chance.choice([0.1, 1.0, 2.0, 4.0]) * chance.uniform(0.5, 1.5), 2),
        deliveries=chance.choice([1, 2, 2, 3]),
        answer=chance.choices(list(answers), list(answers.values()))[0],
        twice=chance.choice(["together", "signal", "contradicted"]),
        thinking=round(chance.uniform(0.0, 2.0), 2),
        meddling=meddling,
        meddled=round(chance.uniform(0.0, 14.0), 2),
    )


def _fault(chance: Random, number: int, at: float) -> Fault:
    kind = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
    low, high = _LASTS.get(kind, (0.0, 0.0))
    return Fault(
        number=number,
        at=round(at, 2),
        kind=kind,
        when=chance.choices(list(_MOMENTS), list(_MOMENTS.values()))[0],
        victim=chance.randrange(64),
        # Most killed processes come back at once, some let everybody wait.
        lasts=round(chance.uniform(low, high) if high else chance.choice([0.0, 0.0, 0.0, 3.0]), 2),
    )
