"""The action `flag` on services: LaunchDarkly, as its maker describes it, and an endpoint of one's own."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from starlette.responses import JSONResponse

from activities.action import Context
from activities.flag import Flag
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json
from tests.activities.conftest import Beats
from tests.activities.flags import brought_back, performed, set_to
from tests.activities.served import Got, Scripted
from tests.support.flags import LaunchDarkly, Ofrep, start_launchdarkly, start_ofrep

HALF: Json = {
    "rollout": {
        "contextKind": "user",
        "bucketBy": "key",
        "variations": [{"variation": 0, "weight": 50_000}, {"variation": 1, "weight": 50_000}],
    }
}
NOBODY: Json = {"variation": 1}
TARGETS: Json = [{"contextKind": "user", "values": ["u1"], "variation": 0}]


@pytest.fixture
def launchdarkly() -> Iterator[LaunchDarkly]:
    with start_launchdarkly() as keeper:
        yield keeper


@pytest.fixture
def ofrep() -> Iterator[Ofrep]:
    with start_ofrep(x=False) as server:
        yield server


@pytest.fixture
async def flag(launchdarkly: LaunchDarkly, ofrep: Ofrep, site: Scripted) -> AsyncIterator[Flag]:
    systems: dict[str, dict[str, Json]] = {
        "ld": launchdarkly.system(ofrep=ofrep.url, reader=ofrep.token),
        "mute": launchdarkly.system(),
        "wrong": launchdarkly.system(token="api-a-wrong-one"),
        "nowhere": launchdarkly.system(environment="moon"),
        "project": launchdarkly.system(project="../../members"),
        "away": launchdarkly.system(url="http://127.0.0.1:9"),
        "own": {"kind": "flag_endpoint", "url": f"{site.url}/flags", "token": "a-token-of-our-own"},
        "no-url": {"kind": "flag_endpoint"},
    }
    action = Flag(Systems(systems))
    yield action
    await action.close()


# --- LaunchDarkly -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("made", "asked", "on", "percentage", "patched"),
    [
        ({}, "off", False, 0, {"on": False}),
        ({"on": False}, "on", True, 100, {"on": True}),
        ({"on": False, "fallthrough": HALF}, "on", True, 50, {"on": True}),
        (
            {"on": False, "fallthrough": NOBODY},
            "on",
            True,
            100,
            {"fallthrough": {"variation": 0}, "on": True},
        ),
        ({"fallthrough": NOBODY}, "on", True, 100, {"fallthrough": {"variation": 0}}),
        ({"on": False, "fallthrough": NOBODY, "targets": TARGETS}, "on", True, 0, {"on": True}),
        ({"on": False, "fallthrough": HALF}, {"percentage": 50}, True, 50, {"on": True}),
        ({"fallthrough": HALF}, {"percentage": 100}, True, 100, {"fallthrough": {"variation": 0}}),
        ({"fallthrough": HALF}, {"percentage": 0}, False, 0, {"on": False}),
        ({}, {"percentage": 12.3456}, True, 12.346, None),
        ({"on": False}, {"percentage": 1}, True, 1, None),
        ({"fallthrough": HALF}, {"percentage": 33.333}, True, 33.333, None),
    ],
)
async def test_only_what_differs_is_patched_and_brought_back(
    flag: Flag,
    launchdarkly: LaunchDarkly,
    context: Context,
    made: Any,
    asked: Json,
    on: bool,
    percentage: float,
    patched: Any,
) -> None:
    launchdarkly.create("x", **made)
    before = json.dumps(launchdarkly.flags["x"])
    undo = await set_to(flag, context, server="ld", name="x", set=asked)
    (patch,) = launchdarkly.patches
    assert {each["path"].rpartition("/")[0] for each in patch["patch"]} == {"/environments/production"}
    if patched is not None:
        assert {each["path"].rpartition("/")[2]: each["value"] for each in patch["patch"]} == patched
    result = await performed(flag, context, server="ld", name="x")
    assert result == {"name": "x", "on": on, "percentage": percentage}
    await brought_back(flag, context, undo)
    assert json.dumps(launchdarkly.flags["x"]) == before


async def test_users_are_told_apart_as_before_by_another_percentage(
    flag: Flag, launchdarkly: LaunchDarkly, context: Context
) -> None:
    launchdarkly.create("x", values=(False, True), fallthrough=HALF, offVariation=0)
    await set_to(flag, context, server="ld", name="x", set={"percentage": 10})
    weights = [{"variation": 0, "weight": 90_000}, {"variation": 1, "weight": 10_000}]
    rollout = {"contextKind": "user", "bucketBy": "key", "variations": weights}
    assert launchdarkly.production("x")["fallthrough"] == {"rollout": rollout}


@pytest.mark.parametrize(
    ("made", "asked"),
    [
        ({}, "on"),
        ({}, {"percentage": 100}),
        ({"on": False}, "off"),
        ({"fallthrough": NOBODY}, "off"),
        ({"fallthrough": HALF}, {"percentage": 50}),
        ({"fallthrough": NOBODY, "targets": TARGETS}, "on"),
    ],
)
async def test_what_is_so_already_is_not_patched(
    flag: Flag, launchdarkly: LaunchDarkly, context: Context, made: Any, asked: Json
) -> None:
    launchdarkly.create("x", **made)
    assert (await flag.look({"server": "ld", "name": "x", "set": asked}, context)).done
    await performed(flag, context, server="ld", name="x", set=asked)
    assert launchdarkly.patches == []


@pytest.mark.parametrize(
    ("server", "how", "family", "says"),
    [
        (
            "wrong",
            {},
            ActionRefused,
            "401 Unauthorized: invalid API key; check its credentials in the worker's",
        ),
        ("nowhere", {"set": "off"}, ActionRefused, "`nowhere`: the flag `x` has no environment `moon`"),
        (
            "project",
            {},
            ActionRefused,
            r"flags/\.\.%2F\.\.%2Fmembers/x answered 404 Not Found",
        ),
        ("away", {"set": "off"}, Unreachable, "connection refused"),
        ("mute", {"evaluate": {}}, InvalidInput, "the system `mute` needs `ofrep`, the URL that clients ask"),
    ],
)
async def test_why_it_failed_is_told(
    flag: Flag, launchdarkly: LaunchDarkly, context: Context, server: str, how: Any, family: Any, says: str
) -> None:
    launchdarkly.create("x")
    with pytest.raises(family, match=says):
        await performed(flag, context, server=server, name="x", **how)
    assert launchdarkly.patches == []


@pytest.mark.parametrize(
    ("made", "says"),
    [
        ({"values": ("a", "b")}, "the variations of `x` are not true and false"),
        ({"values": (True, False, True)}, "the variations of `x` are not true and false"),
        ({"values": (1, 0)}, "the variations of `x` are not true and false"),
        ({"offVariation": 0}, "switched off, `x` is true for everybody: that is its off variation"),
    ],
)
async def test_a_flag_that_off_does_not_switch_off_is_left_alone(
    flag: Flag, launchdarkly: LaunchDarkly, context: Context, made: Any, says: str
) -> None:
    launchdarkly.create("x", **made)
    with pytest.raises(ActionRefused, match=says):
        await performed(flag, context, server="ld", name="x", set="off")
    assert launchdarkly.patches == []


async def test_a_flag_that_needs_an_approval_there_says_so(
    flag: Flag, launchdarkly: LaunchDarkly, context: Context
) -> None:
    launchdarkly.create("x")
    launchdarkly.needs_approval = True
    with pytest.raises(ActionRefused, match="405 Method Not Allowed: Approval is required"):
        await performed(flag, context, server="ld", name="x", set="off")


async def test_its_clients_are_asked_what_they_are_told(flag: Flag, ofrep: Ofrep, context: Context) -> None:
    result = await performed(flag, context, server="ld", name="x", evaluate={"targetingKey": "u1"})
    assert result == {"name": "x", "value": False, "on": False}
    assert ofrep.asked == [{"targetingKey": "u1"}]


# --- an endpoint of one's own -----------------------------------------------------------------------------


def keeping(site: Scripted, **flags: Json) -> dict[str, Json]:
    """The site keeps these, and answers with 404 for all others."""

    def reply(got: Got) -> JSONResponse:
        name = got.path.removeprefix("/flags/")
        if got.headers["authorization"] != "Bearer a-token-of-our-own":
            return JSONResponse({}, 401)
        if name not in flags:
            return JSONResponse({"message": "no such flag"}, 404)
        if got.method == "PUT":
            flags[name] = json.loads(got.body)
        return JSONResponse(flags[name])

    site.reply = reply
    return flags


@pytest.mark.parametrize(
    ("value", "asked", "there"),
    [
        (True, "off", False),
        (False, "on", True),
        ({"on": True, "team": "a"}, "off", {"on": False, "team": "a"}),
        ({"on": True, "percentage": 5}, {"percentage": 20}, {"on": True, "percentage": 20}),
    ],
)
async def test_an_endpoint_is_told_the_whole_value_and_gets_it_back(
    flag: Flag, site: Scripted, context: Context, value: Json, asked: Json, there: Json
) -> None:
    flags = keeping(site, x=value)
    undo = await set_to(flag, context, server="own", name="x", set=asked)
    assert flags == {"x": there}
    assert site.methods().count("PUT") == 1
    await brought_back(flag, context, undo)
    assert flags == {"x": value}


async def test_what_is_so_already_is_not_put(flag: Flag, site: Scripted, context: Context) -> None:
    keeping(site, x=False)
    await performed(flag, context, server="own", name="x", set="off")
    assert (await performed(flag, context, server="own", name="x", evaluate={}))["value"] is False
    assert set(site.methods()) == {"GET"}


@pytest.mark.parametrize(
    ("name", "how", "family", "says"),
    [
        ("y", {"set": "off"}, ActionRefused, "`own`: GET .*/flags/y answered 404 Not Found: no such flag"),
        (
            "x",
            {"set": {"percentage": 5}},
            ActionRefused,
            "`x` is only true or false, so it has no percentage",
        ),
        ("text", {}, ActionRefused, '`text` is neither true nor false, .*: "yes"'),
        ("half", {"evaluate": {"userId": "u1"}}, InvalidInput, "`half` is on for 50 %, and only its service"),
    ],
)
async def test_why_an_endpoint_failed_is_told(
    flag: Flag, site: Scripted, context: Context, name: str, how: Any, family: Any, says: str
) -> None:
    keeping(site, x=True, text="yes", half={"on": True, "percentage": 50})
    with pytest.raises(family, match=says):
        await performed(flag, context, server="own", name=name, **how)
    assert "PUT" not in site.methods()


@pytest.mark.parametrize(
    ("status", "family"), [(403, ActionRefused), (503, Unreachable), (504, OutcomeUnknown)]
)
async def test_a_put_that_is_not_answered_well_is_told_apart(
    flag: Flag, site: Scripted, context: Context, status: int, family: type[Exception]
) -> None:
    site.reply = lambda got: JSONResponse(True, 200 if got.method == "GET" else status)
    with pytest.raises(family, match=f"PUT .* answered {status}"):
        await performed(flag, context, server="own", name="x", set="off")


async def test_a_name_is_one_part_of_the_path(flag: Flag, site: Scripted, context: Context) -> None:
    site.reply = lambda _: JSONResponse(True)
    await performed(flag, context, server="own", name="a/../../b")
    assert site.got[0].path == "/flags/a/../../b"


async def test_what_the_configuration_lacks_is_told(flag: Flag, context: Context) -> None:
    with pytest.raises(InvalidInput, match="the system `no-url` is a `flag_endpoint` and needs a `url`"):
        await performed(flag, context, server="no-url", name="x")
    with pytest.raises(InvalidInput, match="the step does not say which system"):
        await performed(flag, context, name="x")


async def test_every_secret_of_it_is_hidden(
    flag: Flag, launchdarkly: LaunchDarkly, ofrep: Ofrep, beats: Beats
) -> None:
    launchdarkly.create("x")
    hidden: list[str] = []
    context = Context(key="", timeout=10, one=False, beat=beats.notes.append, hide=hidden.extend)
    await performed(flag, context, server="ld", name="x")
    assert {launchdarkly.token, ofrep.token} <= set(hidden)
