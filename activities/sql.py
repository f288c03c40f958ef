"""The action `sql`: one statement on PostgreSQL, and its rows as data.

A read runs in a transaction that PostgreSQL itself holds to reading and that is rolled back at its end. The
statement goes through the extended protocol, which takes exactly one, so none can leave that transaction.
"""

from __future__ import annotations

import asyncio
import datetime
import math
import time
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import psycopg
from psycopg.rows import dict_row

from activities.action import Context
from activities.systems import Systems
from activities.web.data import holdable
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.encode import canonical
from stanch.language.plan import Json

ROWS = 1000
"""Rows of an answer, unless the step says another number."""
_MOST = 512 * 1024
"""Bytes of all rows of a step."""
_CONNECT = 10.0


class Sql:
    """`sql` as an action. Each statement has a connection of its own."""

    name = "sql"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """A result a database: `database rows columns count truncated seconds`."""
        named = params["database"]
        names = [named] if isinstance(named, str) else list(named)
        if context.one and len(names) != 1:
            raise InvalidInput(f"sql: one database was expected in `database`, there are {len(names)}")
        places = {name: await self._systems.find(name, ("postgres",), context) for name in names}
        if not context.key:
            results = await asyncio.gather(*(_read(name, places[name], params, context) for name in names))
            return _fitting(results, context)
        if len(names) != 1:
            raise InvalidInput(f"sql: a change is made in one database at a time, and {len(names)} are named")
        return _fitting([await _change(names[0], places[names[0]], params, context)], context)


async def _read(
    name: str, place: Mapping[str, Json], params: Mapping[str, Json], context: Context
) -> dict[str, Json]:
    began = time.monotonic()
    try:
        async with asyncio.timeout(context.timeout), await _connect(name, place, context.timeout) as session:
            await session.set_read_only(True)
            answer = await _answer(name, session, params)
            await session.rollback()
            return {**answer, **_since(began)}
    except TimeoutError:
        raise Unreachable(f"`{name}` gave no answer within {context.timeout:.0f}s") from None
    except psycopg.Error as error:
        raise _told(name, error) from None


async def _change(
    name: str, place: Mapping[str, Json], params: Mapping[str, Json], context: Context
) -> dict[str, Json]:
    began, committing = time.monotonic(), False
    try:
        async with asyncio.timeout(context.timeout):
            session = await _connect(name, place, context.timeout)
            async with session:
                answer = await _answer(name, session, params)
                committing = True
                await session.commit()
                return {**answer, **_since(began)}
    except asyncio.CancelledError:
        # Before the commit, the end of the connection rolls all of it back.
        context.ended((TargetEnd(name, "unknown" if committing else "not_started"),))
        raise
    except (TimeoutError, psycopg.Error) as error:
        if committing:
            raise OutcomeUnknown(
                f"`{name}` may have committed the statement or not: {_said(error)}"
            ) from None
        if isinstance(error, psycopg.Error):
            raise _told(name, error) from None
        raise ActionRefused(
            f"`{name}` did not carry out the statement within {context.timeout:.0f}s; it was rolled back"
        ) from None


async def _connect(
    name: str, place: Mapping[str, Json], seconds: float
) -> psycopg.AsyncConnection[dict[str, Any]]:
    """Raises Unreachable, or ActionRefused when the server does not let us in."""
    extra = {word: place[word] for word in ("user", "password") if word in place}
    if "ca_file" in place:
        extra |= {"sslrootcert": place["ca_file"], "sslmode": "verify-full"}
    try:
        return await psycopg.AsyncConnection.connect(
            place["url"],
            row_factory=dict_row,
            connect_timeout=math.ceil(min(seconds, _CONNECT)),
            application_name="stanch",
            # The server gives up by itself too, should this worker be gone.
            options=f"-c statement_timeout={math.ceil(seconds * 1000)}",
            **extra,
        )
    except psycopg.ProgrammingError as error:
        raise InvalidInput(
            f"the `url` of the system `{name}` is no connection string: {_said(error)}"
        ) from None
    except psycopg.OperationalError as error:
        refused = any(word in str(error) for word in ("authentication", "does not exist", "pg_hba"))
        family = ActionRefused if refused else Unreachable
        raise family(f"`{name}` cannot be reached: {_said(error)}") from None


async def _answer(
    name: str, session: psycopg.AsyncConnection[dict[str, Any]], params: Mapping[str, Json]
) -> dict[str, Json]:
    limit = params.get("limit", ROWS)
    values = params.get("params") or None
    async with session.cursor() as cursor:
        # Prepared: exactly one statement, and nothing of a value is ever read as SQL.
        await cursor.execute(params["query"], values, prepare=True)
        rows = await cursor.fetchmany(limit + 1) if cursor.description else []
        columns = [column.name for column in cursor.description or ()]
        count = cursor.rowcount
    if len(set(columns)) < len(columns):
        raise InvalidInput(f"`{name}`: two columns have the same name; give each one with `AS`")
    return {
        "database": name,
        "columns": columns,
        "rows": [{column: _data(value) for column, value in row.items()} for row in rows[:limit]],
        "count": max(count, 0),
        "truncated": len(rows) > limit,
    }


def _fitting(results: Sequence[dict[str, Json]], context: Context) -> Json:
    size = sum(len(canonical(result["rows"])) for result in results)
    if size > _MOST:
        raise ActionRefused(
            f"the rows are {size} bytes, and at most {_MOST} are taken; select less, or give a `limit`"
        )
    return results[0] if context.one else list(results)


def _data(value: Any) -> Json:
    """A value of PostgreSQL as JSON: a moment as RFC 3339, a length of time in seconds, the rest as text."""
    match value:
        case None | bool() | int() | float() | str():
            return holdable(value)
        case Decimal():
            whole = value.is_finite() and value == value.to_integral_value()
            return holdable(int(value) if whole else float(value))
        case datetime.timedelta():
            return value.total_seconds()
        case datetime.datetime() | datetime.date() | datetime.time():
            return value.isoformat()
        case dict():
            return {str(key): _data(held) for key, held in value.items()}
        case list() | tuple():
            return [_data(held) for held in value]
        case bytes():
            return value.hex()
        case _:
            return holdable(str(value))


def _since(began: float) -> dict[str, Json]:
    return {"seconds": round(time.monotonic() - began, 3)}


def _told(name: str, error: psycopg.Error) -> StanchError:
    """What an error before any commit means: the connection broke, or the server said no."""
    if isinstance(error, psycopg.errors.QueryCanceled):
        return ActionRefused(f"`{name}` gave up after the step's time: {_said(error)}")
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        return ActionRefused(
            f"`{name}`: {_said(error)}; a statement that changes something says `effect: change`"
        )
    if isinstance(error, psycopg.OperationalError) and error.sqlstate is None:
        return Unreachable(f"`{name}`: the connection broke, and nothing was changed: {_said(error)}")
    if isinstance(error, psycopg.OperationalError):
        return Unreachable(f"`{name}`: {_said(error)}")
    return ActionRefused(f"`{name}` refused the statement: {_said(error)}")


def _said(error: BaseException) -> str:
    text = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((text or str(error)).split())[:500] or type(error).__name__
