"""`host:port` as a person writes it, for the actions that look at what listens there."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping, Sequence
from socket import gaierror

from stanch.errors import InvalidInput
from stanch.language.plan import Json


def places(params: Mapping[str, Json], *, one: bool) -> list[tuple[str, str, int]]:
    """What stands under `to`: as it is written, host, port. Raises InvalidInput."""
    named = params["to"]
    texts: Sequence[str] = [named] if isinstance(named, str) else named
    if one and len(texts) != 1:
        raise InvalidInput(f"one place was expected in `to`, there are {len(texts)}")
    return [(text, *_split(text)) for text in texts]


def _split(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise InvalidInput(f"`{text}` is no `HOST:PORT`")
    return host.removeprefix("[").removesuffix("]"), int(port)


def why_not(error: BaseException, seconds: float) -> str:
    """Why there is no connection, in the system's own words."""
    match error:
        case TimeoutError() | asyncio.TimeoutError():
            return f"no answer within {seconds:.0f}s"
        case gaierror():
            return "its name has no address"
        case OSError() if error.errno:
            text = os.strerror(error.errno)
            return text[:1].lower() + text[1:]
    return str(error) or type(error).__name__
