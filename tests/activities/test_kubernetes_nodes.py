"""The action `kubernetes` on nodes: cordoned, drained as far as budgets allow, and open again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.kubernetes import Kubernetes
from activities.systems import Systems
from stanch.errors import ActionRefused
from tests.activities.clustered import SPEC, call, pod_on_n1, there_and_back
from tests.activities.conftest import Beats
from tests.activities.served import until as soon
from tests.support.kubernetes import Cluster, start_cluster

BUDGET: dict[str, Any] = {"spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}}


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with start_cluster() as started:
        yield started


@pytest.fixture
def kubernetes(cluster: Cluster) -> Kubernetes:
    return Kubernetes(Systems({"prod": {"kind": "kubernetes", "url": cluster.url}}))


@pytest.fixture
def node(cluster: Cluster) -> Callable[..., Any]:
    """Fills the node `n1`: gives a function that adds a pod to it."""
    cluster.add("v1", "Node", "n1", spec={})
    return partial(pod_on_n1, cluster)


async def test_only_the_nodes_that_took_pods_take_them_again(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    for at in (1, 2, 3):
        cluster.add("v1", "Node", f"node-{at}", spec={"unschedulable": at == 2})
    undo = await there_and_back(kubernetes, call("cordon", nodes=["node-1", "node-2", "node-3"]), context)
    assert undo == {"server": "prod", "uncordon": {"nodes": ["node-1", "node-3"]}}
    closed = [cluster.there("nodes", f"node-{at}", "")["spec"]["unschedulable"] for at in (1, 2, 3)]
    assert closed == [False, True, False]
    with pytest.raises(ActionRefused, match="`prod` has no node `node-9`; nothing was changed"):
        await kubernetes.look(call("cordon", nodes=["node-1", "node-9"]), context)


async def test_a_node_is_drained_as_fast_as_a_budget_allows(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, node: Callable[..., Any], beats: Beats
) -> None:
    cluster.add("policy/v1", "PodDisruptionBudget", "web", **BUDGET)
    cluster.budget = 1
    for name in ("web-1", "web-2", "api-1"):
        node(name)
    node("logger-1", owner="DaemonSet")
    asked = call("drain", node="n1", grace=5)
    before = await kubernetes.look(asked, context)
    assert before.back == {"drain": None, "uncordon": {"nodes": ["n1"]}}
    result = await kubernetes.perform(asked, context)
    Draft202012Validator(SPEC.result).validate(result)
    assert {(pod["name"], pod["state"]) for pod in result["pods"]} == {
        ("web-1", "gone"),
        ("web-2", "gone"),
        ("api-1", "gone"),
    }
    assert kubernetes.failure(result) is None
    assert "2 of 3 pods are gone; a PodDisruptionBudget holds shop/web-2" in beats.notes
    assert cluster.there("pods", "logger-1") is not None
    assert cluster.there("nodes", "n1", "")["spec"]["unschedulable"]
    assert (await kubernetes.look(asked, context)).done


async def test_what_a_budget_holds_to_the_end_is_told_and_not_forced(
    kubernetes: Kubernetes, cluster: Cluster, node: Callable[..., Any]
) -> None:
    cluster.add("policy/v1", "PodDisruptionBudget", "web", **BUDGET)
    cluster.budget = -1000
    node("web-1")
    node("api-1")
    result = await kubernetes.perform(call("drain", node="n1"), Beats().context(timeout=1.5))
    assert kubernetes.failure(result) == (
        "1 of 2 pods did not leave in time: shop/web-1 is held: "
        "Cannot evict pod as it would violate the pod's disruption budget."
    )
    assert cluster.there("pods", "web-1") is not None


@pytest.mark.parametrize(
    ("pod", "word", "why"),
    [
        ({"owner": ""}, "force", "no controller makes them again"),
        ({"volumes": [{"name": "tmp", "emptyDir": {}}]}, "delete_emptydir_data", "`emptyDir` is lost"),
    ],
)
async def test_what_a_drain_would_lose_for_ever_must_be_asked_for(
    kubernetes: Kubernetes,
    cluster: Cluster,
    context: Context,
    node: Callable[..., Any],
    pod: dict[str, Any],
    word: str,
    why: str,
) -> None:
    node("web-1", **pod)
    with pytest.raises(ActionRefused, match=f"{why}; nothing was changed; `{word}: true` would evict them"):
        await kubernetes.perform(call("drain", node="n1"), context)
    assert cluster.changes() == []
    result = await kubernetes.perform(call("drain", node="n1", **{word: True}), context)
    assert [each["state"] for each in result["pods"]] == ["gone"]


async def test_a_cancelled_drain_tells_of_each_pod(
    kubernetes: Kubernetes, cluster: Cluster, node: Callable[..., Any], beats: Beats
) -> None:
    cluster.add("policy/v1", "PodDisruptionBudget", "web", **BUDGET)
    cluster.budget = -1000
    node("api-1")
    node("web-1")
    task = asyncio.create_task(kubernetes.perform(call("drain", node="n1"), beats.context()))
    await soon(lambda: bool(beats.notes))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(end.target, end.state) for end in beats.ends] == [
        ("shop/api-1", "done"),
        ("shop/web-1", "not_started"),
    ]
