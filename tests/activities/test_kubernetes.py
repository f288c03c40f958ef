"""The action `kubernetes` against a stand-in for an API server, which holds what is sent to the schemas."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.kubernetes import Kubernetes
from activities.systems import Systems
from stanch.contract import ActionTask
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.plan import Call
from tests.activities.bench import Bench
from tests.activities.clustered import CONTAINERS, SPEC, call, in_place, pod_on_n1, there_and_back
from tests.activities.conftest import Beats
from tests.activities.served import free_port, raw, secure
from tests.support.kubernetes import Cluster, start_cluster


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with start_cluster() as started:
        started.token = "t0ken-of-the-worker"
        yield started


@pytest.fixture
def kubernetes(cluster: Cluster) -> Kubernetes:
    there = {"kind": "kubernetes", "url": cluster.url, "token": cluster.token}
    away = {**there, "url": f"http://127.0.0.1:{free_port()}"}
    return Kubernetes(
        Systems(
            {
                "prod": there,
                "away": away,
                "wrong": {**there, "token": "of-another"},
                "none": {"kind": "kubernetes"},
            }
        )
    )


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


# --- reading ----------------------------------------------------------------------------------------------


async def test_an_object_is_read_without_what_nobody_reads(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    cluster.deployment()
    result = await kubernetes.perform(call("get", kind="Deployment", name="web"), reading)
    Draft202012Validator(SPEC.result).validate(result)
    assert result["found"]
    assert result["object"]["spec"]["replicas"] == 2
    assert "managedFields" not in result["object"]["metadata"]
    assert (result["rollout"]["complete"], result["rollout"]["images"]) == (True, ["web:1"])
    missing = await kubernetes.perform(call("get", kind="Deployment", name="api"), reading)
    assert (missing["found"], missing["object"]) == (False, {})


async def test_objects_are_selected_by_label_and_field_up_to_a_limit(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    for at in range(3):
        labels = {"labels": {"app": "web" if at else "api"}}
        cluster.add("v1", "Pod", f"pod-{at}", metadata=labels, spec={**CONTAINERS, "nodeName": f"node-{at}"})
    cluster.add("v1", "Pod", "pod-9", ns="other", metadata={"labels": {"app": "web"}}, spec=CONTAINERS)

    async def names(**asked: Any) -> tuple[list[str], bool]:
        result = await kubernetes.perform(call("get", kind="Pod", **asked), reading)
        assert {each["kind"] for each in result["objects"]} <= {"Pod"}
        return [each["metadata"]["name"] for each in result["objects"]], result["truncated"]

    assert await names(selector="app=web") == (["pod-1", "pod-2"], False)
    assert await names(selector="app=web", namespace="*") == (["pod-1", "pod-2", "pod-9"], False)
    assert await names(fields="spec.nodeName=node-0") == (["pod-0"], False)
    assert await names(limit=2) == (["pod-0", "pod-1"], True)


async def test_the_data_of_a_secret_is_never_shown(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    applied = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"key":"aHVzaA=="}}',
        "team": "shop",
    }
    cluster.add("v1", "Secret", "login", data={"key": "aHVzaA=="}, metadata={"annotations": applied})
    one = await kubernetes.perform(call("get", kind="Secret", name="login"), reading)
    many = await kubernetes.perform(call("get", kind="Secret"), reading)
    assert "aHVzaA" not in str((one, many))
    assert one["object"]["data"] == {"key": "[secret]"}
    assert one["object"]["metadata"]["annotations"] == {"team": "shop"}


async def test_a_kind_of_somebody_elses_api_is_found_by_that(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    cluster.add("example.org/v1", "Gadget", "one", spec={"on": True})
    result = await kubernetes.perform(call("get", kind="Gadget", api="example.org/v1", name="one"), reading)
    assert result["object"]["spec"] == {"on": True}
    with pytest.raises(InvalidInput, match="`Gadget` is no kind that is known by its name alone"):
        await kubernetes.perform(call("get", kind="Gadget", name="one"), reading)
    with pytest.raises(ActionRefused, match=r"`prod` has no kind `Gizmo` in `example.org/v1`"):
        await kubernetes.perform(call("get", kind="Gizmo", api="example.org/v1"), reading)


async def test_more_than_a_history_can_hold_is_refused(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    for at in range(5):
        cluster.add("v1", "ConfigMap", f"large-{at}", data={"text": "x" * 120_000})
    with pytest.raises(ActionRefused, match="and at most 491520 are taken; select fewer"):
        await kubernetes.perform(call("get", kind="ConfigMap"), reading)
    assert (await kubernetes.perform(call("get", kind="ConfigMap", limit=2), reading))["truncated"]


async def test_the_last_lines_of_each_container(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    two = {"containers": [{"name": name, "image": "web:1"} for name in ("app", "proxy")]}
    for at in (1, 2):
        cluster.add("v1", "Pod", f"web-{at}", metadata={"labels": {"app": "web"}}, spec=two)
    one = await kubernetes.perform(call("logs", pod="web-1", lines=2, since="90s"), reading)
    Draft202012Validator(SPEC.result).validate(one)
    assert [(each["container"], each["text"]) for each in one["logs"]] == [
        ("app", "web-1 app line 999\nweb-1 app line 1000\n"),
        ("proxy", "web-1 proxy line 999\nweb-1 proxy line 1000\n"),
    ]
    assert "sinceSeconds=90" in cluster.got[-1][1]
    many = await kubernetes.perform(call("logs", selector="app=web", container="app"), reading)
    assert [each["pod"] for each in many["logs"]] == ["web-1", "web-2"]
    before = await kubernetes.perform(call("logs", pod="web-1", container="app", previous=True), reading)
    assert [(each["text"], each["error"][:30]) for each in before["logs"]] == [
        ("", "previous terminated container ")
    ]
    with pytest.raises(ActionRefused, match="`prod` has no Pod `shop/web-9`"):
        await kubernetes.perform(call("logs", pod="web-9"), reading)


async def test_a_rollout_is_not_complete_before_its_pods_are_there(
    kubernetes: Kubernetes, cluster: Cluster, reading: Context
) -> None:
    cluster.deployment()
    cluster.slow = 2
    cluster.objects["deployments", "shop", "web"]["metadata"]["generation"] += 1
    seen = [
        (await kubernetes.perform(call("rollout_status", name="web"), reading))["rollout"] for _ in range(6)
    ]
    assert [(each["observed"], each["available"], each["complete"]) for each in seen] == [
        (False, 2, False),
        (False, 2, False),
        (True, 1, False),
        (True, 1, False),
        (True, 2, True),
        (True, 2, True),
    ]


# --- changes of workloads ---------------------------------------------------------------------------------


async def test_a_release_is_rolled_back_and_comes_back(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, reading: Context
) -> None:
    cluster.deployment()
    cluster.release("web", "web:2")
    cluster.release("web", "web:3")
    status = await kubernetes.perform(call("rollout_status", name="web"), reading)
    bad = status["rollout"]["revision"]
    undo = await there_and_back(kubernetes, call("rollout_undo", name="web", away_from=bad), context)
    assert undo["rollout_undo"] == {"name": "web", "namespace": "shop", "to": 3}
    assert len(cluster.changes()) == 2
    images = cluster.there("deployments", "web")["spec"]["template"]["spec"]["containers"][0]["image"]
    assert images == "web:3"


async def test_asked_again_the_revision_that_was_left_stays_left(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    """Revisions are renumbered when they come back, so a number alone would lead there and back for ever."""
    cluster.deployment()
    cluster.release("web", "web:2")
    away = call("rollout_undo", name="web", away_from=2)
    to = call("rollout_undo", name="web", to=1)
    await kubernetes.perform(away, context)
    assert await in_place(kubernetes, away, context) > 1
    cluster.settle()
    await kubernetes.perform(away, context)
    await kubernetes.perform(to, context)
    assert (await kubernetes.look(to, context)).done
    assert len(cluster.changes()) == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"name": "web", "to": 7}, "has no revision 7; it has 1"),
        ({"name": "web", "away_from": 1}, "has no revision before 1; nothing was changed"),
        ({"name": "api", "to": 1}, "`prod` has no Deployment `shop/api`"),
    ],
)
async def test_what_cannot_be_rolled_back_to_says_why(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, asked: dict[str, Any], says: str
) -> None:
    cluster.deployment()
    with pytest.raises(ActionRefused, match=says):
        await kubernetes.look(call("rollout_undo", **asked), context)
    assert cluster.changes() == []


async def test_while_the_controller_has_not_seen_a_release_nothing_is_rolled_back(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    cluster.slow = 5
    thing = cluster.there("deployments", "web")
    thing["spec"]["template"]["spec"]["containers"][0]["image"] = "web:2"
    thing["metadata"]["generation"] += 1
    with pytest.raises(Unreachable, match="has not taken up its last change"):
        await kubernetes.look(call("rollout_undo", name="web", away_from=2), context)


@pytest.mark.parametrize("verb", ["restart", "rollout_undo"])
async def test_a_paused_deployment_is_left_alone(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, verb: str
) -> None:
    cluster.deployment()
    cluster.release("web", "web:2")
    cluster.there("deployments", "web")["spec"]["paused"] = True
    more: dict[str, Any] = {"since": "2026-11-20T10:00:00Z"} if verb == "restart" else {"to": 1}
    with pytest.raises(ActionRefused, match="is paused; resume it first; nothing was changed"):
        await kubernetes.perform(call(verb, name="web", **more), context)


async def test_a_restart_happens_once_and_is_over_when_its_pods_are_there(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    cluster.slow = 2
    asked = call("restart", name="web", since="2026-11-20T10:00:00Z")
    before = await kubernetes.look(asked, context)
    assert (before.done, before.back) == (False, None)
    await kubernetes.perform(asked, context)
    assert await in_place(kubernetes, asked, context) > 3
    later = call("restart", name="web", since="2100-01-01T00:00:00Z")
    assert not (await kubernetes.look(later, context)).done
    await kubernetes.perform(later, context)
    await in_place(kubernetes, later, context)


async def test_a_workload_is_scaled_and_back(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    asked = call("scale", name="web", replicas=5)
    undo = await there_and_back(kubernetes, asked, context)
    assert undo["scale"]["replicas"] == 2
    assert {path.rpartition("/")[2] for path in cluster.changes()} == {"scale"}
    await kubernetes.perform(call("scale", name="web", replicas=0), context)
    await in_place(kubernetes, call("scale", name="web", replicas=0), context)


async def test_as_a_step_it_waits_for_the_pods_and_its_ledger_has_the_way_back(
    kubernetes: Kubernetes, cluster: Cluster
) -> None:
    cluster.deployment()
    cluster.release("web", "web:2")
    bench = Bench(kubernetes)
    asked = Call("kubernetes", call("rollout_undo", name="web", away_from=2), knows=True)
    task = ActionTask("s", asked, effect="change", timeout=20.0, key="run/s#1")
    cluster.failing["PATCH"] = 500
    doubt = await bench.error(task)
    assert (doubt.type, doubt.details[0].undo.params) == (
        "OutcomeUnknown",
        {"server": "prod", "rollout_undo": {"name": "web", "namespace": "shop", "to": 2}},
    )
    cluster.failing.clear()
    report = await bench.run(task)
    assert report.undo == doubt.details[0].undo
    deployment = cluster.there("deployments", "web")
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "web:1"
    assert deployment["status"]["availableReplicas"] == 2
    assert (await bench.run(replace(task, key="run/s#2"))).already


# --- changes of any object --------------------------------------------------------------------------------


async def test_a_patch_takes_back_exactly_what_it_changed(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    containers = [{"name": "app", "image": "web:9"}]
    patch = {
        "metadata": {"annotations": {"frozen": "yes"}},
        "spec": {"replicas": 3, "template": {"spec": {"containers": containers}}, "minReadySeconds": 5},
    }
    undo = await there_and_back(
        kubernetes, call("patch", kind="Deployment", name="web", patch=patch), context
    )
    back = undo["patch"]["patch"]
    assert back["metadata"] == {"annotations": {"frozen": None}}
    assert (back["spec"]["replicas"], back["spec"]["minReadySeconds"]) == (2, None)
    spec = cluster.there("deployments", "web")["spec"]
    assert (spec["replicas"], "minReadySeconds" in spec) == (2, False)
    assert spec["template"]["spec"]["containers"][0]["image"] == "web:1"


async def test_a_patch_of_a_workload_is_in_place_when_its_pods_are_there(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    cluster.slow = 2
    asked = call("patch", kind="Deployment", name="web", patch={"spec": {"minReadySeconds": 5}})
    await kubernetes.perform(asked, context)
    assert await in_place(kubernetes, asked, context) > 3


async def test_a_misspelt_field_is_refused_before_anything_is_touched(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    asked = call("patch", kind="Deployment", name="web", patch={"spec": {"replikas": 3}})
    with pytest.raises(ActionRefused, match=r"400: strict decoding error: .*replikas"):
        await kubernetes.look(asked, context)
    with pytest.raises(ActionRefused, match=r"400: strict decoding error: .*replikas"):
        await kubernetes.perform(asked, context)
    assert "replikas" not in cluster.there("deployments", "web")["spec"]


async def test_what_is_deleted_is_made_again_from_its_manifest(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.add("v1", "ConfigMap", "banner", data={"text": "buy"}, metadata={"labels": {"app": "web"}})
    undo = await there_and_back(kubernetes, call("delete", kind="ConfigMap", name="banner"), context)
    assert undo["restore"]["manifest"]["metadata"] == {
        "labels": {"app": "web"},
        "name": "banner",
        "namespace": "shop",
    }
    assert cluster.there("configmaps", "banner")["data"] == {"text": "buy"}


async def test_a_pod_that_is_made_anew_is_told_from_the_one_that_was_deleted(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    uid = pod_on_n1(cluster, "web-0", owner="StatefulSet")["metadata"]["uid"]
    with pytest.raises(ActionRefused, match=r"StatefulSet `o` makes another .*give its `uid` too"):
        await kubernetes.look(call("delete", kind="Pod", name="web-0"), context)
    asked = call("delete", kind="Pod", name="web-0", uid=uid)
    assert (await kubernetes.look(asked, context)).back is None
    await kubernetes.perform(asked, context)
    pod_on_n1(cluster, "web-0", owner="StatefulSet")
    assert (await kubernetes.look(asked, context)).done
    await kubernetes.perform(asked, context)
    assert len(cluster.changes()) == 1


@pytest.mark.parametrize(
    ("verb", "asked", "says"),
    [
        ("delete", {"kind": "Namespace", "name": "shop"}, "takes with it what no manifest holds"),
        ("delete", {"kind": "Secret", "name": "login"}, "no runbook changes a Secret"),
        ("patch", {"kind": "Secret", "name": "login", "patch": {"data": {}}}, "no runbook changes a Secret"),
    ],
)
async def test_what_has_no_way_back_is_not_changed(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, verb: str, asked: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        await kubernetes.look(call(verb, **asked), context)
    assert cluster.changes() == []


async def test_a_way_back_that_is_too_large_is_no_way_back(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.add("v1", "ConfigMap", "large", data={"text": "x" * 60_000})
    with pytest.raises(ActionRefused, match="at most 49152 are kept for the way back; nothing was changed"):
        await kubernetes.look(call("delete", kind="ConfigMap", name="large"), context)


# --- a cluster that does not answer -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("system", "family", "says"),
    [
        ("away", Unreachable, "`away`: GET /apis/apps/v1: .*onnect"),
        ("wrong", ActionRefused, "answered 401: Unauthorized; check its credentials in the worker's conf"),
        ("none", InvalidInput, "the system `none` needs `url`, .* or `file`, a kubeconfig"),
    ],
)
async def test_a_cluster_that_cannot_be_asked(
    kubernetes: Kubernetes, reading: Context, system: str, family: type[StanchError], says: str
) -> None:
    with pytest.raises(family, match=says):
        await kubernetes.perform(call("rollout_status", system, name="web"), reading)


@pytest.mark.parametrize(
    ("status", "family"),
    [(503, Unreachable), (429, Unreachable), (403, ActionRefused), (504, OutcomeUnknown)],
)
async def test_what_an_answer_to_a_change_means(
    kubernetes: Kubernetes, cluster: Cluster, context: Context, status: int, family: type[StanchError]
) -> None:
    cluster.deployment()
    cluster.failing["PATCH"] = status
    with pytest.raises(family, match=f"PATCH /apis/apps/v1/.*/web/scale answered {status}: it is not to be"):
        await kubernetes.perform(call("scale", name="web", replicas=3), context)


async def test_a_change_whose_answer_breaks_off_is_in_doubt(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    cluster.deployment()
    cluster.lost.add("PATCH")
    asked = call("scale", name="web", replicas=3)
    with pytest.raises(OutcomeUnknown, match=r"was sent: .*nobody knows whether it was executed"):
        await kubernetes.perform(asked, context)
    await in_place(kubernetes, asked, context)


async def test_what_fails_behind_a_first_change_is_in_doubt(
    kubernetes: Kubernetes, cluster: Cluster, context: Context
) -> None:
    """A part was executed, so it must not pass for something to begin anew."""
    for at in (1, 2):
        cluster.add("v1", "Node", f"node-{at}", spec={})

    def breaking(note: str) -> None:
        if note == "node-2":
            cluster.failing["PATCH"] = 503

    asked = call("cordon", nodes=["node-1", "node-2"])
    with pytest.raises(OutcomeUnknown, match=r"answered 503.*a part of the change was executed before that"):
        await kubernetes.perform(asked, replace(context, beat=breaking))


async def test_no_answer_in_time() -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as url:
        action = Kubernetes(Systems({"prod": {"kind": "kubernetes", "url": url}}))
        reading = Beats(changes=False).context(timeout=0.5)
        with pytest.raises(Unreachable, match="no answer in time"):
            await action.perform(call("rollout_status", name="web"), reading)


# --- how it is reached ------------------------------------------------------------------------------------


async def test_a_kubeconfig_says_where_a_context_is_and_its_token_is_hidden(
    cluster: Cluster, tmp_path: Path, reading: Context
) -> None:
    cluster.deployment()
    places = {"prod": cluster.url, "other": "http://127.0.0.1:9"}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "other",
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in places.items()],
        "users": [{"name": "worker", "user": {"token": cluster.token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "worker"}} for name in places],
    }
    file = tmp_path / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    system = {"kind": "kubernetes", "file": str(file), "project": "prod"}
    hidden: list[str] = []
    action = Kubernetes(Systems({"prod": system, "odd": {**system, "project": "nowhere"}}))
    result = await action.perform(call("rollout_status", name="web"), replace(reading, hide=hidden.extend))
    assert result["rollout"]["complete"]
    assert cluster.token in hidden
    with pytest.raises(InvalidInput, match=r"the system `odd` cannot be used: its kubeconfig .*nowhere"):
        await action.perform(call("rollout_status", "odd", name="web"), reading)
    file.unlink()
    with pytest.raises(InvalidInput, match="cannot be used"):
        await action.perform(call("rollout_status", name="web"), reading)


async def test_only_the_authority_of_the_system_is_trusted(tmp_path: Path, reading: Context) -> None:
    async with secure(tmp_path, "127.0.0.1") as server:
        server.reply = b"HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\n{}"
        there = {"kind": "kubernetes", "url": f"https://127.0.0.1:{server.port}"}
        systems = {"prod": {**there, "ca_file": server.authority}, "public": there}
        systems["lost"] = {**there, "ca_file": str(tmp_path / "no.pem")}
        action = Kubernetes(Systems(systems))
        with pytest.raises(ActionRefused, match="`prod` has no kind `Deployment` in `apps/v1`"):
            await action.perform(call("rollout_status", name="web"), reading)
        with pytest.raises(Unreachable, match=r"`public`: .*certificate verify failed"):
            await action.perform(call("rollout_status", "public", name="web"), reading)
        with pytest.raises(InvalidInput, match="a file of the system `lost` cannot be used"):
            await action.perform(call("rollout_status", "lost", name="web"), reading)
