"""Secrets of HashiCorp Vault, against a real OpenBao; what that does not do against a scripted server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, RedirectResponse, Response

from activities.action import Context
from activities.secrets import Secrets
from activities.systems import Systems
from stanch.errors import InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json
from tests.activities.served import Got, Scripted, free_port
from tests.support.vault import Vault, account_token, start_vault

# One server serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("vault")

DB = "vault/secret/team/db#password"


@pytest.fixture(scope="module")
def vault(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Vault]:
    with start_vault(tmp_path_factory.mktemp("vault") / "data") as started:
        started.put("team/db", password="first", port=5432, on=True)
        started.put("team/db", password="second\n", port=5432, on=True)
        started.put("other/db", password="of-others")
        started.policy("team", "secret/data/team/*")
        yield started


@asynccontextmanager
async def asking(settings: Json, **more: Any) -> AsyncIterator[Callable[[str], Any]]:
    secrets = Secrets({"vault": settings}, **more)

    async def ask(reference: str) -> Json:
        return (await secrets.resolve({"a": [{"secret": reference}]}))[0]["a"][0]

    try:
        yield ask
    finally:
        await secrets.close()


async def refused(settings: Json, reference: str = DB, kind: type[StanchError] = InvalidInput) -> str:
    async with asking(settings) as ask:
        with pytest.raises(kind) as caught:
            await ask(reference)
    assert type(caught.value) is kind
    said = str(caught.value)
    assert said.startswith(f"secret `{reference}`: ")
    return said


async def test_a_field_is_read_of_the_newest_version_or_of_another(vault: Vault) -> None:
    async with asking(vault.settings(token=vault.token("team"))) as ask:
        assert await ask(DB) == "second"
        assert await ask("vault/secret/team/db?version=1#password") == "first"
        assert await ask("vault/secret/team/db#port") == "5432"


async def test_a_mount_with_slashes_in_a_namespace_is_found(vault: Vault) -> None:
    vault.ask("POST", "sys/namespaces/unit", {})
    vault.ask("POST", "sys/mounts/kv/team", {"type": "kv", "options": {"version": "2"}}, namespace="unit")
    vault.ask("POST", "kv/team/data/a/b", {"data": {"key of it": "deep"}}, namespace="unit")
    policy = {"policy": 'path "kv/team/data/*" { capabilities = ["read"] }'}
    vault.ask("PUT", "sys/policies/acl/deep", policy, namespace="unit")
    auth = vault.ask("POST", "auth/token/create", {"policies": ["deep"]}, namespace="unit")["auth"]
    async with asking(vault.settings(token=auth["client_token"], namespace="unit")) as ask:
        assert await ask("vault/kv/team//a/b#key of it") == "deep"
    async with asking(vault.settings(token=auth["client_token"])) as ask:
        assert await ask("vault/unit/kv/team//a/b#key of it") == "deep"


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("vault/secret/team/none#a", "nothing at `team/none` in the mount `secret`"),
        ("vault/secret/team/db?version=9#a", "nothing of version 9 at `team/db`"),
        ("vault/secret/team/db#user", "no `user` in it; it has `on`, `password`, `port`"),
        ("vault/secret/team/db#on", "it is no text"),
        (
            "vault/secret/other/db#password",
            "permission denied; a policy of the worker's token has to give it",
        ),
        ("vault/secret/other/db#password", "`read` on `secret/data/other/db`"),
        ("vault/secret", "is no `vault/MOUNT/PATH#FIELD`"),
    ],
)
async def test_what_is_not_there_or_not_allowed_is_said(vault: Vault, reference: str, says: str) -> None:
    assert says in await refused(vault.settings(token=vault.token("team")), reference)


async def test_a_version_that_was_deleted_or_destroyed_is_said_so(vault: Vault) -> None:
    for at in range(2):
        vault.put("team/old", password=f"version {at}")
    vault.ask("DELETE", "secret/data/team/old")
    vault.ask("PUT", "secret/destroy/team/old", {"versions": [1]})
    settings = vault.settings(token=vault.token("team"))
    assert "version 2 of it was deleted at 20" in await refused(settings, "vault/secret/team/old#password")
    destroyed = await refused(settings, "vault/secret/team/old?version=1#password")
    assert "version 1 of it was destroyed" in destroyed


async def test_an_engine_of_version_1_is_not_read_as_one_of_version_2(vault: Vault) -> None:
    vault.ask("POST", "sys/mounts/old", {"type": "kv", "options": {"version": "1"}})
    vault.ask("POST", "old/data/app", {"data": "text", "password": "x"})
    vault.policy("old", "old/*")
    said = await refused(vault.settings(token=vault.token("old")), "vault/old/app#password")
    assert "none of a KV secrets engine of version 2" in said


async def test_a_role_logs_in_once_and_again_when_its_token_is_no_more(vault: Vault) -> None:
    vault.put("team/a", x="one")
    async with asking(vault.app_role("worker", "team"), kept=0.0) as ask:
        assert await ask("vault/secret/team/a#x") == "one"
        assert await ask("vault/secret/team/a#x") == "one"
        (held,) = holders(vault, "approle")
        vault.ask("POST", "auth/token/revoke-accessor", {"accessor": held})
        vault.put("team/a", x="two")
        assert await ask("vault/secret/team/a#x") == "two"
        assert len(holders(vault, "approle")) == 1


async def test_a_token_of_a_few_uses_is_followed_by_another(vault: Vault) -> None:
    async with asking(vault.app_role("few", "team", token_num_uses=1), kept=0.0) as ask:
        assert [await ask(DB) for _ in range(3)] == ["second"] * 3


async def test_a_service_account_logs_in_with_the_token_of_its_pod(
    vault: Vault, site: Scripted, tmp_path: Path
) -> None:
    user = {"username": "system:serviceaccount:ops:stanch", "uid": "u-1", "groups": []}
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    site.reply = lambda _: JSONResponse({**review, "status": {"authenticated": True, "user": user}}, 201)
    vault.ask("POST", "sys/auth/prod", {"type": "kubernetes"})
    where = {"kubernetes_host": site.url, "kubernetes_ca_cert": vault.ca_file.read_text()}
    reviewer = {"token_reviewer_jwt": account_token("ops", "vault"), "disable_local_ca_jwt": True}
    vault.ask("POST", "auth/prod/config", {**where, **reviewer})
    bound = {"bound_service_account_names": ["stanch"], "bound_service_account_namespaces": ["ops"]}
    vault.ask("POST", "auth/prod/role/worker", {**bound, "token_policies": ["team"]})
    (tmp_path / "token").write_text(account_token("ops", "stanch") + "\n")
    settings = vault.settings(role="worker", login="prod", file=str(tmp_path / "token"))
    async with asking(settings) as ask:
        assert await ask(DB) == "second"
    (tmp_path / "token").write_text(account_token("ops", "another"))
    assert "logging in at `auth/prod/login`, Vault answered 403" in await refused(settings)
    gone = {**settings, "file": str(tmp_path / "none")}
    assert "cannot read the service account's token" in await refused(gone)


async def test_what_is_wrong_with_a_login_is_said_without_its_secrets(vault: Vault) -> None:
    settings = {**vault.app_role("wrong", "team"), "password": "n0t-the-secret-id"}
    said = await refused(settings)
    assert "logging in at `auth/approle/login`, Vault answered 400 Bad Request: invalid role or" in said
    assert "n0t-the" not in said
    assert "needs `token`, or `user` and `password`" in await refused(vault.settings())
    said = await refused(vault.settings(token="s.wrong-token"))
    assert "permission denied" in said
    assert "wrong-token" not in said


async def test_a_vault_that_is_sealed_or_has_too_much_to_do_is_asked_again_later(vault: Vault) -> None:
    settings = vault.settings(token=vault.token("team"))
    with vault.sealed():
        assert "503 Service Unavailable: Vault is sealed" in await refused(settings, kind=Unreachable)
    vault.ask("POST", "sys/mounts/limited", {"type": "kv", "options": {"version": "2"}})
    vault.policy("limited", "limited/*")
    vault.ask("POST", "sys/quotas/rate-limit/few", {"path": "limited/", "rate": 0.001})
    settings, reference = vault.settings(token=vault.token("limited")), "vault/limited/a#b"
    assert "nothing at `a`" in await refused(settings, reference)
    assert "rate limit quota exceeded" in await refused(settings, reference, Unreachable)


async def test_a_failure_is_not_kept(vault: Vault) -> None:
    async with asking(vault.settings(token=vault.token("team"))) as ask:
        with pytest.raises(InvalidInput):
            await ask("vault/secret/team/late#x")
        vault.put("team/late", x="there by now")
        assert await ask("vault/secret/team/late#x") == "there by now"


async def test_what_was_read_is_kept_for_a_while_and_then_read_anew(vault: Vault) -> None:
    settings = vault.settings(token=vault.token("team"))
    vault.put("team/new", x="old", y="old too")
    async with asking(settings, kept=3600.0) as ask, asking(settings, kept=0.0) as anew:
        assert await ask("vault/secret/team/new#x") == await anew("vault/secret/team/new#x") == "old"
        vault.put("team/new", x="new", y="new too")
        assert await ask("vault/secret/team/new#y") == "old too", "both are of one version"
        assert await anew("vault/secret/team/new#y") == "new too"


async def test_a_certificate_of_nobody_knows_whom_is_not_trusted(vault: Vault) -> None:
    settings = {"kind": "vault", "url": vault.url, "token": "x"}
    assert "its certificate is not trusted" in await refused(settings, kind=Unreachable)


# --- a server with a script -------------------------------------------------------------------------------


def held(got: Got) -> Response:
    return JSONResponse({"data": {"data": {"password": "s3cret"}, "metadata": {"version": 1}}})


def holders(vault: Vault, method: str) -> list[str]:
    """The accessors of the tokens that a method has given."""
    listed = vault.ask("GET", "auth/token/accessors?list=true")["data"]["keys"]
    told = [vault.ask("POST", "auth/token/lookup-accessor", {"accessor": each})["data"] for each in listed]
    return [each["accessor"] for each in told if each["path"].startswith(f"auth/{method}/")]


async def test_many_that_ask_at_once_ask_vault_once(site: Scripted) -> None:
    site.reply = held
    async with asking({"kind": "vault", "url": site.url, "token": "t"}) as ask:
        assert await asyncio.gather(*(ask(DB) for _ in range(40))) == ["s3cret"] * 40
    (got,) = site.got
    assert (got.method, got.path) == ("GET", "/v1/secret/data/team/db")
    assert (got.headers["x-vault-token"], got.headers["x-vault-request"]) == ("t", "true")


async def test_one_that_stops_waiting_leaves_the_others_their_answer(site: Scripted) -> None:
    site.reply = held
    async with asking({"kind": "vault", "url": site.url, "token": "t"}) as ask:
        first = asyncio.create_task(ask(DB))
        second = asyncio.create_task(ask(DB))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == "s3cret"
    assert len(site.got) == 1


@pytest.mark.parametrize("status", [412, 429, 500, 502])
async def test_an_answer_that_another_time_may_change_is_no_refusal(site: Scripted, status: int) -> None:
    site.reply = lambda _: JSONResponse({"errors": ["not now"]}, status)
    settings = {"kind": "vault", "url": site.url, "token": "t"}
    assert f"{status}" in await refused(settings, kind=Unreachable)


async def test_a_standby_that_sends_elsewhere_is_not_followed(site: Scripted) -> None:
    site.reply = lambda got: RedirectResponse("http://127.0.0.1:9/v1", 307)
    said = await refused({"kind": "vault", "url": site.url, "token": "t"})
    assert "has to be one that answers by itself" in said
    assert len(site.got) == 1


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"data": {"password": "x"}}'])
async def test_something_else_than_vault_is_told_apart(site: Scripted, body: str) -> None:
    site.reply = lambda _: Response(body)
    said = await refused({"kind": "vault", "url": site.url, "token": "t"})
    assert "none of a KV secrets engine" in said


async def test_a_login_that_tells_the_token_in_an_error_does_not_bring_it_out(site: Scripted) -> None:
    site.reply = lambda got: JSONResponse({"errors": [f"no {got.headers['x-vault-token']}"]}, 400)
    said = await refused({"kind": "vault", "url": site.url, "token": "s.t0ken-of-mine"})
    assert "t0ken" not in said
    assert "[secret]" in said


async def test_nobody_there_is_unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAULT_OF_TEST", "t")
    settings = {"kind": "vault", "url": f"http://127.0.0.1:{free_port()}"}
    token = {"secret": "env/VAULT_OF_TEST"}
    assert "connection refused" in await refused({**settings, "token": token}, kind=Unreachable)
    # What opens the vault does not lie in it.
    assert "no `vault/`" in await refused({**settings, "token": {"secret": DB}})
    assert "has no `url`" in await refused({"kind": "vault", "token": "t"})
    assert "is a `loki`" in await refused({"kind": "loki", "url": "x"})


async def test_without_a_vault_in_the_configuration_that_is_said() -> None:
    with pytest.raises(InvalidInput, match="`systems` of this worker's configuration has no system `vault`"):
        await Secrets().resolve({"secret": DB})


async def test_a_systems_own_password_may_lie_in_the_vault(vault: Vault, context: Context) -> None:
    system = {"kind": "postgres", "url": "postgresql://x", "password": {"secret": DB}}
    there = {"vault": vault.settings(token=vault.token("team")), "orders": system}
    secrets = Secrets(there)
    found = await Systems(there, secrets).find("orders", ("postgres",), context)
    await secrets.close()
    assert found["password"] == "second"
