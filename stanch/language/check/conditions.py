"""What conditions say for certain: `inputs.site == "a" && !steps.b.ok` holds only if `inputs.site` is `a` and
`steps.b.ok` is false. Two that never hold together are found without knowing any value."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from stanch.errors import EvaluationError
from stanch.language.cel.syntax import Call, Field, ListOf, Literal, Malformed, Name, Node, parse
from stanch.language.chains import chains
from stanch.language.evaluate import evaluate

_LONGEST = 400
"""Characters of a condition that is looked into."""


@dataclass(frozen=True, slots=True)
class Fact:
    """`subject` (a chain such as `inputs.site`) is one of the values; or, if `negated`, none of them."""

    subject: str
    values: frozenset[tuple[str, object]]
    """Each with the name of its type: `1` is not `true`."""
    negated: bool = False


@lru_cache(maxsize=1024)
def subjects(cel: str) -> frozenset[str]:
    """Every chain that the expression reads; a cheap look before `facts`."""
    return frozenset(".".join(chain.parts) for chain in chains(cel) if len(chain.parts) > 1)


@lru_cache(maxsize=1024)
def constant(cel: str) -> bool | None:
    """The value of a condition that reads nothing; None for any other."""
    if len(cel) > _LONGEST or any(chain.parts and chain.parts[0] not in _WORDS for chain in chains(cel)):
        return None
    try:
        value = evaluate(cel, {})
    except EvaluationError:
        return None
    return value if isinstance(value, bool) else None


_WORDS = frozenset({"true", "false", "null", "in"})


@lru_cache(maxsize=1024)
def facts(cel: str) -> tuple[Fact, ...]:
    """What must be true of single values for the condition to hold."""
    if len(cel) > _LONGEST:
        return ()
    try:
        return tuple(_facts(parse(cel)))
    except Malformed:
        return ()


def may_contradict_itself(cel: str) -> bool:
    """Whether two parts of a condition may speak of one value; a cheap look before its `facts`."""
    names = [chain.parts[:2] for chain in chains(cel)]
    return "[" in cel or len(set(names)) < len(names) or any(len(parts) < 2 for parts in names)


def conflict(found: Iterable[Fact]) -> str | None:
    """The first subject of which the facts cannot all be true."""
    possible: dict[str, frozenset[tuple[str, object]]] = {}
    impossible: dict[str, frozenset[tuple[str, object]]] = {}
    for fact in found:
        subject = fact.subject
        if fact.negated:
            impossible[subject] = impossible.get(subject, frozenset()) | fact.values
        else:
            possible[subject] = possible.get(subject, fact.values) & fact.values
        if subject in possible and not possible[subject] - impossible.get(subject, frozenset()):
            return subject
    return None


def _facts(node: Node) -> Iterator[Fact]:
    match node:
        case Call("_&&_", _, parts):
            for part in parts:
                yield from _facts(part)
        case Call("!_", _, (inner,)):
            yield from _denied(inner)
        case Call("_||_", _, parts):
            yield from _either(parts)
        case _:
            yield from _plain(node)


def _plain(node: Node) -> Iterator[Fact]:
    match node:
        case Call("_==_", _, (left, right)):
            yield from _equal(left, right, negated=False)
        case Call("_!=_", _, (left, right)):
            yield from _equal(left, right, negated=True)
        case Call("@in", _, (left, ListOf(items))):
            values = [item for item in items if isinstance(item, Literal)]
            if (subject := _subject(left)) is not None and len(values) == len(items):
                yield Fact(subject, frozenset(map(_value, values)))
        case Field() if (subject := _subject(node)) is not None:
            yield Fact(subject, frozenset({("bool", True)}))


def _denied(node: Node) -> Iterator[Fact]:
    found = list(_plain(node))
    if len(found) == 1:
        (fact,) = found
        if fact.values == {("bool", True)} and isinstance(node, Field):
            yield Fact(fact.subject, frozenset({("bool", False)}))
        else:
            yield Fact(fact.subject, fact.values, not fact.negated)


def _either(parts: tuple[Node, ...]) -> Iterator[Fact]:
    """Of alternatives only what they say of one and the same value."""
    found = [list(_facts(part)) for part in parts]
    single = [each[0] for each in found if len(each) == 1 and not each[0].negated]
    if len(single) == len(found) and len({fact.subject for fact in single}) == 1:
        yield Fact(single[0].subject, frozenset().union(*(fact.values for fact in single)))


def _equal(left: Node, right: Node, *, negated: bool) -> Iterator[Fact]:
    if isinstance(left, Literal):
        left, right = right, left
    if isinstance(right, Literal) and (subject := _subject(left)) is not None:
        yield Fact(subject, frozenset({_value(right)}), negated)


def _value(literal: Literal) -> tuple[str, object]:
    return type(literal.value).__name__, literal.value


def _subject(node: Node) -> str | None:
    """`a.b.c` for `a.b["c"]`; None for what is no chain of names."""
    match node:
        case Name():
            return node.name
        case Field():
            owner = _subject(node.of)
            return None if owner is None else f"{owner}.{node.name}"
        case Call("_[_]", _, (of, Literal(str() as key))):
            owner = _subject(of)
            return None if owner is None else f"{owner}.{key}"
        case _:
            return None
