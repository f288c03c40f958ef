"""`stanch codes`: one-time codes on paper, for the night on which everything else is down."""

from __future__ import annotations

import click

MOST = 50


@click.command()
@click.argument("what", type=click.Choice(["new"]), expose_value=False)
@click.option("--for", "person", required=True, metavar="NAME", help="The person who will use them.")
@click.option("--count", default=8, show_default=True, type=click.IntRange(1, MOST), help="How many of them.")
@click.option("--json", "as_json", is_flag=True, help="The codes with their public halves, as JSON.")
def codes(person: str, count: int, as_json: bool) -> None:
    """Make one-time codes to print, for when no key is at hand.

    The codes go to stdout and nowhere else: `stanch codes new --for alice | lpr`. The lines for the policy go
    to stderr; they hold public halves, which are no secret. Each code signs one decision, given with
    `stanch approve RUN --code`.
    """
    from stanch.cli.console import out, out_json, say
    from stanch.cli.key import policy_lines
    from stanch.cli.safe import one_line
    from stanch.client.signing import code_key, new_code
    from stanch.proof import key_id, public_text

    made = [new_code() for _ in range(count)]
    publics = [public_text(code_key(person, code)) for code in made]
    ids = [key_id(public) for public in publics]
    if as_json:
        rows = zip(made, ids, publics, strict=True)
        out_json(
            [{"name": person, "code": code, "id": named, "public": public} for code, named, public in rows]
        )
        return
    out(f"Stanch codes of {one_line(person)}. Each is good once: cross it out.")
    out("Type it after `stanch approve RUN --code`; whatever else answers or orders takes --code too.")
    out("")
    for number, (code, named) in enumerate(zip(made, ids, strict=True), 1):
        out(f"{number:3}  {code}    ({named})")
    say("these lines belong under `policy` in stanch.yaml; the codes themselves belong on paper alone:")
    lines = [f"{public}  # {named}" for public, named in zip(publics, ids, strict=True)]
    say("\n".join(policy_lines(person, "codes", lines)))
