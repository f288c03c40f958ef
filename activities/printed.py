"""What a program printed, as the data that a step wants of it."""

from __future__ import annotations

import json

from activities.web.data import parsed
from stanch.language.plan import Json


def lines_of(text: str) -> list[str]:
    lines = text.removesuffix("\n").split("\n") if text else []
    return [line.removesuffix("\r") for line in lines]


def json_of(data: bytes) -> Json:
    """Raises ValueError with the place."""
    text = data.decode("utf-8-sig", "replace")
    try:
        return parsed(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1].strip()
        shown = line if len(line) <= 60 else line[:59] + "…"
        raise ValueError(f"{error.msg} at line {error.lineno}, column {error.colno}: `{shown}`") from None
