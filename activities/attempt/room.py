"""A result within what the history has room for: long texts lose their middle, data is never cut."""

from __future__ import annotations

from typing import Any

from activities.output import shortened
from stanch.contract.limits import RESULT, in_words, size_of
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_TEXTS = ("stdout", "stderr", "body")
"""What people read; everything else is data, and half of it would be other data."""
_MARK = 64
"""Bytes for the line that says how much is missing."""
_LEAST = 200
"""Bytes that a text keeps."""


def texts_within(result: Json, room: int) -> tuple[Json, dict[str, str]]:
    """`result` with its texts so short that it has about `room` bytes at most if they can do it; and those
    that were cut, whole, by names such as `stdout of web1`. `room` 0 is the usual limit."""
    room = room or RESULT
    if (size := size_of(result)) <= room:
        return result, {}
    ones = result if isinstance(result, list) else [result]
    texts = [(one, name) for one in ones if isinstance(one, dict) for name in _TEXTS if _is_text(one, name)]
    if not texts:
        return result, {}
    sizes = [size_of(one[name]) for one, name in texts]
    share = max(_LEAST, _share(sizes, room - size + sum(sizes)) - _MARK)
    # Line breaks need twice their bytes in JSON, and other control characters six times.
    for most in (share, share // 2, share // 6):
        made = [_shorter(one, max(_LEAST, most)) if isinstance(one, dict) else one for one in ones]
        if size_of(made) <= room:
            break
    wholes = {
        f"{name} of {one['host']}" if "host" in one else name: one[name]
        for one, name in texts
        if len(one[name].encode("utf-8", "replace")) > max(_LEAST, most)
    }
    return made if isinstance(result, list) else made[0], wholes


def _share(sizes: list[int], free: int) -> int:
    """What each of the long texts may have of `free`, when those that are shorter have what they need."""
    for count, size in zip(range(len(sizes), 0, -1), sorted(sizes), strict=True):
        if size * count > free:
            return free // count
        free -= size
    return free


def refuse_too_large(action: str, result: Json, room: int) -> None:
    """Raises ActionRefused for a read that gives more than the history has room for."""
    if (size := size_of(result)) > (room or RESULT):
        many = ", as many are under way at once" if room else ""
        has = f"the history has room for {in_words(room or RESULT)}{many}"
        advice = "let it give less" + (", or do fewer at once (`batches`)" if room else "")
        raise ActionRefused(f"`{action}` gave {in_words(size)}, and {has}; {advice}")


def without_data(result: Json, room: int) -> Json:
    """`result` of a change without the largest of its parts, if it is too large; that it was made must be
    told, whatever it gave."""
    ones = [dict(one) if isinstance(one, dict) else one for one in _listed(result)]
    share = (room or RESULT) // max(len(ones), 1)
    for one in ones:
        while isinstance(one, dict) and size_of(one) > share and len(one) > 1:
            del one[max(one, key=lambda name: size_of(one[name]))]
            one["truncated"] = True
    return ones if isinstance(result, list) else ones[0]


def _listed(result: Json) -> list[Any]:
    return result if isinstance(result, list) else [result]


def _is_text(one: dict[str, Json], name: str) -> bool:
    return isinstance(one.get(name), str)


def _shorter(one: dict[str, Json], share: int) -> dict[str, Json]:
    texts = {name: shortened(one[name], share) for name in _TEXTS if _is_text(one, name)}
    if not any(cut for _, cut in texts.values()):
        return one
    return {**one, **{name: text for name, (text, _) in texts.items()}, "truncated": True}
