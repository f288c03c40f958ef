"""Fetches what a call refers to, each place once for all that ask within some seconds.

What was fetched is only ever in the memory of this process, and not for long.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path

from activities.secrets.kubernetes import InCluster, read_object
from activities.secrets.place import InVault, Place, is_elsewhere, place_of
from activities.secrets.vault import Vault
from stanch.errors import InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json
from stanch.secrets import references, resolve

KEPT = 30.0
"""Seconds: a step over many hosts asks once, and a secret that was changed is seen at the next look."""
_MOST = 256
"""Places that are kept at once."""
_WITHIN = 30.0
"""Seconds for all that a look takes: logging in, too, or importing Kubernetes' client."""
_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Secrets:
    """Resolves references. `vault/` is looked up in the system `vault` of the configuration, `kubernetes/` in
    the system `kubernetes`, or without one in the cluster in which this worker runs."""

    def __init__(
        self,
        systems: Mapping[str, Mapping[str, Json]] | None = None,
        *,
        kept: float = KEPT,
        account: Path = _ACCOUNT,
    ) -> None:
        self._systems = systems or {}
        self._kept = kept
        self._account = account
        self._vault: Vault | None = None
        self._looks: dict[Place, asyncio.Task[Mapping[str, Json]]] = {}

    async def close(self) -> None:
        for look in self._looks.values():
            look.cancel()
        await asyncio.gather(*self._looks.values(), return_exceptions=True)
        self._looks.clear()
        if self._vault is not None:
            await self._vault.close()

    async def resolve(self, value: Json) -> tuple[Json, tuple[str, ...]]:
        """`value` with every secret reference replaced, and the secrets found. Raises InvalidInput, and
        Unreachable where nobody answered; both name the reference and never a value."""
        elsewhere = dict.fromkeys(each for each in references(value) if is_elsewhere(each))
        fetched = {reference: await self._fetch(reference) for reference in elsewhere}
        return resolve(value, fetched)

    async def _fetch(self, reference: str) -> str:
        try:
            place, field = place_of(reference)
            return _text(await self._look(place), field)
        except StanchError as error:
            failed = Unreachable if isinstance(error, Unreachable) else InvalidInput
            said = failed(f"secret `{reference}`: {error}")
        raise said

    async def _look(self, place: Place) -> Mapping[str, Json]:
        look = self._looks.get(place)
        if look is None:
            if len(self._looks) >= _MOST:
                del self._looks[next(iter(self._looks))]
            look = self._looks[place] = asyncio.create_task(self._read(place))
            look.add_done_callback(lambda done: self._keep(place, done))
        # Others may wait for the same look.
        return await asyncio.shield(look)

    def _keep(self, place: Place, look: asyncio.Task[Mapping[str, Json]]) -> None:
        """A failure is nothing to keep: whoever asks next asks anew."""
        if self._kept and not look.cancelled() and look.exception() is None:
            look.get_loop().call_later(self._kept, self._forget, place, look)
        else:
            self._forget(place, look)

    def _forget(self, place: Place, look: asyncio.Task[Mapping[str, Json]]) -> None:
        if self._looks.get(place) is look:
            del self._looks[place]

    async def _read(self, place: Place) -> Mapping[str, Json]:
        try:
            async with asyncio.timeout(_WITHIN):
                if isinstance(place, InVault):
                    return await self._of_vault().read(place)
                return await read_object(place, self._of_kubernetes())
        except TimeoutError:
            raise Unreachable("no answer in time") from None

    def _of_vault(self) -> Vault:
        if self._vault is None:
            self._vault = Vault(self._system("vault"))
        return self._vault

    def _of_kubernetes(self) -> Mapping[str, Json]:
        if "kubernetes" not in self._systems and (here := InCluster(self._account).settings()) is not None:
            return here
        return self._system("kubernetes")

    def _system(self, kind: str) -> Mapping[str, Json]:
        found = self._systems.get(kind)
        if found is None:
            raise InvalidInput(f"`systems` of this worker's configuration has no system `{kind}` to ask")
        if found["kind"] != kind:
            raise InvalidInput(f"the system `{kind}` of this worker's configuration is a `{found['kind']}`")
        return found


def _text(fields: Mapping[str, Json], field: str) -> str:
    if field not in fields:
        have = ", ".join(f"`{name}`" for name in sorted(fields)) or "none"
        raise InvalidInput(f"there is no `{field}` in it; it has {have}")
    match fields[field]:
        case str() as text:
            # As of a file: whoever stored one has stored its line end, too.
            return text.removesuffix("\n").removesuffix("\r")
        case bool() | None | dict() | list():
            raise InvalidInput("it is no text")
        case number:
            return json.dumps(number)
