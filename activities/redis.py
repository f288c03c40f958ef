"""The action `redis`: who is master of a Redis that sentinels watch over, and a failover to another.

The sentinels are asked, all of them: a majority has to name the same master, and that one has to say itself
that it is. A failover names the master to leave or the replica to promote, so asking twice is asking once.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import redis.asyncio
import redis.exceptions
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.systems import Systems
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_EACH = 3.0
_PREFERRED = 1
"""Sentinels promote the replica with the smallest `replica-priority` that is not 0."""
_PROMOTED_WITHIN = 30.0
_HEARD_WITHIN = 15.0
"""Seconds until a sentinel knows a replica's new priority; it asks every ten."""
_FAILURES = (redis.exceptions.RedisError, OSError, TimeoutError)


@dataclass(frozen=True, slots=True)
class Watched:
    """A Redis as its sentinels see it."""

    master: str
    """`HOST:PORT`; empty when no majority names one."""
    replicas: tuple[Mapping[str, Json], ...]
    sentinels: int
    """How many answered."""
    known: int
    """How many there are."""
    writable: bool
    """The master says itself that it is."""

    def data(self) -> dict[str, Json]:
        return {
            "master": self.master,
            "writable": self.writable,
            "replicas": [dict(each) for each in self.replicas],
            "sentinels": self.sentinels,
            "quorum": self.sentinels * 2 > self.known,
        }


