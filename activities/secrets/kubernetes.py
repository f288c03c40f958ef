"""Secrets of Kubernetes, as its API server gives them."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from activities.action import Context
from activities.secrets.place import InKubernetes
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json
from stanch.secrets import redact, resolve

_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class InCluster:
    """What a pod knows of its cluster: two variables, and the folder `account` of its service account."""

    account: Path

    def settings(self) -> Mapping[str, Json] | None:
        """As of a system of kind `kubernetes`; None where this is no pod."""
        host, port = (os.environ.get(f"KUBERNETES_SERVICE_{word}", "") for word in ("HOST", "PORT"))
        if not host:
            return None
        name = f"[{host}]" if ":" in host else host
        return {
            "url": f"https://{name}:{port or 443}",
            "token": {"secret": f"file/{self.account / 'token'}"},
            "ca_file": str(self.account / "ca.crt"),
        }


async def read_object(place: InKubernetes, given: Mapping[str, Json]) -> Mapping[str, Json]:
    """Key to text; a key whose value is none is left None. Raises InvalidInput and Unreachable."""
    # The action's own package asks for secrets, too.
    from activities.kubernetes.cluster import connected  # noqa: PLC0415

    settings, known = resolve(given)
    hidden = list(known)
    context = Context(key="", timeout=_TIMEOUT, one=True, beat=lambda _: None, hide=hidden.extend)
    path = f"/api/v1/namespaces/{place.namespace}/secrets/{place.name}"
    async with connected("kubernetes", settings, context, {}) as cluster:
        try:
            found = await cluster.find(path)
        except ActionRefused as error:
            what = f"`get` on the secret `{place.name}` in the namespace `{place.namespace}`"
            said = f"{redact(str(error), hidden)}; a role of the worker's account has to give it {what}"
        else:
            if found is None:
                raise InvalidInput(f"there is no secret `{place.name}` in the namespace `{place.namespace}`")
            return {key: _decoded(held) for key, held in (found.get("data") or {}).items()}
    raise InvalidInput(said)


def _decoded(held: str) -> str | None:
    try:
        return base64.b64decode(held, validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
