"""RB318: two runbooks with one name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.link import Library, Unit


def check(library: Library) -> Iterator[Diagnostic]:
    if len(library.by_name) == sum(bool(unit.name) for unit in library.units):
        return
    named: dict[str, list[Unit]] = {}
    for unit in library.units:
        named.setdefault(unit.name, []).append(unit)
    for name, units in named.items():
        if name and len(units) > 1:
            yield from _taken(units)


def _taken(units: Sequence[Unit]) -> Iterator[Diagnostic]:
    """Said at each of them, but in one file only at the later ones."""
    message, hint = f"there are two runbooks called `{units[0].name}`", "rename one of them"
    first: dict[str, Unit] = {}
    for unit in units:
        if (other := first.setdefault(unit.path, unit)) is not unit:
            related = (Related(other.name_span, f"`{unit.name}` stands first"),)
            yield unit.diagnostic("RB318", unit.name_span, message, hint, related)
    if len(first) > 1:
        here, there, *_ = first.values()
        for unit in first.values():
            other = there if unit is here else here
            place = f"{other.path}:{other.name_span.line}"
            told = f"{message}, and the other one stands in `{place}`"
            yield unit.diagnostic("RB318", unit.name_span, told, hint)
