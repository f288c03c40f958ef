"""Calls of the action `kubernetes`, and how a step carries them out and takes them back."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.kubernetes import Kubernetes
from stanch.schemas import load_catalogue
from tests.support.kubernetes import Cluster

SPEC = load_catalogue().actions["kubernetes"]
CONTAINERS: dict[str, Any] = {"containers": [{"name": "app", "image": "web:1"}]}


def call(verb: str, system: str = "prod", /, **asked: Any) -> dict[str, Any]:
    where = {} if {"nodes", "node", "manifest"} & asked.keys() else {"namespace": "shop"}
    params = {"server": system, verb: {**where, **asked}}
    Parameters(SPEC).check(params)
    return params


async def in_place(kubernetes: Kubernetes, params: dict[str, Any], context: Context) -> int:
    """Look until it is so; how often that took."""
    for at in range(1, 30):
        if (await kubernetes.look(params, context)).done:
            return at
    raise AssertionError("it did not come about")


async def there_and_back(kubernetes: Kubernetes, params: dict[str, Any], context: Context) -> dict[str, Any]:
    """Carry out a change and its way back, as a step of a run would; the call that brought it back."""
    assert isinstance(kubernetes, Knowing)
    before = await kubernetes.look(params, context)
    assert not before.done
    result = await kubernetes.perform(params, context)
    Draft202012Validator(SPEC.result).validate(result)
    await in_place(kubernetes, params, context)
    assert before.back is not None
    undo = {name: held for name, held in {**params, **before.back}.items() if held is not None}
    Parameters(SPEC).check(undo)
    assert not (await kubernetes.look(undo, context)).done
    await kubernetes.perform(undo, context)
    await in_place(kubernetes, undo, context)
    return undo


def pod_on_n1(cluster: Cluster, name: str, owner: str = "ReplicaSet", **spec: Any) -> Any:
    owners = [{"apiVersion": "apps/v1", "kind": owner, "name": "o", "uid": "u", "controller": True}]
    metadata = {"labels": {"app": name.partition("-")[0]}, **({"ownerReferences": owners} if owner else {})}
    return cluster.add("v1", "Pod", name, metadata=metadata, spec={**CONTAINERS, "nodeName": "n1", **spec})
