"""Outside text on its way to a terminal: what would steer the terminal or hide text is written out instead.

Alerts, the output of commands and reasons that people type are data of somebody else. `ESC ] 0 ;` renames
a window, `ESC [ 8 m` hides what follows, U+202E turns a command around for its reader: the approver must see
the characters, not their effect.
"""

from __future__ import annotations

import unicodedata

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def one_line(text: str) -> str:
    """`text` without line breaks, every control and format character written as `\\n`, `\\x1b`, `\\u202e`."""
    return "".join(_visible(char) for char in text)


def lines(text: str) -> list[str]:
    """`text` cut at its newlines, each line made safe; tabs become spaces."""
    return [one_line(line.rstrip("\r").expandtabs(4)) for line in text.split("\n")]


def _visible(char: str) -> str:
    if char.isprintable() or unicodedata.category(char) not in _STEERING:
        return char
    return char.encode("unicode_escape").decode("ascii") if char < "\ud800" or char > "\udfff" else "\ufffd"
