"""Read a request's body: never keeping more than allowed, never for ever."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request

PATIENCE = 15.0
"""Seconds for the whole body."""
_CLOSE = {"Connection": "close"}


async def read_body(request: Request, most: int) -> bytes:
    """The body, at most `most` bytes, with Content-Length or without. Raises HTTPException 400, 408, 413.

    What is too much is thrown away as it arrives: a sender that still writes when the connection closes sees
    a broken pipe and not the reason.
    """
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(PATIENCE):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= most:
                    body += chunk
                else:
                    body.clear()
    except TimeoutError as error:
        if size <= most:
            raise HTTPException(408, f"the body did not arrive within {PATIENCE:g} s", _CLOSE) from error
    except ClientDisconnect as error:
        raise HTTPException(400, "the connection closed before the body was complete") from error
    if size > most:
        raise HTTPException(413, f"the body is larger than gateway.max_body, {most} bytes", _CLOSE)
    return bytes(body)
