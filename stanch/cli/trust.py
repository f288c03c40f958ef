"""`stanch trust`: a run that goes on believes another key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stanch.contract import PublicKey


@click.command()
@click.argument("run")
@click.argument("public")
@click.option("--for", "people", multiple=True, metavar="NAME", help="Whose key it is; repeat for more.")
@click.option("--gateway", is_flag=True, help="It is a gateway's, and speaks for everybody.")
@click.option("--until", default="", metavar="MOMENT", help="Until when, as in the policy; `now` ends it.")
@click.option("--reason", default="", help="Why; it is kept.")
@click.option("--json", "as_json", is_flag=True, help="What was recorded, as JSON.")
def trust(
    run: str, public: str, people: tuple[str, ...], gateway: bool, until: str, reason: str, as_json: bool
) -> None:
    """Have a run that goes on believe another key, or no longer one.

    Runs pin the policy's keys when they start. PUBLIC is what `stanch key show` prints. You sign with a key
    that the run believes already; a person's key lets in no key of other people. RUN as in `stanch show`.
    """
    from stanch.cli.ordering import Wanted, give
    from stanch.contract import Order

    key = read_public(public, people, gateway=gateway, until=until)
    give(Wanted(run, Order("trust", by="", reason=reason, key=key)), as_json=as_json)


def read_public(public: str, people: tuple[str, ...], *, gateway: bool, until: str) -> PublicKey:
    """The key that is to be believed. Raises InvalidInput."""
    import time

    from stanch.contract import PublicKey
    from stanch.errors import InvalidInput
    from stanch.keyring import read_moment
    from stanch.proof import key_id

    if bool(people) == gateway:
        raise InvalidInput("say whose key it is: `--for NAME`, or `--gateway`")
    try:
        named = key_id(public)
    except ValueError as error:
        raise InvalidInput("PUBLIC is 43 characters, as `stanch key show` prints them") from error
    end = time.time() if until == "now" else read_moment("--until", until)
    return PublicKey(named, public, people, end=end)
