"""The action `postgres`: who leads a PostgreSQL that Patroni keeps, and another member in its place.

A change names the member to leave or the one to promote, so asking for it twice is asking once. It is in
place when the member that leads takes writes: the cluster calls a member its leader as soon as that holds the
lock, and it may still have a log to replay then.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.errors import ActionRefused, Unreachable
from stanch.language.plan import Json

_ASK = 5.0
_PAUSE = 0.5
_LEADERS = ("leader", "standby_leader", "master", "primary")
"""What the versions of Patroni call it."""
_RUNS = ("running", "streaming")


class Postgres:
    """`postgres` as an action. Close it when the worker ends."""

    name = "postgres"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, result: Json) -> str | None:
        return None if result["leader"] else "no member leads"

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`leader`, `members`, `paused`."""
        cluster = await self._cluster(params, context)
        if "switchover" not in params and "failover" not in params:
            return cluster
        if _in_place(params, cluster):
            return cluster
        path, body = _order(params, cluster)
        await self._tell(params, context, path, body)
        with executed("the cluster"):
            return await self._promoted(params, context)

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        cluster = await self._cluster(params, context)
        leader = cluster["leader"]
        # There is a way back to a member that leads now, not to one that is dead.
        back = {"failover": None, "switchover": {"to": leader}} if leader else None
        return Standing(_in_place(params, cluster), cluster, back)

    async def _promoted(self, params: Mapping[str, Json], context: Context) -> Json:
        """The cluster as soon as what was ordered is in place, or as it is when the step's time is over."""
        until = time.monotonic() + context.timeout
        while True:
            cluster = await self._cluster(params, context)
            if _in_place(params, cluster) or time.monotonic() + _PAUSE > until:
                return cluster
            context.beat("the new leader does not take writes yet")
            await asyncio.sleep(_PAUSE)

    async def _cluster(self, params: Mapping[str, Json], context: Context) -> dict[str, Json]:
        """What the first member says that answers. Raises Unreachable."""
        failed: list[str] = []
        apis = await self._apis(params, replace(context, timeout=min(context.timeout, _ASK)))
        for api in apis:
            try:
                cluster = _seen(await api.get("/cluster"))
            except Unreachable as error:
                failed.append(str(error))
                continue
            if cluster["leader"] and await _is_being_promoted(cluster["leader"], apis):
                cluster = {**cluster, "leader": ""}
            return cluster
        raise Unreachable("; ".join(failed))

    async def _tell(
        self, params: Mapping[str, Json], context: Context, path: str, body: Mapping[str, Json]
    ) -> None:
        """One member is enough. One that cannot be reached has not heard of it, so the next is asked."""
        failed = ""
        for api in await self._apis(params, context):
            context.beat(f"{path.removeprefix('/')}: {', '.join(map(str, body.values()))}")
            try:
                await api.send("POST", path, body)
            except Unreachable as error:
                failed = str(error)
                continue
            return
        raise Unreachable(failed)

    async def _apis(self, params: Mapping[str, Json], context: Context) -> Sequence[Api]:
        system = self._systems.named(params.get("server"), ("patroni",))
        settings = await self._systems.find(system, ("patroni",), context)
        urls = (url.strip() for url in settings["url"].split(","))
        return [Api(self._web, system, {**settings, "url": url}, context) for url in urls]


async def _is_being_promoted(leader: str, apis: Sequence[Api]) -> bool:
    """It holds the lock and runs, as a standby still. False as well where its own API is not among `apis`."""
    for api in apis:
        try:
            said = await api.get("/patroni")
        except (Unreachable, ActionRefused):
            continue
        if said.get("patroni", {}).get("name") == leader:
            return said.get("role") not in _LEADERS
    return False


def _seen(document: Json) -> dict[str, Json]:
    members = [
        {
            "name": each["name"],
            "role": "leader" if each["role"] in _LEADERS else each["role"],
            "state": each["state"],
            "address": f"{each['host']}:{each['port']}",
            "timeline": each.get("timeline", 0),
            # Patroni says `unknown` of one that it cannot ask.
            "lag": each["lag"] if isinstance(each.get("lag"), int) else 0,
            "known": each["role"] in _LEADERS or isinstance(each.get("lag"), int),
        }
        for each in document["members"]
    ]
    leader = next(
        (each["name"] for each in members if each["role"] == "leader" and each["state"] in _RUNS), ""
    )
    return {"leader": leader, "members": members, "paused": bool(document.get("pause"))}


def _in_place(params: Mapping[str, Json], cluster: Mapping[str, Json]) -> bool:
    asked = params.get("switchover") or params["failover"]
    if "to" in asked:
        return bool(cluster["leader"] == asked["to"])
    return bool(cluster["leader"]) and bool(cluster["leader"] != asked["away_from"])


def _order(params: Mapping[str, Json], cluster: Mapping[str, Json]) -> tuple[str, dict[str, Json]]:
    """Path and body for Patroni. Raises ActionRefused for what it could not do, before it is asked."""
    standbys = [each["name"] for each in cluster["members"] if each["role"] != "leader"]
    asked = params.get("switchover") or params["failover"]
    target = asked.get("to")
    if target is not None and target not in standbys:
        have = ", ".join(f"`{name}`" for name in standbys) or "none"
        raise ActionRefused(f"`{target}` is no standby of this cluster; nothing was changed; it has {have}")
    if "failover" in params:
        return "/failover", {"candidate": target}
    if not cluster["leader"]:
        raise ActionRefused(
            "no member leads, so there is nothing to switch over from; `failover` names one to promote"
        )
    return "/switchover", {"leader": cluster["leader"], **({"candidate": target} if target else {})}
