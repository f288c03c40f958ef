"""The action `dns`: ask for names, and change records by dynamic updates (RFC 2136, signed as RFC 8945 says).

A change is read first at the zone's own server: what is there already is not sent, and what was there is the
way back. The update names what was read as its prerequisite, so nothing is overwritten that somebody else has
changed in between.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import dns.asyncquery
import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

from activities.action import Context, Standing
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_TYPES = ("A", "AAAA", "CNAME", "TXT")
"""What a change can set. A name has either a CNAME or the others."""
_EACH = 5.0
"""Seconds for one question."""
_LATER = (dns.rcode.SERVFAIL,)


@dataclass(frozen=True, slots=True)
class Records:
    """The records of one type of a name; no values when there are none."""

    name: str
    kind: str
    ttl: int
    values: tuple[str, ...]
    target: str = field(default="", compare=False)
    """Where a CNAME leads in the end; empty when there is none."""

    def data(self) -> dict[str, Json]:
        return {"name": self.name, "type": self.kind, "ttl": self.ttl, "values": list(self.values)}

    def answer(self) -> dict[str, Json]:
        leads = self.values[0] if self.kind == "CNAME" and self.values else self.target
        return {**self.data(), "target": leads}


@dataclass(frozen=True, slots=True)
class Primary:
    """The server that a zone is changed at."""

    system: str
    address: str
    port: int
    key: dns.tsig.Key | None

    def sign(self, message: dns.message.Message) -> None:
        if self.key is not None:
            message.use_tsig(self.key)


class Dns:
    """`dns` as an action."""

    name = "dns"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, result: Json) -> str | None:
        absent = [answer["name"] for answer in result["answers"] if not answer["values"]]
        if result["changed"] or not absent:
            return None
        return f"no such records: {', '.join(f'`{name}`' for name in absent)}"

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`answers`, in the order of the names: `name type ttl values target`; `changed`, and `old_ttl`."""
        if "resolve" in params:
            return await self._resolve(params, context)
        primary = await self._primary(params, context)
        zone = await _zone(primary, params)
        before = await _standing(primary, zone, params, context)
        wanted = _wanted(params, before)
        await _update(primary, zone, before, wanted, context)
        return _result(wanted, before)

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        primary = await self._primary(params, context)
        zone = await _zone(primary, params)
        before = await _standing(primary, zone, params, context)
        wanted = _wanted(params, before)
        back = {"names": None, "set": None, "zone": zone, "records": [each.data() for each in before]}
        return Standing(before == wanted, _result(wanted, before), back)

    async def _primary(self, params: Mapping[str, Json], context: Context) -> Primary:
        system = self._systems.named(params.get("provider"), ("nameserver",))
        return _primary(system, await self._systems.find(system, ("nameserver",), context))

    async def _resolve(self, params: Mapping[str, Json], context: Context) -> Json:
        named = params["resolve"]
        names = [named] if isinstance(named, str) else list(named)
        kind = params.get("type", "A")
        resolver, fresh = await self._resolver(params, context), params.get("fresh", False)
        try:
            async with asyncio.timeout(context.timeout):
                asked = (
                    _asked(await _own(resolver, name) if fresh else resolver, name, kind) for name in names
                )
                answers = await asyncio.gather(*[each async for each in asked])
        except TimeoutError:
            raise Unreachable(
                f"no answer about {', '.join(names[:5])} within {context.timeout:.0f}s"
            ) from None
        return {"answers": [answer.answer() for answer in answers], "changed": False, "old_ttl": 0}

    async def _resolver(self, params: Mapping[str, Json], context: Context) -> dns.asyncresolver.Resolver:
        if "provider" not in params:
            try:
                resolver = dns.asyncresolver.Resolver()
            except dns.resolver.NoResolverConfiguration as error:
                raise InvalidInput(
                    f"this worker knows no nameserver, so give the step a `provider`: {error}"
                ) from None
        else:
            primary = await self._primary(params, context)
            resolver = dns.asyncresolver.Resolver(configure=False)
            resolver.nameservers, resolver.port = [primary.address], primary.port
        resolver.cache = None
        resolver.lifetime = _EACH
        return resolver


# --- asking -----------------------------------------------------------------------------------------------


async def _own(resolver: dns.asyncresolver.Resolver, name: str) -> dns.asyncresolver.Resolver:
    """A resolver that asks the servers of the name's own zone, which no cache stands before."""
    try:
        zone = await dns.asyncresolver.zone_for_name(name, resolver=resolver)
        servers = await resolver.resolve(zone, "NS", search=False)
        found = [await resolver.resolve(server.target, "A", search=False) for server in servers]
    except (dns.exception.DNSException, OSError) as error:
        raise Unreachable(f"the servers of `{name}`: {_said(error)}") from None
    own = dns.asyncresolver.Resolver(configure=False)
    own.nameservers = [address.address for answer in found for address in answer]
    own.port, own.cache, own.lifetime = resolver.port, None, _EACH
    return own


