"""The action `postgres` against two real members under Patroni, with etcd."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.postgres import Postgres
from activities.systems import Systems
from stanch.errors import ActionRefused, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import free_port
from tests.support.patroni import API_PASSWORD, Cluster, start_patroni
from tests.support.until import until

# One cluster serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("patroni")
SPEC = load_catalogue().actions["postgres"]


@pytest.fixture(scope="module")
def started() -> Iterator[Cluster]:
    with start_patroni() as cluster:
        yield cluster


@pytest.fixture
def cluster(started: Cluster) -> Cluster:
    until(started.settled, "the cluster to be calm", within=90)
    return started


@pytest.fixture
async def action(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Postgres]:
    monkeypatch.setenv("PATRONI_WORD", API_PASSWORD)
    main = {
        "kind": "patroni",
        "url": cluster.url,
        "user": "patroni",
        "password": {"secret": "env/PATRONI_WORD"},
    }
    away = {**main, "url": f"http://127.0.0.1:{free_port()}"}
    half = {**main, "url": f"{away['url']},{cluster.url}"}
    stranger = {**main, "password": "wrong"}
    action = Postgres(Systems({"main": main, "away": away, "half": half, "stranger": stranger}))
    yield action
    await action.close()


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


@pytest.fixture
def patient(beats: Beats) -> Context:
    return beats.context(timeout=90)


def check(result: Any) -> Any:
    Draft202012Validator(SPEC.result).validate(result)
    return result


async def test_who_leads_though_a_member_does_not_answer(
    action: Postgres, cluster: Cluster, reading: Context
) -> None:
    result = check(await action.perform({"server": "half"}, reading))
    assert (result["leader"], result["paused"]) == (cluster.leader(), False)
    assert sorted((each["role"], each["state"]) for each in result["members"]) == [
        ("leader", "running"),
        ("replica", "streaming"),
    ]


async def test_another_member_leads_and_the_way_back_puts_the_old_one_there(
    action: Postgres, cluster: Cluster, patient: Context
) -> None:
    assert isinstance(action, Knowing)
    old = cluster.leader()
    asked = {"server": "main", "switchover": {"away_from": old}}
    before = await action.look(asked, patient)
    assert not before.done
    result = check(await action.perform(asked, patient))
    assert result["leader"] not in ("", old)
    with cluster.connect(result["leader"]) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS written (at timestamptz)")
    # Asking twice is asking once.
    assert (await action.look(asked, patient)).done
    assert (await action.perform(asked, patient))["leader"] == result["leader"]
    until(cluster.settled, "the old leader to follow", within=90)
    undo = {name: held for name, held in {**asked, **(before.back or {})}.items() if held is not None}
    Parameters(SPEC).check(undo)
    assert not (await action.look(undo, patient)).done
    assert check(await action.perform(undo, patient))["leader"] == old


async def test_what_is_no_standby_is_not_promoted(
    action: Postgres, cluster: Cluster, patient: Context
) -> None:
    for word in ("switchover", "failover"):
        with pytest.raises(ActionRefused, match="`pg9` is no standby of this cluster; nothing was changed"):
            await action.perform({"server": "main", word: {"to": "pg9"}}, patient)


async def test_what_cannot_be_asked_says_why(action: Postgres, cluster: Cluster, patient: Context) -> None:
    with pytest.raises(Unreachable, match="connection refused"):
        await action.perform({"server": "away"}, patient)
    asked = {"server": "stranger", "switchover": {"away_from": cluster.leader()}}
    with pytest.raises(ActionRefused, match=r"401 Unauthorized.*check its credentials"):
        await action.perform(asked, patient)


async def test_a_standby_is_promoted_when_the_leaders_host_is_gone(
    action: Postgres, cluster: Cluster, patient: Context
) -> None:
    old = cluster.leader()
    other = next(name for name in cluster.nodes if name != old)
    cluster.kill_host(old)
    try:
        asked = {"server": "main", "failover": {"to": other}}
        await action.perform(asked, patient)
        until(lambda: cluster.leader() == other, "the standby to lead", within=60)
        assert (await action.look(asked, patient)).done
        with cluster.connect(other) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written (at timestamptz)")
    finally:
        cluster.start(old)
