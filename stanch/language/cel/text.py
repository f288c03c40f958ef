"""Functions of texts. Positions count characters (code points) from 0."""

from __future__ import annotations

from collections.abc import Mapping

from stanch.language.cel.frame import Failed, Frame
from stanch.language.cel.operators import Overloads
from stanch.language.cel.values import Value, words

_SPACE = " \t\n\v\f\r\x85\u00a0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(
    map(chr, range(0x2000, 0x200B))
)
_QUOTED = str.maketrans(
    {
        "\a": "\\a",
        "\b": "\\b",
        "\f": "\\f",
        "\n": "\\n",
        "\r": "\\r",
        "\t": "\\t",
        "\v": "\\v",
        "\\": "\\\\",
        '"': '\\"',
    }
)


def _contains(frame: Frame, text: str, part: str) -> bool:
    frame.read(len(text) + len(part))
    return part in text


def _starts(frame: Frame, text: str, part: str) -> bool:
    frame.read(len(part))
    return text.startswith(part)


def _ends(frame: Frame, text: str, part: str) -> bool:
    frame.read(len(part))
    return text.endswith(part)


def _char_at(_: Frame, text: str, at: int) -> str:
    """The empty text right behind the end."""
    _inside(text, at)
    return text[at : at + 1]


def _index(frame: Frame, text: str, part: str, start: int = 0) -> int:
    """-1 when it is not there."""
    _inside(text, start)
    frame.read(len(text) + len(part))
    return text.find(part, start)


def _last_index(frame: Frame, text: str, part: str, start: int | None = None) -> int:
    """The last place at or before `start`; -1 when there is none."""
    if start is not None:
        _inside(text, start)
        text = text[: start + len(part)]
    frame.read(2 * (len(text) + len(part)))
    # Python looks for a text from the end in quadratic time, and from the beginning in linear.
    found = text[::-1].find(part[::-1])
    return -1 if found < 0 else len(text) - len(part) - found


def _substring(frame: Frame, text: str, start: int, end: int | None = None) -> str:
    end = len(text) if end is None else end
    _inside(text, start)
    _inside(text, end)
    if end < start:
        raise Failed(f"`substring` ends at {end}, before it begins at {start}")
    frame.read(end - start)
    return text[start:end]


def _split(frame: Frame, text: str, separator: str, most: int = -1) -> list[Value]:
    frame.read(len(text) + len(separator))
    if most == 0:
        return []
    if not separator:
        cut = len(text) if most < 0 else min(most - 1, len(text))
        found = [*text[:cut], text[cut:]] if cut < len(text) or not text else [*text]
    else:
        found = text.split(separator, most - 1 if most > 0 else -1)
    frame.spend(len(found))
    return found


def _join(frame: Frame, items: list[Value], separator: str = "") -> str:
    frame.spend(1 + len(items))
    for item in items:
        if type(item) is not str:
            raise Failed(f"`join` puts texts together, and the list has {words(item)}")
    frame.read(sum(map(len, items)) + len(separator) * len(items))
    return separator.join(items)


def _replace(frame: Frame, text: str, old: str, new: str, most: int = -1) -> str:
    frame.read(len(text) + len(old))
    count = len(text) + 1 if not old else text.count(old)
    if most >= 0:
        count = min(count, most)
    frame.read(len(text) + count * len(new))
    return text.replace(old, new, count)


def _lower(frame: Frame, text: str) -> str:
    frame.read(len(text))
    return _bytes(text).lower().decode(errors="surrogatepass")


def _upper(frame: Frame, text: str) -> str:
    frame.read(len(text))
    return _bytes(text).upper().decode(errors="surrogatepass")


def _bytes(text: str) -> bytes:
    """Case changes in bytes for ASCII alone."""
    return text.encode(errors="surrogatepass")


def _trim(frame: Frame, text: str) -> str:
    frame.read(len(text))
    return text.strip(_SPACE)


def _reverse(frame: Frame, text: str) -> str:
    frame.read(len(text))
    return text[::-1]


def _quote(frame: Frame, text: str) -> str:
    frame.read(4 * len(text))
    return f'"{text.translate(_QUOTED)}"'


def _inside(text: str, at: int) -> None:
    if not 0 <= at <= len(text):
        raise Failed(f"there is no place {at} in a text of {len(text)} characters")


METHODS: Mapping[str, Overloads] = {
    "contains": {(str, str): _contains},
    "startsWith": {(str, str): _starts},
    "endsWith": {(str, str): _ends},
    "charAt": {(str, int): _char_at},
    "indexOf": {(str, str): _index, (str, str, int): _index},
    "lastIndexOf": {(str, str): _last_index, (str, str, int): _last_index},
    "substring": {(str, int): _substring, (str, int, int): _substring},
    "split": {(str, str): _split, (str, str, int): _split},
    "join": {(list,): _join, (list, str): _join},
    "replace": {(str, str, str): _replace, (str, str, str, int): _replace},
    "lowerAscii": {(str,): _lower},
    "upperAscii": {(str,): _upper},
    "trim": {(str,): _trim},
    "reverse": {(str,): _reverse},
}
GLOBALS: Mapping[str, Overloads] = {"strings.quote": {(str,): _quote}}
