"""Changes of any object: a patch of some fields, its end, and its return."""

from __future__ import annotations

from collections.abc import Mapping

from activities.action import Context, Standing
from activities.kubernetes.cluster import MERGE, STRICT, Cluster
from activities.kubernetes.objects import controller, earlier, manifest, same
from activities.kubernetes.reading import result, seen, there
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.encode import canonical
from stanch.language.plan import Json

_LARGEST = 48 * 1024
"""Bytes of what is kept for a way back: it travels in heartbeats and stands in the history."""
_MORE_THAN_A_MANIFEST = (
    "CustomResourceDefinition",
    "Namespace",
    "Node",
    "PersistentVolume",
    "PersistentVolumeClaim",
)


async def look_patch(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    """The API server itself says what the object would be: it knows defaults and spellings."""
    _refuse_secret(asked)
    resource = await cluster.resource(asked)
    thing = await there(cluster, resource, asked)
    path = resource.path(asked.get("namespace", "default"), asked["name"])
    query = [*STRICT, ("dryRun", "All")]
    wanted = await cluster.send("PATCH", path, asked["patch"], MERGE, query=query, safe=True)
    before = seen(thing)
    settled = before["rollout"].get("complete", True)
    back = {**asked, "patch": earlier(asked["patch"], thing)}
    return Standing(same(thing, wanted) and settled, before, {"patch": _kept(back)})


async def patch(cluster: Cluster, asked: Mapping[str, Json], _: Context) -> Json:
    _refuse_secret(asked)
    resource = await cluster.resource(asked)
    path = resource.path(asked.get("namespace", "default"), asked["name"])
    return seen(await cluster.send("PATCH", path, asked["patch"], MERGE, query=STRICT))


async def look_delete(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    _refuse_secret(asked)
    if asked["kind"] in _MORE_THAN_A_MANIFEST:
        raise InvalidInput(f"kubernetes: deleting a `{asked['kind']}` takes with it what no manifest holds")
    thing = await _one(cluster, asked)
    if thing is None:
        return Standing(done=True, result=result())
    owner = controller(thing)
    if owner is None:
        return Standing(False, seen(thing), {"restore": {"manifest": _kept(manifest(thing))}})
    if "uid" not in asked:
        raise ActionRefused(
            f"{owner['kind']} `{owner['name']}` makes another in place of `{asked['name']}`: give its "
            "`uid` too, so that the one is told from the other; nothing was changed"
        )
    return Standing(False, seen(thing))


async def delete(cluster: Cluster, asked: Mapping[str, Json], _: Context) -> Json:
    thing = await _one(cluster, asked)
    if thing is None:
        return result()
    resource = await cluster.resource(asked)
    path = resource.path(asked.get("namespace", "default"), asked["name"])
    body = {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": thing["metadata"]["uid"]},
        "propagationPolicy": "Background",
    }
    answer = await cluster.exchange("DELETE", path, body)
    # A connection that breaks has the client ask once more, and then there may be none.
    if answer.status not in (200, 202, 404):
        raise cluster.refused("DELETE", path, answer)
    return seen(thing)


async def look_restore(cluster: Cluster, asked: Mapping[str, Json]) -> Standing:
    thing = await cluster.find(await _restored(cluster, asked, named=True))
    wanted = asked["manifest"]
    own = {"api": wanted["apiVersion"], "kind": wanted["kind"], **_place(wanted)}
    return Standing(thing is not None and not _is_ending(thing), seen(thing), {"delete": own})


async def restore(cluster: Cluster, asked: Mapping[str, Json], _: Context) -> Json:
    path = await _restored(cluster, asked, named=False)
    return seen(await cluster.send("POST", path, asked["manifest"], query=STRICT))


async def _restored(cluster: Cluster, asked: Mapping[str, Json], *, named: bool) -> str:
    wanted = asked["manifest"]
    _refuse_secret(wanted)
    resource = await cluster.resource({"api": wanted["apiVersion"], "kind": wanted["kind"]})
    place = _place(wanted)
    return resource.path(place.get("namespace", "default"), place["name"] if named else "")


def _place(wanted: Json) -> dict[str, Json]:
    metadata = wanted["metadata"]
    return {name: metadata[name] for name in ("name", "namespace") if name in metadata}


async def _one(cluster: Cluster, asked: Mapping[str, Json]) -> Json:
    """The object of that name, unless it is another one than `uid` says."""
    resource = await cluster.resource(asked)
    thing = await cluster.find(resource.path(asked.get("namespace", "default"), asked["name"]))
    other = thing is not None and asked.get("uid", thing["metadata"]["uid"]) != thing["metadata"]["uid"]
    return None if other else thing


def _is_ending(thing: Json) -> bool:
    return "deletionTimestamp" in thing["metadata"]


def _refuse_secret(asked: Mapping[str, Json]) -> None:
    if asked["kind"] == "Secret":
        raise InvalidInput(
            "kubernetes: no runbook changes a Secret: the way back would put its data into the history"
        )


def _kept(back: Json) -> Json:
    size = len(canonical(back))
    if size > _LARGEST:
        raise ActionRefused(
            f"what is there before is {size} bytes, and at most {_LARGEST} are kept for the way back; "
            "nothing was changed"
        )
    return back
