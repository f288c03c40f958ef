"""The action `haproxy`: servers of a backend in and out, and their weights, through HAProxy's runtime API.

What HAProxy is told there lasts until it is started again. Several servers are told one after the other; what
each was before is the way back.
"""

from __future__ import annotations

import asyncio
import csv
import errno
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.places import why_not
from activities.systems import Systems
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_MAINT, _DRAIN = 0x01 | 0x02 | 0x20, 0x08
"""Bits of `srv_admin_state`: forced, inherited from another server, without an address; and forced."""
_LIMIT = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Server:
    name: str
    state: str
    """`ready`, `drain` or `maint`."""
    weight: int
    status: str
    """What HAProxy makes of it: `UP`, `DOWN`, `DRAIN`, `MAINT`, `no check`."""
    sessions: int

    def data(self) -> dict[str, Json]:
        return {
            "name": self.name,
            "state": self.state,
            "weight": self.weight,
            "status": self.status,
            "sessions": self.sessions,
        }


class Haproxy:
    """`haproxy` as an action."""

    name = "haproxy"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`backend`, and each of its `servers`: `name state weight status sessions`."""
        socket = await self._socket(params, context)
        before = await _servers(socket, params["backend"])
        if not context.key:
            return _result(params, before)
        orders = list(_orders(params, before))
        _refuse_too_few(params, before)
        await _tell(socket, orders, context)
        with executed(f"`{params['backend']}`"):
            return _result(params, await _servers(socket, params["backend"]))

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        servers = await _servers(await self._socket(params, context), params["backend"])
        wanted = _wanted(params, servers)
        touched = [each for each in servers if each.name in wanted]
        done = all((each.state, each.weight) == wanted[each.name] for each in touched)
        was = [{"name": each.name, "state": each.state, "weight": each.weight} for each in touched]
        back = {"servers": None, "set": None, "restore": was}
        return Standing(done, _result(params, servers), back)

    async def _socket(self, params: Mapping[str, Json], context: Context) -> Socket:
        system = self._systems.named(params.get("server"), ("haproxy",))
        settings = await self._systems.find(system, ("haproxy",), context)
        return Socket(system, settings["url"], min(context.timeout, 10.0))


@dataclass(frozen=True, slots=True)
class Socket:
    """HAProxy's `stats socket`: `unix:///run/haproxy/admin.sock` or `tcp://lb1:9999`."""

    system: str
    url: str
    seconds: float

    async def ask(self, command: str) -> str:
        """HAProxy's answer. Raises Unreachable while nothing was sent, and OutcomeUnknown afterwards."""
        sent = False
        try:
            async with asyncio.timeout(self.seconds):
                reader, writer = await self._open()
                try:
                    sent = True
                    writer.write(f"{command}\n".encode())
                    # It closes the connection behind the answer.
                    answer = await reader.read(_LIMIT)
                    while more := await reader.read(_LIMIT):
                        answer += more
                    if not answer:
                        raise ConnectionResetError(errno.ECONNRESET, "")  # even consent is a line
                finally:
                    writer.close()
        except (OSError, TimeoutError) as error:
            said = f"`{self.system}` ({self.url}): {why_not(error, self.seconds)}"
            raise (OutcomeUnknown if sent else Unreachable)(said) from None
        return answer.decode("utf-8", "replace").strip()

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = urlsplit(self.url)
        if place.scheme == "unix" and place.path:
            return await asyncio.open_unix_connection(place.path)
        if place.scheme == "tcp" and place.hostname and place.port:
            return await asyncio.open_connection(place.hostname, place.port)
        raise InvalidInput(
            f"the `url` of the system `{self.system}` is no `unix:///PATH` or `tcp://HOST:PORT`"
        )


async def _servers(socket: Socket, backend: str) -> list[Server]:
    try:
        states = await socket.ask(f"show servers state {backend}")
        stats = await socket.ask("show stat")
    except OutcomeUnknown as error:
        raise Unreachable(str(error)) from None  # it only read
    rows = states.splitlines()
    if len(rows) < 2 or not rows[1].startswith("# "):
        raise ActionRefused(f"`{socket.system}` has no backend `{backend}`: {states[:200]}")
    columns = rows[1].removeprefix("# ").split(" ")
    found = [dict(zip(columns, row.split(" "), strict=False)) for row in rows[2:]]
    seen = {(row["# pxname"], row["svname"]): row for row in csv.DictReader(stats.splitlines())}
    return [_server(row, seen.get((backend, row["srv_name"]), {})) for row in found]


