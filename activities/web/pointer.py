"""JSON Pointer (RFC 6901): one value of a document."""

from __future__ import annotations

import re

from stanch.language.plan import Json

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}", re.ASCII)


class Nowhere(LookupError):
    """The pointer leads to nothing in this document; its text says at which word."""


def pointed(document: Json, pointer: str) -> Json:
    """The value at `pointer`: empty for all of it, else `/word/0/word`, `~1` for `/` and `~0` for `~`. Raises
    Nowhere."""
    value = document
    for raw in pointer.split("/")[1:]:
        word = raw.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and word in value:
            value = value[word]
        elif isinstance(value, list) and _INDEX.fullmatch(word) and int(word) < len(value):
            value = value[int(word)]
        else:
            raise Nowhere(f"there is no `{word}`")
    return value
