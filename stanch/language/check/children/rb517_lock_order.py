"""RB517: two runbooks that take the same locks in opposite order.

A run holds the locks of its runbook for as long as it runs, and those of a runbook that it calls for as long
as that one runs. So two runs can each hold what the other waits for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from stanch.language.calls import CallSite
from stanch.language.diagnostics import Diagnostic
from stanch.language.link import Library, Unit
from stanch.language.locks import Kind, LockName, lock_name

_HINT = "let both take them in one order, or name both locks in the `locks` of both"


@dataclass(frozen=True, slots=True, eq=False)
class _Nested:
    """`outer` holds `held` and calls what takes `taken`."""

    outer: Unit
    held: LockName
    call: CallSite
    inner: Unit
    taken: LockName


_Kind: TypeAlias = tuple[Kind, Kind]
"""Of what is held and what is taken."""


def check(library: Library) -> Iterator[Diagnostic]:
    pairs: dict[tuple[str, str], list[_Nested]] = {}
    for unit in library.units:
        for nested in _nested(unit, library):
            pairs.setdefault((nested.held.text, nested.taken.text), []).append(nested)
    said: set[CallSite] = set()
    for alike, against in _opposite(pairs):
        for nested in alike:
            other = next((each for each in against if not _exclude(nested.outer, each.outer)), None)
            if other is not None and nested.call not in said:
                said.add(nested.call)
                yield _diagnostic(nested, other)


def _opposite(
    pairs: Mapping[tuple[str, str], list[_Nested]],
) -> Iterator[tuple[list[_Nested], list[_Nested]]]:
    """Those that hold and take the same locks, with those that do it the other way round."""
    by_kind: dict[_Kind, list[list[_Nested]]] = {}
    loose: dict[_Kind, list[list[_Nested]]] = {}
    for alike in pairs.values():
        held, taken = alike[0].held, alike[0].taken
        by_kind.setdefault((held.kind, taken.kind), []).append(alike)
        if not (held.fixed and taken.fixed):
            loose.setdefault((held.kind, taken.kind), []).append(alike)
    for (held_text, taken_text), alike in pairs.items():
        one = alike[0]
        # Names without holes are the same only when they are equal, and most are without.
        among = loose if one.held.fixed and one.taken.fixed else by_kind
        found = [
            nested
            for others in among.get((one.taken.kind, one.held.kind), ())
            if one.held.may_be(others[0].taken) and one.taken.may_be(others[0].held)
            for nested in others
        ]
        if among is loose:
            found += pairs.get((taken_text, held_text), [])
        if found:
            yield alike, found


def _nested(unit: Unit, library: Library) -> Iterator[_Nested]:
    own = _locks(unit)
    if not own or not unit.calls:
        return
    before = [*own, *_held_by_callers(unit, library)]
    met: set[str] = set()
    for call in unit.calls:
        callee = library.called(unit, call)
        if callee is None:
            continue
        for inner in (callee, *library.all_callees(callee)):
            for taken in _locks(inner):
                if taken.text not in met and not any(taken.may_be(each) for each in before):
                    yield from (_Nested(unit, held, call, inner, taken) for held in own)
                met.add(taken.text)


def _held_by_callers(unit: Unit, library: Library) -> list[LockName]:
    """What is held already whenever `unit` runs, if it runs only when it is called."""
    found: dict[Unit, None] = {unit: None}
    left = [unit]
    while left:
        each = left.pop()
        if not (each.private or each in library.left_to_callers):
            continue
        for caller in library.callers.get(each, ()):
            if caller not in found:
                found[caller] = None
                left.append(caller)
    return [lock for caller in found if caller is not unit for lock in _locks(caller)]


def _locks(unit: Unit) -> list[LockName]:
    return [name for each in unit.document.locks if (name := lock_name(each.text)) is not None]


def _exclude(one: Unit, other: Unit) -> bool:
    """Whether both hold one lock from beginning to end, so that they never run at the same time."""
    fixed = {lock.text for lock in _locks(one) if lock.fixed}
    return any(lock.text in fixed for lock in _locks(other))


def _diagnostic(nested: _Nested, other: _Nested) -> Diagnostic:
    outer = nested.outer
    place = f"`{other.outer.path}:{other.call.child.runbook.span.line}`"
    message = (
        f"`{outer.name}` holds `{nested.held.text}` while `{nested.inner.name}` takes `{nested.taken.text}`, "
        f"and `{other.outer.name}` the other way round at {place}: each can wait for the other for ever"
    )
    return outer.diagnostic("RB517", nested.call.child.runbook.span, message, _HINT)
