"""`stanch deny`: no."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--reason", required=True, help="Why not; it is kept.")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--digest", default="", help="Refuse if this is not (the beginning of) the request's digest.")
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def deny(run: str, reason: str, request: str, digest: str, code: bool, as_json: bool) -> None:
    """Deny what a run asks for.

    RUN as in `stanch show`.
    """
    from stanch.cli.answering import Answer, give

    give(Answer(run, "deny", request, digest, reason, code=code), as_json=as_json)
