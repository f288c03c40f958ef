"""The action `tcp`: does something listen there, as seen from this worker?"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping

from activities.action import Context
from activities.places import places, why_not
from stanch.language.plan import Json

_EACH = 5.0
_BANNER = 1024
_GREETING = 1.0
"""Seconds that a server which speaks first is waited for."""


class Tcp:
    """`tcp` as an action."""

    name = "tcp"

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, result: Json) -> str | None:
        results = result if isinstance(result, list) else [result]
        closed = [f"`{each['to']}`: {each['error']}" for each in results if not each["open"]]
        return "; ".join(closed[:10]) or None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """A result a place: `to open seconds error banner`."""
        seconds = min(context.timeout, _EACH)
        asked = places(params, one=context.one)
        greeted = params.get("greeting", False)
        results = await asyncio.gather(*(_ask(*place, seconds, greeted=greeted) for place in asked))
        return results[0] if context.one else list(results)


async def _ask(to: str, host: str, port: int, seconds: float, *, greeted: bool) -> dict[str, Json]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        return {**_result(to, began), "open": False, "error": why_not(error, seconds)}
    result = _result(to, began)
    try:
        if greeted:
            result["banner"] = await _banner(reader)
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
    return result


async def _banner(reader: asyncio.StreamReader) -> str:
    try:
        async with asyncio.timeout(_GREETING):
            said = await reader.read(_BANNER)
    except (TimeoutError, OSError):
        return ""
    return said.decode("utf-8", "replace").replace("\0", "\ufffd").strip()


def _result(to: str, began: float) -> dict[str, Json]:
    seconds = round(time.monotonic() - began, 3)
    return {"to": to, "open": True, "seconds": seconds, "error": "", "banner": ""}
