"""The action `kubernetes`: one verb a step, with the parameters of that verb."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from activities.action import Context, Standing
from activities.kubernetes import manifests, nodes, reading, workloads
from activities.kubernetes.cluster import Cluster, Resource, connected
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

Read = Callable[[Cluster, Mapping[str, Json]], Awaitable[Json]]


@dataclass(frozen=True, slots=True)
class Change:
    look: Callable[[Cluster, Mapping[str, Json]], Awaitable[Standing]]
    carry_out: Callable[[Cluster, Mapping[str, Json], Context], Awaitable[Json]]


_READS: Mapping[str, Read] = {
    "get": reading.get,
    "logs": reading.logs,
    "rollout_status": reading.rollout_status,
}
_CHANGES: Mapping[str, Change] = {
    "cordon": Change(nodes.look_cordon, nodes.cordon),
    "delete": Change(manifests.look_delete, manifests.delete),
    "drain": Change(nodes.look_drain, nodes.drain),
    "patch": Change(manifests.look_patch, manifests.patch),
    "restart": Change(workloads.look_restart, workloads.restart),
    "restore": Change(manifests.look_restore, manifests.restore),
    "rollout_undo": Change(workloads.look_undo, workloads.undo),
    "scale": Change(workloads.look_scale, workloads.scale),
    "uncordon": Change(nodes.look_uncordon, nodes.uncordon),
}


class Kubernetes:
    """`kubernetes` as an action."""

    name = "kubernetes"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._known: dict[str, dict[tuple[str, str], Resource]] = {}
        """System to where its kinds are, which does not change while a worker lives."""

    async def close(self) -> None:
        """Nothing but what kinds there are is kept between steps."""

    def failure(self, result: Json) -> str | None:
        left = [pod for pod in result["pods"] if pod["state"] != "gone"]
        if not left:
            return None
        told = "; ".join(f"{pod['namespace']}/{pod['name']} {_why(pod)}" for pod in left[:5])
        return f"{len(left)} of {len(result['pods'])} pods did not leave in time: {told}"

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`found object objects truncated logs rollout pods`; what a verb does not speak of is empty."""
        verb = _verb(params)
        async with await self._connected(params, context) as cluster:
            if verb in _READS:
                return await _READS[verb](cluster, params[verb])
            try:
                return await _CHANGES[verb].carry_out(cluster, params[verb], context)
            except (ActionRefused, Unreachable) as error:
                if not cluster.changed:
                    raise
                raise OutcomeUnknown(f"{error}; a part of the change was executed before that") from None

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        verb = _verb(params)
        if verb not in _CHANGES:
            raise InvalidInput(f"kubernetes: `{verb}` only reads, so there is nothing to be in place")
        async with await self._connected(params, context) as cluster:
            standing = await _CHANGES[verb].look(cluster, params[verb])
        return replace(standing, back={verb: None, **standing.back} if standing.back else None)

    async def _connected(
        self, params: Mapping[str, Json], context: Context
    ) -> AbstractAsyncContextManager[Cluster]:
        system = params["server"]
        settings = await self._systems.find(system, ("kubernetes",), context)
        return connected(system, settings, context, self._known.setdefault(system, {}))


def _verb(params: Mapping[str, Json]) -> str:
    return next(word for word in (*_READS, *_CHANGES) if word in params)


def _why(pod: Mapping[str, Json]) -> str:
    words = {"ending": "is still ending", "held": "is held", "refused": "was refused"}
    said = words.get(pod["state"], "was not asked")
    return f"{said}: {pod['note']}" if pod["note"] else said
