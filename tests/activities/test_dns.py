"""The action `dns` against a real BIND."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from typing import Any

import dns.message
import dns.query
import dns.tsig
import dns.update
import psutil
import pytest
from jsonschema import Draft202012Validator

import activities.dns as module
from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.dns import Dns
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.support.nameserver import KEY, KEY_NAME, ZONE, Nameserver, start_nameserver
from tests.support.sshd import unused_port
from tests.support.until import until

# One server serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("nameserver")
SPEC = load_catalogue().actions["dns"]
WWW = {"provider": "main", "zone": ZONE, "names": "www"}


@pytest.fixture(scope="module")
def server() -> Iterator[Nameserver]:
    with start_nameserver({"www": "A 192.0.2.1"}) as started:
        yield started


@pytest.fixture(autouse=True)
def _as_it_was(server: Nameserver) -> None:
    message = dns.update.UpdateMessage(ZONE)
    for name in ("www", "api", "shop"):
        message.delete(name)
    message.add("www", 300, "A", "192.0.2.1")
    message.add("www", 60, "TXT", '"hello there"')
    message.add("api", 120, "CNAME", "www")
    message.use_tsig(dns.tsig.Key(KEY_NAME, KEY))
    answer = dns.query.tcp(message, "127.0.0.1", port=server.port, timeout=5)
    assert answer.rcode() == 0


@pytest.fixture
def action(server: Nameserver, monkeypatch: pytest.MonkeyPatch) -> Dns:
    monkeypatch.setenv("TSIG", KEY)
    main = {"kind": "nameserver", "url": server.url, "user": KEY_NAME, "password": {"secret": "env/TSIG"}}
    nobody = {"kind": "nameserver", "url": server.url}
    away = {**main, "url": f"dns://127.0.0.1:{unused_port()}"}
    return Dns(Systems({"main": main, "nobody": nobody, "away": away}))


@pytest.fixture
def reading() -> Context:
    return Beats(changes=False).context()


def check(result: Any) -> Any:
    Draft202012Validator(SPEC.result).validate(result)
    return result


def there(server: Nameserver, name: str, kind: str) -> tuple[int, list[str]]:
    query = dns.message.make_query(f"{name}.{ZONE}", kind)
    answer = dns.query.tcp(query, "127.0.0.1", port=server.port, timeout=5).answer
    return (answer[0].ttl, sorted(item.to_text() for item in answer[0])) if answer else (0, [])


async def back(action: Dns, params: dict[str, Any], context: Context) -> None:
    """Do it, look, and take it back as the ledger would."""
    before = await action.look(params, context)
    assert before.back is not None
    await action.perform(params, context)
    assert (await action.look(params, context)).done
    undo = {name: held for name, held in {**params, **before.back}.items() if held is not None}
    Parameters(SPEC).check(undo)
    assert not (await action.look(undo, context)).done
    check(await action.perform(undo, context))
    assert (await action.look(undo, context)).done


async def test_names_are_resolved_in_their_order(action: Dns, reading: Context) -> None:
    params = {"resolve": [f"www.{ZONE}", f"nobody.{ZONE}", f"api.{ZONE}"], "provider": "main"}
    result = check(await action.perform(params, reading))
    assert [(each["ttl"], each["values"]) for each in result["answers"]] == [
        (300, ["192.0.2.1"]),
        (0, []),
        (300, ["192.0.2.1"]),
    ]
    assert action.failure(result) == f"no such records: `nobody.{ZONE}`"


async def test_a_change_of_address_keeps_the_ttl_and_says_how_long_caches_hold_the_old_one(
    action: Dns, server: Nameserver, context: Context
) -> None:
    assert isinstance(action, Knowing)
    params = {**WWW, "set": {"a": ["192.0.2.7", "192.0.2.6"]}}
    assert not (await action.look(params, context)).done
    result = check(await action.perform(params, context))
    assert there(server, "www", "A") == (300, ["192.0.2.6", "192.0.2.7"])
    assert there(server, "www", "TXT") == (60, ['"hello there"'])
    assert (result["changed"], result["old_ttl"]) == (True, 300)
    assert (await action.look(params, context)).done


async def test_only_a_ttl_leaves_the_values(action: Dns, server: Nameserver, context: Context) -> None:
    await action.perform({**WWW, "names": ["www", f"api.{ZONE}"], "set": {"ttl": 10}}, context)
    assert there(server, "www", "A") == (10, ["192.0.2.1"])
    assert there(server, "api", "CNAME") == (10, [f"www.{ZONE}."])


async def test_a_cname_takes_the_place_of_all_others_and_the_way_back_brings_them(
    action: Dns, server: Nameserver, context: Context
) -> None:
    params = {**WWW, "names": ["www", "shop"], "set": {"cname": "cdn.example.net", "ttl": 60}}
    await back(action, params, context)
    assert there(server, "www", "A") == (300, ["192.0.2.1"])
    assert there(server, "www", "TXT") == (60, ['"hello there"'])
    assert there(server, "shop", "CNAME") == (0, [])


async def test_an_address_takes_the_place_of_a_cname(
    action: Dns, server: Nameserver, context: Context
) -> None:
    await back(action, {**WWW, "names": "api", "set": {"a": "192.0.2.9"}}, context)
    assert there(server, "api", "CNAME") == (120, [f"www.{ZONE}."])


async def test_each_name_may_lead_to_another(action: Dns, server: Nameserver, context: Context) -> None:
    asked = {"provider": "main", "names": [f"www.{ZONE}", f"shop.{ZONE}"]}
    leads = {"cname": ["one.example.net", "two.example.net"], "ttl": 60}
    await back(action, {**asked, "set": leads}, context)
    await action.perform({**asked, "set": leads}, context)
    assert there(server, "www", "CNAME") == (60, ["one.example.net."])
    assert there(server, "shop", "CNAME") == (60, ["two.example.net."])
    with pytest.raises(InvalidInput, match="one for each of the 2 in `names`"):
        await action.perform({**asked, "set": {"cname": ["a.example", "b.example", "c.example"]}}, context)


async def test_the_servers_of_a_zone_can_be_asked_past_all_caches(action: Dns, reading: Context) -> None:
    params = {"resolve": f"api.{ZONE}", "provider": "main", "fresh": True}
    (answer,) = check(await action.perform(params, reading))["answers"]
    assert (answer["values"], answer["target"]) == (["192.0.2.1"], f"www.{ZONE}.")


async def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    action: Dns, server: Nameserver, context: Context
) -> None:
    """Many at once: each sends what it has read as its prerequisite, so exactly one wins a round."""
    asked = ({**WWW, "set": {"a": f"192.0.2.{number}"}} for number in range(10, 20))
    ends = await asyncio.gather(*(action.perform(each, context) for each in asked), return_exceptions=True)
    lost = [end for end in ends if isinstance(end, ActionRefused)]
    assert all("changed by somebody else in the same moment" in str(end) for end in lost)
    assert len(lost) < len(ends)
    assert len(there(server, "www", "A")[1]) == 1


@pytest.mark.parametrize(
    ("params", "family", "says"),
    [
        (
            {"provider": "nobody", "set": {"ttl": 5}},
            ActionRefused,
            "answered REFUSED .* may this key change it?",
        ),
        ({"provider": "away", "set": {"ttl": 5}}, Unreachable, "`away` at 127.0.0.1:"),
        ({"zone": "other.test", "set": {"ttl": 5}}, ActionRefused, "about `other.test`"),
        ({"set": {"a": "not an address"}}, InvalidInput, "no value of A"),
        ({"names": "nobody", "set": {"ttl": 5}}, ActionRefused, "has a record to give a TTL"),
        ({"provider": "unknown", "set": {"ttl": 5}}, InvalidInput, "no system `unknown`"),
    ],
)
async def test_what_cannot_be_changed_says_why(
    action: Dns, context: Context, params: dict[str, Any], family: type[Exception], says: str
) -> None:
    with pytest.raises(family, match=says):
        await action.perform({**WWW, **params}, context)


async def test_a_server_that_falls_silent_after_the_update_leaves_the_outcome_unknown(
    action: Dns, server: Nameserver, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_EACH", 0.5)
    read = module._standing

    async def then_stop(*args: Any) -> Any:
        found = await read(*args)
        server.process.send_signal(signal.SIGSTOP)
        until(lambda: psutil.Process(server.process.pid).status() == psutil.STATUS_STOPPED, "it to be silent")
        return found

    monkeypatch.setattr(module, "_standing", then_stop)
    try:
        with pytest.raises(OutcomeUnknown, match="was sent the update and did not answer"):
            await action.perform({**WWW, "set": {"a": "192.0.2.50"}}, context)
    finally:
        server.process.send_signal(signal.SIGCONT)
