"""Changes of nodes: no new pods for them, and away with those that they have."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from activities.action import Context, Standing
from activities.kubernetes.cluster import MERGE, STRICT, Cluster
from activities.kubernetes.objects import controller, has_local_data, stays, trimmed
from activities.kubernetes.reading import result
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_AGAIN = 1.0
"""Seconds between two rounds over the pods that are left."""
_OWN = ("apiVersion", "kind", "metadata")


async def look_cordon(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    return await _look(cluster, asked, "cordon")


async def look_uncordon(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    return await _look(cluster, asked, "uncordon")


async def cordon(cluster: Cluster, asked: Mapping[str, Json], context: Context) -> Json:
    return await _mark(cluster, asked, context, closed=True)


async def uncordon(cluster: Cluster, asked: Mapping[str, Json], context: Context) -> Json:
    return await _mark(cluster, asked, context, closed=False)


async def _look(cluster: Cluster, asked: Mapping[str, Json], verb: str) -> Standing:
    found = await _nodes(cluster, asked)
    differ = [each for each in found if _closed(each) != (verb == "cordon")]
    back = {"uncordon" if verb == "cordon" else "cordon": {"nodes": [_name(each) for each in differ]}}
    return Standing(not differ, _result(found), back if differ else None)


async def _mark(cluster: Cluster, asked: Mapping[str, Json], context: Context, *, closed: bool) -> Json:
    """One after the other, those only that differ."""
    differ = [_name(each) for each in await _nodes(cluster, asked) if _closed(each) != closed]
    told: list[str] = []
    try:
        for name in differ:
            context.beat(name)
            await _set(cluster, name, closed=closed)
            told.append(name)
    except asyncio.CancelledError:
        ends = [TargetEnd(name, "done") for name in told]
        ends += [TargetEnd(name, "not_started") for name in differ[len(told) + 1 :]]
        context.ended((*ends, TargetEnd(differ[len(told)], "unknown")))
        raise
    return _result(await _nodes(cluster, asked))


async def _set(cluster: Cluster, name: str, *, closed: bool) -> None:
    resource = await cluster.resource({"kind": "Node"})
    patch = {"spec": {"unschedulable": closed}}
    await cluster.send("PATCH", resource.path(name=name), patch, MERGE, query=STRICT)


async def _nodes(cluster: Cluster, asked: Mapping[str, Json]) -> list[Json]:
    """Raises ActionRefused when one is missing."""
    named = asked["nodes"]
    resource = await cluster.resource({"kind": "Node"})
    found = []
    for name in [named] if isinstance(named, str) else named:
        node = await cluster.find(resource.path(name=name))
        if node is None:
            raise ActionRefused(f"`{cluster.system}` has no node `{name}`; nothing was changed")
        found.append(node)
    return found


def _result(nodes: Sequence[Json]) -> dict[str, Json]:
    """A node's status is long; what matters here is its name and whether it takes pods."""
    short = [
        {**{word: trimmed(each)[word] for word in _OWN if word in each}, "spec": each["spec"]}
        for each in nodes
    ]
    return result(found=True, objects=short)


def _name(thing: Json) -> str:
    return str(thing["metadata"]["name"])


def _closed(node: Json) -> bool:
    return bool(node["spec"].get("unschedulable"))


# --- draining ---------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Pod:
    """A pod that is to leave. `state`: `waiting`, `held` (by a budget), `ending`, `gone`, `refused`."""

    namespace: str
    name: str
    uid: str
    state: str = "waiting"
    note: str = ""

    @property
    def title(self) -> str:
        return f"{self.namespace}/{self.name}"

    def data(self) -> dict[str, Json]:
        return {"namespace": self.namespace, "name": self.name, "state": self.state, "note": self.note}


@dataclass(slots=True)
class Drain:
    """The pods of one node, on their way."""

    pods: list[Pod]
    asking: Pod | None = None
    """It is being told, and has not answered."""
    left: list[Pod] = field(init=False)

    def __post_init__(self) -> None:
        self.left = list(self.pods)

    def ends(self) -> tuple[TargetEnd, ...]:
        states = {"gone": "done", "ending": "done"}
        return tuple(
            TargetEnd(
                pod.title,
                "unknown" if pod is self.asking else "done" if pod.state in states else "not_started",
                pod.note,
            )
            for pod in self.pods
        )

    def text(self) -> str:
        gone = sum(pod.state == "gone" for pod in self.pods)
        held = [pod.title for pod in self.pods if pod.state == "held"]
        words = f"{gone} of {len(self.pods)} pods are gone"
        return f"{words}; a PodDisruptionBudget holds {', '.join(held[:3])}" if held else words


