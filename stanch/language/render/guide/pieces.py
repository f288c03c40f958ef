"""Data as words of a command: what a secret stands in is put together from pieces."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide.shell import Secret, Word
from stanch.language.render.guide.values import Late, plain, spelled


def pieces(value: Json) -> tuple[str | Secret, ...]:
    """A scalar as it stands in a query, a form or a header."""
    if isinstance(value, Secret):
        return (value,)
    if isinstance(value, str | Late):
        return (spelled(value),)
    return (json.dumps(plain(value), ensure_ascii=False),)


def joined(*parts: Word) -> Word:
    """One word of several."""
    flat: list[str | Secret] = []
    for part in parts:
        for each in (part,) if isinstance(part, str) else part:
            if flat and isinstance(each, str) and isinstance(flat[-1], str):
                flat[-1] += each
            else:
                flat.append(each)
    return flat[0] if len(flat) == 1 and isinstance(flat[0], str) else tuple(flat)


def json_word(value: Json) -> Word:
    """JSON; of a secret in it the variable, between the quotes of its string."""
    return joined(*_json(value))


def _json(value: Json) -> Iterator[Word]:
    match value:
        case Secret():
            yield from ('"', (value,), '"')
        case Mapping():
            for place, (key, held) in enumerate(value.items()):
                yield f"{', ' if place else '{'}{json.dumps(key, ensure_ascii=False)}: "
                yield from _json(held)
            yield "}" if value else "{}"
        case list():
            for place, held in enumerate(value):
                yield ", " if place else "["
                yield from _json(held)
            yield "]" if value else "[]"
        case _:
            yield json.dumps(plain(value), ensure_ascii=False)
