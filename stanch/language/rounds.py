"""What an expression reads of the rounds of a loop, wherever it takes them from `steps.x.results`.

    steps.each.results.filter(r, r.ok).map(r, r.code)
    steps.each.results[0].code

CEL has no type for it, as a round is a map to it: so its names are followed here, through the macros.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TypeAlias

from stanch.language.cel.syntax import Call, Field, ListOf, Malformed, MapOf, Name, Node, parse
from stanch.language.document import LoopDoc
from stanch.language.guards import ALL_OK, NO_FACTS, Facts, facts_of, firm_facts_of, path_of
from stanch.language.record import record
from stanch.language.scope import ROUND, Round, Scope
from stanch.language.template import UnclosedHole, sole_hole, split
from stanch.language.tree import Scalar
from stanch.language.types import BOOL, DYN, Signature

_SAME_ITEMS = frozenset({"distinct", "reverse", "slice", "sort"})
_MACROS = frozenset({"all", "exists", "exists_one", "filter", "map", "sort_by", "sortBy"})
_CHOOSING = frozenset({"filter", "sort_by", "sortBy"})


@record
class RoundRead:
    """A field of a round, and where its name stands in the expression."""

    round: Round
    name: str
    start: int
    path: str
    """What it is read of, such as `r`; empty where that is no name."""
    made: Mapping[str, Signature]
    """What each round of the loop gives."""
    declared: bool
    """Whether the rounds have it, as far as that is known."""
    whole: bool
    """Whether it is there for sure."""
    alone: bool
    """Whether it would be, if the round were sure to carry its action out."""


_Items: TypeAlias = Mapping[str, Round | None]


def reads_rounds(cel: str, scope: Scope) -> bool:
    """Whether there may be such reads; a cheap look before the functions below."""
    return "results" in cel or bool(scope.records)


def round_reads(cel: str, scope: Scope) -> tuple[RoundRead, ...]:
    """Every field of a round that the expression reads."""
    walk = _walked(cel, scope)
    return () if walk is None else tuple(walk.found)


def record_of(loop: LoopDoc, scope: Scope) -> Round | None:
    """What each item is, where a loop goes through the rounds of an earlier one."""
    items = loop.items
    if not isinstance(items, Scalar) or not reads_rounds(items.text, scope):
        return None
    try:
        hole = sole_hole(split(items.text))
    except UnclosedHole:
        return None
    walk = None if hole is None else _walked(hole.cel, scope)
    held = None if walk is None else walk.held
    return replace(held, many=False) if held is not None and held.many else None


def round_types(cel: str, scope: Scope) -> frozenset[tuple[str, Signature]]:
    """The types of those fields that are read by the name of a macro or loop: `r.code`."""
    walk = _walked(cel, scope)
    if walk is None:
        return frozenset()
    return frozenset((name, kinds.pop()) for name, kinds in walk.kinds.items() if len(kinds) == 1) - {
        (name, DYN) for name in walk.kinds
    }


def _walked(cel: str, scope: Scope) -> _Walk | None:
    walk = _Walk(cel, scope)
    try:
        walk.held = walk.of(parse(cel), dict(scope.records), scope.asserted)
    except Malformed:
        return None
    return walk


class _Walk:
    def __init__(self, cel: str, scope: Scope) -> None:
        self._cel = cel
        self._scope = scope
        self.held: Round | None = None
        self.found: list[RoundRead] = []
        self.kinds: dict[str, set[Signature]] = {}

    def of(self, node: Node, items: _Items, facts: Facts) -> Round | None:
        """What `node` gives, if that is rounds; all that is read in it is noted."""
        match node:
            case Name(name=name):
                return items.get(name)
            case Field():
                return self._field(node, items, facts, asked=False)
            case Call():
                return self._call(node, items, facts)
            case ListOf(items=parts):
                for each in parts:
                    self.of(each, items, facts)
            case MapOf(entries=entries):
                for key, value in entries:
                    self.of(key, items, facts)
                    self.of(value, items, facts)
            case _:
                pass
        return None

    def _call(self, node: Call, items: _Items, facts: Facts) -> Round | None:
        match node:
            case Call(function="_&&_" | "_||_" as function, args=(left, right)):
                truth = function == "_&&_"
                self.of(left, items, facts | firm_facts_of(right, truth))
                self.of(right, items, facts | facts_of(left, truth))
                return None
            case Call(function="_?_:_", args=(condition, then, other)):
                self.of(condition, items, facts)
                held = self.of(then, items, facts | facts_of(condition, True))
                return _alike(held, self.of(other, items, facts | facts_of(condition, False)))
            case Call(function="has", target=None, args=(Field() as field,)):
                self._field(field, items, facts, asked=True)
                return None
            case Call(function="_[_]", args=(of, at)):
                held = self.of(of, items, facts)
                self.of(at, items, facts)
                return replace(held, many=False) if held is not None and held.many else None
            case Call(function="_+_", args=(left, right)):
                return _alike(self.of(left, items, facts), self.of(right, items, facts))
            case Call(function=name, target=target, args=(Name(name=item), *parts)) if (
                target is not None and name in _MACROS
            ):
                return self._macro(name, self.of(target, items, facts), item, parts, items, facts)
        held = None if node.target is None else self.of(node.target, items, facts)
        for each in node.args:
            self.of(each, items, facts)
        return held if node.function in _SAME_ITEMS else None

    def _macro(
        self, name: str, held: Round | None, item: str, parts: list[Node], items: _Items, facts: Facts
    ) -> Round | None:
        each = replace(held, many=False) if held is not None and held.many else None
        inner = {**items, item: each}
        known = frozenset(fact for fact in facts if not fact.startswith((f"{item}.", f"has {item}.")))
        given = None
        for part in parts:
            given = self.of(part, inner, known)
            known |= facts_of(part, True) if len(parts) > 1 else NO_FACTS
        if name == "map":
            return None if given is None or given.many else replace(given, many=True)
        if held is None or name not in _CHOOSING:
            return None
        chosen = name == "filter" and f"{item}.ok" in facts_of(parts[0], True)
        return replace(held, whole=True) if chosen else held

    def _field(self, node: Field, items: _Items, facts: Facts, *, asked: bool) -> Round | None:
        path = path_of(node)
        if (rounds := self._rounds(path, items, facts)) is not None:
            return rounds
        held = self.of(node.of, items, facts)
        if held is None or held.many:
            self._note_kind(path, DYN)
            return None
        names = self._scope.ended.get(held.step)
        own = self._scope.step is not None and self._scope.step.id == held.step
        made = self._scope.made if own else {} if names is None else names.made
        is_open = names is not None and names.open
        of = path_of(node.of) if isinstance(node.of, Name) else path.rpartition(".")[0]
        start = node.at + 1 + len(self._cel[node.at + 1 :]) - len(self._cel[node.at + 1 :].lstrip())
        sure = asked or node.name in ROUND or bool(of and f"has {of}.{node.name}" in facts)
        well = sure or held.whole or bool(of and f"{of}.ok" in facts)
        alone = well and not sure and names is not None and node.name in names.alone
        declared = is_open or node.name in ROUND or node.name in made
        self.found.append(RoundRead(held, node.name, start, of, made, declared, well and not alone, alone))
        self._note_kind(path, BOOL if node.name == "ok" else made.get(node.name, DYN))
        return None

    def _rounds(self, path: str, items: _Items, facts: Facts) -> Round | None:
        """The rounds of `steps.x.results`."""
        parts = path.split(".")
        if len(parts) != 3 or parts[0] != "steps" or parts[2] != "results" or "steps" in items:
            return None
        step = self._scope.step
        if step is not None and step.id == parts[1]:
            loop, is_open = (step.loop if "results" in (self._scope.own or ()) else None), False
        else:
            names = self._scope.ended.get(parts[1])
            loop, is_open = (None, False) if names is None else (names.step.loop, names.open)
        if loop is None or is_open:
            return None
        # Those of a loop that failed hold only what went well.
        state = {f"steps.{parts[1]}.ok", f"steps.{parts[1]}.ran"}
        failed = f"has {path}" in facts and state.isdisjoint(facts)
        whole = f"{path} {ALL_OK}" in facts or (loop.max_failures == 0 and not failed)
        return Round(parts[1], whole, many=True)

    def _note_kind(self, path: str, kind: Signature) -> None:
        if path.count(".") == 1:
            self.kinds.setdefault(path, set()).add(kind)


def _alike(one: Round | None, other: Round | None) -> Round | None:
    """What is one of both."""
    if one is None or other is None or (one.step, one.many) != (other.step, other.many):
        return None
    return one if not one.whole else other
