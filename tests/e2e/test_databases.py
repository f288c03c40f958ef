"""The shipped runbooks for databases against two real members of a PostgreSQL under Patroni and etcd."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import httpx
import psycopg
import pytest

from stanch.language.plan import Json
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support.haproxy import Balancer, start_haproxy
from tests.support.patroni import API_PASSWORD, Cluster, start_patroni
from tests.support.postgres import PASSWORD
from tests.support.until import until

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]


@dataclass(frozen=True, slots=True)
class Site:
    stage: Stage
    cluster: Cluster
    balancer: Balancer

    def pause(self, paused: bool) -> None:
        """Have Patroni leave the cluster alone, as in maintenance, or look after it again."""
        (url, *_) = (f"http://127.0.0.1:{self.cluster.nodes[name].api}" for name in self.alive())
        auth = ("patroni", API_PASSWORD)
        httpx.patch(f"{url}/config", json={"pause": paused}, auth=auth, timeout=10).raise_for_status()
        until(lambda: httpx.get(f"{url}/cluster", timeout=10).json().get("pause", False) == paused, "Patroni")

    def alive(self) -> list[str]:
        return [
            name for name, node in self.cluster.nodes.items() if node.process and node.process.poll() is None
        ]


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("stage")
    with ExitStack() as stack:
        cluster = stack.enter_context(start_patroni())
        servers = {name: f"127.0.0.1:{node.postgres}" for name, node in cluster.nodes.items()}
        balancer = stack.enter_context(start_haproxy(folder, "postgres-reads", servers, mode="tcp"))
        hosts = ",".join(servers.values())
        login: Json = {"kind": "postgres", "user": "postgres", "password": PASSWORD}
        url = f"postgresql://{hosts}/postgres?target_session_attrs"
        systems: Json = {
            "postgres": {"kind": "patroni", "url": cluster.url, "user": "patroni", "password": API_PASSWORD},
            "postgres-writes": {**login, "url": f"{url}=read-write"},
            "postgres-standby": {**login, "url": f"{url}=standby"},
            "haproxy": {"kind": "haproxy", "url": balancer.socket},
        }
        more: Json = {"systems": systems, "command": {"programs": [sys.executable, str(folder / "migrate")]}}
        yield Site(
            stack.enter_context(start_stage(folder, runbooks=[str(ROOT / "runbooks")], **more)),
            cluster,
            balancer,
        )


@pytest.fixture
def site(started: Site) -> Site:
    until(started.cluster.settled, "the cluster to be calm", within=120)
    return started


# --- database-failover ------------------------------------------------------------------------------------


def test_a_leader_that_takes_writes_is_left_for_nobody_without_a_yes(site: Site) -> None:
    old = site.cluster.leader()
    view = site.stage.ended(site.stage.begin("database-failover"))
    assert (view["outcome"], view["ledger"]) == ("refused", [])
    assert f"{old} leads and takes writes" in view["reason"]
    run = site.stage.begin("database-failover", leave=True)
    site.stage.answer(run, "deny")
    assert site.stage.ended(run)["outcome"] == "denied"
    assert site.cluster.leader() == old


def test_a_standby_leads_when_the_leaders_host_is_gone(site: Site) -> None:
    old = site.cluster.leader()
    (other,) = set(site.cluster.nodes) - {old}
    site.pause(True)
    site.cluster.kill_host(old)
    try:
        run = site.stage.begin("database-failover")
        request = site.stage.answer(run, "approve", "--confirm", other)
        assert request["question"].startswith(f"Have {other} lead")
        view = site.stage.ended(run)
        assert (view["outcome"], view["outputs"]["after"]) == ("succeeded", other), view["reason"]
        texts = [found["text"] for found in view["findings"]]
        assert "The leader is gone: its port does not answer, and its standby does not hear from it." in texts
        with site.cluster.connect(other) as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS written (at timestamptz)")
    finally:
        site.pause(False)
        site.cluster.start(old)


# --- replication-lag --------------------------------------------------------------------------------------


@contextmanager
def lagging(site: Site) -> Iterator[str]:
    """The standby's name; it replays nothing as long as a report on it reads what the leader has deleted."""
    leader = site.cluster.leader()
    (standby,) = set(site.cluster.nodes) - {leader}
    with site.cluster.connect(leader) as writing, site.cluster.connect(standby) as steering:
        writing.execute("CREATE TABLE IF NOT EXISTS sales AS SELECT generate_series(1, 1000) AS number")
        steering.execute("ALTER SYSTEM SET max_standby_streaming_delay = -1")
        steering.execute("SELECT pg_reload_conf()")
        until(lambda: steering.execute("SELECT to_regclass('sales')").fetchone() != (None,), "the table")
        until(lambda: steering.execute("SELECT count(*) FROM sales").fetchone() == (1000,), "its rows")
        report = site.cluster.connect(standby)
        try:
            report.execute("SET application_name = 'report'")
            report.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
            report.execute("SELECT count(*) FROM sales")
            writing.execute("DELETE FROM sales")
            writing.execute("VACUUM sales")
            writing.execute("INSERT INTO sales SELECT generate_series(1, 1000)")
            aged = "SELECT count(*) FROM pg_stat_activity WHERE now() - xact_start > interval '1 s'"
            until(lambda: steering.execute(aged).fetchone() != (0,), "the report to be a long one")
            yield standby
        finally:
            report.close()
            steering.execute("ALTER SYSTEM RESET max_standby_streaming_delay")
            steering.execute("SELECT pg_reload_conf()")


