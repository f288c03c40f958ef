"""Reads of a cluster: objects, logs, how far a rollout is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from activities.kubernetes.cluster import Cluster
from activities.kubernetes.objects import rollout, trimmed
from activities.output import Capture
from stanch.errors import ActionRefused
from stanch.language.duration import parse_duration
from stanch.language.encode import canonical
from stanch.language.plan import Json

_MOST = 480 * 1024
"""Bytes of all objects, or all logs, of a step."""
_STREAMS = 30
"""Containers whose logs one step reads."""
_ALL = "*"

NOTHING: Mapping[str, Json] = {
    "found": False,
    "object": {},
    "objects": [],
    "truncated": False,
    "logs": [],
    "rollout": {},
    "pods": [],
}
"""A result before anything is known."""


def result(**known: Json) -> dict[str, Json]:
    return {**NOTHING, **known}


def seen(thing: Json) -> dict[str, Json]:
    """The result that an object gives, or None."""
    if thing is None:
        return result()
    moves = "spec" in thing and thing["kind"] in ("DaemonSet", "Deployment", "ReplicaSet", "StatefulSet")
    return result(found=True, object=trimmed(thing), rollout=rollout(thing).data() if moves else {})


async def get(cluster: Cluster, asked: Mapping[str, Json]) -> Json:
    """One object, or those that there are. Raises ActionRefused for too many bytes."""
    resource = await cluster.resource(asked)
    namespace = asked.get("namespace", "default")
    if "name" in asked:
        found = seen(await cluster.find(resource.path(namespace, asked["name"])))
        _refuse_too_large(found["object"])
        return found
    query = [("limit", str(asked.get("limit", 200)))]
    query += [("labelSelector", asked["selector"])] if "selector" in asked else []
    query += [("fieldSelector", asked["fields"])] if "fields" in asked else []
    page = await cluster.get(resource.path("" if namespace == _ALL else namespace), query)
    own = {"apiVersion": resource.api, "kind": resource.kind}
    things = [trimmed({**own, **each}) for each in page["items"]]
    _refuse_too_large(things)
    more = bool(page.get("metadata", {}).get("continue"))
    return result(found=bool(things), objects=things, truncated=more)


def _refuse_too_large(things: Json) -> None:
    size = len(canonical(things))
    if size > _MOST:
        raise ActionRefused(
            f"the objects are {size} bytes, and at most {_MOST} are taken; select fewer, or give a `limit`"
        )


async def rollout_status(cluster: Cluster, asked: Mapping[str, Json]) -> Json:
    return seen(await workload(cluster, asked))


async def workload(cluster: Cluster, asked: Mapping[str, Json]) -> Json:
    """The object; a Deployment unless `kind` says another. Raises ActionRefused when there is none."""
    resource = await cluster.resource({"kind": "Deployment", **asked})
    return await there(cluster, resource, asked)


async def there(cluster: Cluster, resource: Any, asked: Mapping[str, Json]) -> Json:
    namespace = asked.get("namespace", "default")
    thing = await cluster.find(resource.path(namespace, asked["name"]))
    if thing is None:
        raise ActionRefused(f"`{cluster.system}` has no {resource.named(namespace, asked['name'])}")
    return thing


async def logs(cluster: Cluster, asked: Mapping[str, Json]) -> Json:
    """The last lines of each container of one pod, or of those that are selected."""
    resource = await cluster.resource({"kind": "Pod"})
    namespace = asked.get("namespace", "default")
    if "pod" in asked:
        pods = [await there(cluster, resource, {"namespace": namespace, "name": asked["pod"]})]
    else:
        page = await cluster.get(resource.path(namespace), [("labelSelector", asked["selector"])])
        pods = page["items"]
    streams = [
        (pod["metadata"]["name"], container["name"])
        for pod in pods
        for container in pod["spec"]["containers"]
        if asked.get("container", container["name"]) == container["name"]
    ]
    if len(streams) > _STREAMS:
        raise ActionRefused(
            f"these are the logs of {len(streams)} containers, and at most {_STREAMS} are read; name a "
            "`container`, or select fewer pods"
        )
    query = [("tailLines", str(asked.get("lines", 200))), ("limitBytes", str(4 * 1024 * 1024))]
    query += [("previous", "true")] if asked.get("previous") else []
    if "since" in asked:
        query.append(("sinceSeconds", str(math.ceil(parse_duration(asked["since"])))))
    taken = []
    for pod, container in streams:
        path = resource.path(namespace, pod, "log")
        answer = await cluster.exchange("GET", path, query=[("container", container), *query])
        capture, why = Capture(_MOST // len(streams)), ""
        if answer.status == 200:
            capture.add(answer.body)
        elif answer.status in (400, 404):
            why = answer.words  # it has not begun, or there was no `previous` one
        else:
            raise cluster.refused("GET", path, answer)
        taken.append(
            {
                "pod": pod,
                "container": container,
                "text": capture.text(),
                "truncated": capture.cut() > 0,
                "error": why,
            }
        )
    return result(found=bool(taken), logs=taken)
