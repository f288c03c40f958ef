"""`stanch leases`: who holds what, and who waits for it."""

from __future__ import annotations

import click


@click.command()
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def leases(as_json: bool) -> None:
    """List the leases: who holds them, and who waits.

    A lease is what `locks` of a runbook names: one run holds it, and the others wait in the order in which
    they asked. A pool with a budget has a line too, with the targets that are claimed.
    """
    import sys
    import time

    from stanch.cli.console import coloured, columns, out, out_json, say
    from stanch.cli.engine import with_engine
    from stanch.cli.render_leases import render_leases
    from stanch.cli.style import Style
    from stanch.client.leases import list_leases

    found = with_engine(lambda client, _: list_leases(client))
    if as_json:
        out_json(found)
    elif found:
        out(render_leases(found, time.time(), Style(coloured(sys.stdout), columns(sys.stdout))))
    else:
        say("no run holds a lease or waits for one")