class Redis:
    """`redis` as an action."""

    name = "redis"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, result: Json) -> str | None:
        if not result["master"]:
            return "the sentinels name no master that a majority of them agrees on"
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`master writable replicas sentinels quorum`."""
        place = await self._place(params, context)
        if "failover" not in params:
            return (await place.watched()).data()
        seen = await place.watched()
        if _in_place(params["failover"], seen):
            return seen.data()
        await _fail_over(place, params["failover"], seen, context)
        with executed(f"`{place.system}`"):
            return (await place.watched()).data()

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        seen = await (await self._place(params, context)).watched()
        back = {"failover": {"to": seen.master}} if seen.master else None
        return Standing(seen.writable and _in_place(params["failover"], seen), seen.data(), back)

    async def _place(self, params: Mapping[str, Json], context: Context) -> Place:
        system = self._systems.named(params.get("server"), ("redis",))
        settings = await self._systems.find(system, ("redis",), context)
        url = urlsplit(settings["url"])
        hosts = [each.rpartition(":") for each in url.netloc.split(",")]
        name = url.path.strip("/")
        if url.scheme != "sentinel" or not name or not all(port.isdecimal() for *_, port in hosts):
            raise InvalidInput(
                f"the `url` of the system `{system}` is no `sentinel://HOST:PORT,HOST:PORT,HOST:PORT/NAME`"
            )
        login = {"username": settings.get("user"), "password": settings.get("password")}
        return Place(system, tuple((host, int(port)) for host, _, port in hosts), name, login)


@dataclass(frozen=True, slots=True)
class Place:
    system: str
    sentinels: tuple[tuple[str, int], ...]
    name: str
    """What the sentinels call it."""
    login: Mapping[str, str | None]
    """To the nodes; the sentinels ask for none."""

    async def watched(self) -> Watched:
        """Raises Unreachable when no sentinel answers."""
        told = await asyncio.gather(*(self.told(*each) for each in self.sentinels))
        answers = [each for each in told if not isinstance(each, str)]
        if not answers:
            raise Unreachable(f"no sentinel of `{self.system}` answers: {'; '.join(map(str, told))}")
        named = [_address(master) for master, _ in answers]
        known = max(len(self.sentinels), *(master["num-other-sentinels"] + 1 for master, _ in answers))
        most = max(set(named), key=named.count)
        master = most if named.count(most) * 2 > known else ""
        # Of those who see the same master; the others may look at what was.
        replicas = next(found for state, found in answers if _address(state) == most)
        seen = tuple(_replica(each) for each in replicas)
        return Watched(master, seen, len(answers), known, bool(master) and await self._is_master(master))

    async def told(self, host: str, port: int) -> tuple[Any, Sequence[Any]] | str:
        """What one sentinel says of the master and of its replicas, or why it says nothing."""
        try:
            async with asyncio.timeout(_EACH), _connected(host, port) as sentinel:
                return (
                    await sentinel.sentinel_master(self.name),
                    await sentinel.sentinel_slaves(self.name),
                )
        except redis.exceptions.ResponseError as error:
            raise ActionRefused(f"`{self.system}`: a sentinel at {host}:{port} says: {error}") from None
        except _FAILURES as error:
            return f"{host}:{port}: {_said(error)}"

    async def _is_master(self, address: str) -> bool:
        try:
            async with asyncio.timeout(_EACH), self.node(address) as node:
                role = await node.execute_command("ROLE")
        except redis.exceptions.AuthenticationError:
            raise ActionRefused(
                f"`{self.system}`: {address} does not let this worker in; check `user` and `password`"
            ) from None
        except _FAILURES:
            return False
        return bool(role[0] == "master")

    def node(self, address: str) -> contextlib.AbstractAsyncContextManager[Any]:
        host, _, port = address.rpartition(":")
        return _connected(host, int(port), **self.login)


@contextlib.asynccontextmanager
async def _connected(host: str, port: int, **login: str | None) -> AsyncIterator[Any]:
    client = redis.asyncio.Redis(
        host=host,
        port=port,
        decode_responses=True,
        socket_timeout=_EACH,
        retry=Retry(NoBackoff(), 0),  # a dead node is seen at once; who asks again is the step's affair
        **login,  # type: ignore[arg-type]
    )
    try:
        yield client
    finally:
        await client.aclose()


# --- the failover -----------------------------------------------------------------------------------------


def _in_place(asked: Mapping[str, Json], seen: Watched) -> bool:
    if "to" in asked:
        return bool(seen.master == asked["to"])
    return bool(seen.master) and bool(seen.master != asked["away_from"])


async def _fail_over(place: Place, asked: Mapping[str, Json], seen: Watched, context: Context) -> None:
    """Tell a sentinel, and wait until a majority names another master."""
    target = asked.get("to")
    ready = [each["address"] for each in seen.replicas if each["up"] and each["priority"]]
    if target is not None and target not in ready:
        raise ActionRefused(
            f"`{target}` is no replica of `{place.system}` that could take over now; nothing was changed; "
            f"{', '.join(f'`{each}`' for each in ready) or 'none'} could"
        )
    if not ready:
        raise ActionRefused(f"`{place.system}` has no replica that could take over; nothing was changed")
    told = False
    try:
        async with contextlib.AsyncExitStack() as stack:
            if target is not None:
                await stack.enter_async_context(_preferred(place, target, context))
            told = True
            await _tell(place)
            await _promoted(place, asked, context)
    except asyncio.CancelledError:
        context.ended((TargetEnd(place.system, "unknown" if told else "not_started"),))
        raise


async def _tell(place: Place) -> None:
    """One sentinel is enough: it carries the failover out, and the others follow."""
    failed = ""
    for host, port in place.sentinels:
        try:
            async with asyncio.timeout(_EACH), _connected(host, port) as sentinel:
                await sentinel.execute_command("SENTINEL FAILOVER", place.name)
        except redis.exceptions.ConnectionError as error:
            failed = f"{host}:{port}: {_said(error)}"
            continue
        except redis.exceptions.ResponseError as error:
            if str(error).startswith("INPROG"):
                return
            raise ActionRefused(f"`{place.system}` refuses a failover: {error}") from None
        except _FAILURES as error:
            raise OutcomeUnknown(
                f"a sentinel of `{place.system}` was told to fail over: {_said(error)}"
            ) from None
        return
    raise Unreachable(f"no sentinel of `{place.system}` could be told: {failed}")


async def _promoted(place: Place, asked: Mapping[str, Json], context: Context) -> None:
    try:
        async with asyncio.timeout(min(context.timeout, _PROMOTED_WITHIN)):
            while not (_in_place(asked, seen := await place.watched()) and seen.writable):
                context.beat(f"the master is still {seen.master or 'not agreed on'}")
                await asyncio.sleep(0.2)
    except (TimeoutError, Unreachable) as error:
        raise OutcomeUnknown(
            f"`{place.system}` was told to fail over, and no majority names another master: {_said(error)}"
        ) from None


@contextlib.asynccontextmanager
async def _preferred(place: Place, target: str, context: Context) -> AsyncIterator[None]:
    """While this lasts, sentinels would promote `target`."""
    try:
        async with asyncio.timeout(_EACH), place.node(target) as node:
            before = (await node.config_get("replica-priority"))["replica-priority"]
            await node.config_set("replica-priority", _PREFERRED)
    except _FAILURES as error:
        raise ActionRefused(
            f"`{target}` cannot be preferred, and nothing was changed: {_said(error)}"
        ) from None
    try:
        async with asyncio.timeout(_HEARD_WITHIN):
            while not await _heard(place, target):
                context.beat(f"the sentinels do not prefer {target} yet")
                await asyncio.sleep(0.5)
        yield
    except TimeoutError:
        raise ActionRefused(f"the sentinels of `{place.system}` did not come to prefer `{target}`") from None
    finally:
        with contextlib.suppress(*_FAILURES):
            async with asyncio.timeout(_EACH), place.node(target) as node:
                await node.config_set("replica-priority", before)


async def _heard(place: Place, target: str) -> bool:
    """Whether every sentinel that answers knows of the preference: any of them may carry the failover out."""
    told = await asyncio.gather(*(place.told(*each) for each in place.sentinels))
    seen = [
        {_address(each): each["slave-priority"] for each in found[1]}
        for found in told
        if not isinstance(found, str)
    ]
    return bool(seen) and all(each.get(target) == _PREFERRED for each in seen)


def _replica(state: Mapping[str, Any]) -> dict[str, Json]:
    up = not (state["is_sdown"] or state["is_odown"] or state["is_disconnected"])
    return {
        "address": _address(state),
        "up": up,
        "linked": state["master-link-status"] == "ok",
        "offset": state["slave-repl-offset"],
        "priority": state["slave-priority"],
    }


def _address(state: Mapping[str, Any]) -> str:
    return f"{state['ip']}:{state['port']}"


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
