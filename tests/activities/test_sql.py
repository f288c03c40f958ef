"""The action `sql` against a real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.sql import Sql
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.support.postgres import PASSWORD, Postgres, start_postgres
from tests.support.sshd import unused_port

# One PostgreSQL serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("postgres")


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with start_postgres() as server:
        yield server


@pytest.fixture
def connection(postgres: Postgres) -> Iterator[psycopg.Connection]:
    """The administrator's own; `orders` has three rows."""
    with psycopg.connect(postgres.url(), user="postgres", password=PASSWORD, autocommit=True) as held:
        held.execute("DROP TABLE IF EXISTS orders")
        held.execute("CREATE TABLE orders (id int PRIMARY KEY, note text)")
        held.execute("INSERT INTO orders VALUES (1, 'a'), (2, 'b'), (3, NULL)")
        yield held


@pytest.fixture
def sql(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> Sql:
    monkeypatch.setenv("PG_PASSWORD", PASSWORD)
    settings = {"user": "postgres", "password": {"secret": "env/PG_PASSWORD"}}
    place = {"kind": "postgres", "url": postgres.url(), **settings}
    nowhere = {**place, "url": f"postgresql://127.0.0.1:{unused_port()}/postgres"}
    missing = {**place, "url": postgres.url("absent")}
    stranger = {**place, "password": "wrong"}
    systems = {"main": place, "again": place, "nowhere": nowhere, "missing": missing, "stranger": stranger}
    return Sql(Systems(systems))


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context(one=True)


def check_schema(result: Any) -> None:
    Draft202012Validator(load_catalogue().actions["sql"].result).validate(result)


async def test_rows_become_data(sql: Sql, connection: psycopg.Connection, reading: Context) -> None:
    query = (
        "SELECT id, note, 1.5::numeric AS share, interval '90 s' AS age, 7::numeric AS whole,"
        " 'NaN'::float AS odd, timestamptz '2026-01-02 03:04:05+00' AS moment, array[1, 2] AS list,"
        " '{\"a\": 1}'::jsonb AS doc"
        " FROM orders WHERE id >= %(least)s ORDER BY id"
    )
    result = await sql.perform({"database": "main", "query": query, "params": {"least": 2}}, reading)
    check_schema(result)
    assert result["columns"][:3] == ["id", "note", "share"]
    moment = result["rows"][0].pop("moment")
    assert moment.startswith("2026-01-02T03:04:05")
    simple = {"id": 2, "note": "b", "share": 1.5, "age": 90.0, "whole": 7, "odd": None}
    assert result["rows"][0] == {**simple, "list": [1, 2], "doc": {"a": 1}}
    assert (result["rows"][1]["note"], result["count"], result["truncated"]) == (None, 2, False)


async def test_many_databases_give_a_result_each(
    sql: Sql, connection: psycopg.Connection, context: Context
) -> None:
    reads = Beats(changes=False).context()
    results = await sql.perform({"database": ["main", "again"], "query": "SELECT 1 AS one"}, reads)
    assert [(result["database"], result["rows"]) for result in results] == [
        ("main", [{"one": 1}]),
        ("again", [{"one": 1}]),
    ]


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM orders",
        "SELECT nextval('s')",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT * FROM gone",
        "DO $$ BEGIN DELETE FROM orders; END $$",
    ],
)
async def test_a_read_cannot_change_anything(
    sql: Sql, connection: psycopg.Connection, reading: Context, query: str
) -> None:
    connection.execute("CREATE SEQUENCE IF NOT EXISTS s")
    with pytest.raises(ActionRefused, match=r"read-only transaction; .* says `effect: change`"):
        await sql.perform({"database": "main", "query": query}, reading)
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


@pytest.mark.parametrize("query", ["SELECT 1; DELETE FROM orders", "COMMIT; DELETE FROM orders"])
async def test_there_is_one_statement(
    sql: Sql, connection: psycopg.Connection, reading: Context, query: str
) -> None:
    with pytest.raises(ActionRefused, match="cannot insert multiple commands"):
        await sql.perform({"database": "main", "query": query}, reading)
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


async def test_a_statement_that_leaves_its_transaction_leaves_nothing_behind(
    sql: Sql, connection: psycopg.Connection, reading: Context
) -> None:
    await sql.perform({"database": "main", "query": "SET default_transaction_read_only = off"}, reading)
    with pytest.raises(ActionRefused):
        await sql.perform({"database": "main", "query": "DELETE FROM orders"}, reading)


