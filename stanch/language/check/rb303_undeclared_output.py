"""RB303: an output that its step does not declare."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.words import did_you_mean, listed


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.references():
        if reference.status != "undeclared":
            continue
        _, step, name = reference.chain.parts[:3]
        known = reference.known
        has = f"it has {listed(known)}" if known else "it has no outputs"
        hint = did_you_mean(name, known) or f"declare it there: `outputs: {{{name}: ...}}`"
        target = reference.target
        related = () if target is None else (Related(target.step.name, f"`{step}` is declared"),)
        message = f"step `{step}` has no output `{name}`; {has}"
        yield context.diagnostic("RB303", context.name_place(use, reference, 3), message, hint, related)
