"""`stanch incident`: all runs of an incident at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.contract import IncidentView


@click.group()
def incident() -> None:
    """Hold the fire of all runs of an incident, or release it.

    An incident begins with the first run that is started for it, `stanch run --incident ID`.
    """


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--reason", required=True, help="Why; it is kept.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def hold(incident_id: str, reason: str, code: bool, as_json: bool) -> None:
    """Hold fire: no change begins in any run of an incident.

    Those in flight and those that are started later; diagnosis goes on, and what is under way ends as it
    would have. Runs that do not obey are named. Anybody may hold.
    """
    from stanch.cli.ordering import give_incident
    from stanch.contract import Order

    order = Order("hold", by="", incident=incident_id, reason=reason)
    give_incident(order, as_json=as_json, code=code)


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--reason", default="", help="Why, for the timeline.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def release(incident_id: str, reason: str, code: bool, as_json: bool) -> None:
    """Let changes begin again in every run of an incident.

    If one of its runs refuses, the incident stays on hold.
    """
    from stanch.cli.ordering import give_incident
    from stanch.contract import Order

    order = Order("release", by="", incident=incident_id, reason=reason)
    give_incident(order, as_json=as_json, code=code)


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.argument("public")
@click.option("--for", "people", multiple=True, metavar="NAME", help="Whose key it is; repeat for more.")
@click.option("--gateway", is_flag=True, help="It is a gateway's, and speaks for everybody.")
@click.option("--until", default="", metavar="MOMENT", help="Until when, as in the policy; `now` ends it.")
@click.option("--reason", default="", help="Why; it is kept.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def trust(
    incident_id: str,
    public: str,
    people: tuple[str, ...],
    gateway: bool,
    until: str,
    reason: str,
    as_json: bool,
) -> None:
    """Have an incident and its runs believe another key.

    An incident pins the keys of the run with which it begins. As `stanch trust`, for it and all of its open
    runs at once: you sign with a key that they believe already.
    """
    from stanch.cli.ordering import give_incident
    from stanch.cli.trust import read_public
    from stanch.contract import Order

    key = read_public(public, people, gateway=gateway, until=until)
    give_incident(Order("trust", by="", incident=incident_id, reason=reason, key=key), as_json=as_json)


@incident.command(name="list")
@click.option("--all", "with_ended", is_flag=True, help="Those that have ended, too.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="How many at most.")
@click.option("--json", "as_json", is_flag=True, help="The list as JSON.")
def list_(with_ended: bool, limit: int, as_json: bool) -> None:
    """List the open incidents, and which are on hold."""
    import sys
    import time

    from stanch.cli.console import coloured, columns, out, out_json, say
    from stanch.cli.engine import with_engine
    from stanch.cli.render_incident import render_incidents
    from stanch.cli.style import Style
    from stanch.client.incidents import list_incidents

    found = with_engine(lambda client, _: list_incidents(client, with_ended=with_ended, limit=limit))
    if as_json:
        out_json(found)
    elif found:
        style = Style(coloured(sys.stdout), columns(sys.stdout, otherwise=sys.maxsize))
        out(render_incidents(found, time.time(), style))
    else:
        say("no incident is open; one begins with the first `stanch run --incident ID`")


@incident.command()
@click.argument("incident_id", metavar="ID")
@click.option("--json", "as_json", is_flag=True, help="Everything as one JSON object.")
def show(incident_id: str, as_json: bool) -> None:
    """Show an incident: whether it is on hold, and its runs."""
    import sys

    from stanch.cli.console import coloured, columns, out, out_json
    from stanch.cli.engine import with_engine
    from stanch.cli.program import this_program
    from stanch.cli.render_incident import render_incident
    from stanch.cli.style import Style

    seen = with_engine(lambda client, _: _view(client, incident_id))
    if as_json:
        out_json(seen)
    else:
        out(render_incident(seen, this_program(), Style(coloured(sys.stdout), columns(sys.stdout))))


async def _view(client: Client, incident_id: str) -> IncidentView:
    from stanch.client.incidents import view

    return await view(client, incident_id)
