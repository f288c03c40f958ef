"""Workflows of GitHub Actions. Inputs of a run are not told afterwards; its name is, which may show one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from activities.pipeline.runner import Order, Run, Status
from activities.web.api import Api
from stanch.errors import ActionRefused
from stanch.language.plan import Json

_NEWEST: Mapping[str, str | list[str]] = {"event": "workflow_dispatch", "per_page": "100"}
_STATUSES: Mapping[str, Status] = {"success": "succeeded", "cancelled": "cancelled"}


class GitHubActions:
    """`project`: `OWNER/NAME`."""

    def __init__(self, api: Api, project: str, order: Order) -> None:
        self._api = api
        self._order = order
        self._base = f"/repos/{quote(project)}"
        self._workflow = f"{self._base}/actions/workflows/{quote(order.job, safe='')}"

    async def start(self) -> Run | None:
        order = self._order
        ref = order.ref or (await self._api.get(self._base))["default_branch"]
        path = f"{self._workflow}/dispatches"
        asked: dict[str, Any] = {"ref": ref, "inputs": dict(order.inputs)}
        try:
            made = await self._api.send("POST", path, {**asked, "return_run_details": True})
        except ActionRefused as error:
            # A server that does not know the word has refused all of it.
            if "return_run_details" not in str(error):
                raise
            if not order.marked:
                raise ActionRefused(
                    f"{error}; this server does not tell which run it starts: give the step a `mark`, "
                    "an input that `run-name` of the workflow shows"
                ) from None
            made = await self._api.send("POST", path, asked)
        if not isinstance(made, dict) or "workflow_run_id" not in made:
            return None
        return Run(str(made["workflow_run_id"]), made.get("html_url", ""), "running", "queued")

    async def find(self) -> Run | None:
        found = (await self._api.get(f"{self._workflow}/runs", _NEWEST))["workflow_runs"]
        named = (each for each in found if self._order.mark in (each.get("display_title") or ""))
        return next(map(_run, named), None)

    async def get(self, run: str) -> Run:
        return _run(await self._api.get(f"{self._base}/actions/runs/{run}"))

    async def cancel(self, run: str) -> None:
        await self._api.send("POST", f"{self._base}/actions/runs/{run}/cancel")


def _run(each: Mapping[str, Json]) -> Run:
    over = each["status"] == "completed"
    conclusion = (each["conclusion"] or "") if over else each["status"]
    status: Status = _STATUSES.get(conclusion, "failed") if over else "running"
    return Run(str(each["id"]), each["html_url"], status, conclusion)
