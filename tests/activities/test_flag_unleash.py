"""The action `flag` against a real Unleash."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
from starlette.responses import JSONResponse

from activities.action import Context, Knowing
from activities.flag import Flag
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Json
from tests.activities.flags import brought_back, performed, set_to, there_and_back
from tests.activities.served import Got, Scripted
from tests.support.unleash import Unleash, start_unleash
from tests.support.until import PATIENCE

# One Unleash serves the whole module, so all of it belongs on one worker.
pytestmark = [pytest.mark.xdist_group("unleash"), pytest.mark.timeout(120)]


def gradual(percentage: int, **more: Json) -> Json:
    given = {"rollout": str(percentage), "stickiness": "userId", "groupId": "theirs"}
    return {"name": "flexibleRollout", "parameters": given, **more}


FOR_DE: Json = {"contextName": "country", "operator": "IN", "values": ["de"]}


@pytest.fixture(scope="module")
def unleash(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unleash]:
    with start_unleash(tmp_path_factory.mktemp("flags") / "unleash") as started:
        yield started


@pytest.fixture
async def flag(unleash: Unleash, site: Scripted) -> AsyncIterator[Flag]:
    systems: dict[str, dict[str, Json]] = {
        "main": unleash.system(),
        "wrong": unleash.system(token="*:*.a-wrong-one"),
        "blind": {name: held for name, held in unleash.system().items() if name != "reader"},
        "elsewhere": unleash.system(reader="*:development.another-token"),
        "admin": unleash.system(reader=unleash.token),
        "nowhere": unleash.system(environment="moon", reader="*:moon.a-token"),
        "away": unleash.system(url="http://127.0.0.1:9"),
        "scripted": unleash.system(url=site.url),
    }
    action = Flag(Systems(systems))
    assert isinstance(action, Knowing)
    yield action
    await action.close()


@pytest.fixture
def name() -> str:
    return f"checkout-{uuid4()}"


def strategies(unleash: Unleash, name: str) -> Any:
    return unleash.ask("GET", unleash.place(name))["strategies"]


async def told(flag: Flag, context: Context, name: str, **subject: Json) -> bool:
    result = await performed(flag, context, server="main", name=name, evaluate=subject)
    return bool(result["value"])


async def tells(flag: Flag, context: Context, name: str, value: bool) -> None:
    """Unleash tells its clients after a second or so."""
    async with asyncio.timeout(PATIENCE):
        while await told(flag, context, name, userId="u1") != value:
            await asyncio.sleep(0.1)


async def test_it_is_switched_off_for_users_and_on_again(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    unleash.create(name, on=True)
    await tells(flag, context, name, True)
    undo = await set_to(flag, context, server="main", name=name, set="off")
    await tells(flag, context, name, False)
    await brought_back(flag, context, undo)
    await tells(flag, context, name, True)


@pytest.mark.parametrize(
    "made",
    [
        pytest.param([], id="no strategy"),
        pytest.param([{"name": "default"}], id="everybody"),
        pytest.param([gradual(30, title="first"), gradual(7, constraints=[FOR_DE])], id="rules"),
        pytest.param([gradual(30, disabled=True)], id="a strategy that is off"),
    ],
)
@pytest.mark.parametrize("on", [True, False])
@pytest.mark.parametrize("asked", ["on", "off", {"percentage": 5}], ids=str)
async def test_everything_is_as_it_was_after_the_way_back(
    flag: Flag, unleash: Unleash, context: Context, name: str, made: list[Json], on: bool, asked: Json
) -> None:
    unleash.create(name, *made, on=on)
    params = {"server": "main", "name": name, "set": asked}
    if (await flag.look(params, context)).done:
        events = unleash.events(name)
        await performed(flag, context, **params)
        assert unleash.events(name) == events
        return
    before = strategies(unleash, name)
    result = await there_and_back(flag, context, **params)
    assert strategies(unleash, name) == before
    assert result["on"] == (asked != "off")
    if isinstance(asked, dict):
        assert result["percentage"] == asked["percentage"]


async def test_nobody_gets_more_than_the_share_meanwhile(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    unleash.create(name, gradual(90), on=False)
    await set_to(flag, context, server="main", name=name, set={"percentage": 5})
    kinds = [kind for kind in unleash.events(name) if kind != "feature-created"]
    assert kinds[-2:] == ["feature-strategy-update", "feature-environment-enabled"]


async def test_the_rules_of_its_own_stay_beside_a_percentage(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    segment = unleash.ask("POST", "/api/admin/segments", {"name": name, "constraints": [FOR_DE]})
    rules = gradual(80, constraints=[FOR_DE], segments=[segment["id"]], title="theirs")
    unleash.create(name, rules, on=True)
    before = unleash.ask("GET", "/api/admin/projects/default/features/" + name)
    undo = await set_to(flag, context, server="main", name=name, set={"percentage": 20})
    (now,) = strategies(unleash, name)
    assert now["parameters"] == {"rollout": "20", "stickiness": "userId", "groupId": "theirs"}
    assert [each["contextName"] for each in now["constraints"]] == ["country"]
    await brought_back(flag, context, undo)
    after = unleash.ask("GET", "/api/admin/projects/default/features/" + name)
    assert after["environments"] == before["environments"]


async def test_a_strategy_that_somebody_has_removed_meanwhile_comes_back(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    unleash.create(name, gradual(30), gradual(60), on=True)
    undo = await set_to(flag, context, server="main", name=name, set="off")
    first, _ = strategies(unleash, name)
    unleash.ask("DELETE", f"{unleash.place(name)}/strategies/{first['id']}")
    await brought_back(flag, context, undo)
    assert [each["parameters"]["rollout"] for each in strategies(unleash, name)] == ["30", "60"]


async def test_what_has_a_share_of_nobody_is_off_and_is_switched_on_for_everybody(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    unleash.create(name, gradual(0), on=True)
    assert not (await performed(flag, context, server="main", name=name))["on"]
    result = await there_and_back(flag, context, server="main", name=name, set="on")
    assert (result["on"], result["percentage"]) == (True, 100)


async def test_a_percentage_that_unleash_cannot_keep_changes_nothing(
    flag: Flag, unleash: Unleash, context: Context, name: str
) -> None:
    unleash.create(name, gradual(30), {"name": "remoteAddress", "parameters": {"IPs": "10.0.0.1"}}, on=True)
    events = unleash.events(name)
    with pytest.raises(ActionRefused, match="has the strategy `remoteAddress`, which knows no percentage"):
        await performed(flag, context, server="main", name=name, set={"percentage": 5})
    with pytest.raises(InvalidInput, match=r"whole percents only, and not 2\.5"):
        await performed(flag, context, server="main", name=name, set={"percentage": 2.5})
    assert unleash.events(name) == events


@pytest.mark.parametrize(
    ("server", "family", "says"),
    [
        ("main", ActionRefused, "`main`: GET .* answered 404 Not Found: There's no feature named"),
        ("nowhere", ActionRefused, "404 Not Found: There's no feature named"),
        ("wrong", ActionRefused, "401 .*; check its credentials in the worker's configuration"),
        ("away", Unreachable, "connection refused"),
    ],
)
@pytest.mark.parametrize(
    "how", [{}, {"set": "off"}, {"evaluate": {"userId": "u1"}}], ids=["read", "set", "told"]
)
async def test_why_it_failed_is_told(
    flag: Flag, context: Context, server: str, family: type[Exception], says: str, how: Any
) -> None:
    with pytest.raises(family, match=says):
        await performed(flag, context, server=server, name="no-such-flag", **how)


@pytest.mark.parametrize(
    ("server", "says"),
    [
        ("blind", "the system `blind` needs `reader`, a frontend token"),
        (
            "elsewhere",
            "the `reader` of the system `elsewhere` is no frontend token for the environment `production`",
        ),
        ("admin", "the `reader` of the system `admin` is no frontend token for the environment `production`"),
    ],
)
async def test_what_users_are_told_is_asked_with_a_token_of_theirs(
    flag: Flag, unleash: Unleash, context: Context, name: str, server: str, says: str
) -> None:
    unleash.create(name, on=True)
    with pytest.raises(InvalidInput, match=says):
        await performed(flag, context, server=server, name=name, evaluate={"userId": "u1"})


@pytest.mark.parametrize(
    "hostile", ["a/../../../instance-admin", "a:b", "a.b", "..", "../x", "a?b", "a\n", "a b", ""]
)
async def test_a_name_is_never_a_path(flag: Flag, context: Context, hostile: str) -> None:
    with pytest.raises((ActionRefused, InvalidInput)) as caught:
        await performed(flag, context, server="main", name=hostile, set="off")
    if isinstance(caught.value, ActionRefused):
        assert "answered 404 Not Found: There's no feature named" in str(caught.value)


def answering(site: Scripted, **statuses: int) -> None:
    """A flag with two strategies, whose requests by method are answered with these statuses."""
    body = {"enabled": True, "strategies": [{"id": "1", **gradual(30)}, {"id": "2", **gradual(40)}]}
    told = iter([200])

    def reply(got: Got) -> JSONResponse:
        if got.method == "GET":
            return JSONResponse(body)
        return JSONResponse({"message": "no"}, next(told, statuses[got.method]))

    site.reply = reply


@pytest.mark.parametrize("status", [403, 503])
async def test_a_half_of_a_change_is_in_doubt(
    flag: Flag, site: Scripted, context: Context, status: int
) -> None:
    answering(site, PUT=status)
    with pytest.raises(OutcomeUnknown, match=f"only a part of the change was made: .* answered {status}"):
        await performed(flag, context, server="scripted", name="x", set={"percentage": 5})
    assert site.methods() == ["GET", "GET", "PUT", "PUT"]


async def test_what_cannot_be_read_after_a_change_is_in_doubt(
    flag: Flag, site: Scripted, context: Context
) -> None:
    gone: list[bool] = []

    def reply(got: Got) -> JSONResponse:
        if got.method == "GET":
            return JSONResponse({"enabled": True, "strategies": []}, 503 if gone else 200)
        gone.append(True)
        return JSONResponse({})

    site.reply = reply
    with pytest.raises(OutcomeUnknown, match=r"`x` was changed, but then could not be read: .* 503"):
        await performed(flag, context, server="scripted", name="x", set="off")


async def test_its_tokens_are_shown_to_unleash_alone(flag: Flag, unleash: Unleash, name: str) -> None:
    hidden: list[str] = []
    context = Context(key="k", timeout=10, one=False, beat=lambda _: None, hide=hidden.extend)
    unleash.create(name, on=True)
    await performed(flag, context, server="main", name=name)
    assert {unleash.token, unleash.reader} <= set(hidden)
