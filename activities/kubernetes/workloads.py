"""Changes of a workload: how many pods it has, which template, and its pods made anew.

Each names what is to be so, and not what is to happen, so asking twice is asking once. It is in place when
the pods are there, and not when the API server has taken note of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from activities.action import Context, Standing
from activities.kubernetes.cluster import MERGE, OPERATIONS, STRICT, Cluster
from activities.kubernetes.objects import (
    Revision,
    current,
    revisions,
    rollout,
    selector_text,
)
from activities.kubernetes.reading import seen, workload
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.plan import Json

_RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""What `kubectl rollout restart` writes too, so each sees the other's."""


async def look_scale(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    thing = await workload(cluster, asked)
    now = rollout(thing)
    back = {"scale": {**asked, "replicas": now.desired}}
    return Standing(now.is_scaled(asked["replicas"]), seen(thing), back)


async def scale(cluster: Cluster, asked: Mapping[str, Json], _: Context) -> Json:
    path = await _path(cluster, asked, "scale")
    await cluster.send("PATCH", path, {"spec": {"replicas": asked["replicas"]}}, MERGE)
    return seen(await workload(cluster, asked))


async def look_restart(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    thing = await workload(cluster, asked)
    annotations = thing["spec"]["template"].get("metadata", {}).get("annotations", {})
    at = annotations.get(_RESTARTED)
    since = _moment(asked["since"])
    done = at is not None and _moment(at) >= since and rollout(thing).complete
    return Standing(done, seen(thing))


async def restart(cluster: Cluster, asked: Mapping[str, Json], _: Context) -> Json:
    thing = await workload(cluster, asked)
    _refuse_paused(thing)
    # Clocks differ, and a restart must not look older than what it was asked for by.
    at = max(datetime.now(UTC), _moment(asked["since"])).isoformat()
    patch = {"spec": {"template": {"metadata": {"annotations": {_RESTARTED: at}}}}}
    return seen(await cluster.send("PATCH", await _path(cluster, asked), patch, MERGE, query=STRICT))


async def look_undo(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    thing, known, now = await _history(cluster, asked)
    place = {name: asked[name] for name in ("name", "namespace") if name in asked}
    back = {"rollout_undo": {**place, "to": now.number}}
    return Standing(_goal(asked, known, now) is now and rollout(thing).complete, seen(thing), back)


async def undo(cluster: Cluster, asked: Mapping[str, Json], context: Context) -> Json:
    thing, known, now = await _history(cluster, asked)
    goal = _goal(asked, known, now)
    if goal is now:
        return seen(thing)
    _refuse_paused(thing)
    context.beat(f"revision {now.number} to {goal.number}")
    patch = [{"op": "replace", "path": "/spec/template", "value": goal.template}]
    return seen(await cluster.send("PATCH", await _path(cluster, asked), patch, OPERATIONS, query=STRICT))


async def _history(cluster: Cluster, asked: Mapping[str, Json]) -> tuple[Json, list[Revision], Revision]:
    """The Deployment, its revisions, and that of its template. Raises ActionRefused and Unreachable."""
    thing = await workload(cluster, asked)
    sets = await cluster.resource({"kind": "ReplicaSet"})
    query = [("labelSelector", selector_text(thing["spec"]["selector"]))]
    known = revisions(
        thing, (await cluster.get(sets.path(asked.get("namespace", "default")), query))["items"]
    )
    now = current(thing, known)
    if now is None:
        raise Unreachable(
            f"the controller of the Deployment `{asked['name']}` has not taken up its last change"
        )
    return thing, known, now


def _goal(asked: Mapping[str, Json], known: list[Revision], now: Revision) -> Revision:
    """The revision to have. Raises ActionRefused."""
    listed = ", ".join(str(each.number) for each in known)
    name = asked["name"]
    if "to" in asked:
        goal = next((each for each in known if asked["to"] in each.numbers), None)
        if goal is None:
            raise ActionRefused(f"the Deployment `{name}` has no revision {asked['to']}; it has {listed}")
        return goal
    if asked["away_from"] not in now.numbers:
        return now
    before = [each for each in known if each.number < now.number]
    if not before:
        raise ActionRefused(
            f"the Deployment `{name}` has no revision before {now.number}; nothing was changed"
        )
    return before[-1]


def _refuse_paused(thing: Json) -> None:
    if thing["spec"].get("paused"):
        name = thing["metadata"]["name"]
        raise ActionRefused(f"the Deployment `{name}` is paused; resume it first; nothing was changed")


async def _path(cluster: Cluster, asked: Mapping[str, Json], part: str = "") -> str:
    resource = await cluster.resource({"kind": "Deployment", **asked})
    return resource.path(asked.get("namespace", "default"), asked["name"], part)


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(f"`{text}` is no moment such as `2026-11-20T10:00:00Z`") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
