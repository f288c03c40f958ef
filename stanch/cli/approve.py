"""`stanch approve`: yes."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.option("--request", default="", metavar="ID", help="Which request, when several are open.")
@click.option("--digest", default="", help="Refuse if this is not (the beginning of) the request's digest.")
@click.option("--reason", default="", help="Why, for the timeline.")
@click.option(
    "--confirm", default="", metavar="TEXT", help="What a request wants typed before it is approved."
)
@click.option("--code", is_flag=True, help="Sign with a printed one-time code, which is asked for.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def approve(
    run: str, request: str, digest: str, reason: str, confirm: str, code: bool, as_json: bool
) -> None:
    """Approve what a run asks for, and nothing else.

    The decision carries the digest of the request that is shown; if anything would differ when it is carried
    out, it is void. You are the login name, or STANCH_USER. RUN as in `stanch show`.
    """
    from stanch.cli.answering import Answer, give

    give(Answer(run, "approve", request, digest, reason, confirm, code=code), as_json=as_json)