def _server(row: Mapping[str, str], seen: Mapping[str, str]) -> Server:
    admin = int(row["srv_admin_state"])
    state = "maint" if admin & _MAINT else "drain" if admin & _DRAIN else "ready"
    weight = int(row["srv_uweight"])
    return Server(row["srv_name"], state, weight, seen.get("status", ""), int(seen.get("scur") or 0))


# --- changing ---------------------------------------------------------------------------------------------


def _wanted(params: Mapping[str, Json], servers: Sequence[Server]) -> dict[str, tuple[str, int]]:
    """Server to the state and the weight that it is to have. Raises ActionRefused."""
    if "restore" in params:
        wanted = {each["name"]: (each["state"], each["weight"]) for each in params["restore"]}
    else:
        named = params["servers"]
        given = params["set"]
        names = [named] if isinstance(named, str) else list(named)
        now = {each.name: each for each in servers}
        wanted = {
            name: (given.get("state", now[name].state), given.get("weight", now[name].weight))
            for name in names
            if name in now
        }
        _refuse_unknown(params, names, now)
    _refuse_unknown(params, list(wanted), {each.name: each for each in servers})
    return wanted


def _refuse_unknown(params: Mapping[str, Json], names: Sequence[str], now: Mapping[str, Server]) -> None:
    if unknown := [name for name in names if name not in now]:
        listed = ", ".join(f"`{name}`" for name in unknown)
        have = ", ".join(f"`{name}`" for name in sorted(now)[:20])
        raise ActionRefused(f"the backend `{params['backend']}` has no server {listed}; it has {have}")


def _orders(params: Mapping[str, Json], servers: Sequence[Server]) -> Iterator[tuple[str, str]]:
    """Server and command, for what differs only."""
    wanted = _wanted(params, servers)
    for each in servers:
        state, weight = wanted.get(each.name, (each.state, each.weight))
        place = f"{params['backend']}/{each.name}"
        if weight != each.weight:
            yield each.name, f"set server {place} weight {weight}"
        if state != each.state:
            yield each.name, f"set server {place} state {state}"


def _refuse_too_few(params: Mapping[str, Json], servers: Sequence[Server]) -> None:
    """Users are served by what is ready and not down; so many of them have to be left."""
    wanted = _wanted(params, servers)
    after = [wanted.get(each.name, (each.state, each.weight)) for each in servers]
    left = sum(
        state == "ready" and weight > 0 and not each.status.startswith("DOWN")
        for each, (state, weight) in zip(servers, after, strict=True)
    )
    least = params.get("at_least", 1)
    takes = any(wanted.get(each.name, ("ready", 1))[0] != "ready" for each in servers)
    takes = takes or any(wanted.get(each.name, ("", 1))[1] == 0 for each in servers)
    if takes and left < least:
        raise ActionRefused(
            f"the backend `{params['backend']}` would be left with {left} of {len(servers)} servers, and "
            f"`at_least` asks for {least}; nothing was changed"
        )


async def _tell(socket: Socket, orders: Sequence[tuple[str, str]], context: Context) -> None:
    told: list[str] = []
    server = ""
    try:
        for server, command in orders:
            answer = await socket.ask(command)
            if answer:
                # It says nothing when all is well.
                done = f"; {', '.join(told)} was changed before" if told else ""
                raise ActionRefused(f"`{socket.system}` refused `{command}`: {answer[:200]}{done}")
            told.append(f"`{server}`")
            context.beat(command)
    except asyncio.CancelledError:
        rest = [name for name, _ in orders if f"`{name}`" not in told and name != server]
        ends = [TargetEnd(name.strip("`"), "done") for name in told]
        ends += [TargetEnd(server, "unknown"), *(TargetEnd(name, "not_started") for name in rest)]
        context.ended(tuple(ends))
        raise
    except Unreachable as error:
        if told:
            raise OutcomeUnknown(f"{error}; {', '.join(told)} was changed before") from None
        raise


def _result(params: Mapping[str, Json], servers: Sequence[Server]) -> dict[str, Json]:
    return {"backend": params["backend"], "servers": [each.data() for each in servers]}
