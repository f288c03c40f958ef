"""The action `kubernetes` against `kmock`, an emulator of the API that others have made.

It keeps objects, tells its kinds and merges patches. Controllers, selectors, dry runs and evictions it has
not: for those there is `tests/support/kubernetes.py`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from kmock import KubernetesEmulator, ResourceInfo, Server

from activities.action import Context
from activities.kubernetes import Kubernetes
from activities.systems import Systems
from stanch.errors import ActionRefused
from tests.activities.conftest import Beats

_KINDS = {
    "v1/configmaps": ResourceInfo(kind="ConfigMap", namespaced=True),
    "v1/nodes": ResourceInfo(kind="Node", namespaced=False),
    "apps/v1/deployments": ResourceInfo(kind="Deployment", namespaced=True),
}


@pytest.fixture
async def emulator() -> AsyncIterator[KubernetesEmulator]:
    async with KubernetesEmulator() as emulated, Server(emulated):
        for name, info in _KINDS.items():
            emulated.resources[name] = info
        yield emulated


@pytest.fixture
def kubernetes(emulator: KubernetesEmulator) -> Kubernetes:
    return Kubernetes(Systems({"prod": {"kind": "kubernetes", "url": str(emulator.servers[0].url)}}))


def call(verb: str, **asked: Any) -> dict[str, Any]:
    return {"server": "prod", verb: asked}


async def test_a_node_is_cordoned_and_comes_back(
    kubernetes: Kubernetes, emulator: KubernetesEmulator, context: Context
) -> None:
    node = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}, "spec": {}}
    emulator.objects["v1/nodes", None, "n1"] = node
    asked = call("cordon", nodes="n1")
    before = await kubernetes.look(asked, context)
    assert (before.done, before.back) == (False, {"cordon": None, "uncordon": {"nodes": ["n1"]}})
    await kubernetes.perform(asked, context)
    assert (await kubernetes.look(asked, context)).done
    undo = call("uncordon", nodes=["n1"])
    await kubernetes.perform(undo, context)
    assert (await kubernetes.look(undo, context)).done


async def test_a_deployment_is_scaled(
    kubernetes: Kubernetes, emulator: KubernetesEmulator, context: Context
) -> None:
    template = {"metadata": {}, "spec": {"containers": [{"name": "app", "image": "web:1"}]}}
    metadata = {"name": "web", "namespace": "shop", "generation": 1}
    status = {"observedGeneration": 1, "replicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    emulator.objects["apps/v1/deployments", "shop", "web"] = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": 2, "template": template},
        "status": status,
    }
    asked = call("scale", name="web", namespace="shop", replicas=5)
    before = await kubernetes.look(asked, context)
    assert before.back == {"scale": {"name": "web", "namespace": "shop", "replicas": 2}}
    await kubernetes.perform(asked, context)
    assert emulator.objects["apps/v1/deployments", "shop", "web"]["spec"]["replicas"] == 5
    assert not (await kubernetes.look(asked, context)).done  # it has no controller that would start pods


async def test_an_object_is_deleted_and_made_again(
    kubernetes: Kubernetes, emulator: KubernetesEmulator, context: Context
) -> None:
    metadata = {"name": "banner", "namespace": "shop", "uid": "u-1", "resourceVersion": "7"}
    emulator.objects["v1/configmaps", "shop", "banner"] = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": metadata,
        "data": {"text": "buy"},
    }
    asked = call("delete", kind="ConfigMap", namespace="shop", name="banner")
    before = await kubernetes.look(asked, context)
    await kubernetes.perform(asked, context)
    assert (await kubernetes.look(asked, context)).done
    assert before.back is not None
    await kubernetes.perform({"server": "prod", "restore": before.back["restore"]}, context)
    reading = Beats(changes=False).context()
    found = await kubernetes.perform(call("get", kind="ConfigMap", namespace="shop", name="banner"), reading)
    assert found["object"]["data"] == {"text": "buy"}
    listed = await kubernetes.perform(call("get", kind="ConfigMap", namespace="shop"), reading)
    assert [each["metadata"]["name"] for each in listed["objects"]] == ["banner"]


async def test_what_is_not_there_is_told(kubernetes: Kubernetes, context: Context) -> None:
    with pytest.raises(ActionRefused, match="`prod` has no Deployment `shop/web`"):
        await kubernetes.look(call("scale", name="web", namespace="shop", replicas=1), context)