async def look_drain(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    (node,) = await _nodes(cluster, {"nodes": asked["node"]})
    leaving = await _leaving(cluster, asked)
    back = None if _closed(node) else {"uncordon": {"nodes": [asked["node"]]}}
    pods = [_pod(each).data() for each in leaving]
    return Standing(_closed(node) and not leaving, {**_result([node]), "pods": pods}, back)


async def drain(cluster: Cluster, asked: Mapping[str, Json], context: Context) -> Json:
    """Evict until none is left or the time is over; what became of each is in `pods`."""
    deadline = time.monotonic() + context.timeout
    leaving = await _leaving(cluster, asked)
    _refuse_lost(asked, leaving)
    (node,) = await _nodes(cluster, {"nodes": asked["node"]})
    if not _closed(node):
        await _set(cluster, asked["node"], closed=True)
    # Only now is it certain that no other pod comes.
    going = Drain([_pod(each) for each in await _leaving(cluster, asked)])
    try:
        while going.left:
            await _round(cluster, asked, going)
            context.beat(going.text())
            if not going.left or time.monotonic() + _AGAIN >= deadline:
                break
            await asyncio.sleep(_AGAIN)
    except asyncio.CancelledError:
        context.ended(going.ends())
        raise
    nodes = await _nodes(cluster, {"nodes": asked["node"]})
    return {**_result(nodes), "pods": [pod.data() for pod in going.pods]}


async def _round(cluster: Cluster, asked: Mapping[str, Json], going: Drain) -> None:
    """Ask each that has not agreed, and see who is gone. A cluster that is away for a moment is asked again:
    an eviction is of one pod, by its identity, so twice is once."""
    try:
        for pod in going.left:
            if pod.state in ("waiting", "held"):
                going.asking = pod
                await _evict(cluster, asked, pod)
                going.asking = None
        there = {each["metadata"]["uid"] for each in await _on(cluster, asked["node"])}
    except (Unreachable, OutcomeUnknown):
        return
    for pod in going.left:
        if pod.uid not in there:
            pod.state, pod.note = "gone", ""
    going.left = [pod for pod in going.left if pod.state not in ("gone", "refused")]


async def _evict(cluster: Cluster, asked: Mapping[str, Json], pod: Pod) -> None:
    options: dict[str, Json] = {"preconditions": {"uid": pod.uid}}
    if "grace" in asked:
        options["gracePeriodSeconds"] = asked["grace"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": options,
    }
    path = (await cluster.resource({"kind": "Pod"})).path(pod.namespace, pod.name, "eviction")
    answer = await cluster.exchange("POST", path, body)
    match answer.status:
        case 200 | 201:
            pod.state, pod.note = "ending", ""
        case 404 | 409:
            pod.state = "ending"  # it is gone, or another one has its name by now
        case 429:
            pod.state, pod.note = "held", answer.words
        case status if status in (400, 403, 422, 500):
            # 500: two budgets are about it, which Kubernetes cannot weigh.
            pod.state, pod.note = "refused", answer.words
        case _:
            raise cluster.refused("POST", path, answer)


async def _on(cluster: Cluster, node: str) -> list[Json]:
    path = (await cluster.resource({"kind": "Pod"})).path()
    found: list[Json] = (await cluster.get(path, [("fieldSelector", f"spec.nodeName={node}")]))["items"]
    return found


async def _leaving(cluster: Cluster, asked: Mapping[str, Json]) -> list[Json]:
    return [each for each in await _on(cluster, asked["node"]) if not stays(each)]


def _refuse_lost(asked: Mapping[str, Json], pods: Sequence[Json]) -> None:
    """Raises ActionRefused for pods that lose something for ever, unless the step has said that it may be."""
    alone = [_pod(each).title for each in pods if controller(each) is None]
    local = [_pod(each).title for each in pods if has_local_data(each)]
    for titles, word, why in (
        (alone, "force", "no controller makes them again"),
        (local, "delete_emptydir_data", "their data in `emptyDir` is lost"),
    ):
        if titles and not asked.get(word, False):
            raise ActionRefused(
                f"of `{asked['node']}` {', '.join(titles[:5])} cannot leave unharmed: {why}; "
                f"nothing was changed; `{word}: true` would evict them"
            )


def _pod(thing: Json) -> Pod:
    metadata = thing["metadata"]
    return Pod(metadata.get("namespace", "default"), metadata["name"], metadata["uid"])
