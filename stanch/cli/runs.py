"""`stanch runs`: the list."""

from __future__ import annotations

import click


@click.command()
@click.option("--open", "open_only", is_flag=True, help="Only those that have not ended.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def runs(open_only: bool, limit: int, as_json: bool) -> None:
    """List the runs: first what waits for a person, then the newest.

    A `?` marks those that do not go on before somebody has said something.
    """
    import sys
    import time

    from stanch.cli.console import coloured, columns, out, out_json, say
    from stanch.cli.engine import with_engine
    from stanch.cli.render_list import WAITING, render_runs
    from stanch.cli.style import Style
    from stanch.client.runs import list_runs

    found = with_engine(lambda client, _: list_runs(client, open_only=open_only, limit=limit, first=WAITING))
    if as_json:
        out_json(found)
    elif found:
        # Another program wants a line a run, however long.
        style = Style(coloured(sys.stdout), columns(sys.stdout, otherwise=sys.maxsize))
        out(render_runs(found, time.time(), style))
    else:
        say("no run is open" if open_only else "there are no runs yet; start one with `stanch run`")
