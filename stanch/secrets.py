"""Secret references become values here, just before an action uses them, and are taken out of what it says.

A reference is the JSON object `{"secret": "env/NAME"}` or `{"secret": "file/PATH"}`: a variable of the
worker's environment, or a text file on the worker's machine (`file/` is followed by the path as it is, so an
absolute one reads `file//run/secrets/token`; one trailing line end is dropped). What is not on the machine is
fetched before, by `activities.secrets`.
"""

from __future__ import annotations

import os
import re
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path

from stanch.errors import InvalidInput
from stanch.language.plan import Json

REDACTED = "[secret]"
_SHORTEST = 4
"""Shorter values occur in any text by chance; hiding them would spoil the text and tell their length."""
_SHORTEST_LINE = 8
"""A line of a key is as good as a part of it; a line that is only a brace is not."""
_SHORTEST_END = 16
"""Where a text ends without a mark, it need not have been cut."""
_LARGEST_FILE = 64 * 1024
# What `activities.output` leaves where it cuts.
_CUT = re.compile(r"(…|\n\[\.\.\. \d+ bytes cut \.\.\.\]\n)")
_WAYS = {
    " ": ("+",),
    "&": ("&amp;",),
    "<": ("&lt;",),
    ">": ("&gt;",),
    '"': ("&quot;",),
    "'": ("'\"'\"'", "'\\''", "&apos;"),
}
"""How others write a character: forms, HTML, shells."""
_LETTERS = {"\n": "n", "\r": "r", "\t": "t", "\b": "b", "\f": "f"}
"""What JSON and most languages write behind a backslash for it."""


def references(value: Json) -> Iterator[str]:
    """Each secret reference in `value`, in order."""
    if (reference := _reference(value)) is not None:
        yield reference
    elif isinstance(value, dict):
        for held in value.values():
            yield from references(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from references(held)


def resolve(value: Json, fetched: Mapping[str, str] | None = None) -> tuple[Json, tuple[str, ...]]:
    """`value` with every secret reference replaced, and the secrets found. `fetched`: reference to value, of
    those that are not on this machine. Raises InvalidInput, which names the reference and never a value."""
    found: list[str] = []
    return _resolved(value, fetched or {}, found), tuple(found)


def redact(value: Json, secrets: Iterable[str]) -> Json:
    """`value` with `[secret]` for every occurrence of a secret in its strings and keys: as it is, as URLs,
    JSON, HTML, shells and base64 write it, a whole line of it, and what a cut has left of it."""
    known = tuple(sorted({one for one in secrets if len(one) >= _SHORTEST}, key=len, reverse=True))
    return _redacted(value, known, _spellings(known)) if known else value


def _reference(value: Json) -> str | None:
    held = value.get("secret") if isinstance(value, dict) and len(value) == 1 else None
    return held if isinstance(held, str) else None


def _resolved(value: Json, fetched: Mapping[str, str], found: list[str]) -> Json:
    if (reference := _reference(value)) is not None:
        secret = fetched.get(reference)
        found.append(_look_up(reference) if secret is None else secret)
        if not found[-1]:
            raise InvalidInput(f"secret `{reference}`: it is empty")
        return found[-1]
    if isinstance(value, dict):
        return {key: _resolved(held, fetched, found) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(held, fetched, found) for held in value]
    return value


def _look_up(reference: str) -> str:
    kind, _, name = reference.partition("/")
    match kind:
        case "env":
            secret = os.environ.get(name)
            if secret is None:
                raise InvalidInput(f"secret `{reference}`: the worker has no environment variable `{name}`")
            return secret
        case "file":
            return _read(reference, Path(name))
    raise InvalidInput(f"secret `{reference}`: here there is `env/NAME` and `file/PATH`, no `{kind}/`")


def _read(reference: str, path: Path) -> str:
    try:
        # A pipe or a device would hold up the worker.
        if not path.is_file():
            raise InvalidInput(f"secret `{reference}`: the worker has no file `{path}`")
        if path.stat().st_size > _LARGEST_FILE:
            raise InvalidInput(f"secret `{reference}`: the file is larger than {_LARGEST_FILE} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InvalidInput(f"secret `{reference}`: the worker cannot read the file ({reason})") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"secret `{reference}`: the file is not UTF-8 text") from None
    return text.removesuffix("\n").removesuffix("\r")


@lru_cache(maxsize=64)
def _spellings(secrets: tuple[str, ...]) -> re.Pattern[str]:
    found: list[str] = []
    for secret in secrets:
        encoded = secret.encode("utf-8", "replace")
        bases = {b64encode(encoded).decode(), urlsafe_b64encode(encoded).decode()}
        lines = (line.strip() for line in secret.splitlines())
        pieces = dict.fromkeys([secret, *(line for line in lines if len(line) >= _SHORTEST_LINE)])
        found += ["".join(map(_spelled, piece)) for piece in pieces]
        found += [re.escape(base.rstrip("=")) + "=*" for base in bases]
    return re.compile("|".join(found))


def _spelled(char: str) -> str:
    """A pattern for the ways in which `char` may be written, URLs in URLs and JSON in JSON, too. Nothing
    writes letters and digits in another way."""
    if char.isascii() and char.isalnum():
        return char
    percent = "".join(f"%(?:25){{0,2}}{byte:02x}" for byte in char.encode("utf-8", "replace"))
    units = char.encode("utf-16-be", "surrogatepass").hex()
    points = "".join(rf"\\{{1,8}}u{units[at : at + 4]}" for at in range(0, len(units), 4))
    html = f"&#(?:{ord(char)}|x{ord(char):x});"
    ways = [re.escape(char), *map(re.escape, _WAYS.get(char, ()))]
    if letter := _LETTERS.get(char):
        ways.append(rf"\\{letter}")
    # JSON in HTML has the backslash of the one before the spelling of the other.
    return rf"(?:\\{{0,8}}(?:{'|'.join(ways)}|(?i:{html}))|(?i:{percent}|{points}))"


def _redacted(value: Json, secrets: tuple[str, ...], spellings: re.Pattern[str]) -> Json:
    if isinstance(value, str):
        return _without_ends(spellings.sub(REDACTED, value), secrets)
    if isinstance(value, dict):
        return {
            _redacted(key, secrets, spellings): _redacted(held, secrets, spellings)
            for key, held in value.items()
        }
    if isinstance(value, list | tuple):
        return [_redacted(held, secrets, spellings) for held in value]
    return value


def _without_ends(text: str, secrets: tuple[str, ...]) -> str:
    """`text` without the beginning of a secret where it was cut, and without its end where it goes on."""
    pieces = _CUT.split(text)
    last = len(pieces) - 1
    for at in range(0, len(pieces), 2):  # between them are the marks
        for secret in secrets:
            if begun := _overlap(pieces[at], secret, _SHORTEST if at < last else _SHORTEST_END):
                pieces[at] = pieces[at][:-begun] + REDACTED
            if at and (ended := _overlap(secret, pieces[at], _SHORTEST)):
                pieces[at] = REDACTED + pieces[at][ended:]
    return "".join(pieces)


def _overlap(before: str, after: str, least: int) -> int:
    """How much of the end of `before` is the beginning of `after`; 0 for less than `least`."""
    most = min(len(before), len(after))
    return next((size for size in range(most, least - 1, -1) if before.endswith(after[:size])), 0)
