"""The action `silence` against a real Alertmanager."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, Response

from activities.action import Context, Knowing
from activities.attempt.parameters import Parameters
from activities.silence import Silence
from activities.systems import Systems
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.served import Scripted
from tests.support.alertmanager import Alertmanager, start_alertmanager
from tests.support.until import until

# One Alertmanager serves the whole module, so all of it belongs on one worker.
pytestmark = pytest.mark.xdist_group("silences")
SPEC = load_catalogue().actions["silence"]


@pytest.fixture(scope="module")
def alertmanager(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Alertmanager]:
    folder = tmp_path_factory.mktemp("silences")
    (folder / "token").write_text("unused")
    hook = "http://127.0.0.1:9/nobody"
    with start_alertmanager(folder / "am", webhook=hook, token=folder / "token") as started:
        alerts = [{"labels": {"alertname": "Slow", "service": name}} for name in ("api", "web", "web-2")]
        httpx.post(f"{started.url}/api/v2/alerts", json=alerts).raise_for_status()
        until(lambda: len(started.alerts()) == 3, "the alerts to be known")
        yield started


@pytest.fixture
async def silence(alertmanager: Alertmanager, site: Scripted) -> AsyncIterator[Silence]:
    main = {"kind": "alertmanager", "url": alertmanager.url}
    other = {"kind": "alertmanager", "url": site.url, "user": "stanch", "password": "s3cret-word"}
    action = Silence(Systems({"main": main, "other": other}))
    yield action
    await action.close()


def params(**more: Any) -> dict[str, Any]:
    return {"server": "main", "matchers": ["service=api"], "for": "2h", "comment": "run/x/1", **more}


def silences(alertmanager: Alertmanager) -> list[Any]:
    found = httpx.get(f"{alertmanager.url}/api/v2/silences").raise_for_status().json()
    return [each for each in found if each["status"]["state"] == "active"]


async def test_it_is_made_once_and_taken_back(
    silence: Silence, alertmanager: Alertmanager, context: Context
) -> None:
    assert isinstance(silence, Knowing)
    asked = params(matchers=["service=~web.*", "team!=other"], comment="run/x/back")
    before = await silence.look(asked, context)
    assert not before.done
    result = await silence.perform(asked, context)
    Draft202012Validator(SPEC.result).validate(result)
    assert result["alerts"] == 2
    assert abs(result["ends"] - datetime.now(UTC).timestamp() - 7200) < 60
    assert (await silence.look(asked, context)).done
    (there,) = silences(alertmanager)
    assert (there["createdBy"], there["comment"]) == ("stanch", "run/x/back")
    undo = {**asked, **(before.back or {})}
    Parameters(SPEC).check(undo)
    assert not (await silence.look(undo, context)).done
    await silence.perform(undo, context)
    assert (await silence.look(undo, context)).done
    assert silences(alertmanager) == []


async def test_the_silence_of_somebody_else_is_neither_taken_for_ours_nor_ended(
    silence: Silence, alertmanager: Alertmanager, context: Context
) -> None:
    await silence.perform(params(comment="run/x/other"), context)
    assert not (await silence.look(params(comment="run/x/mine"), context)).done
    await silence.perform(params(comment="run/x/mine", remove=True), context)
    assert [each["comment"] for each in silences(alertmanager)] == ["run/x/other"]
    await silence.perform(params(comment="run/x/other", remove=True), context)


async def test_one_that_is_about_to_end_is_not_in_place(silence: Silence, context: Context) -> None:
    await silence.perform(params(comment="run/x/short", **{"for": "1m"}), context)
    assert not (await silence.look(params(comment="run/x/short"), context)).done
    await silence.perform(params(comment="run/x/short", remove=True), context)


async def test_what_alertmanager_refuses_is_told_in_its_words(silence: Silence, context: Context) -> None:
    with pytest.raises(ActionRefused, match=r"`main`: POST .*/api/v2/silences answered 400 .*"):
        await silence.perform(params(matchers=["service=~("]), context)


@pytest.mark.parametrize(
    ("status", "family", "says"),
    [
        (
            401,
            ActionRefused,
            "401 Unauthorized: go away; check its credentials in the worker's configuration",
        ),
        (503, Unreachable, "503 Service Unavailable"),
        (504, OutcomeUnknown, "nobody knows whether it was executed behind that"),
    ],
)
async def test_what_stands_in_front_of_it_is_told_apart(
    silence: Silence, site: Scripted, context: Context, status: int, family: type[Exception], says: str
) -> None:
    site.reply = lambda _: JSONResponse({"message": "go away"}, status)
    with pytest.raises(family, match=says):
        await silence.perform(params(server="other"), context)
    assert site.got[0].headers["authorization"].startswith("Basic ")


async def test_an_answer_that_is_no_json_is_no_success(
    silence: Silence, site: Scripted, context: Context
) -> None:
    site.reply = lambda _: Response("{", media_type="application/json")
    with pytest.raises(ActionRefused, match="with something that is no JSON"):
        await silence.perform(params(server="other"), context)
