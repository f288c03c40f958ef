"""References to secrets: the compiler takes the forms that the worker understands, and says what is wrong."""

from __future__ import annotations

import re

import pytest

from activities.secrets.place import InKubernetes, InVault, Place, is_elsewhere, place_of
from stanch.errors import InvalidInput
from stanch.schemas import load_catalogue, load_schema

CONFIGURED = load_schema("config.v1.json")["$defs"]["secret"]["anyOf"][1]["properties"]["secret"]

UNDERSTOOD: dict[str, tuple[Place, str]] = {
    "vault/secret/db#password": (InVault("secret", "db", None), "password"),
    "vault/secret/team/db#password": (InVault("secret", "team/db", None), "password"),
    "vault/secret//team/db#password": (InVault("secret", "team/db", None), "password"),
    "vault/team/kv//a/b?version=12#a key/with?all#of it": (
        InVault("team/kv", "a/b", 12),
        "a key/with?all#of it",
    ),
    "vault/kv/v1.2/..x/a@b:c#f": (InVault("kv", "v1.2/..x/a@b:c", None), "f"),
    "kubernetes/shop/db.main#tls.crt": (InKubernetes("shop", "db.main"), "tls.crt"),
    "kubernetes/kube-system/a#A_b-c": (InKubernetes("kube-system", "a"), "A_b-c"),
}
NOT_UNDERSTOOD = [
    "vault/secret#password",
    "vault/secret/db",
    "vault/secret/db#",
    "vault/secret/db/#password",
    "vault//db#password",
    "vault/a/b//c//d#e",
    "vault/secret/db?version=0#password",
    "vault/secret/db?version=new#password",
    "vault/secret/db?v=1#password",
    "vault/secret/../sys/raw#a",
    "vault/../db#a",
    "vault/secret/db/..#a",
    "vault/secret/my db#a",
    "kubernetes/db#password",
    "kubernetes/shop/db",
    "kubernetes/shop/db#",
    "kubernetes/Shop/db#a",
    "kubernetes/shop/../db#a",
    "kubernetes/shop/db/x#a",
    "kubernetes/shop/db#a b",
    "vaults/secret/db#password",
    "nothing",
    "env/",
    "",
]


def patterns() -> dict[str, str]:
    """By schema, how a reference has to look."""
    found = {
        name: document["$defs"]["secret"]["properties"]["secret"]["pattern"]
        for name in load_catalogue().actions
        if "secret" in (document := load_schema(f"actions/{name}.v1.json"))["$defs"]
    }
    return {**found, "the configuration": CONFIGURED["pattern"]}


def test_every_schema_knows_the_same_references() -> None:
    assert len(set(patterns().values())) == 1


@pytest.mark.parametrize("reference", [*UNDERSTOOD, "env/NAME", "file//run/secrets/a b"])
def test_what_the_worker_understands_is_taken(reference: str) -> None:
    assert re.search(CONFIGURED["pattern"], reference)
    if is_elsewhere(reference):
        assert place_of(reference) == UNDERSTOOD[reference]


@pytest.mark.parametrize("reference", NOT_UNDERSTOOD)
def test_what_it_does_not_understand_is_refused_before(reference: str) -> None:
    assert re.search(CONFIGURED["pattern"], reference) is None
    with pytest.raises(InvalidInput):
        place_of(reference)
