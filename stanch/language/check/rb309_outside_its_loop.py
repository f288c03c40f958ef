"""RB309: a value of one round of a loop, read outside of it."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.judge import Use
from stanch.language.references import Reference


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.wrong_references:
        if reference.status == "made":
            yield _made(context, use, reference)
        elif reference.status == "round":
            yield _inside(context, use, reference)


def _made(context: Context, use: Use, reference: Reference) -> Diagnostic:
    """An output of the loop's own step."""
    _, step, name = reference.chain.parts[:3]
    related = () if reference.target is None else _repeats(context, step)
    hint = f"`steps.{step}.results.map(r, r.{name})` has it of every round"
    message = f"every round of `{step}` makes a `{name}` of its own"
    return context.diagnostic("RB309", context.name_place(use, reference, 3), message, hint, related)


def _inside(context: Context, use: Use, reference: Reference) -> Diagnostic:
    """Something of a step inside of a block that is repeated."""
    target = reference.target
    assert target is not None
    name = reference.chain.parts[2]
    loop = next(name for name in target.rounds if name not in use.scope.rounds)
    message = f"`{target.step.id}` ends once in every round of `{loop}`, so it can be read only in there"
    hint = (
        f"add `outputs: {{{name}: steps.{target.step.id}.{name}}}` to `{loop}`, "
        f"and read `steps.{loop}.results.map(r, r.{name})`"
    )
    span = context.name_place(use, reference, 3)
    return context.diagnostic("RB309", span, message, hint, _repeats(context, loop))


def _repeats(context: Context, loop: str) -> tuple[Related, ...]:
    step = context.annotated.names.get(loop)
    return () if step is None else (Related(step.step.key("for_each"), f"`{loop}` repeats it"),)
