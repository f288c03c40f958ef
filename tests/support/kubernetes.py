"""A cluster for tests: the paths of the Kubernetes API that the action uses, and the behaviour behind them.

There is no Kubernetes that an ordinary account can start, so this is a stand-in: objects in memory, validated
by the schemas that Kubernetes publishes (`kubernetes-validate`), with what the action depends on: merge and
JSON patches, dry runs, strict validation, selectors, preconditions, evictions that a PodDisruptionBudget
holds, controllers that need some time. `tests/activities/test_kubernetes_emulator.py` has an emulator of
others' making beside it.
"""

from __future__ import annotations

import contextlib
import copy
import re
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import kubernetes_validate  # type: ignore[import-untyped]
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.activities.served import METHODS, served

VERSION = "1.36"
KINDS = {
    "v1": {
        "ConfigMap": ("configmaps", True),
        "Namespace": ("namespaces", False),
        "Node": ("nodes", False),
        "Pod": ("pods", True),
        "Secret": ("secrets", True),
        "Service": ("services", True),
    },
    "apps/v1": {
        "DaemonSet": ("daemonsets", True),
        "Deployment": ("deployments", True),
        "ReplicaSet": ("replicasets", True),
        "StatefulSet": ("statefulsets", True),
    },
    "policy/v1": {"PodDisruptionBudget": ("poddisruptionbudgets", True)},
    "example.org/v1": {"Gadget": ("gadgets", True)},
}
_REVISION = "deployment.kubernetes.io/revision"
_PATH = re.compile(
    r"/(?:api/(?P<core>v1)|apis/(?P<api>[^/]+/[^/]+))(?:/namespaces/(?P<ns>[^/]+)(?=/.))?"
    r"(?:/(?P<plural>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<part>[^/]+))?)?)?"
)
Key = tuple[str, str, str]
"""Plural, namespace, name."""


class Refusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Cluster:
    """Its state, and what a test makes of it."""

    def __init__(self) -> None:
        self.url = ""
        self.objects: dict[Key, Any] = {}
        self.slow = 1
        """So many readings of a workload until its controller has seen to it, and as many until pods run."""
        self.budget = 100
        """How many evictions a PodDisruptionBudget still allows; one that is asked for in vain earns one."""
        self.token = ""
        self._ages: dict[str, tuple[int, int]] = {}
        """Of a workload, its generation and how often it was read since."""
        self.got: list[tuple[str, str, str]] = []
        """Method, path with query, content type."""
        self.lost: set[str] = set()
        """Methods that are carried out and get no answer but a broken connection."""
        self.failing: dict[str, int] = {}
        """Method to the status it is answered with, instead of being carried out."""

    # --- what a test puts in and looks at -----------------------------------------------------------------

    def add(self, api: str, kind: str, name: str, ns: str = "shop", **parts: Any) -> Any:
        plural, namespaced = KINDS[api][kind]
        metadata = {"name": name, **({"namespace": ns} if namespaced else {}), **parts.pop("metadata", {})}
        thing = {"apiVersion": api, "kind": kind, "metadata": metadata, **parts}
        return self._create(plural, thing)

    def deployment(self, name: str = "web", image: str = "web:1", replicas: int = 2) -> Any:
        labels = {"app": name}
        template = {
            "metadata": {"labels": labels},
            "spec": {"containers": [{"name": "app", "image": image}]},
        }
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        made = self.add("apps/v1", "Deployment", name, spec=spec)
        self.settle()
        return made

    def release(self, name: str, image: str) -> None:
        """As somebody's pipeline does it."""
        thing = self.objects["deployments", "shop", name]
        thing["spec"]["template"]["spec"]["containers"][0]["image"] = image
        thing["metadata"]["generation"] += 1
        self.settle()

    def settle(self) -> None:
        for _ in range(2 * self.slow + 2):
            for thing in list(self.objects.values()):
                self._reconcile(thing)

    def there(self, plural: str, name: str, ns: str = "shop") -> Any:
        return self.objects.get((plural, ns, name))

    def changes(self) -> list[str]:
        return [
            f"{method} {path}" for method, path, _ in self.got if method != "GET" and "dryRun" not in path
        ]

    # --- the API server -----------------------------------------------------------------------------------

    async def answer(self, request: Request) -> Response:
        query = dict(request.query_params)
        shown = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        self.got.append((request.method, shown, request.headers.get("content-type", "")))
        try:
            self._refuse(request, query)
            match = _PATH.fullmatch(request.url.path)
            body = await request.json() if await request.body() else None
            given = self._carry_out(request, match, query, body)
        except Refusal as error:
            status = {"kind": "Status", "apiVersion": "v1", "status": "Failure"}
            return JSONResponse({**status, "message": str(error), "code": error.code}, error.code)
        if request.method in self.lost and "dryRun" not in query:
            return StreamingResponse(_cut(), headers={"content-length": "10"})
        if isinstance(given, str):
            return PlainTextResponse(given)
        return JSONResponse(given, 201 if request.method == "POST" else 200)

    def _refuse(self, request: Request, query: dict[str, str]) -> None:
        if self.token and request.headers.get("authorization") != f"Bearer {self.token}":
            raise Refusal(401, "Unauthorized")
        if request.method in self.failing and "dryRun" not in query:
            raise Refusal(self.failing[request.method], "it is not to be")

    def _carry_out(
        self, request: Request, match: re.Match[str] | None, query: dict[str, str], body: Any
    ) -> Any:
        if match is None:
            raise Refusal(404, "the server could not find the requested resource")
        api = match["core"] or match["api"]
        plural, name, part = match["plural"], match["name"], match["part"]
        if api not in KINDS:
            raise Refusal(404, "the server could not find the requested resource")
        if plural is None:
            listed = [
                {"name": plural, "kind": kind, "namespaced": namespaced}
                for kind, (plural, namespaced) in KINDS[api].items()
            ]
            return {"kind": "APIResourceList", "groupVersion": api, "resources": listed}
        key = (plural, match["ns"] or "", name or "")
        if name is None:
            return self._list(key, query) if request.method == "GET" else self._post(key, query, body)
        if part == "eviction":
            return self._evict(key, body)
        if key not in self.objects:
            raise Refusal(404, f'{plural} "{name}" not found')
        if part == "log":
            return self._log(key, query)
        thing = self.objects[key]
        match request.method:
            case "GET":
                self._reconcile(thing)
                return thing
            case "PATCH":
                media = request.headers["content-type"]
                return self._patch(key, body, media, query, of_scale=part == "scale")
            case "DELETE":
                _validated({"apiVersion": "v1", **body})
                self._refuse_other(thing, body)
                return self.objects.pop(key)
        raise Refusal(405, "method not allowed")

    def _list(self, key: Key, query: dict[str, str]) -> Any:
        plural, ns, _ = key
        for thing in list(self.objects.values()):
            self._reconcile(thing)
        found = [
            thing
            for (kind, where, _), thing in self.objects.items()
            if kind == plural and ns in ("", where) and _selected(thing, query)
        ]
        limit = int(query.get("limit", "0")) or len(found)
        more = {"continue": "more"} if len(found) > limit else {}
        bare = [
            {k: v for k, v in thing.items() if k not in ("kind", "apiVersion")} for thing in found[:limit]
        ]
        return {"kind": "List", "apiVersion": "v1", "metadata": more, "items": bare}

    def _post(self, key: Key, query: dict[str, str], body: Any) -> Any:
        plural, ns, _ = key
        if (plural, ns, body["metadata"]["name"]) in self.objects:
            raise Refusal(409, f'{plural} "{body["metadata"]["name"]}" already exists')
        _strictly(body, query)
        return self._create(plural, body)

    def _create(self, plural: str, thing: Any) -> Any:
        thing = copy.deepcopy(thing)
        thing["metadata"].setdefault("uid", str(uuid.uuid4()))
        thing["metadata"].update(generation=1, resourceVersion="1", managedFields=[{"manager": "test"}])
        _defaults(thing)
        _validated(thing)
        self.objects[plural, thing["metadata"].get("namespace", ""), thing["metadata"]["name"]] = thing
        return thing

    def _patch(self, key: Key, body: Any, media: str, query: dict[str, str], *, of_scale: bool) -> Any:
        old = self.objects[key]
        new = copy.deepcopy(old)
        if media == "application/merge-patch+json":
            new = _merged(new, body)
        elif media == "application/json-patch+json":
            for each in body:
                assert each["op"] == "replace"
                *way, last = each["path"].strip("/").split("/")
                target = new
                for word in way:
                    target = target[word]
                target[last] = each["value"]
        else:
            raise Refusal(415, f"the body of the request was in an unknown format: {media}")
        _defaults(new)
        if not of_scale:
            _strictly(new, query)
        if new["spec" if "spec" in new else "metadata"] != old.get("spec", old["metadata"]):
            new["metadata"]["generation"] += 1
        if query.get("dryRun") == "All":
            return new
        new["metadata"]["resourceVersion"] = str(int(new["metadata"]["resourceVersion"]) + 1)
        self.objects[key] = new
        if of_scale:
            return {
                "kind": "Scale",
                "apiVersion": "autoscaling/v1",
                "spec": {"replicas": new["spec"]["replicas"]},
            }
        return new

    def _refuse_other(self, thing: Any, options: Any) -> None:
        wanted = options.get("preconditions", {}).get("uid", thing["metadata"]["uid"])
        if wanted != thing["metadata"]["uid"]:
            raise Refusal(409, "the UID in the precondition does not match")

    def _evict(self, key: Key, body: Any) -> Any:
        if key not in self.objects:
            raise Refusal(404, f'pods "{key[2]}" not found')
        _validated(body)
        pod = self.objects[key]
        self._refuse_other(pod, body["deleteOptions"])
        guarded = any(
            _matches(budget["spec"]["selector"]["matchLabels"], pod)
            for (plural, _, _), budget in self.objects.items()
            if plural == "poddisruptionbudgets"
        )
        if guarded and self.budget <= 0:
            self.budget += 1  # another pod came up meanwhile
            raise Refusal(429, "Cannot evict pod as it would violate the pod's disruption budget.")
        if guarded:
            self.budget -= 1
        pod["metadata"]["deletionTimestamp"] = "2026-11-20T10:00:00Z"
        return {"kind": "Status", "status": "Success"}

    def _log(self, key: Key, query: dict[str, str]) -> str:
        container = query["container"]
        if "previous" in query:
            raise Refusal(400, f'previous terminated container "{container}" in pod "{key[2]}" not found')
        lines = [f"{key[2]} {container} line {at}" for at in range(1, 1001)]
        return "\n".join(lines[-int(query["tailLines"]) :]) + "\n"

    # --- the controllers ----------------------------------------------------------------------------------

    def _reconcile(self, thing: Any) -> None:
        """One step of whoever is in charge of it."""
        metadata = thing["metadata"]
        if thing["kind"] == "Pod" and "deletionTimestamp" in metadata:
            self.objects.pop(("pods", metadata["namespace"], metadata["name"]), None)
        if thing["kind"] not in ("Deployment", "StatefulSet"):
            return
        status = thing.setdefault("status", {})
        generation, age = self._ages.get(metadata["uid"], (0, 0))
        age = age + 1 if generation == metadata["generation"] else 0
        self._ages[metadata["uid"]] = metadata["generation"], age
        if age < self.slow:
            return
        status["observedGeneration"] = metadata["generation"]
        if thing["kind"] == "Deployment":
            self._revise(thing)
        wanted = thing["spec"]["replicas"]
        up = wanted if age >= 2 * self.slow else max(wanted - 1, 0)
        status.update(replicas=wanted, updatedReplicas=wanted, readyReplicas=up, availableReplicas=up)

    def _revise(self, thing: Any) -> None:
        """The ReplicaSet of the template, which gets the newest number when it comes (back) into use."""
        metadata, template = thing["metadata"], thing["spec"]["template"]
        own = [
            each
            for (plural, _, _), each in self.objects.items()
            if plural == "replicasets" and each["metadata"]["ownerReferences"][0]["uid"] == metadata["uid"]
        ]
        numbers = [int(each["metadata"]["annotations"][_REVISION]) for each in own]
        newest = max(numbers, default=0)
        found = next((each for each in own if _bare(each["spec"]["template"]) == template), None)
        if found is None:
            self._new_set(thing, newest + 1)
        elif int(found["metadata"]["annotations"][_REVISION]) < newest:
            annotations = found["metadata"]["annotations"]
            history = annotations.get("deployment.kubernetes.io/revision-history", "")
            earlier = ",".join(filter(None, [history, annotations[_REVISION]]))
            annotations["deployment.kubernetes.io/revision-history"] = earlier
            annotations[_REVISION] = str(newest + 1)
        else:
            metadata.setdefault("annotations", {})[_REVISION] = str(newest)
            return
        metadata.setdefault("annotations", {})[_REVISION] = str(newest + 1)

    def _new_set(self, thing: Any, number: int) -> None:
        template = copy.deepcopy(thing["spec"]["template"])
        template["metadata"]["labels"]["pod-template-hash"] = f"h{number}"
        template["metadata"]["creationTimestamp"] = None
        name = f"{thing['metadata']['name']}-h{number}"
        owner = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": thing["metadata"]["name"],
            "uid": thing["metadata"]["uid"],
            "controller": True,
        }
        self.add(
            "apps/v1",
            "ReplicaSet",
            name,
            metadata={
                "labels": template["metadata"]["labels"],
                "annotations": {_REVISION: str(number)},
                "ownerReferences": [owner],
            },
            spec={"selector": thing["spec"]["selector"], "template": template},
        )


