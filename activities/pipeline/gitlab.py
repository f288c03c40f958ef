"""Pipelines of GitLab. A variable of a pipeline is what one of ours is known by."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from activities.pipeline.runner import Order, Run, Status
from activities.web.api import Api
from stanch.language.plan import Json

MARK = "STANCH_MARK"
_NEWEST: Mapping[str, str | list[str]] = {
    "source": "api",
    "order_by": "id",
    "sort": "desc",
    "per_page": "30",
}
_NOT_OURS = (403, 404)
"""What GitLab answers to a question for the variables of somebody else's pipeline."""
_OVER: Mapping[str, Status] = {
    "success": "succeeded",
    "failed": "failed",
    "skipped": "failed",
    "canceled": "cancelled",
}


class GitLabPipelines:
    """The job is the project: its path with the groups, or its number."""

    def __init__(self, api: Api, order: Order) -> None:
        self._api = api
        self._order = order
        self._base = f"/api/v4/projects/{quote(order.job, safe='')}"

    async def start(self) -> Run:
        ref = self._order.ref or (await self._api.get(self._base))["default_branch"]
        variables = [{"key": name, "value": value} for name, value in self._order.inputs.items()]
        asked = {"ref": ref, "variables": variables}
        return _run(await self._api.send("POST", f"{self._base}/pipeline", asked))

    async def find(self) -> Run | None:
        for each in await self._api.get(f"{self._base}/pipelines", _NEWEST):
            path = f"{self._base}/pipelines/{each['id']}/variables"
            held = await self._api.get(path, also=_NOT_OURS) or ()
            if any(variable["value"] == self._order.mark for variable in held):
                return _run(each)
        return None

    async def get(self, run: str) -> Run:
        return _run(await self._api.get(f"{self._base}/pipelines/{run}"))

    async def cancel(self, run: str) -> None:
        await self._api.send("POST", f"{self._base}/pipelines/{run}/cancel")


def _run(each: Mapping[str, Json]) -> Run:
    state = each["status"]
    return Run(str(each["id"]), each["web_url"], _OVER.get(state, "running"), state)
