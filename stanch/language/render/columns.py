"""Text as a terminal shows it: nothing that it would obey, and how many columns each character takes."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_REPLACED = "\ufffd"
_STEERING = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of characters that move the cursor, hide or turn around text, or have no known width."""
_MARKS = frozenset({"Mn", "Me"})
_CONJOINING = range(0x1160, 0x1200)
"""Vowels and final consonants of Hangul, drawn into the syllable before them."""


def safe(text: str) -> str:
    """`text` in one line, without anything that a terminal would obey; as many characters as before."""
    return text if text.isascii() and text.isprintable() else "".join(map(_shown, text))


def columns(text: str) -> int:
    """Columns that a terminal uses for `text`, once it is safe."""
    return len(text) if text.isascii() else sum(map(_width, text))


@lru_cache(maxsize=4096)
def _shown(char: str) -> str:
    if char in "\t\n\r":
        return " "
    return _REPLACED if unicodedata.category(char) in _STEERING else char


@lru_cache(maxsize=4096)
def _width(char: str) -> int:
    char = _shown(char)
    if unicodedata.category(char) in _MARKS or ord(char) in _CONJOINING:
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def fitting(text: str, most: int) -> int:
    """How many characters of `text`, from its beginning, fit into `most` columns."""
    used = 0
    for count, char in enumerate(text):
        used += _width(char)
        if used > most:
            return count
    return len(text)
