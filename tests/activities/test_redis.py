"""The action `redis` against a real master, two replicas and three sentinels."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.redis import Redis
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import free_port
from tests.support import redis as support
from tests.support.redis import PASSWORD, start_redis
from tests.support.until import until

# One Redis serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("redis")
SPEC = load_catalogue().actions["redis"]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[support.Redis]:
    with start_redis(tmp_path_factory.mktemp("redis")) as started:
        yield started


@pytest.fixture
def action(site: support.Redis, monkeypatch: pytest.MonkeyPatch) -> Redis:
    until(site.settled, "Redis to be calm", within=60)
    monkeypatch.setenv("REDIS_WORD", PASSWORD)
    main = {"kind": "redis", "url": site.url, "password": {"secret": "env/REDIS_WORD"}}
    away = {**main, "url": f"sentinel://127.0.0.1:{free_port()}/main"}
    other = {**main, "url": site.url.replace("/main", "/other")}
    odd = {**main, "url": "redis://127.0.0.1:6379"}
    stranger = {**main, "password": "wrong"}
    systems = {"main": main, "away": away, "other": other, "odd": odd, "stranger": stranger}
    return Redis(Systems(systems))


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


def check(result: Any) -> Any:
    Draft202012Validator(SPEC.result).validate(result)
    return result


async def test_the_master_and_its_replicas(action: Redis, site: support.Redis, reading: Context) -> None:
    result = check(await action.perform({"server": "main"}, reading))
    assert (result["master"], result["writable"]) == (f"127.0.0.1:{site.master()}", True)
    assert (result["sentinels"], result["quorum"]) == (3, True)
    assert [each["up"] for each in result["replicas"]] == [True, True]
    # A sentinel hears of a link from the replica itself, every ten seconds.
    deadline = time.monotonic() + 60
    while not all(each["linked"] for each in result["replicas"]):
        assert time.monotonic() < deadline, result
        await asyncio.sleep(0.2)
        result = check(await action.perform({"server": "main"}, reading))


async def test_another_takes_over_and_the_way_back_promotes_the_old_one(
    action: Redis, site: support.Redis, beats: Beats
) -> None:
    assert isinstance(action, Knowing)
    context = beats.context(timeout=60)
    old = f"127.0.0.1:{site.master()}"
    asked = {"server": "main", "failover": {"away_from": old}}
    before = await action.look(asked, context)
    assert not before.done
    result = check(await action.perform(asked, context))
    assert result["master"] != old
    assert result["writable"]
    assert (await action.look(asked, context)).done
    # Asking twice is asking once.
    assert (await action.perform(asked, context))["master"] == result["master"]
    until(site.settled, "the old master to follow", within=60)
    undo = {**asked, **(before.back or {})}
    Parameters(SPEC).check(undo)
    assert not (await action.look(undo, context)).done
    assert check(await action.perform(undo, context))["master"] == old
    until(site.settled, "all to follow again", within=60)
    assert site.node(int(old.rpartition(":")[2])).config_get("replica-priority") == {
        "replica-priority": "100"
    }


@pytest.mark.parametrize(
    ("server", "family", "says"),
    [
        ("away", Unreachable, "no sentinel of `away` answers"),
        ("other", ActionRefused, "No such master"),
        ("odd", InvalidInput, "is no `sentinel://HOST:PORT"),
        ("stranger", ActionRefused, "does not let this worker in; check `user` and `password`"),
    ],
)
async def test_what_cannot_be_asked_says_why(
    action: Redis, reading: Context, server: str, family: type[Exception], says: str
) -> None:
    with pytest.raises(family, match=says):
        await action.perform({"server": server}, reading)


async def test_what_is_no_replica_is_not_promoted(
    action: Redis, site: support.Redis, context: Context
) -> None:
    before = site.master()
    with pytest.raises(
        ActionRefused, match=r"`127.0.0.1:1` is no replica of `main` that could take over now"
    ):
        await action.perform({"server": "main", "failover": {"to": "127.0.0.1:1"}}, context)
    assert site.master() == before


async def test_a_master_that_died_is_left(action: Redis, site: support.Redis, beats: Beats) -> None:
    old = site.master()
    site.nodes[old].kill()
    asked = {"server": "main", "failover": {"away_from": f"127.0.0.1:{old}"}}
    try:
        result = check(await action.perform(asked, beats.context(timeout=60)))
    finally:
        site.restart(old)
    assert result["master"] not in ("", f"127.0.0.1:{old}")
    assert result["writable"]
