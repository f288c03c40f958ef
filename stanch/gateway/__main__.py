"""`python -m stanch.gateway`: the gateway alone, with its workers elsewhere. Ctrl-C or SIGTERM stops it."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from typing import NoReturn

from stanch.cli.exits import DONE, leave, status_of
from stanch.client.connect import connect
from stanch.config import load_config
from stanch.errors import StanchError
from stanch.gateway.app import serve
from stanch.shelf import Shelf


def main() -> NoReturn:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s %(message)s")
    try:
        asyncio.run(_serve())
    except StanchError as error:
        sys.stderr.write(f"error: {error}\n")
        leave(status_of(type(error)))
    leave(DONE)


async def _serve() -> None:
    config = load_config()
    shelf = Shelf.read(config.runbooks)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    # Alerts get 503 until Temporal is there, which is no reason not to answer them.
    client = await connect(config, lazy=True)
    await serve(config, client, shelf, eager=False, stop=stop)


if __name__ == "__main__":
    main()
