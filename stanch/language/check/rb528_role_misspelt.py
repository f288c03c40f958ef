"""RB528: a role that looks like a misspelling of another one: nobody holds it, so nobody is asked."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from difflib import SequenceMatcher
from functools import lru_cache

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.document import StepDoc
from stanch.language.tree import Mapping, Node, Scalar, Sequence
from stanch.language.words import nearest

ROLES = ("incident_commander", "technical_lead", "communications_lead", "scribe")
"""Those that every incident has."""

_ROLE = re.compile(r"[a-z][a-z0-9]*([_-][a-z0-9]+)*")
_SHORT = 3
_MOST_COMPARED = 20
_ALIKE = 0.85
"""Nearer than for other words: `incident_manager` is a role of its own."""


def check(context: Context) -> Iterator[Diagnostic]:
    asking = context.saying("approval", "ask", "revert")
    named = [role for step in asking for role in _asked(step)]
    named += [role for _, call in context.calls if call.by_hand for role in _roles(call.param("who"))]
    named = [role for role in named if _ROLE.fullmatch(role.text)]
    times = Counter(role.text for role in named)
    often = [(name, count) for name, count in times.most_common(_MOST_COMPARED) if name not in ROLES]
    for role in named:
        if role.text in ROLES:
            continue
        own = (name for name, count in often if count > times[role.text])
        meant = _meant(role.text, ROLES) or _meant(role.text, tuple(own))
        if meant is not None:
            message = f"`{role.text}` looks like a misspelt role: nobody would be asked"
            yield context.diagnostic("RB528", role.span, message, f"did you mean `{meant}`?")


@lru_cache(maxsize=256)
def _meant(role: str, others: tuple[str, ...]) -> str | None:
    found = nearest(role, others)
    if found is None or SequenceMatcher(None, role, found).ratio() < _ALIKE:
        return None
    return None if _differs_in_a_short_part(role, found) else found


def _differs_in_a_short_part(role: str, other: str) -> bool:
    """As `oncall_eu` and `oncall_us` do, or `team_1` and `team_2`: such roles stand beside each other."""
    ours, theirs = role.split("_"), other.split("_")
    if len(ours) != len(theirs):
        return False
    pairs = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    return any(max(map(len, pair)) <= _SHORT for pair in pairs)


def _asked(step: StepDoc) -> Iterator[Scalar]:
    """Every role that the step asks, where it stands."""
    if step.approval is not None:
        yield from _roles(_inner(step, "approval", "from"))
    if step.ask is not None:
        yield from _roles(_inner(step, "ask", "from"))
    if step.revert is not None and step.revert.roles is not None:
        yield from _roles(_inner(step, "revert", "ask"))


def _inner(step: StepDoc, word: str, inner: str) -> Node | None:
    node = step.node.get(word)
    return node.get(inner) if isinstance(node, Mapping) else node


def _roles(node: Node | None) -> Iterator[Scalar]:
    if isinstance(node, Scalar):
        yield node
    elif isinstance(node, Sequence):
        yield from (item for item in node.items if isinstance(item, Scalar))