async def _asked(resolver: dns.asyncresolver.Resolver, name: str, kind: str) -> Records:
    try:
        answer = await resolver.resolve(name, kind, search=False, raise_on_no_answer=False)
    except dns.resolver.NXDOMAIN:
        return Records(name, kind, 0, ())
    except (dns.resolver.NoNameservers, dns.exception.Timeout, OSError) as error:
        raise Unreachable(f"`{name}`: {_said(error)}") from None
    except dns.exception.DNSException as error:
        raise InvalidInput(f"`{name}` cannot be asked for: {_said(error)}") from None
    leads = answer.canonical_name.to_text()
    found = _records(name, kind, answer.rrset)
    return found if leads == answer.qname.to_text() else replace(found, target=leads)


async def _zone(primary: Primary, params: Mapping[str, Json]) -> str:
    """The zone of the names: as the step says it, or as its server does."""
    if "zone" in params:
        return str(params["zone"])
    name = dns.name.from_text(_names(params)[0])
    # What is a CNAME says nothing of its zone, so the names above it are asked too.
    for above in range(len(name) - 1):
        answer = await _exchange(primary, dns.message.make_query(dns.name.Name(name[above:]), "SOA"))
        for rrset in (*answer.answer, *answer.authority):
            if rrset.rdtype == dns.rdatatype.SOA and name.is_subdomain(rrset.name):
                return str(rrset.name.to_text(omit_final_dot=True))
    raise ActionRefused(f"`{primary.system}` knows no zone of `{name}`; give the step its `zone`")


async def _standing(
    primary: Primary, zone: str, params: Mapping[str, Json], context: Context
) -> list[Records]:
    """What the zone's own server has for every name and type that the change may touch."""
    if "records" in params:
        wanted = [(each["name"], each["type"]) for each in params["records"]]
    else:
        wanted = [(name, kind) for name in _names(params) for kind in _TYPES]
    pairs = list(dict.fromkeys(wanted))
    try:
        async with asyncio.timeout(context.timeout):
            asked = (_authoritative(primary, zone, name, kind) for name, kind in pairs)
            return list(await asyncio.gather(*asked))
    except TimeoutError:
        raise Unreachable(f"`{primary.system}` gave no answer within {context.timeout:.0f}s") from None


async def _authoritative(primary: Primary, zone: str, name: str, kind: str) -> Records:
    owner = _absolute(name, zone)
    query = dns.message.make_query(owner, kind)
    query.flags &= ~dns.flags.RD
    primary.sign(query)
    answer = await _exchange(primary, query)
    if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        raise _refused(primary, zone, answer)
    if not answer.flags & dns.flags.AA:
        raise ActionRefused(
            f"`{primary.system}` is not the server of the zone `{zone}`, so it cannot change it"
        )
    # A server that meets a CNAME tells of its target too.
    asked = (owner, dns.rdatatype.from_text(kind))
    found = next((rrset for rrset in answer.answer if (rrset.name, rrset.rdtype) == asked), None)
    return _records(name, kind, found)


async def _exchange(primary: Primary, message: dns.message.Message) -> dns.message.Message:
    """By TCP: an answer of any size, and no guess whether it has arrived. Raises Unreachable."""
    try:
        return await dns.asyncquery.tcp(message, primary.address, timeout=_EACH, port=primary.port)
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise Unreachable(f"`{primary.system}` at {primary.address}:{primary.port}: {_said(error)}") from None


def _records(name: str, kind: str, rrset: dns.rrset.RRset | None) -> Records:
    if rrset is None:
        return Records(name, kind, 0, ())
    return Records(name, kind, rrset.ttl, tuple(sorted(item.to_text() for item in rrset)))


# --- changing ---------------------------------------------------------------------------------------------


def _wanted(params: Mapping[str, Json], before: Sequence[Records]) -> list[Records]:
    """The same names and types as `before`, as they are to be."""
    if "records" in params:
        said = {(each["name"], each["type"]): each for each in params["records"]}
        return [_restored(each, said.get((each.name, each.kind))) for each in before]
    given, ttl = params["set"], params["set"].get("ttl")
    values = {kind.upper(): given[kind] for kind in given if kind != "ttl"}
    wanted = []
    for each in before:
        if not values:
            wanted.append(Records(each.name, each.kind, ttl if each.values else 0, each.values))
        elif each.kind in values:
            wanted.append(_made(each, _of_its_own(params, each, values[each.kind]), ttl, before))
        else:
            gone = "CNAME" in (*values, each.kind)
            wanted.append(Records(each.name, each.kind, 0, ()) if gone else each)
    if not values and not any(each.values for each in before):
        raise ActionRefused(
            f"none of {', '.join(f'`{name}`' for name in _names(params))} has a record to give a TTL"
        )
    return wanted


def _of_its_own(params: Mapping[str, Json], each: Records, given: Json) -> Json:
    """A name leads to one other, so several CNAMEs are one for each of the names, in their order."""
    if each.kind != "CNAME" or isinstance(given, str) or len(given) == 1:
        return given
    names = _names(params)
    if len(given) != len(names):
        raise InvalidInput(f"dns: `cname` is one name, or one for each of the {len(names)} in `names`")
    return given[names.index(each.name)]


