"""Plans and other frozen dataclasses as plain data, without the fields that equal their default."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from stanch.language.plan import Json, Plan


def to_data(value: DataclassInstance) -> dict[str, Json]:
    """The dataclass `value` as JSON-ready data; a field that equals its default is left out."""
    data: dict[str, Json] = {}
    for spec in dataclasses.fields(value):
        held = getattr(value, spec.name)
        if spec.default is not dataclasses.MISSING and held == spec.default:
            continue
        if spec.default_factory is not dataclasses.MISSING and held == spec.default_factory():
            continue
        # `60` and `60.0` are the same seconds, so they must be the same bytes.
        data[spec.name] = float(held) if spec.type == "float" else _plain(held)
    return data


def _plain(value: Json) -> Json:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_data(value)
    if isinstance(value, dict):
        return {str(key): _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return value


def canonical(data: Json) -> bytes:
    """One spelling for equal data: sorted keys, no spaces, UTF-8; NaN and infinities are refused."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode()


def digest(data: Json) -> str:
    """SHA-256 over the canonical spelling, as 64 lower-case hex digits."""
    return hashlib.sha256(canonical(data)).hexdigest()


def plan_digest(plan: Plan) -> str:
    """What a run shows as the identity of the Plan it is pinned to."""
    return digest(to_data(plan))
