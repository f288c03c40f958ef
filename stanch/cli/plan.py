"""`stanch plan`: what a run would promise to do."""

from __future__ import annotations

import click


@click.command()
@click.argument("runbook")
@click.option(
    "-i", "--input", "given", multiple=True, metavar="NAME=VALUE", help="An input; repeat for more."
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "mermaid"]),
    default="text",
    show_default=True,
    help="Text for reading, JSON for programs, Mermaid for a picture.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def plan(runbook: str, given: tuple[str, ...], form: str, as_json: bool) -> None:
    """Show the plan of a runbook and its digest.

    Nothing is started. RUNBOOK is a file, or the name of a configured runbook. With inputs, the text shows
    their values in place.
    """
    from stanch.cli.console import out, out_json
    from stanch.cli.inputs import read_inputs
    from stanch.cli.runbooks import load_plan
    from stanch.config import load_config
    from stanch.language.encode import plan_digest, to_data
    from stanch.language.inputs import check_inputs
    from stanch.language.render.mermaid import plan_mermaid
    from stanch.language.render.plan_text import plan_text

    found = load_plan(runbook, load_config().runbooks)
    values = read_inputs(found.inputs, given)
    inputs = check_inputs(found, values) if values else {}
    if as_json or form == "json":
        out_json({"digest": plan_digest(found), "inputs": inputs, "plan": to_data(found)})
    elif form == "mermaid":
        out(plan_mermaid(found).rstrip("\n"))
    else:
        out(plan_text(found, inputs).rstrip("\n"))
