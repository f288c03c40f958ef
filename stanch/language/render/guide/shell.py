"""Commands for a POSIX shell: each word arrives as it is, whatever is in it.

A word is made of pieces: text, and secrets, which stand as a variable of the shell. Text that would steer a
terminal is written as octal for `printf`, so that what is seen is what is run.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from stanch.language.render.guide.markdown import steers

_PLAIN = re.compile(r"[A-Za-z0-9_@%+:,./-][A-Za-z0-9_@%+=:,./-]*")
# Where a shell expects a command these words, and anything with a `=`, are more than a name.
_RESERVED = re.compile(
    r"case|coproc|do|done|elif|else|end|esac|fi|for|foreach|function|if|in|nocorrect|noglob|repeat|select|switch"
    r"|then|time|until|while"
)
_DOUBLE = re.compile(r"[^$`\\!]*")
"""What double quotes keep as it is, once the `"` in it are escaped; `!` only an interactive shell changes."""
WIDTH = 76
"""Columns up to which a command stays on one line."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A reference such as `env/TOKEN`, and the variable that holds its value while the guide is followed."""

    reference: str
    variable: str


Word: TypeAlias = str | tuple["str | Secret", ...]


def line(words: Sequence[Word]) -> str:
    """One command; a long one is continued below."""
    pieces: list[str] = []
    for each in words:
        # An option stands beside its value.
        beside = pieces and pieces[-1].startswith("-") and " " not in pieces[-1]
        if beside and not (isinstance(each, str) and each.startswith("-")):
            pieces[-1] += f" {word(each)}"
        else:
            pieces.append(word(each))
    rows = [""]
    for piece in pieces:
        if rows[-1] and len(rows[-1]) + len(piece) >= WIDTH:
            rows.append(piece)
        else:
            rows[-1] = f"{rows[-1]} {piece}".lstrip()
    return " \\\n  ".join(rows)


def whole(words: Sequence[Word]) -> str:
    """One command on one line, however long."""
    return " ".join(map(word, words))


def word(parts: Word) -> str:
    """One word of a command."""
    if isinstance(parts, str):
        return text(parts)
    return "".join(f'"${{{part.variable}}}"' if isinstance(part, Secret) else text(part) for part in parts)


def text(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if any(map(steers, value)):
        return "".join(_segments(value))
    if "'" in value and _DOUBLE.fullmatch(value):
        escaped = value.replace('"', '\\"')
        return f'"{escaped}"'
    return "'" + value.replace("'", "'\\''") + "'"


def _segments(value: str) -> Iterable[str]:
    """What is seen in quotes, and what is not as octal."""
    run = ""
    for char in value:
        if steers(char):
            if run:
                yield text(run)
                run = ""
            octal = "".join(f"\\{byte:03o}" for byte in char.encode("utf-8", "replace"))
            yield f"\"$(printf '{octal}')\""
        else:
            run += char
    if run:
        yield text(run)


def remote(argv: Sequence[str]) -> str:
    """The line that makes a remote shell run `argv`."""
    program, *arguments = argv
    plain = "=" not in program and not _RESERVED.fullmatch(program)
    first = program if plain and _PLAIN.fullmatch(program) else _single(program)
    return " ".join([first, *(each if _PLAIN.fullmatch(each) else _single(each) for each in arguments)])


def _single(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def is_plain(argv: Sequence[str]) -> bool:
    """Whether a remote shell may be given the words as they stand, without quotes around all of them."""
    return all(map(_PLAIN.fullmatch, argv)) and not _RESERVED.fullmatch(argv[0]) and "=" not in argv[0]


def heredoc(command: str, lines: str) -> str:
    """`command`, with `lines` on its standard input as they are."""
    end = "SCRIPT"
    while end in lines.splitlines():
        end += "_"
    return f"{command} <<'{end}'\n{lines.rstrip(chr(10))}\n{end}"