def look_into_lag(site: Site, standby: str, *, out: bool) -> str:
    inputs: Json = {"replica": standby, "server": standby, "most": 1000, "long": 1}
    run = site.stage.begin("replication-lag", **inputs)
    values = ["--value", f"out_of_the_pool={json.dumps(out)}", "--value", "end_transactions=true"]
    site.stage.answer(run, "decide", "answer", *values)
    return run


def test_a_replica_is_out_of_the_pool_until_a_report_was_ended_and_it_has_caught_up(site: Site) -> None:
    with lagging(site) as standby:
        run = look_into_lag(site, standby, out=False)
        request = site.stage.answer(run, "deny")
        assert "of report, for" in request["question"]
        assert site.stage.ended(run)["outcome"] == "denied"

        run = look_into_lag(site, standby, out=True)
        site.stage.answer(run, "approve")
        until(lambda: site.balancer.status()[standby] == "DRAIN", "no reads to go to the replica")
        site.stage.answer(run, "approve")
        view = site.stage.ended(run)
        assert view["outcome"] == "succeeded", view["reason"]
        until(lambda: site.balancer.status()[standby] == "no check", "the replica to be back in the pool")


# --- connection-pool --------------------------------------------------------------------------------------


def test_idle_transactions_are_ended_with_a_yes_and_connections_are_free(site: Site) -> None:
    leader = site.cluster.leader()
    place = f"host=127.0.0.1 port={site.cluster.nodes[leader].postgres} dbname=postgres connect_timeout=10"
    shop = f"{place} user=shop password=shop application_name"
    idle = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'shop'"
        " AND state = 'idle in transaction' AND clock_timestamp() - state_change > interval '5 s'"
    )
    with site.cluster.connect(leader) as seen, ExitStack() as stack:
        if not seen.execute("SELECT FROM pg_roles WHERE rolname = 'shop'").fetchone():
            seen.execute("CREATE ROLE shop LOGIN PASSWORD 'shop'")
        other = stack.enter_context(psycopg.connect(f"{shop}=other", autocommit=True))
        held: list[psycopg.Connection] = []
        while connection := _connected(f"{shop}=shop"):
            held.append(stack.enter_context(contextlib.closing(connection)))
            connection.execute("SELECT 1")
        until(lambda: seen.execute(idle).fetchone() == (len(held),), "their transactions to be idle")

        inputs: Json = {"application": "shop", "idle_for": 5}
        run = site.stage.begin("connection-pool", **inputs)
        request = site.stage.answer(run, "deny")
        assert request["question"].startswith(f"End {len(held)} connections of shop")
        assert site.stage.ended(run)["outcome"] == "denied"
        assert seen.execute(idle).fetchone() == (len(held),)

        run = site.stage.begin("connection-pool", **inputs)
        site.stage.answer(run, "approve")
        view = site.stage.ended(run)
        assert (view["outcome"], view["outputs"]["ended"]) == ("succeeded", len(held)), view["reason"]
        assert seen.execute(idle).fetchone() == (0,)
        psycopg.connect(f"{shop}=shop").close()
        assert other.execute("SELECT 'still there'").fetchone() == ("still there",)


