"""An action that knows whether its change is in place, and what was there before."""

from __future__ import annotations

import asyncio
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from temporalio.activity import ActivityCancellationDetails

from activities.action import Context, Standing
from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from stanch.contract import ActionReport, ActionTask
from stanch.evidence import Evidence
from stanch.language.plan import Call, Check, Poll
from tests.activities.bench import Behaving, Bench
from tests.activities.served import until
from tests.support.switch import Switch, catalogue


class Benched(Bench):
    def __init__(self, action: Switch) -> None:
        super().__init__()
        keeper = Keeper(Evidence(Path(os.devnull) / "evidence"), 4096)
        self._activities = action_activities([action], keeper, catalogue().actions)
        self._names = ["switch"]


@pytest.fixture
def bench() -> Benched:
    return Benched(Switch())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    held = tmp_path / "banner"
    held.write_text("off")
    return held


def task(file: Path, **fields: Any) -> ActionTask:
    params = {"file": str(file), "word": "on", **fields.pop("params", {})}
    fields.setdefault("effect", "change")
    return ActionTask("s", Call("switch", params, knows=True), timeout=2.0, key="run/s#1", **fields)


def log(file: Path) -> list[str]:
    found = file.with_suffix(".log")
    return found.read_text().splitlines() if found.exists() else []


async def test_the_value_of_before_is_the_way_back(bench: Benched, file: Path) -> None:
    report = await bench.run(task(file))
    assert report == ActionReport(
        {"was": "off"}, undo=Call("switch", {"file": str(file), "word": "off"}, knows=True)
    )
    assert (file.read_text(), log(file)) == ("on", ["off -> on"])
    assert report.undo is not None
    back = await bench.run(ActionTask("s", report.undo, effect="change", timeout=2.0, key="run/s#2"))
    assert (file.read_text(), back.already) == ("off", False)


async def test_what_was_not_there_at_all_is_gone_again(bench: Benched, file: Path) -> None:
    file.unlink()
    report = await bench.run(task(file))
    assert report.undo is not None
    assert report.undo.params == {"file": str(file)}
    await bench.run(ActionTask("s", report.undo, effect="change", timeout=2.0, key="run/s#2"))
    assert not file.exists()


async def test_what_is_in_place_is_not_executed_and_has_no_way_back(bench: Benched, file: Path) -> None:
    file.write_text("on")
    report = await bench.run(task(file))
    assert report == ActionReport({"was": "on"}, already=True)
    assert log(file) == []


async def test_the_way_back_is_on_record_before_anything_is_touched(file: Path) -> None:
    class Watched(Switch):
        async def perform(self, params: Any, context: Context) -> Any:
            remembered.append(bench.last_memory()["undo"])
            return await super().perform(params, context)

    remembered: list[Any] = []
    bench = Benched(Watched())
    await bench.run(task(file))
    assert [each["params"]["word"] for each in remembered] == ["off"]


async def test_what_cannot_be_read_is_not_changed(bench: Benched, file: Path) -> None:
    away = file.parent / "away" / "banner"
    assert (await bench.error(task(away))).type == "Unreachable"
    assert "acting" not in bench.phases()


async def test_it_is_looked_until_the_change_is_there(file: Path) -> None:
    class Slow(Switch):
        looks = 0

        async def look(self, params: Any, context: Context) -> Standing:
            self.looks += 1
            standing = await super().look(params, context)
            return standing if self.looks > 2 else Standing(False, {}, standing.back)

    action = Slow()
    assert (await Benched(action).run(task(file))).undo is not None
    assert action.looks == 3


async def test_what_does_not_come_about_is_a_failure_that_says_so(file: Path) -> None:
    class Idle(Switch):
        async def perform(self, params: Any, context: Context) -> Any:
            return {"was": "off"}

    error = await Benched(Idle()).error(task(file))
    assert error.type == "ActionRefused"
    assert "was executed and ended well, but what it should bring about is not there" in str(error)


async def test_a_lost_end_carries_the_way_back(file: Path) -> None:
    class Broken(Switch):
        async def perform(self, params: Any, context: Context) -> Any:
            raise ConnectionError("cut")

    error = await Benched(Broken()).error(task(file))
    assert error.type == "OutcomeUnknown"
    (report,) = error.details
    assert report.undo.params["word"] == "off"


