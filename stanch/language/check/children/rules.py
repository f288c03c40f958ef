"""The rules about a library as a whole."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeAlias

from stanch.language.check.children import (
    rb314_endless_calls,
    rb315_calls_itself,
    rb317_never_called,
    rb318_taken_runbook_name,
    rb517_lock_order,
)
from stanch.language.diagnostics import Diagnostic
from stanch.language.link import Library

Rule: TypeAlias = Callable[[Library], Iterator[Diagnostic]]

RULES: tuple[Rule, ...] = (
    rb314_endless_calls.check,
    rb315_calls_itself.check,
    # Whose name is taken is not called by it, so what is said of a name comes first.
    rb318_taken_runbook_name.check,
    rb317_never_called.check,
    rb517_lock_order.check,
)


def run_library_rules(library: Library) -> Iterator[Diagnostic]:
    """What every rule says about the files that are compiled, and those that they call."""
    for rule in RULES:
        yield from rule(library)
