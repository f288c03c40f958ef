"""A word for a shell on a host."""

from __future__ import annotations

import re

_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")


def quoted(word: str, *, plain: bool = True) -> str:
    """As `shlex.quote`, which leaves a leading `=` alone: zsh would expand it."""
    if plain and _PLAIN.fullmatch(word):
        return word
    return "'" + word.replace("'", "'\"'\"'") + "'"
