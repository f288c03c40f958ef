"""RB203: a text with `${{ }}` somewhere in it where only a list or a mapping can stand.

The schema lets through any text with a `${{ }}`, as one that is nothing else keeps the type of its value.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from stanch.language.catalogue import ActionSpec
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.fits import of_param
from stanch.language.template import OPEN, UnclosedHole, sole_hole, split
from stanch.language.tree import Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    for _, call in context.calls:
        if call.spec is None:
            continue
        for entry in call.params:
            value = entry.value
            if not isinstance(value, Scalar) or OPEN not in value.text:
                continue
            better = _instead_of_text(call.spec, entry.name)
            if better is not None and _is_text(value):
                message = f"`{entry.name}` must be {better}, not text"
                yield context.diagnostic("RB203", value.span, message, _hint(value, better))


@lru_cache(maxsize=1024)
def _instead_of_text(spec: ActionSpec, name: str) -> str | None:
    """What a parameter must be, when it cannot be text."""
    return of_param(spec, name).unfit("string")


def _is_text(value: Scalar) -> bool:
    """Whether it becomes text, whatever is filled in."""
    try:
        return not value.refused and sole_hole(split(value.text)) is None
    except UnclosedHole:
        return False


def _hint(value: Scalar, better: str) -> str | None:
    """The list that was probably meant."""
    words = value.text.partition(OPEN)[0].split()
    if better != "a list":
        return None
    shown = f"`[{words[0]}, ...]`" if words and words[0].replace("-", "").isalnum() else "`[..., ...]`"
    return f"write a list, an item for each word: {shown}"
