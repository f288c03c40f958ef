"""Large results, made to fit."""

from __future__ import annotations

import json

from activities.output import shortened
from activities.web.data import holdable, is_deep
from stanch.language.plan import Json


def fitting(value: Json, limit: int) -> tuple[Json, bool]:
    """`value`, an object, in about `limit` bytes of JSON: long strings are cut, and if that does not help,
    left out. What is nested too deeply to be told or kept is left out, too."""
    shallow = {key: held for key, held in value.items() if not is_deep(held)}
    fits, cut = _fitting(holdable(shallow), limit)
    return fits, cut or len(shallow) < len(value)


def _fitting(value: Json, limit: int) -> tuple[Json, bool]:
    if _size(value) <= limit:
        return value, False
    # `stdout_lines` is `stdout` once more.
    slim = {key: held for key, held in value.items() if not (key.endswith("_lines") and key[:-6] in value)}
    most = limit // 8
    cut = {key: shortened(held, most)[0] if isinstance(held, str) else held for key, held in slim.items()}
    if _size(cut) <= limit:
        return cut, True
    kept = {key: held for key, held in cut.items() if not isinstance(held, str | list | dict)}
    return kept, True


def _size(value: Json) -> int:
    return len(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8", "replace"))
