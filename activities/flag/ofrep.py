"""What a client is told, by the OpenFeature Remote Evaluation Protocol 0.3."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from activities.web.api import Api
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json


class Ofrep:
    def __init__(self, api: Api, system: str) -> None:
        self._api = api
        self._system = system

    async def value(self, flag: str, subject: Mapping[str, Json]) -> Json:
        said = await self._api.send(
            "POST", f"/ofrep/v1/evaluate/flags/{quote(flag, safe='')}", {"context": dict(subject)}, safe=True
        )
        if not isinstance(said, dict) or "value" not in said:
            # So the client's own default counts, which nobody but it knows.
            raise ActionRefused(f"`{self._system}` tells clients of `{flag}` to use their own default")
        return said["value"]


async def evaluated(ofrep: Ofrep | None, system: str, flag: str, subject: Mapping[str, Json]) -> Json:
    """Raises InvalidInput where nobody can be asked."""
    if ofrep is None:
        raise InvalidInput(
            f"the system `{system}` needs `ofrep`, the URL that clients ask, to evaluate a flag"
        )
    return await ofrep.value(flag, subject)