def _connected(place: str) -> psycopg.Connection | None:
    """None when ordinary users have no connection left."""
    try:
        return psycopg.connect(place)
    except psycopg.OperationalError as error:
        if "remaining connection slots are reserved" not in str(error):
            raise
        return None


# --- failing-migration ------------------------------------------------------------------------------------

MIGRATE = """\
#!{python}
import sys
import psycopg
with psycopg.connect({place!r}, autocommit=True) as connection:
    if sys.argv[1] == "current":
        print(*connection.execute("SELECT version FROM versions").fetchone())
    else:
        word = "DROP COLUMN IF EXISTS" if sys.argv[1] == "down" else "ADD COLUMN"
        connection.execute(f"ALTER TABLE orders {{word}} colour {{'' if sys.argv[1] == 'down' else 'text'}}")
        connection.execute("UPDATE versions SET version = %s", [sys.argv[2]])
"""


def test_a_migration_that_holds_locks_is_stopped_and_taken_back(site: Site) -> None:
    leader = site.cluster.leader()
    port = site.cluster.nodes[leader].postgres
    place = (
        f"host=127.0.0.1 port={port} dbname=postgres user=postgres password='{PASSWORD}' connect_timeout=10"
    )
    tool = site.stage.folder / "migrate"
    tool.write_text(MIGRATE.format(python=sys.executable, place=place))
    tool.chmod(0o755)
    with (
        site.cluster.connect(leader) as seen,
        contextlib.closing(psycopg.connect(place, application_name="migration")) as migration,
    ):
        seen.execute("CREATE TABLE versions AS SELECT 'v2' AS version")
        seen.execute("CREATE TABLE orders AS SELECT 1 AS number, 'red' AS colour FROM generate_series(1, 2)")
        with pytest.raises(psycopg.errors.UniqueViolation):
            seen.execute("CREATE UNIQUE INDEX CONCURRENTLY orders_number ON orders (number)")
        migration.execute("ALTER TABLE orders ADD COLUMN size text")
        waiting = threading.Thread(target=_count_orders, args=(place,), daemon=True)
        waiting.start()
        blocked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
        until(lambda: seen.execute(blocked).fetchone() == (1,), "a request to wait for the lock")

        inputs: Json = {"tool": str(tool), "version": "v1"}
        run = site.stage.begin("failing-migration", **inputs)
        site.stage.answer(run, "deny")
        assert site.stage.ended(run)["outcome"] == "denied"
        assert waiting.is_alive()

        run = site.stage.begin("failing-migration", **inputs)
        request = site.stage.answer(run, "approve", "--confirm", "v1")
        assert request["question"] == "Stop the migration, and bring the database from v2 to v1? (2 changes)"
        waiting.join(60)
        assert not waiting.is_alive()
        view = site.stage.ended(run)
        assert (view["outcome"], view["outputs"]["waited"]) == ("succeeded", 1), view["reason"]
        assert view["outputs"]["half_built"] == "orders_number"
        assert seen.execute("SELECT version FROM versions").fetchone() == ("v1",)
        columns = seen.execute("SELECT * FROM orders LIMIT 0").description or []
        assert [column.name for column in columns] == ["number"]
        seen.execute("DROP TABLE orders, versions")


def _count_orders(place: str) -> None:
    with psycopg.connect(place, application_name="shop") as connection:
        connection.execute("SELECT count(*) FROM orders")
