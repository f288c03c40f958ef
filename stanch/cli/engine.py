"""One way for every command to reach Temporal: connect, do the work, and say in one line why not."""

from __future__ import annotations

import asyncio
import getpass
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, TypeVar

from temporalio.service import RPCError

from stanch.client.connect import connect
from stanch.config import load_config
from stanch.errors import EngineUnavailable

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.config import Config

T = TypeVar("T")


def with_engine(work: Callable[[Client, Config], Awaitable[T]]) -> T:
    """The result of `work` with the configured Temporal. Raises EngineUnavailable when that is not there."""

    async def connected() -> T:
        config = load_config()
        try:
            return await work(await connect(config), config)
        except RPCError as error:
            raise EngineUnavailable(f"Temporal at {config.address} refused: {error.message}") from error

    return asyncio.run(connected())


def whoami() -> str:
    """The person at the keyboard: `STANCH_USER`, else the login name."""
    if named := os.environ.get("STANCH_USER"):
        return named
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"
