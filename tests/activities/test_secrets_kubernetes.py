"""Secrets of Kubernetes, against a stand-in for an API server, through the official client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from activities.secrets import Secrets
from stanch.errors import InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json
from tests.activities.served import free_port, secure
from tests.support.kubernetes import Cluster, start_cluster

DB = "kubernetes/shop/db.main#password"


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with start_cluster() as started:
        started.token = "t0ken-of-the-worker"
        data = {"password": encoded(b"pa55word\n"), "key.pem": encoded(b"\xff\xfe"), "none": ""}
        started.add("v1", "Secret", "db.main", data=data, type="Opaque")
        yield started


def encoded(value: bytes) -> str:
    return base64.b64encode(value).decode()


def settings(cluster: Cluster, **more: Json) -> dict[str, Json]:
    return {"kind": "kubernetes", "url": cluster.url, "token": cluster.token, **more}


async def value_of(reference: str, systems: Any, **more: Any) -> Json:
    secrets = Secrets(systems, **more)
    try:
        return (await secrets.resolve({"secret": reference}))[0]
    finally:
        await secrets.close()


async def refused(system: Json, reference: str = DB, kind: type[StanchError] = InvalidInput) -> str:
    with pytest.raises(kind) as caught:
        await value_of(reference, {"kubernetes": system})
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"secret `{reference}`: ")
    return str(caught.value)


async def test_a_key_of_a_secret_is_read_as_text(cluster: Cluster) -> None:
    assert await value_of(DB, {"kubernetes": settings(cluster)}) == "pa55word"
    ((method, path, _),) = cluster.got
    assert (method, path) == ("GET", "/api/v1/namespaces/shop/secrets/db.main")


async def test_what_is_not_there_or_no_text_is_said(cluster: Cluster) -> None:
    there = settings(cluster)
    gone = await refused(there, "kubernetes/shop/cache#password")
    assert "there is no secret `cache` in the namespace `shop`" in gone
    other = await refused(there, "kubernetes/shop/db.main#user")
    assert "no `user` in it; it has `key.pem`, `none`, `password`" in other
    assert "it is no text" in await refused(there, "kubernetes/shop/db.main#key.pem")
    assert "it is empty" in await refused(there, "kubernetes/shop/db.main#none")
    assert "is no `kubernetes/NAMESPACE/NAME#KEY`" in await refused(there, "kubernetes/db#password")


async def test_what_is_not_allowed_names_what_to_allow(cluster: Cluster) -> None:
    cluster.failing["GET"] = 403
    said = await refused(settings(cluster))
    assert "403: it is not to be; a role of the worker's account has to give it `get` on the secret" in said
    assert "`db.main` in the namespace `shop`" in said
    cluster.failing.clear()
    said = await refused(settings(cluster, token="of-another"))
    assert "401: Unauthorized" in said
    assert "of-another" not in said


async def test_a_cluster_that_does_not_answer_is_asked_again_later(cluster: Cluster) -> None:
    away = settings(cluster, url=f"http://127.0.0.1:{free_port()}")
    assert "connect call failed" in await refused(away, kind=Unreachable)
    cluster.failing["GET"] = 503
    await refused(settings(cluster), kind=Unreachable)


async def test_a_pod_asks_its_own_cluster(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    body = json.dumps({"kind": "Secret", "data": {"password": encoded(b"of-the-pod")}})
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    async with secure(tmp_path, "127.0.0.1") as server:
        server.reply = (head + body).encode()
        (tmp_path / "ca.crt").write_bytes(Path(server.authority).read_bytes())
        (tmp_path / "token").write_text("token-of-the-pod\n")
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", str(server.port))
        assert await value_of(DB, {}, account=tmp_path) == "of-the-pod"
    assert "authorization: bearer token-of-the-pod" in server.heads[0].lower()


async def test_elsewhere_a_cluster_has_to_be_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    with pytest.raises(InvalidInput, match="has no system `kubernetes` to ask"):
        await value_of(DB, {})
