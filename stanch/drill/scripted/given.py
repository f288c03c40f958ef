"""What a script gives, each thing with its place in the file: the part `given` of a rehearsal or a drill."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stanch.language import tree
from stanch.language.source import START, Span

Ending: TypeAlias = Literal["fails", "unreachable", "lost"]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """What the outside gives when it is asked, or told, once."""

    span: Span
    fields: tree.Mapping
    """Of the action's result, those that were written; and until `bind` has looked, our own words."""
    whole: tree.Node | None = None
    """The result in one piece."""
    takes: float = 0.0
    """Seconds."""
    ending: Ending | None = None
    reason: str = ""
    targets: Mapping[str, Look] = field(default_factory=dict)
    """What is different for one of several targets."""

    @property
    def says_nothing(self) -> bool:
        """Whether it has no result, whole or in part, and does not end badly either."""
        return not (self.fields.entries or self.whole or self.ending or self.targets)

    @property
    def end(self) -> tuple[Ending | None, str]:
        """How it ends if not well, and why; with one of several targets, all of it does."""
        if self.ending is not None:
            return self.ending, self.reason
        bad = next(((name, look) for name, look in self.targets.items() if look.ending), None)
        return (None, "") if bad is None else (bad[1].ending, f"`{bad[0]}`: {bad[1].reason}")


NOTHING = Look(START, tree.Mapping((), START))
"""What the outside gives where nobody has written anything."""


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """What one carrying out of a step gives: the action, and what is asked about it."""

    look: Look
    already: bool = False
    before: Look | None = None
    done: tuple[Look, ...] = ()
    verify: tuple[Look, ...] = ()
    undo: tuple[Look, ...] = ()
    items: Mapping[str, Given] = field(default_factory=dict)
    """What is different in the round of one item."""


@dataclass(frozen=True, slots=True, eq=False)
class Given:
    """What a step gives, one time after the other; the last one stays."""

    name: tree.Scalar
    """The step, or the item."""
    takes: tuple[Take, ...]
