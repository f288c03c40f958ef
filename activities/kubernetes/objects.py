"""What objects of a cluster say, and what a patch changes in them: pure."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from stanch.language.plan import Json

_APIS = {
    "v1": "ConfigMap Endpoints Event LimitRange Namespace Node PersistentVolume PersistentVolumeClaim Pod "
    "ReplicationController ResourceQuota Secret Service ServiceAccount",
    "apps/v1": "ControllerRevision DaemonSet Deployment ReplicaSet StatefulSet",
    "autoscaling/v2": "HorizontalPodAutoscaler",
    "batch/v1": "CronJob Job",
    "discovery.k8s.io/v1": "EndpointSlice",
    "networking.k8s.io/v1": "Ingress NetworkPolicy",
    "policy/v1": "PodDisruptionBudget",
    "storage.k8s.io/v1": "StorageClass VolumeAttachment",
}
_API_OF = {kind: api for api, kinds in _APIS.items() for kind in kinds.split()}
REVISION = "deployment.kubernetes.io/revision"
_REVISIONS = "deployment.kubernetes.io/revision-history"
"""The earlier numbers of a ReplicaSet that was rolled back to: it gets a new one each time."""
_HASH = "pod-template-hash"
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_MIRROR = "kubernetes.io/config.mirror"
_OF_THE_SERVER = (
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
)


def api_of(kind: str) -> str:
    """The API that a kind of Kubernetes itself is in; empty for others."""
    return _API_OF.get(kind, "")


def trimmed(thing: Json) -> Json:
    """An object without what nobody reads, and without the data of a Secret."""
    kept = {**thing, "metadata": {**thing.get("metadata", {})}}
    kept["metadata"].pop("managedFields", None)
    annotations = {**kept["metadata"].get("annotations", {})}
    # A Secret would stand in it once more.
    if annotations.pop(_LAST_APPLIED, None) is not None:
        kept["metadata"]["annotations"] = annotations
    if kept.get("kind") == "Secret":
        for part in ("data", "stringData"):
            if kept.get(part):
                kept[part] = dict.fromkeys(kept[part], "[secret]")
    return kept


def manifest(thing: Json) -> Json:
    """What brings a deleted object back: all but what the API server gives to each by itself."""
    kept = copy.deepcopy(trimmed(thing))
    kept.pop("status", None)
    for word in _OF_THE_SERVER:
        kept["metadata"].pop(word, None)
    spec = kept.get("spec", {})
    if kept.get("kind") == "Service":
        for word in ("clusterIP", "clusterIPs"):
            spec.pop(word, None)
    if kept.get("kind") == "Job" and not spec.get("manualSelector"):
        spec.pop("selector", None)
        for labels in (kept["metadata"].get("labels", {}), spec["template"]["metadata"].get("labels", {})):
            for word in ("controller-uid", "batch.kubernetes.io/controller-uid"):
                labels.pop(word, None)
    if kept.get("kind") == "Pod":
        spec.pop("nodeName", None)
    return kept


def earlier(patch: Mapping[str, Json], current: Json) -> dict[str, Json]:
    """The merge patch that takes `patch` back: the fields that it names, as they are now; null for none."""
    back: dict[str, Json] = {}
    for name, wanted in patch.items():
        was = current.get(name)
        both = isinstance(wanted, Mapping) and isinstance(was, Mapping)
        back[name] = earlier(wanted, was) if both else copy.deepcopy(was)
    return back


def same(one: Json, other: Json) -> bool:
    """Whether two readings of an object differ in nothing that somebody has asked for."""
    return bool(_asked_for(one) == _asked_for(other))


def _asked_for(thing: Json) -> Json:
    metadata = {name: held for name, held in thing["metadata"].items() if name not in _OF_THE_SERVER}
    return {**thing, "metadata": metadata, "status": None}


def controller(thing: Json) -> Json:
    """Who would make another one in its place; None when nobody would."""
    owners = thing["metadata"].get("ownerReferences", ())
    return next((owner for owner in owners if owner.get("controller")), None)


def selector_text(selector: Json) -> str:
    """A label selector as a query has it."""
    terms = [f"{key}={value}" for key, value in selector.get("matchLabels", {}).items()]
    for each in selector.get("matchExpressions", ()):
        key, values = each["key"], ",".join(each.get("values", ()))
        match each["operator"]:
            case "In":
                terms.append(f"{key} in ({values})")
            case "NotIn":
                terms.append(f"{key} notin ({values})")
            case "Exists":
                terms.append(key)
            case "DoesNotExist":
                terms.append(f"!{key}")
    return ",".join(terms)


# --- rollouts ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rollout:
    """How far the pods of a workload are with what its template says."""

    kind: str
    complete: bool
    failed: bool
    """Its controller has given up waiting (`ProgressDeadlineExceeded`)."""
    paused: bool
    revision: int
    """Of a Deployment; 0 of others."""
    images: tuple[str, ...]
    observed: bool
    """The status is of this generation."""
    desired: int
    total: int
    updated: int
    ready: int
    available: int

    def data(self) -> dict[str, Json]:
        return {**asdict(self), "images": list(self.images)}

    def is_scaled(self, replicas: int) -> bool:
        return self.observed and (self.desired, self.total, self.ready) == (replicas, replicas, replicas)


def rollout(thing: Json) -> Rollout:
    """Of a Deployment, StatefulSet, DaemonSet or ReplicaSet."""
    spec, status, metadata = thing["spec"], thing.get("status", {}), thing["metadata"]
    kind = thing["kind"]
    of_nodes = kind == "DaemonSet"
    desired = status.get("desiredNumberScheduled", 0) if of_nodes else spec.get("replicas", 1)
    total = status.get("currentNumberScheduled" if of_nodes else "replicas", 0)
    updated = status.get("updatedNumberScheduled" if of_nodes else "updatedReplicas", 0)
    ready = status.get("numberReady" if of_nodes else "readyReplicas", 0)
    available = status.get("numberAvailable" if of_nodes else "availableReplicas", 0)
    if kind == "ReplicaSet":
        updated = total
    wanted = desired
    if kind == "StatefulSet":
        if "availableReplicas" not in status:
            available = ready
        wanted -= spec.get("updateStrategy", {}).get("rollingUpdate", {}).get("partition", 0)
        if status.get("currentRevision") == status.get("updateRevision"):
            updated = total  # it counts none once all are of one revision
    observed = bool(status.get("observedGeneration", 0) >= metadata.get("generation", 0))
    return Rollout(
        kind=kind,
        complete=observed and updated >= max(wanted, 0) and total == desired and available >= desired,
        failed=observed and any(_gave_up(each) for each in status.get("conditions", ())),
        paused=bool(spec.get("paused")),
        revision=int(metadata.get("annotations", {}).get(REVISION, 0)) if kind == "Deployment" else 0,
        images=tuple(each["image"] for each in spec["template"]["spec"]["containers"]),
        observed=observed,
        desired=desired,
        total=total,
        updated=updated,
        ready=ready,
        available=available,
    )


def _gave_up(condition: Json) -> bool:
    return bool(condition["type"] == "Progressing" and condition.get("reason") == "ProgressDeadlineExceeded")


@dataclass(frozen=True, slots=True)
class Revision:
    """A ReplicaSet of a Deployment."""

    number: int
    numbers: frozenset[int]
    """All that it ever had."""
    template: Json


def revisions(deployment: Json, replica_sets: Sequence[Json]) -> list[Revision]:
    """The oldest first."""
    own = [
        each for each in replica_sets if (controller(each) or {}).get("uid") == deployment["metadata"]["uid"]
    ]
    return sorted(filter(None, map(_revision, own)), key=lambda each: each.number)


def _revision(replica_set: Json) -> Revision | None:
    annotations = replica_set["metadata"].get("annotations", {})
    if REVISION not in annotations:
        return None
    number = int(annotations[REVISION])
    history = [int(each) for each in annotations.get(_REVISIONS, "").split(",") if each]
    return Revision(number, frozenset([number, *history]), _without_hash(replica_set["spec"]["template"]))


def current(deployment: Json, known: Sequence[Revision]) -> Revision | None:
    """The one whose template the Deployment has; None until its controller has made it."""
    template = _without_hash(deployment["spec"]["template"])
    return next((each for each in reversed(known) if each.template == template), None)


def _without_hash(template: Json) -> Json:
    metadata = {**template.get("metadata", {})}
    labels = {name: held for name, held in metadata.get("labels", {}).items() if name != _HASH}
    # It stands in a ReplicaSet's own JSON, and in no Deployment's.
    metadata.pop("creationTimestamp", None)
    return {**template, "metadata": {**metadata, "labels": labels}}


# --- pods -------------------------------------------------------------------------------------------------


def stays(pod: Json) -> bool:
    """Whether a drain leaves it where it is: it belongs to the node, or has ended."""
    of_daemons = (controller(pod) or {}).get("kind") == "DaemonSet"
    mirror = _MIRROR in pod["metadata"].get("annotations", {})
    return of_daemons or mirror or pod.get("status", {}).get("phase") in ("Succeeded", "Failed")


def has_local_data(pod: Json) -> bool:
    return any("emptyDir" in each for each in pod["spec"].get("volumes", ()))
