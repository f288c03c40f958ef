"""RB301: an unknown name."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.words import did_you_mean, listed

_NOT_HERE = {
    "result": "`result` is known only behind an action: in `until`, `outputs`, `require`, `findings`, `undo`",
    "alert": "`alert` is known only in `triggers`",
    "inputs": "a trigger makes the inputs, so it can read only `alert`",
    "steps": "a trigger fires before any step, so it can read only `alert`",
    "run": "a trigger fires before there is a run, so it can read only `alert`",
}
_WHAT = {
    "inputs": "no input",
    "run": "nothing in `run` called",
    "run.incident": "nothing in `run.incident` called",
    "alert": "nothing in `alert` called",
    "result.outputs": "no output of the called runbook named",
}


def check(context: Context) -> Iterator[Diagnostic]:
    if not context.wrong_references:
        return
    yield from _unknown(context)
    yield from _no_step(context)
    for use, reference in context.wrong_references:
        if reference.status == "bare":
            yield _bare(context, use, reference)
        elif reference.status == "not_here":
            span = context.name_place(use, reference, 1)
            yield context.diagnostic("RB301", span, _NOT_HERE[reference.root])


def _unknown(context: Context) -> Iterator[Diagnostic]:
    for use, reference in context.first_wrong("unknown"):
        if reference.root == "inputs" and "inputs" in context.document.lost:
            continue  # it may be among those that nobody understood
        owner, _, name = reference.name.rpartition(".")
        parts = reference.name.count(".") + 1
        known = reference.known
        hint = did_you_mean(name, known) or (f"there is {listed(known)}" if known else None)
        if reference.root == "inputs" and not known:
            hint = "declare it under `inputs`"
        message = f"there is {_WHAT.get(owner, 'no field of `result` called')} `{name}`"
        # What `result` has depends on the place; inputs and the like are the same everywhere.
        also = () if reference.root == "result" else context.also("unknown", reference.name, parts)
        span = context.name_place(use, reference, parts)
        yield context.diagnostic("RB301", span, message, hint, also)


def _no_step(context: Context) -> Iterator[Diagnostic]:
    """A step that is nowhere; one whose block or id nobody understood may be the one that is meant."""
    if context.hides_steps:
        return
    places: dict[str, list[tuple[Use, Reference]]] = {}
    for use, reference in context.wrong_references:
        if reference.status == "later" and (name := reference.chain.parts[1]) not in context.blocks:
            places.setdefault(name, []).append((use, reference))
    for name, ((use, reference), *others) in places.items():
        also = tuple(Related(context.name_place(*pair, 2), "and here") for pair in others[:5])
        hint = did_you_mean(name, context.blocks)
        span = context.name_place(use, reference, 2)
        yield context.diagnostic("RB301", span, f"there is no step `{name}`", hint, also)


def _bare(context: Context, use: Use, reference: Reference) -> Diagnostic:
    parts = len(reference.name.split("."))
    known = reference.known
    hint = f"write `{reference.name}.{known[0]}`, for example" if known else None
    message = f"`{reference.name}` is not a value; one of its names is"
    return context.diagnostic("RB301", context.name_place(use, reference, parts), message, hint)
