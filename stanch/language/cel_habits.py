"""Words and functions of other languages, where an expression has them."""

from __future__ import annotations

from stanch.language.cel.library import NAMES
from stanch.language.words import did_you_mean

WORDS = {"and": "&&", "or": "||", "not": "!", "is": "==", "None": "null", "=": "==", "elif": "?", "if": "?"}
"""By word: what is written in CEL for it."""
_FUNCTIONS = {
    **dict.fromkeys(("len", "length", "count"), "VALUE.size()"),
    **dict.fromkeys(("lower", "tolower", "lowercase"), "TEXT.lowerAscii()"),
    **dict.fromkeys(("upper", "toupper", "uppercase"), "TEXT.upperAscii()"),
    **dict.fromkeys(("str", "tostring", "to_string"), "string(VALUE)"),
    **dict.fromkeys(("float", "number", "tonumber"), "double(VALUE)"),
    **dict.fromkeys(("integer", "toint", "parseint"), "int(VALUE)"),
    **dict.fromkeys(("includes", "has_key", "haskey"), "VALUE in LIST"),
    **dict.fromkeys(("any", "some"), "LIST.exists(x, ...)"),
    **dict.fromkeys(("every",), "LIST.all(x, ...)"),
    **dict.fromkeys(("defined", "exists_key", "isset"), "has(VALUE.FIELD)"),
    **dict.fromkeys(("default", "coalesce", "get"), "has(VALUE.FIELD) ? VALUE.FIELD : OTHER"),
    **dict.fromkeys(("max",), "math.greatest(A, B)"),
    **dict.fromkeys(("min",), "math.least(A, B)"),
    **dict.fromkeys(("abs", "ceil", "floor", "round", "sqrt"), "math.round(NUMBER), math.floor(NUMBER), ..."),
    **dict.fromkeys(("regex", "regexp", "match", "test"), "TEXT.matches(PATTERN)"),
    **dict.fromkeys(("now", "today", "date"), "run.now"),
}
"""By what it is called elsewhere, in small letters: the form in CEL."""


def function_habit(name: str) -> str | None:
    """What is called instead of a function that there is not."""
    if (form := _FUNCTIONS.get(name.lower())) is not None:
        return f"write `{form}`"
    return did_you_mean(name, NAMES)


def word_habit(word: str) -> str | None:
    """What is written in CEL for a word of another language."""
    if word == "|":
        return "CEL has no filters: a function is called behind a value, as in `x.lowerAscii()`; or is `||`"
    return f"write `{WORDS[word]}`" if word in WORDS else None
