"""What conditions say about steps: what is known once one was true, and whether a precondition has to wait.

What is known is a set of facts. A fact is `steps.x.ok` (its outputs exist), `steps.x.ran`, `!steps.x.failed`
(which a step that did not run has not either), `has steps.x.y`, or INCIDENT. Of a round of a loop, called
anything: `r.ok`, `has r.y`; of all of them `steps.x.results all ok`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import TypeAlias

from stanch.language.cel.syntax import Call, Field, ListOf, Literal, Malformed, MapOf, Name, Node, parse
from stanch.language.chains import chains, reads_step, roots
from stanch.language.document import RequireDoc, StepDoc
from stanch.language.template import Hole, UnclosedHole, split
from stanch.language.tree import scalars

Facts: TypeAlias = frozenset[str]
INCIDENT = "run.incident"
"""The run belongs to an incident."""
ALL_OK = "all ok"
NO_FACTS: Facts = frozenset()
_NEVER = None
"""In the place of facts: the expression cannot come out so."""
_STATES = frozenset({"ok", "ran", "failed", "denied"})
_ASKS = re.compile(r"\b(?:ok|ran|failed|denied|has)\b", re.ASCII)
"""Few expressions ask; the others need not be parsed."""


@lru_cache(maxsize=4096)
def asserts(cel: str) -> Facts:
    """What is known where the expression was true."""
    if _ASKS.search(cel) is None:
        return NO_FACTS
    try:
        return _facts(parse(cel), True) or NO_FACTS
    except Malformed:
        return _mentioned(cel)


def facts_of(node: Node, truth: bool) -> Facts:
    """What is known where a part of an expression came out as `truth`."""
    return _facts(node, truth) or NO_FACTS


def firm_facts_of(node: Node, truth: bool) -> Facts:
    """What of that holds even if parts of `node` fail: otherwise it would come out as the other truth."""
    return _firm(node, truth)


def path_of(node: Node) -> str:
    """`steps.x.results.[0]`; empty for what is no chain of names."""
    return ".".join(_path(node))


@lru_cache(maxsize=4096)
def known_inside(cel: str) -> Mapping[int, Facts]:
    """By the offset at which a name begins: what the expression itself has asked before it is read there."""
    if _ASKS.search(cel) is None:
        return {}
    found: dict[int, Facts] = {}
    try:
        _spread(parse(cel), NO_FACTS, found)
    except Malformed:
        return {}
    return found


def is_checked_after(require: RequireDoc, step: str) -> bool:
    """Whether a precondition of the step `step` reads what only its action gives: it is checked behind it."""
    read = (require.that.cel, *_holes(require.message.text))
    return any("result" in roots(cel) or reads_step(cel, step) for cel in read)


def is_asked_in_rounds(step: StepDoc) -> bool:
    """Whether the `verify` of a step with a loop reads the loop's item: it is asked in each round then,
    unless it says when it is asked."""
    check, loop = step.verify, step.loop
    if check is None or loop is None or check.poll is None or check.after is not None:
        return False
    polled = (check.poll.until, check.poll.worse)
    read = [each.cel for each in polled if each is not None]
    if check.call is not None:
        params = (*check.call.params, *check.call.inherited)
        read += [cel for entry in params for scalar in scalars(entry.value) for cel in _holes(scalar.text)]
    return any(loop.name.text in roots(cel) for cel in read)


def _holes(text: str) -> list[str]:
    try:
        return [part.cel for part in split(text) if isinstance(part, Hole)]
    except UnclosedHole:
        return []


def _mentioned(cel: str) -> Facts:
    """Everything that a condition could have meant that is no CEL: that was said, and is one mistake."""
    found = {INCIDENT} if INCIDENT in cel else set()
    for chain in chains(cel):
        if len(chain.parts) >= 2 and chain.parts[0] == "steps":
            found.add(f"steps.{chain.parts[1]}.ok")
    return frozenset(found)


def _facts(node: Node, truth: bool) -> Facts | None:
    """What is known where `node` came out as `truth`."""
    match node:
        case Literal(value=bool() as value):
            return NO_FACTS if value is truth else _NEVER
        case Call(function="!_", args=(inner,)):
            return _facts(inner, not truth)
        case Call(function="_&&_" | "_||_" as function, args=(left, right)):
            # One side may decide where the other fails, so of "one of them" only what both say is known.
            combine = _both if (function == "_&&_") is truth else _either
            return combine(_facts(left, truth), _facts(right, truth))
        case Call(function="_?_:_", args=(condition, then, other)):
            return _either(
                _both(_facts(condition, True), _facts(then, truth)),
                _both(_facts(condition, False), _facts(other, truth)),
            )
        case Call(function="_==_" | "_!=_" as function, args=(left, right)):
            return _compared(left, right, (function == "_==_") is truth)
        case _:
            return _asked(node, truth)


def _asked(node: Node, truth: bool) -> Facts:
    match node:
        case Call(function="has", target=None, args=(Field() as field,)) if truth:
            return _existing(_path(field))
        case Call(function="all" | "exists" as function, target=Field() as held, args=(Name() as name, each)):
            return _of_all(held, name, each, truth) if (function == "all") is truth else NO_FACTS
        case _:
            return _state(_path(node), truth)


def _firm(node: Node, truth: bool) -> Facts:
    """Those of the facts without which `node` comes out as the other truth, whatever else in it fails."""
    match node:
        case Call(function="!_", args=(inner,)):
            return _firm(inner, not truth)
        case Call(function="_&&_" | "_||_" as function, args=(left, right)):
            one, other = _firm(left, truth), _firm(right, truth)
            return one | other if (function == "_&&_") is truth else one & other
        case Call(function="has", target=None, args=(Field(of=Field(of=Name()) | Name()),)):
            return _facts(node, truth) or NO_FACTS
        case _:
            return _state(_path(node), truth)


def _compared(left: Node, right: Node, same: bool) -> Facts | None:
    """What is known where a condition and `true` or `false` were the same, or not."""
    if isinstance(left, Literal):
        left, right = right, left
    if isinstance(right, Literal) and isinstance(right.value, bool):
        return _facts(left, right.value is same)
    return NO_FACTS


def _of_all(held: Field, name: Name, each: Node, truth: bool) -> Facts:
    """What is known where `each` came out so for all items."""
    well = f"{name.name}.ok" in (_facts(each, truth) or NO_FACTS)
    return frozenset({f"{'.'.join(_path(held))} {ALL_OK}"}) if well else NO_FACTS


def _both(one: Facts | None, other: Facts | None) -> Facts | None:
    return _NEVER if one is None or other is None else one | other


def _either(one: Facts | None, other: Facts | None) -> Facts | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _state(path: tuple[str, ...], truth: bool) -> Facts:
    match path:
        case ("steps", step, "ok") if truth:
            return frozenset({f"steps.{step}.ok", f"steps.{step}.ran", f"!steps.{step}.failed"})
        case ("steps", step, "ran" | "failed" | "denied") if truth:
            return frozenset({f"steps.{step}.ran"})
        case ("steps", step, "failed"):
            return frozenset({f"!steps.{step}.failed"})
        case (*_, "ok") if truth:
            return frozenset({".".join(path)})
    return NO_FACTS


def _existing(path: tuple[str, ...]) -> Facts:
    match path:
        case ("run", "incident", *_):
            return frozenset({INCIDENT})
        case ("steps", _, "results"):
            # It exists after a failure, too: what the rounds gave that went well.
            return frozenset({f"has {'.'.join(path)}"})
        case ("steps", step, name) if name not in _STATES:
            return frozenset({f"steps.{step}.ok", f"steps.{step}.ran", f"has steps.{step}.{name}"})
        case ("steps", step, name, *_) if name not in (*_STATES, "results"):
            return frozenset({f"steps.{step}.ok", f"steps.{step}.ran"})
        case (_, _, *_):
            return frozenset({f"has {'.'.join(path)}"})
    return NO_FACTS


def _path(node: Node) -> tuple[str, ...]:
    """`steps.x.y` as its parts, and `[0]` as one; empty for a field of anything but a name."""
    parts: list[str] = []
    while True:
        match node:
            case Field(of=of, name=name):
                parts.append(name)
            case Call(function="_[_]", args=(of, Literal(value=int() as at))):
                parts.append(f"[{at}]")
            case _:
                break
        node = of
    return (node.name, *reversed(parts)) if isinstance(node, Name) else ()


def _spread(node: Node, facts: Facts, found: dict[int, Facts]) -> None:
    """Put into `found` what is known at each name in `node`; `facts` are known at `node`."""
    match node:
        case Name(at=at):
            found[at] = facts
        case Field(of=inner):
            _spread(inner, facts, found)
        case Call(function="_&&_" | "_||_" as function, args=(left, right)):
            # A side that fails does not matter where the other one decides, so either may ask for both.
            truth = function == "_&&_"
            _spread(left, facts | _firm(right, truth), found)
            _spread(right, facts | (_facts(left, truth) or NO_FACTS), found)
        case Call(function="_?_:_", args=(condition, then, other)):
            _spread(condition, facts, found)
            _spread(then, facts | (_facts(condition, True) or NO_FACTS), found)
            _spread(other, facts | (_facts(condition, False) or NO_FACTS), found)
        case Call(function="has", target=None, args=(Field() as field,)):
            # What it asks for may be missing, and not what that is a field of.
            asked = _path(field)
            own = _existing(asked) if len(asked) == (2 if asked[:1] == ("run",) else 3) else NO_FACTS
            _spread(field, facts | own, found)
        case Call(target=target, args=args):
            for each in args if target is None else (target, *args):
                _spread(each, facts, found)
        case ListOf(items=items):
            for each in items:
                _spread(each, facts, found)
        case MapOf(entries=entries):
            for key, value in entries:
                _spread(key, facts, found)
                _spread(value, facts, found)
