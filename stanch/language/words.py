"""The words of the language, and what to say about one that is not among them."""

from __future__ import annotations

import difflib
from collections.abc import Collection
from itertools import islice

BLOCK_WORDS = frozenset(
    {
        "approval",
        "done",
        "findings",
        "for_each",
        "inputs",
        "outputs",
        "require",
        "retry",
        "revert",
        "undo",
        "verify",
    }
)
"""Words whose value is a mapping, as an action's is."""

_ALIKE = 0.65
"""How near a name must be to be meant, as difflib measures it."""
_SHORT = 4
_MOST_COMPARED = 300
_MOST_LISTED = 30


def nearest(word: str, known: Collection[object]) -> str | None:
    """The known name that was probably meant by `word`."""
    # A choice that is no text, such as `true`, is never misspelt.
    texts = (name for name in known if isinstance(name, str))
    lower = {name.lower(): name for name in islice(texts, _MOST_COMPARED)}
    found = difflib.get_close_matches(word.lower(), lower, n=3, cutoff=_ALIKE)
    return next((lower[name] for name in found if not _is_other(word.lower(), name)), None)


def _is_other(word: str, name: str) -> bool:
    """Whether short names differ in more than one place, as `aws` and `ask` do: difflib calls them alike."""
    if len(word) != len(name) or len(word) > _SHORT:
        return False
    different = [at for at in range(len(word)) if word[at] != name[at]]
    return len(different) > 1 and sorted(word) != sorted(name)


def did_you_mean(word: str, known: Collection[object]) -> str | None:
    """A hint with the nearest known name, if one is near."""
    found = nearest(word, known)
    return None if found is None else f"did you mean `{found}`?"


def listed(names: Collection[str], word: str = "and", most: int = _MOST_LISTED) -> str:
    """Names for a sentence: `a`, `b` and `c`."""
    quoted = [f"`{name}`" for name in islice(names, most)]
    if len(names) > most:
        quoted.append(f"{len(names) - most} more")
    return f" {word} ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