async def test_a_change_is_committed(sql: Sql, connection: psycopg.Connection, one: Context) -> None:
    query = "UPDATE orders SET note = %(note)s WHERE id = 3"
    result = await sql.perform({"database": "main", "query": query, "params": {"note": "x'; --"}}, one)
    check_schema(result)
    assert (result["count"], result["rows"]) == (1, [])
    assert connection.execute("SELECT note FROM orders WHERE id = 3").fetchone() == ("x'; --",)


async def test_a_change_that_takes_too_long_is_rolled_back(
    sql: Sql, connection: psycopg.Connection, beats: Beats
) -> None:
    query = "WITH done AS (DELETE FROM orders RETURNING id) SELECT pg_sleep(30) FROM done"
    with pytest.raises(ActionRefused, match=r"was rolled back|gave up after the step's time"):
        await sql.perform({"database": "main", "query": query}, beats.context(one=True, timeout=1.0))
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


async def test_a_change_that_is_cancelled_was_not_made(
    sql: Sql, connection: psycopg.Connection, beats: Beats
) -> None:
    query = "WITH done AS (DELETE FROM orders RETURNING id) SELECT pg_sleep(30) FROM done"
    running = asyncio.create_task(sql.perform({"database": "main", "query": query}, beats.context(one=True)))
    while not connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
        await asyncio.sleep(0.02)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert [(end.target, end.state) for end in beats.ends] == [("main", "not_started")]
    assert connection.execute("SELECT count(*) FROM orders").fetchone() == (3,)


async def test_a_server_that_goes_away_at_the_commit_leaves_the_outcome_unknown(
    sql: Sql, connection: psycopg.Connection, one: Context
) -> None:
    connection.execute(
        "CREATE OR REPLACE FUNCTION fall() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$"
    )
    connection.execute(
        "CREATE CONSTRAINT TRIGGER at_commit AFTER DELETE ON orders DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION fall()"
    )
    with pytest.raises(OutcomeUnknown, match="`main` may have committed the statement or not: "):
        await sql.perform({"database": "main", "query": "DELETE FROM orders WHERE id = 1"}, one)


async def test_the_server_stops_a_read_that_takes_too_long(sql: Sql, connection: psycopg.Connection) -> None:
    context = Beats(changes=False).context(one=True, timeout=1.0)
    with pytest.raises((ActionRefused, Unreachable), match=r"time|within 1s"):
        await sql.perform({"database": "main", "query": "SELECT pg_sleep(30)"}, context)
    while connection.execute("SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'").fetchone():
        await asyncio.sleep(0.02)


async def test_more_rows_than_the_limit_are_cut(
    sql: Sql, connection: psycopg.Connection, reading: Context
) -> None:
    params = {"database": "main", "query": "SELECT generate_series(1, 5000) AS n"}
    result = await sql.perform(params, reading)
    assert (len(result["rows"]), result["truncated"]) == (1000, True)
    assert (await sql.perform({**params, "limit": 5000}, reading))["truncated"] is False


async def test_rows_that_are_too_large_are_refused(
    sql: Sql, connection: psycopg.Connection, reading: Context
) -> None:
    query = "SELECT repeat('x', 100000) AS x FROM generate_series(1, 10)"
    with pytest.raises(ActionRefused, match=r"the rows are \d+ bytes, and at most 524288 are taken"):
        await sql.perform({"database": "main", "query": query}, reading)


@pytest.mark.parametrize(
    ("database", "family", "says"),
    [
        ("nowhere", Unreachable, "`nowhere` cannot be reached: .*refused"),
        ("missing", ActionRefused, "`missing` cannot be reached: .*does not exist"),
        ("stranger", ActionRefused, "`stranger` cannot be reached: .*authentication failed"),
        ("unheard-of", InvalidInput, "no system `unheard-of` .*of kind `postgres` it has `again`, `main`"),
    ],
)
async def test_what_cannot_be_asked_says_why(
    sql: Sql, reading: Context, database: str, family: type[Exception], says: str
) -> None:
    with pytest.raises(family, match=says):
        await sql.perform({"database": database, "query": "SELECT 1"}, reading)


async def test_two_columns_of_one_name_are_refused(
    sql: Sql, connection: psycopg.Connection, reading: Context
) -> None:
    with pytest.raises(InvalidInput, match="two columns have the same name"):
        await sql.perform({"database": "main", "query": "SELECT 1 AS a, 2 AS a"}, reading)
