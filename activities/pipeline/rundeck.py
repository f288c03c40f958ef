"""Jobs of Rundeck. An option of an execution is what one of ours is known by."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from activities.pipeline.runner import Order, Run, Status
from activities.web.api import Api
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json

API = "/api/24"
"""All that is asked for here is in this version, and later servers take it."""
_GOING = ("running", "scheduled", "queued")
_OVER: Mapping[str, Status] = {"succeeded": "succeeded", "aborted": "cancelled"}


class Rundeck:
    """The job is the id of one, a UUID."""

    def __init__(self, api: Api, order: Order) -> None:
        self._api = api
        self._order = order
        self._job = f"{API}/job/{quote(order.job, safe='')}"

    async def start(self) -> Run:
        if ref := self._order.ref:
            raise InvalidInput(f"a job of Rundeck has no `ref`, and this names `{ref}`; give an option")
        asked = {"options": dict(self._order.inputs)}
        return _run(await self._api.send("POST", f"{self._job}/run", asked))

    async def find(self) -> Run | None:
        said = await self._api.get(f"{self._job}/executions", {"max": "100"})
        # Its description has a bare list, and its servers answer with pages.
        found = said["executions"] if isinstance(said, dict) else said
        return next((_run(each) for each in found if self._order.mark in _options(each)), None)

    async def get(self, run: str) -> Run:
        return _run(await self._api.get(f"{API}/execution/{run}"))

    async def cancel(self, run: str) -> None:
        said = await self._api.send("POST", f"{API}/execution/{run}/abort")
        abort = said["abort"] if isinstance(said, dict) and "abort" in said else {}
        if abort.get("status") == "failed":
            raise ActionRefused(abort.get("reason") or "Rundeck could not abort it")


def _options(each: Mapping[str, Json]) -> tuple[Json, ...]:
    options = each.get("job", {}).get("options")
    return tuple(options.values()) if isinstance(options, Mapping) else ()


def _run(each: Mapping[str, Json]) -> Run:
    state = each["status"]
    status: Status = "running" if state in _GOING else _OVER.get(state, "failed")
    return Run(str(each["id"]), each["permalink"], status, each.get("customStatus") or state)
