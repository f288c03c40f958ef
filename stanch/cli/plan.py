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
    type=click.Choice(["text", "json", "mermaid", "markdown"]),
    default="text",
    show_default=True,
    help="Text for reading, JSON for programs, Mermaid for a picture, Markdown to follow it by hand.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def plan(runbook: str, given: tuple[str, ...], form: str, as_json: bool) -> None:
    """Show the plan of a runbook and its digest.

    Nothing is started. RUNBOOK is a file, or the name of a configured runbook. Values of inputs are shown in
    place, in the guide also those that have a default; inputs may be left out.
    """
    from stanch.cli.console import out, out_json
    from stanch.cli.inputs import known_inputs
    from stanch.cli.runbooks import load_plan
    from stanch.cli.safe import lines
    from stanch.config import load_config

    config = load_config()
    found = load_plan(runbook, config.runbooks)
    inputs = known_inputs(found, given)
    if as_json or form == "json":
        from stanch.language.encode import plan_digest, to_data

        out_json({"digest": plan_digest(found), "inputs": inputs, "plan": to_data(found)})
    elif form == "mermaid":
        from stanch.language.render.mermaid import plan_mermaid

        out(plan_mermaid(found).rstrip("\n"))
    elif form == "markdown":
        from stanch.cli.guide_facts import facts_of
        from stanch.language.render.guide import plan_guide

        out(plan_guide(found, inputs, facts_of(found, config)).rstrip("\n"))
    else:
        from stanch.language.render.plan_text import plan_text

        out("\n".join(lines(plan_text(found, inputs if given else None).rstrip("\n"))))
