"""`stanch key`: the key with which a person signs what they decide."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("what", type=click.Choice(["new", "show"]))
@click.option("--name", default="", help="Whose key it is; your login name or STANCH_USER without it.")
@click.option(
    "--file",
    "named",
    default=None,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where it lies; the configured place, else ~/.config/stanch/key, without it.",
)
@click.option("--gateway", is_flag=True, help="It is a gateway's, which speaks for everybody.")
@click.option("--json", "as_json", is_flag=True, help="Name, id, public half and file, as JSON.")
def key(what: str, name: str, named: Path | None, gateway: bool, as_json: bool) -> None:
    """Make or show the key that signs what you decide.

    `new` writes a private key that only you may read, and never over one that is there. Both print the lines
    for the policy in `stanch.yaml`; they hold the public half, which is no secret.
    """
    from stanch.cli.console import out, out_json, say
    from stanch.cli.engine import whoami
    from stanch.client.signing import key_file, read_key, write_key
    from stanch.errors import InvalidInput
    from stanch.proof import key_id, public_text

    if gateway and name:
        raise InvalidInput("a gateway's key is nobody's: leave `--name` or `--gateway` away")
    if gateway and named is None:
        raise InvalidInput("name the file of the gateway's key with `--file`; without it, it would be yours")
    file = (named or key_file()[0]).expanduser().absolute()
    name = "" if gateway else name or whoami()
    private = write_key(file) if what == "new" else read_key(file)
    public = public_text(private)
    if as_json:
        out_json({"name": name, "id": key_id(public), "public": public, "file": str(file)})
        return
    if what == "new":
        say(f"wrote {file}; nobody but you may read it")
    say(f"key {key_id(public)}; these lines belong under `policy` in stanch.yaml:")
    item = f"public: {public}"
    out("\n".join(["gateways:", f"  - {item}"] if gateway else policy_lines(name, "keys", [item])))


def policy_lines(name: str, word: str, items: list[str]) -> list[str]:
    """YAML for the part `policy`; the name is quoted, since it may be `no` or `12`."""
    import json

    listed = [f"      - {item}" for item in items]
    return ["people:", f"  {json.dumps(name, ensure_ascii=False)}:", f"    {word}:", *listed]
