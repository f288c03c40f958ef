"""RB303: an output that its step does not declare."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.check.round_reads import read_of_rounds
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.scope import ROUND, result_fields
from stanch.language.words import did_you_mean, listed

_WHOLE = ("outputs", "output", "result")
"""What others read an output through: `steps.x.outputs.y`."""


def check(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.first_wrong("undeclared"):
        _, step, name = reference.chain.parts[:3]
        known = reference.known
        has = f"it has {listed(known)}" if known else "it has no outputs"
        inner = reference.chain.parts[3:4]
        if inner and name in _WHOLE and inner[0] in known:
            hint: str | None = f"write `steps.{step}.{inner[0]}`"
        else:
            wanted = inner[0] if inner and name in _WHOLE else name
            hint = did_you_mean(name, known) or _declaration(_read(use, reference), wanted)
        target = reference.target
        declared = () if target is None else (Related(target.step.name, f"`{step}` is declared"),)
        related = (*declared, *context.also("undeclared", reference.name, 3))
        message = f"step `{step}` has no output `{name}`; {has}"
        yield context.diagnostic("RB303", context.name_place(use, reference, 3), message, hint, related)
    yield from _of_rounds(context)


def _of_rounds(context: Context) -> Iterator[Diagnostic]:
    told = set()
    for use, read in read_of_rounds(context):
        step, name = read.round.step, read.name
        if read.declared or (step, name) in told:
            continue
        told.add((step, name))
        target = context.annotated.names[step].step
        known = (*read.made, *sorted(ROUND))
        message = f"a round of `{step}` has no `{name}`; it has {listed(known)}"
        hint = did_you_mean(name, known) or _declaration(target, name)
        place = context.place(use, read.start, read.start + len(name))
        related = (Related(target.name, f"`{step}` is declared"),)
        yield context.diagnostic("RB303", place, message, hint, related)


def _read(use: Use, reference: Reference) -> StepDoc | None:
    return use.scope.step if reference.target is None else reference.target.step


def _declaration(step: StepDoc | None, name: str) -> str:
    """What to write at the step that is read. A field of its action's result has to be made an output."""
    value = "..."
    call = None if step is None else step.call
    if call is not None and call.spec is not None and name in result_fields(call.spec):
        value = f'"result.map(r, r.{name})"' if call.fans_out else f"result.{name}"
    where = "there" if step is None else f"to `{step.id}`"
    return f"add `outputs: {{{name}: {value}}}` {where}"
