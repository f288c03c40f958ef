"""The words of the language, and what to say about one that is not among them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from itertools import islice

BLOCK_WORDS = frozenset({"approval", "done", "for_each", "outputs", "require", "retry", "undo", "verify"})
"""Words whose value is a mapping, as an action's is."""

UNSUPPORTED_KINDS = ("ask", "manual", "runbook")
"""Kinds of steps that this release does not run."""

_UNSUPPORTED = {
    "this step": {*UNSUPPORTED_KINDS, "revert", "findings", "keep", "parallel", "links", "zone"},
    "approval": {"any"},
    "for_each": {"parallel"},
    "done": {"manual"},
    "undo": {"manual"},
    "verify": {"manual"},
}

_ALIKE = 0.65
"""How near a name must be to be meant, as difflib measures it."""
_MOST_COMPARED = 300
_MOST_LISTED = 30


def is_unsupported(owner: str, word: str) -> bool:
    """Whether `word` belongs to the language inside of `owner`, but to a later release."""
    return word in _UNSUPPORTED.get(owner, ())


def nearest(word: str, known: Collection[str]) -> str | None:
    """The known name that was probably meant by `word`."""
    lower = {name.lower(): name for name in islice(known, _MOST_COMPARED)}
    found = difflib.get_close_matches(word.lower(), lower, n=1, cutoff=_ALIKE)
    return lower[found[0]] if found else None


def did_you_mean(word: str, known: Collection[str]) -> str | None:
    """A hint with the nearest known name, if one is near."""
    found = nearest(word, known)
    return None if found is None else f"did you mean `{found}`?"


def listed(names: Collection[str], word: str = "and") -> str:
    """Names for a sentence: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in islice(names, _MOST_LISTED)]
    if len(names) > _MOST_LISTED:
        quoted.append(f"{len(names) - _MOST_LISTED} more")
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
