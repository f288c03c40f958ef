"""The order of the words, and where bare CEL stands: what the layout has to know of the language."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from types import MappingProxyType

from stanch.language.format.pieces import Member
from stanch.language.tree import Mapping, Node, Sequence

OTHERS = ""
"""In an order, the place of all words that it does not have: the actions. Without it such a word follows the
one that it was written behind."""


@dataclass(frozen=True, slots=True)
class Form:
    """What a mapping is made of."""

    order: tuple[str, ...] = ()
    """Empty: the author's."""
    cel: frozenset[str] = frozenset()
    """Words whose values are bare CEL."""
    all_cel: bool = False
    inside: MappingProxyType[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Word to the name of the form of its value, or of the items when that is a list."""
    tabular: bool = False
    """Flat mappings in its lists may stay in braces, a row a line, and so in all that is inside."""

    def is_cel(self, word: str) -> bool:
        return self.all_cel or word in self.cel

    def of(self, word: str) -> Form:
        return self if self.tabular else FORMS[self.inside.get(word, "data")]


_BEFORE = ("id", "title", "when", "approval", "unattended", "for_each", "parallel", "zone")
_CALLS = ("step", "runbook", "inputs", "wait", "ask", "manual", OTHERS)
_CALLED = ("script", "maxItems", "effect", "until", "worse", "every", "within", "stable", "after")
_SEEN = ("outputs", "require", "findings", "keep")
_SAFE = ("done", "idempotent", "undo", "irreversible", "verify", "revert")
_CALM = ("on_failure", "retry", "timeout", "links")
_IN_STEP = MappingProxyType(
    {
        "steps": "step",
        "approval": "approval",
        "for_each": "for_each",
        "ask": "ask",
        "outputs": "values",
        "require": "require",
        "findings": "finding",
        "keep": "values",
        "done": "step",
        "undo": "step",
        "verify": "step",
        "revert": "revert",
        "retry": "retry",
        "links": "link",
    }
)


def _form(order: str, cel: str = "", **inside: str) -> Form:
    return Form(tuple(order.split()), frozenset(cel.split()), False, MappingProxyType(inside))


_STEP_CEL = frozenset({"when", "until", "worse"})

FORMS: dict[str, Form] = {
    "data": Form(),
    "other": Form(tabular=True),
    "runbook": _form(
        "runbook title kind owner reviewed severities symptoms impact links inputs triggers locks require"
        " steps outputs",
        links="link",
        triggers="trigger",
        require="require",
        steps="step",
        outputs="values",
    ),
    "step": Form((*_BEFORE, *_CALLS, *_CALLED, *_SEEN, *_SAFE, *_CALM), _STEP_CEL, False, _IN_STEP),
    # What a block says about all of its steps is read before them, not a page further down.
    "block": Form(
        (*_BEFORE, *_CALM, "require", *_CALLS, "steps", "outputs", "findings", "keep", *_SAFE),
        _STEP_CEL,
        False,
        _IN_STEP,
    ),
    "values": Form(all_cel=True),
    "trigger": _form("source when inputs", "when"),
    "require": _form("that else", "that"),
    "finding": _form("when is text suggest", "when", suggest="suggest"),
    "suggest": _form("runbook inputs"),
    "approval": _form("from any quorum confirm silence", silence="silence"),
    "ask": _form("from any show fields silence", silence="silence"),
    "silence": _form("after then"),
    "for_each": _form("as in maxItems batches pause max_failures parallel empty"),
    "retry": _form("times every"),
    "revert": _form("after not_before when at_most ask approval", when="step"),
    "link": _form("title url"),
}


def form_of_document(root: Node) -> Form:
    """A runbook's form, or for other YAML (a rehearsal, a policy) one that knows no words."""
    steps = root.get("steps") if isinstance(root, Mapping) else None
    has_steps = isinstance(steps, Sequence) and any(isinstance(item, Mapping) for item in steps.items)
    is_runbook = has_steps or (isinstance(root, Mapping) and root.entry("kind") is not None)
    return FORMS["runbook" if is_runbook else "other"]


def form_as_written(form: Form, node: Node) -> Form:
    """A step with steps in it is a block."""
    if form is FORMS["step"] and isinstance(node, Mapping) and node.entry("steps"):
        return FORMS["block"]
    return form


def in_order(members: Iterable[Member], form: Form) -> tuple[Member, ...]:
    """The members as the form orders them."""
    ranks = {word: rank for rank, word in enumerate(form.order)}
    others = ranks.get(OTHERS)
    placed = []
    rank = -1
    for member in members:
        rank = ranks.get(member.name, rank if others is None else others)
        placed.append((rank, member))
    return tuple(member for _, member in sorted(placed, key=lambda pair: pair[0]))
