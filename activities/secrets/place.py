"""Where a secret is, as its reference says it:

    vault/MOUNT/PATH#FIELD              the newest version; `vault/MOUNT/PATH?version=3#FIELD` the third
    vault/MOUNT/WITH/SLASHES//PATH#FIELD
    kubernetes/NAMESPACE/NAME#KEY

`schemas/actions/` have the same forms as a pattern.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from stanch.errors import InvalidInput

_PARTS = r"(?!\.{1,2}[/?#])[^/?#\s]+"
_VAULT = re.compile(
    rf"vault/(?:(?P<long>{_PARTS}(?:/{_PARTS})+)//|(?P<mount>{_PARTS})//?)(?P<path>{_PARTS}(?:/{_PARTS})*)"
    r"(?:\?version=(?P<version>[1-9][0-9]*))?#(?P<field>.+)"
)
_KUBERNETES = re.compile(
    r"kubernetes/(?P<namespace>[a-z0-9][a-z0-9-]*)/(?P<name>[a-z0-9][a-z0-9.-]*)#(?P<key>[A-Za-z0-9._-]+)"
)


@dataclass(frozen=True, slots=True)
class InVault:
    mount: str
    path: str
    version: int | None
    """None: the newest."""


@dataclass(frozen=True, slots=True)
class InKubernetes:
    namespace: str
    name: str


Place = InVault | InKubernetes
"""What is read at once, and holds several secrets."""
Kind = Literal["vault", "kubernetes"]


def is_elsewhere(reference: str) -> bool:
    """Whether the secret has to be fetched."""
    return reference.startswith(("vault/", "kubernetes/"))


def place_of(reference: str) -> tuple[Place, str]:
    """Where to look, and for which field there. Raises InvalidInput."""
    if (match := _VAULT.fullmatch(reference)) is not None:
        version = int(match["version"]) if match["version"] else None
        return InVault(match["long"] or match["mount"], match["path"], version), match["field"]
    if (match := _KUBERNETES.fullmatch(reference)) is not None:
        return InKubernetes(match["namespace"], match["name"]), match["key"]
    form = "vault/MOUNT/PATH#FIELD" if reference.startswith("vault/") else "kubernetes/NAMESPACE/NAME#KEY"
    raise InvalidInput(f"it is no `{form}`")