def _made(each: Records, given: Json, ttl: int | None, before: Sequence[Records]) -> Records:
    listed = [given] if isinstance(given, str) else list(given)
    if ttl is None:
        had = [other.ttl for other in before if other.name == each.name and other.values]
        ttl = each.ttl or (min(had) if had else 300)
    try:
        # The spelling of the server: addresses shortened, texts quoted.
        texts = [f'"{text}"' if each.kind == "TXT" and not text.startswith('"') else text for text in listed]
        rrset = dns.rrset.from_text_list(
            "name.", ttl, "IN", each.kind, texts, origin=dns.name.root, relativize=False
        )
    except dns.exception.DNSException as error:
        raise InvalidInput(f"dns: {', '.join(listed)} is no value of {each.kind}: {_said(error)}") from None
    return Records(each.name, each.kind, ttl, tuple(sorted(item.to_text() for item in rrset)))


def _restored(each: Records, said: Mapping[str, Json] | None) -> Records:
    if said is None or not said["values"]:
        return Records(each.name, each.kind, 0, ())
    return _made(each, said["values"], said["ttl"], ())


async def _update(
    primary: Primary, zone: str, before: Sequence[Records], wanted: Sequence[Records], context: Context
) -> None:
    """Send what differs, in one message: all of it happens or nothing."""
    message = dns.update.UpdateMessage(zone)
    pairs = [(old, new) for old, new in zip(before, wanted, strict=True) if old != new]
    # Away first: a name cannot have a CNAME beside others for a moment.
    for old, new in sorted(pairs, key=lambda pair: bool(pair[1].values)):
        name = _absolute(new.name, zone)
        if old.values:
            message.present(name, *_rdatas(old))
        else:
            message.absent(name, old.kind)
        if new.values:
            message.replace(name, new.ttl, new.kind, *new.values)
        else:
            message.delete(name, new.kind)
    if not pairs:
        return
    primary.sign(message)
    try:
        answer = await dns.asyncquery.tcp(
            message, primary.address, timeout=min(context.timeout, _EACH), port=primary.port
        )
    except ConnectionRefusedError as error:
        raise Unreachable(f"`{primary.system}` at {primary.address}:{primary.port}: {_said(error)}") from None
    except (dns.exception.DNSException, OSError, EOFError) as error:
        raise OutcomeUnknown(
            f"`{primary.system}` was sent the update and did not answer: {_said(error)}"
        ) from None
    if answer.rcode() in (dns.rcode.NXRRSET, dns.rcode.YXRRSET, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN):
        raise ActionRefused(
            f"a record of `{zone}` was changed by somebody else in the same moment; nothing was changed here"
        )
    if answer.rcode() != dns.rcode.NOERROR:
        raise _refused(primary, zone, answer)


def _rdatas(old: Records) -> list[Any]:
    return [
        dns.rrset.from_text_list(
            "name.", 0, "IN", old.kind, list(old.values), origin=dns.name.root, relativize=False
        ).to_rdataset()
    ]


def _result(wanted: Sequence[Records], before: Sequence[Records]) -> dict[str, Json]:
    return {
        "answers": [each.answer() for each in wanted if each.values],
        "changed": True,
        "old_ttl": max((each.ttl for each in before), default=0),
    }


def _names(params: Mapping[str, Json]) -> list[str]:
    named = params.get("names", ())
    return [named] if isinstance(named, str) else list(named)


def _absolute(name: str, zone: str) -> dns.name.Name:
    """`www`, `www.example.org` and `@` in the zone `example.org`."""
    origin = dns.name.from_text(zone)
    if name == "@":
        return origin
    whole = dns.name.from_text(name)
    return whole if whole.is_subdomain(origin) else dns.name.from_text(name, origin=origin)


def _refused(primary: Primary, zone: str, answer: dns.message.Message) -> ActionRefused | Unreachable:
    code = dns.rcode.to_text(answer.rcode())
    family = Unreachable if answer.rcode() in _LATER else ActionRefused
    hint = ""
    if answer.rcode() in (dns.rcode.REFUSED, dns.rcode.NOTAUTH):
        hint = "; does it serve the zone, and may this key change it?"
    return family(f"`{primary.system}` answered {code} about `{zone}`{hint}")


def _primary(system: str, settings: Mapping[str, Json]) -> Primary:
    place = urlsplit(settings["url"] if "//" in settings["url"] else f"dns://{settings['url']}")
    if not place.hostname:
        raise InvalidInput(f"the `url` of the system `{system}` is no `dns://HOST:PORT`")
    key = None
    if "user" in settings:
        algorithm = settings.get("algorithm", "hmac-sha256")
        try:
            key = dns.tsig.Key(settings["user"], settings["password"], algorithm)
        except (KeyError, ValueError) as error:
            raise InvalidInput(f"the key of the system `{system}` is no TSIG key: {_said(error)}") from None
    return Primary(system, _address(system, place.hostname), place.port or 53, key)


def _address(system: str, host: str) -> str:
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise Unreachable(f"`{system}`: {host}: {error.strerror}") from None


def _said(error: BaseException) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__
