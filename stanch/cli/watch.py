"""`stanch watch`: one run, live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="What happens as JSON, an object a line.")
def watch(run: str, as_json: bool) -> int:
    """Follow one run until it ends.

    Status 0 if it succeeded, 1 if it ended in any other way. RUN as in `stanch show`.
    """
    from stanch.cli.engine import with_engine

    return with_engine(lambda client, _: _watched(client, run, as_json=as_json))


async def _watched(client: Client, run: str, *, as_json: bool) -> int:
    from stanch.cli.watcher import shown_to_its_end
    from stanch.client.runs import resolve

    return await shown_to_its_end(await resolve(client, run), as_json=as_json)
