"""Secret references become values here, just before an action uses them, and are taken out of what it says.

A reference is the JSON object `{"secret": "env/NAME"}` or `{"secret": "file/PATH"}`: a variable of the
worker's environment, or a text file on the worker's machine (`file/` is followed by the path as it is, so an
absolute one reads `file//run/secrets/token`; one trailing line end is dropped).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

from stanch.errors import InvalidInput
from stanch.language.plan import Json

REDACTED = "[secret]"
_SHORTEST = 4
"""Shorter values occur in any text by chance; hiding them would spoil the text and tell their length."""
_LARGEST_FILE = 64 * 1024


def resolve(value: Json) -> tuple[Json, tuple[str, ...]]:
    """`value` with every secret reference replaced, and the secrets found. Raises InvalidInput, which names
    the reference and never a value."""
    found: list[str] = []
    return _resolved(value, found), tuple(found)


def redact(value: Json, secrets: Iterable[str]) -> Json:
    """`value` with `[secret]` for every occurrence of a secret in its strings and keys, also when it stands
    there percent-encoded or as a JSON string."""
    spellings = sorted({one for secret in secrets for one in _spellings(secret)}, key=len, reverse=True)
    return _redacted(value, spellings) if spellings else value


def _resolved(value: Json, found: list[str]) -> Json:
    if isinstance(value, dict):
        if len(value) == 1 and isinstance(reference := value.get("secret"), str):
            secret = _look_up(reference)
            found.append(secret)
            return secret
        return {key: _resolved(held, found) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_resolved(held, found) for held in value]
    return value


def _look_up(reference: str) -> str:
    kind, _, name = reference.partition("/")
    match kind:
        case "env":
            secret = os.environ.get(name)
            if secret is None:
                raise InvalidInput(f"secret `{reference}`: the worker has no environment variable `{name}`")
        case "file":
            secret = _read(reference, Path(name))
        case _:
            raise InvalidInput(f"secret `{reference}`: there is `env/NAME` and `file/PATH`, no `{kind}/`")
    if not secret:
        raise InvalidInput(f"secret `{reference}`: it is empty where the worker runs")
    return secret


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


def _spellings(secret: str) -> Iterator[str]:
    if len(secret) < _SHORTEST:
        return
    yield secret
    yield quote(secret, safe="")
    yield quote(secret)
    yield quote_plus(secret)
    yield json.dumps(secret)[1:-1]
    yield json.dumps(secret, ensure_ascii=False)[1:-1]


def _redacted(value: Json, spellings: list[str]) -> Json:
    if isinstance(value, str):
        for spelling in spellings:
            value = value.replace(spelling, REDACTED)
        return value
    if isinstance(value, dict):
        return {_redacted(key, spellings): _redacted(held, spellings) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_redacted(held, spellings) for held in value]
    return value
