"""How the compiler's own values are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeVar, dataclass_transform

_Kind = TypeVar("_Kind")


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def record(kind: type[_Kind]) -> type[_Kind]:
    """A slotted dataclass that is frozen for the type checker only, and equal to nothing but itself.

    A runbook becomes some thousands of them, and one that is frozen at run time takes four times as long to
    make.
    """
    return dataclass(slots=True, eq=False)(kind)


@dataclass_transform(frozen_default=True, eq_default=False, field_specifiers=(field,))
def unslotted(kind: type[_Kind]) -> type[_Kind]:
    """A `record` that keeps its fields in a dictionary, for what is copied with something changed."""
    return dataclass(eq=False)(kind)
