"""RB301: an unknown name."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.judge import Use
from stanch.language.references import Reference
from stanch.language.words import did_you_mean, listed

_NOT_HERE = {
    "result": "`result` is known only behind an action: in its `until`, `outputs`, `require`, `undo`",
    "alert": "`alert` is known only in `triggers`",
    "inputs": "a trigger makes the inputs, so it can read only `alert`",
    "steps": "a trigger fires before any step, so it can read only `alert`",
    "run": "a trigger fires before there is a run, so it can read only `alert`",
}


def check(context: Context) -> Iterator[Diagnostic]:
    ids = {step.id for step in context.steps()}
    for use, reference in context.references():
        match reference.status:
            case "unknown":
                yield _unknown(context, use, reference)
            case "bare":
                yield _bare(context, use, reference)
            case "not_here":
                span = context.name_place(use, reference, 1)
                yield context.diagnostic("RB301", span, _NOT_HERE[reference.root])
            case "later" if reference.chain.parts[1] not in ids:
                span = context.name_place(use, reference, 2)
                name = reference.chain.parts[1]
                hint = did_you_mean(name, ids)
                yield context.diagnostic("RB301", span, f"there is no step `{name}`", hint)


def _unknown(context: Context, use: Use, reference: Reference) -> Diagnostic:
    name = reference.chain.parts[1]
    known = reference.known
    hint = did_you_mean(name, known) or (f"there is {listed(known)}" if known else None)
    what = {"inputs": "no input", "run": "nothing in `run` called", "alert": "nothing in `alert` called"}
    message = f"there is {what.get(reference.root, 'no field of `result` called')} `{name}`"
    if reference.root == "inputs" and not known:
        hint = "declare it under `inputs`"
    return context.diagnostic("RB301", context.name_place(use, reference, 2), message, hint)


def _bare(context: Context, use: Use, reference: Reference) -> Diagnostic:
    parts = len(reference.name.split("."))
    known = reference.known
    hint = f"write `{reference.name}.{known[0]}`, for example" if known else None
    message = f"`{reference.name}` is not a value; one of its names is"
    return context.diagnostic("RB301", context.name_place(use, reference, parts), message, hint)