async def test_the_question_whether_it_is_in_place_changes_nothing(bench: Benched, file: Path) -> None:
    assert "did not hold" in str(await bench.error(task(file, effect="read", look=True)))
    file.write_text("on")
    assert (await bench.run(task(file, effect="read", look=True))).result == {"was": "on"}
    assert log(file) == []


async def test_secrets_are_references_in_the_way_back(
    bench: Benched, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCH_TOKEN", "s3cret-token")
    report = await bench.run(task(file, params={"token": {"secret": "env/SWITCH_TOKEN"}}))
    assert report.undo is not None
    assert report.undo.params["token"] == {"secret": "env/SWITCH_TOKEN"}
    assert "s3cret" not in str(bench.beats)


async def test_what_had_a_secret_in_it_has_no_way_back_rather_than_a_wrong_one(
    bench: Benched, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SWITCH_TOKEN", "s3cret-token")
    file.write_text("was s3cret-token")
    report = await bench.run(task(file, params={"token": {"secret": "env/SWITCH_TOKEN"}}))
    assert (file.read_text(), report.undo) == ("on", None)
    assert "s3cret" not in str(bench.beats)


class Waiting(Switch):
    """What it brings about takes a while to come."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()

    async def look(self, params: Any, context: Context) -> Standing:
        standing = await super().look(params, context)
        if standing.done:
            self.asked.set()
        return replace(standing, done=False)


async def test_what_is_cancelled_while_it_is_waited_for_was_executed_and_goes_back(file: Path) -> None:
    action = Waiting()
    bench = Benched(action)
    running = asyncio.create_task(bench.error(task(file)))
    await action.asked.wait()
    bench.environment.cancel()
    error = await running
    assert (error.type, error.non_retryable) == ("ActionRefused", True)
    assert error.message.startswith("`switch` was executed and ended well; it was cancelled before")
    (report,) = error.details
    assert (report.ran, report.undo.params["word"]) == (True, "off")


async def test_whoever_goes_on_waiting_for_a_lost_attempt_says_the_same(file: Path) -> None:
    action = Waiting()
    bench = Benched(action)
    file.write_text("on")
    undo = {"action": "switch", "params": {"file": str(file), "word": "off"}, "knows": True}
    bench.attempt(2, {"acted": True, "ended": True, "result": {"was": "off"}, "undo": undo})
    running = asyncio.create_task(bench.error(task(file)))
    await action.asked.wait()
    bench.environment.cancel()
    (report,) = (await running).details
    assert (report.ran, report.undo.params["word"]) == (True, "off")


async def test_a_worker_that_shuts_down_leaves_the_waiting_to_another(file: Path) -> None:
    action = Waiting()
    bench = Benched(action)
    running = asyncio.create_task(bench.run(task(file)))
    await action.asked.wait()
    bench.environment.cancel(ActivityCancellationDetails(worker_shutdown=True))
    with pytest.raises(asyncio.CancelledError):
        await running
    assert bench.last_memory()["acted"]


async def test_what_is_cancelled_while_its_done_is_asked_was_executed() -> None:
    action = Behaving(lambda _: {"ok": False})
    done = Check(Call("behaving"), Poll("result.ok", within=60.0), after_only=True)
    bench = Bench(action)
    change = ActionTask("s", Call("behaving"), effect="change", timeout=2.0, done=done, key="run/s#1")
    running = asyncio.create_task(bench.error(change))
    await until(lambda: action.times == 2)
    bench.environment.cancel()
    error = await running
    assert (error.type, [detail.ran for detail in error.details]) == ("ActionRefused", [True])


@pytest.mark.parametrize("after_only", [True, False])
async def test_a_check_that_is_only_for_afterwards_is_not_asked_before(*, after_only: bool) -> None:
    action = Behaving(lambda _: {"ok": True})
    done = Check(Call("behaving"), Poll("result.ok", within=1.0), after_only=after_only)
    change = ActionTask("s", Call("behaving"), effect="change", timeout=2.0, done=done, key="run/s#1")
    report = await Bench(action).run(change)
    assert (report.already, action.times) == ((False, 2) if after_only else (True, 1))
