"""The script of the outside world: which of the written looks comes next, for which execution of a step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

from stanch.drill.scripted.given import Given, Look, Take

Part: TypeAlias = Literal["done", "verify", "undo"]


@dataclass(frozen=True, slots=True)
class Spot:
    """One execution of a step: its name in the script, its path in the run, its round's item as text."""

    name: str
    path: str
    item: str | None = None


@dataclass(slots=True)
class Script:
    """Remembers, for each node of the run, how far its script has been played."""

    given: Mapping[str, Given]
    _came: set[tuple[str, str]] = field(default_factory=set)
    """Steps, and the items of their rounds."""
    _taken: dict[str, int] = field(default_factory=dict)
    _looked: dict[tuple[str, Part, int], int] = field(default_factory=dict)

    def take(self, spot: Spot) -> tuple[Take | None, bool]:
        """The next take of a step's action, and whether every later one is the same; None for no script."""
        takes = self._takes(spot)
        at = self._taken.get(spot.path, 0)
        self._taken[spot.path] = at + 1
        return (takes[min(at, len(takes) - 1)], at >= len(takes) - 1) if takes else (None, True)

    def look(self, spot: Spot, part: Part) -> tuple[Look | None, bool]:
        """The next look of what is asked about a step: as was written for the take that it belongs to, else
        for the nearest."""
        takes = self._takes(spot)
        if not takes:
            return None, True
        current = min(max(self._taken.get(spot.path, 0) - 1, 0), len(takes) - 1)
        order = [current, *range(current + 1, len(takes)), *range(current - 1, -1, -1)]
        at = next((at for at in order if looks_of(takes[at], part)), None)
        if at is None:
            return None, True
        looks = looks_of(takes[at], part)
        key = (spot.path, part, at)
        seen = self._looked.get(key, 0)
        self._looked[key] = seen + 1
        return looks[min(seen, len(looks) - 1)], seen >= len(looks) - 1

    def strange_items(self) -> list[tuple[str, str]]:
        """Steps that ran, with the items of which something is said and that none of their rounds had."""
        ran = {name for name, _ in self._came}
        said = {
            (name, item)
            for name, given in self.given.items()
            if name in ran
            for take in given.takes
            for item in take.items
        }
        return sorted(said - self._came)

    def _takes(self, spot: Spot) -> Sequence[Take]:
        """For a round whose item something is said about, that; the rest of it as for the others."""
        given = self.given.get(spot.name)
        if given is None:
            return ()
        if spot.item is None:
            return given.takes
        self._came.add((spot.name, spot.item))
        for take in given.takes:
            if (own := take.items.get(spot.item)) is not None:
                return [_over(each, take) for each in own.takes]
        return given.takes


def looks_of(take: Take, part: Part) -> tuple[Look, ...]:
    match part:
        case "done":
            return take.done
        case "verify":
            return take.verify
        case "undo":
            return take.undo


def _over(own: Take, general: Take) -> Take:
    """What is said for one item, and for the rest what is said for all of them."""
    as_all = replace(general.look, takes=own.look.takes or general.look.takes)
    return Take(
        look=as_all if own.look.says_nothing else own.look,
        already=own.already or general.already,
        before=own.before or general.before,
        done=own.done or general.done,
        verify=own.verify or general.verify,
        undo=own.undo or general.undo,
    )
