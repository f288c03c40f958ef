"""`stanch run`: start a runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from temporalio.client import Client

    from stanch.client.start import Start
    from stanch.config import Config

SEVERITIES = ("SEV1", "SEV2", "SEV3", "SEV4")


@click.command()
@click.argument("runbook")
@click.option(
    "-i", "--input", "given", multiple=True, metavar="NAME=VALUE", help="An input; repeat for more."
)
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES, case_sensitive=False),
    default="SEV3",
    show_default=True,
    help="Decides whom an unanswered question climbs to.",
)
@click.option(
    "--incident", default="", metavar="ID", help="The incident that it belongs to, and is held with."
)
@click.option("--watch", is_flag=True, help="Follow it until it ends; status as of `stanch watch`.")
@click.option(
    "--json", "as_json", is_flag=True, help="What was started as JSON; with --watch an object a line."
)
def run(
    runbook: str, given: tuple[str, ...], severity: str, incident: str, watch: bool, as_json: bool
) -> int:
    """Start a run of a runbook.

    RUNBOOK is a file, or the name of a configured runbook. A VALUE is JSON where its input wants more than
    text; a list of texts may be written `-i hosts=web1,web2`. You are the login name, or STANCH_USER.
    """
    from typing import get_args
    from uuid import uuid4

    from stanch.cli.engine import whoami, with_engine
    from stanch.cli.inputs import read_inputs
    from stanch.cli.runbooks import load_plan
    from stanch.client.joining import incident_name
    from stanch.client.start import Start
    from stanch.config import load_config
    from stanch.contract import IncidentRef, Severity
    from stanch.language.inputs import check_inputs

    plan = load_plan(runbook, load_config().runbooks)
    inputs = check_inputs(plan, read_inputs(plan.inputs, given))
    service = inputs.get("service")
    ranked = next(known for known in get_args(Severity) if known == severity)
    start = Start(
        plan=plan,
        key=uuid4().hex[:12],
        inputs=inputs,
        started_by=whoami(),
        severity=ranked,
        service=service if isinstance(service, str) else "",
        incident=IncidentRef(incident_name(incident), ranked) if incident else None,
    )
    return with_engine(lambda client, config: _started(client, config, start, watch=watch, as_json=as_json))


async def _started(client: Client, config: Config, start: Start, *, watch: bool, as_json: bool) -> int:
    from dataclasses import asdict

    from stanch.cli.console import out, out_json, say
    from stanch.cli.exits import DONE
    from stanch.cli.program import this_program
    from stanch.cli.render_answers import short_name
    from stanch.cli.watcher import shown_to_its_end
    from stanch.client.signing import signed
    from stanch.client.start import start_run

    started = await start_run(client, config, start, sign=lambda given, run: signed(given, run, 0.0))
    if as_json:
        out_json({"event": "started", **asdict(started)} if watch else started, compact=watch)
    else:
        out(started.run)
        say(f"Web UI  {started.url}")
    if watch:
        return await shown_to_its_end(client.get_workflow_handle(started.run), as_json=as_json)
    if not as_json:
        say(f"follow  {this_program().line('watch', short_name(started.run))}")
    return DONE