def _defaults(thing: Any) -> None:
    """A few of those that the API server fills in, which a patch meets."""
    pods = thing.get("spec", {}).get("template", {}).get("spec", {})
    for container in pods.get("containers", ()):
        container.setdefault("imagePullPolicy", "IfNotPresent")
    if thing["kind"] == "Deployment":
        thing["spec"].setdefault("replicas", 1)


def _strictly(thing: Any, query: dict[str, str]) -> None:
    if query.get("fieldValidation") != "Strict":
        raise Refusal(400, "this test wants every change validated strictly")
    try:
        _validated(thing)
    except kubernetes_validate.ValidationError as error:
        where = ".".join(str(each) for each in error.path)
        raise Refusal(400, f"strict decoding error: {where}: {error.message}") from None


def _validated(thing: Any) -> None:
    """By what Kubernetes publishes of its kinds; nothing is known of others."""
    with contextlib.suppress(kubernetes_validate.SchemaNotFoundError):
        kubernetes_validate.validate(thing, VERSION, strict=True)


def _merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    held = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            held.pop(name, None)
        else:
            held[name] = _merged(held.get(name), value)
    return held


def _bare(template: Any) -> Any:
    labels = {
        name: held for name, held in template["metadata"]["labels"].items() if name != "pod-template-hash"
    }
    metadata = {**template["metadata"], "labels": labels}
    metadata.pop("creationTimestamp", None)
    return {**template, "metadata": metadata}


def _matches(labels: Any, thing: Any) -> bool:
    own = thing["metadata"].get("labels", {})
    return all(own.get(name) == held for name, held in labels.items())


def _selected(thing: Any, query: dict[str, str]) -> bool:
    terms = dict(term.split("=", 1) for term in query.get("labelSelector", "").split(",") if term)
    fields = dict(term.split("=", 1) for term in query.get("fieldSelector", "").split(",") if term)
    known = {
        "spec.nodeName": thing.get("spec", {}).get("nodeName"),
        "metadata.name": thing["metadata"]["name"],
    }
    return _matches(terms, thing) and all(known[name] == held for name, held in fields.items())


async def _cut() -> AsyncIterator[bytes]:
    """An answer that breaks off: the server closes the connection without the bytes that it has announced."""
    yield b"{"


@contextlib.contextmanager
def start_cluster() -> Iterator[Cluster]:
    cluster = Cluster()
    app = Starlette(routes=[Route("/{path:path}", cluster.answer, methods=METHODS)])
    with served(app) as cluster.url:
        yield cluster
