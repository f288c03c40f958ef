"""`keep`: what a step stores of its result beside the history, and that nothing about it changes the step."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.responses import JSONResponse, Response

from activities.attempt import keeping
from activities.http import Http
from stanch.contract import ActionReport, ActionTask, Kept
from stanch.evidence import Evidence, Kind
from tests.activities.bench import (
    BEHAVE,
    NOWHERE,
    Behaving,
    Bench,
    Switch,
    change,
    get,
    in_turn,
    post,
    raising,
    read,
)
from tests.activities.served import Scripted, until

SECRET = "correct horse"
RESULT = {"rc": 0, "stdout": "one\ntwo\n", "hosts": ["web1", "web2"]}


@pytest.fixture
async def kept_http(tmp_path: Path) -> AsyncIterator[Bench]:
    action = Http()
    yield Bench(action, evidence=Evidence(tmp_path))
    await action.close()


def giving(result: object) -> Behaving:
    return Behaving(lambda _: result)


def keeping_of(task: ActionTask, **keep: str) -> ActionTask:
    return replace(task, keep=keep)


LOOK = ActionTask("look[1]", BEHAVE)


# --- what is stored ---------------------------------------------------------------------------------------


async def test_a_text_is_stored_as_it_is_and_other_data_as_json(tmp_path: Path) -> None:
    bench = Bench(giving(RESULT), evidence=Evidence(tmp_path))
    report = await bench.run(replace(LOOK, keep={"out.log": "result.stdout", "hosts.json": "result.hosts"}))
    text, data = report.kept
    assert (text.name, text.step, text.truncated, text.error) == ("out.log", "look[1]", False, "")
    assert (tmp_path / text.path).read_bytes() == b"one\ntwo\n"
    assert json.loads((tmp_path / data.path).read_bytes()) == ["web1", "web2"]
    assert (Path(text.path).suffix, Path(data.path).suffix) == (".txt", ".json")


async def test_the_report_has_digest_and_size_of_what_is_stored_and_not_what_it_says(tmp_path: Path) -> None:
    bench = Bench(giving({"said": "é" * 100}), evidence=Evidence(tmp_path))
    [kept] = (await bench.run(keeping_of(LOOK, said="result.said"))).kept
    content = (tmp_path / kept.path).read_bytes()
    assert (kept.digest, kept.size) == (hashlib.sha256(content).hexdigest(), len(content))
    assert "é" not in str(kept)


async def test_an_expression_may_read_the_names_of_the_step(tmp_path: Path) -> None:
    bench = Bench(giving({"rows": 3}), evidence=Evidence(tmp_path))
    task = replace(LOOK, scope={"inputs": {"table": "orders"}, "item": 7})
    expression = "inputs.table + ' ' + string(item) + ' ' + string(result.rows)"
    [kept] = (await bench.run(keeping_of(task, line=expression))).kept
    assert (tmp_path / kept.path).read_text() == "orders 7 3"


async def test_behind_a_fan_out_the_result_is_a_list(tmp_path: Path) -> None:
    bench = Bench(giving([{"host": "web1", "rc": 0}, {"host": "web2", "rc": 3}]), evidence=Evidence(tmp_path))
    [kept] = (await bench.run(keeping_of(LOOK, bad="result.filter(r, r.rc != 0).map(r, r.host)"))).kept
    assert json.loads((tmp_path / kept.path).read_text()) == ["web2"]


async def test_the_same_data_has_the_same_digest_in_any_order_of_its_keys(tmp_path: Path) -> None:
    digests = set()
    for result in ({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"d": 3, "c": 2}, "a": 1}):
        [kept] = (
            await Bench(giving(result), evidence=Evidence(tmp_path)).run(keeping_of(LOOK, all="result"))
        ).kept
        digests.add(kept.digest)
    assert len(digests) == 1


async def test_keeping_the_same_thing_again_adds_nothing(tmp_path: Path) -> None:
    bench = Bench(giving(RESULT), evidence=Evidence(tmp_path))
    first = await bench.run(keeping_of(LOOK, one="result.stdout"))
    before = [(path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")]
    again = await bench.run(keeping_of(LOOK, one="result.stdout", other="result.stdout"))
    assert [kept.path for kept in again.kept] == [first.kept[0].path] * 2
    assert [(path, path.stat().st_mtime_ns) for path in tmp_path.rglob("*")] == before


@pytest.mark.parametrize("name", ["../../outside", "/etc/outside", "a\0b", "C:\\x", ".", "", "x" * 5000])
async def test_a_name_is_a_label_and_never_a_path(tmp_path: Path, name: str) -> None:
    bench = Bench(giving(RESULT), evidence=Evidence(tmp_path / "evidence"))
    [kept] = (await bench.run(replace(LOOK, keep={name: "result.stdout"}))).kept
    assert (kept.name, kept.path) == (name, f"{kept.digest[:2]}/{kept.digest}.txt")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / "evidence" / kept.path]


@pytest.mark.parametrize("expression", ["result.log", "{'log': result.log}"])
async def test_a_large_item_loses_its_middle_and_says_so(tmp_path: Path, expression: str) -> None:
    log = "first\n" + "é" * 10_000 + "\nlast"
    bench = Bench(giving({"log": log}), evidence=Evidence(tmp_path), limit=2048)
    [kept] = (await bench.run(keeping_of(LOOK, log=expression))).kept
    text = (tmp_path / kept.path).read_text()
    assert kept.truncated
    assert 1900 < kept.size <= 2048
    assert "first" in text[:20]
    assert "last" in text[-10:]
    assert "bytes cut ...]" in text
    assert Path(kept.path).suffix == ".txt", "a part of a JSON document is none"


async def test_an_item_of_just_the_largest_size_is_whole(tmp_path: Path) -> None:
    bench = Bench(giving({"log": "x" * 2048}), evidence=Evidence(tmp_path), limit=2048)
    [kept] = (await bench.run(keeping_of(LOOK, log="result.log"))).kept
    assert (kept.size, kept.truncated) == (2048, False)


async def test_a_secret_is_not_kept(
    kept_http: Bench, site: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    site.reply = lambda got: JSONResponse({"whole": f"<{SECRET}>", "parts": [SECRET[:5], SECRET[5:]]})
    task = read(get(site.url, headers={"X-Token": {"secret": "env/SECRET_OF_TEST"}}))
    together = "result.json.parts.join('')"
    keep = {"whole": "result.json.whole", "together": together, "key": f"{{{together}: 1}}"}
    report = await kept_http.run(replace(task, keep={**keep, "wrong": f"timestamp({together})"}))
    stored = [(tmp_path / kept.path).read_text() for kept in report.kept[:3]]
    assert stored == ["<[secret]>", "[secret]", '{\n  "[secret]": 1\n}\n']
    assert report.kept[3].error
    assert SECRET not in str(report.kept)


async def test_evidence_is_for_its_owner_alone(tmp_path: Path) -> None:
    umask = os.umask(0)
    try:
        folder = tmp_path / "deep" / "evidence"
        [kept] = (
            await Bench(giving(RESULT), evidence=Evidence(folder)).run(keeping_of(LOOK, all="result"))
        ).kept
    finally:
        os.umask(umask)
    place = folder / kept.path
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (place, place.parent, folder)]
    assert modes == [0o600, 0o700, 0o700]


# --- when -------------------------------------------------------------------------------------------------


async def test_a_step_that_keeps_nothing_touches_no_disk(tmp_path: Path) -> None:
    folder = tmp_path / "evidence"
    report = await Bench(giving(RESULT), evidence=Evidence(folder)).run(LOOK)
    assert (report.kept, folder.exists()) == ((), False)


async def test_a_wait_keeps_the_result_with_which_it_ended(
    kept_http: Bench, site: Scripted, tmp_path: Path
) -> None:
    site.reply = in_turn(1, 2, 3)
    report = await kept_http.run(keeping_of(read(get(site.url), "result.json.v == 3"), v="result.body"))
    assert (tmp_path / report.kept[0].path).read_text() == '{"v":3}'


async def test_a_change_keeps_what_itself_gave_and_not_what_done_saw(
    kept_http: Bench, site: Scripted, tmp_path: Path
) -> None:
    Switch(site, after=1)
    task = change(post(site.url), "result.json.on", get(site.url))
    report = await kept_http.run(keeping_of(task, made="result.json.id"))
    assert (tmp_path / report.kept[0].path).read_text() == "5\n"


async def test_nothing_is_kept_of_what_was_not_executed(kept_http: Bench, site: Scripted) -> None:
    Switch(site, on=True)
    task = change(post(site.url), "result.json.on", get(site.url))
    report = await kept_http.run(keeping_of(task, made="result.body"))
    assert (report.already, report.kept) == (True, ())


async def failed(bench: Bench, task: ActionTask) -> tuple[str, tuple[Kept, ...]]:
    """The message of the failure, and what was kept of it."""
    error = await bench.error(task)
    [report] = error.details
    assert isinstance(report, ActionReport)
    return error.message, report.kept


async def test_a_failure_that_has_a_result_is_kept(kept_http: Bench, site: Scripted, tmp_path: Path) -> None:
    site.reply = lambda got: Response("no upstream", 503)
    for task in (read(get(site.url)), change(post(site.url))):
        message, [kept] = await failed(kept_http, keeping_of(task, body="result.body"))
        assert message.endswith("answered 503 Service Unavailable: no upstream")
        assert (tmp_path / kept.path).read_text() == "no upstream"


async def test_a_wait_in_vain_keeps_what_it_saw_last(
    kept_http: Bench, site: Scripted, tmp_path: Path
) -> None:
    site.reply = lambda got: JSONResponse(len(site.got))
    task = read(get(site.url), "result.json == 0", within=0.2)
    message, [kept] = await failed(kept_http, keeping_of(task, times="result.body"))
    assert "did not hold" in message
    assert (tmp_path / kept.path).read_text() == str(len(site.got))


async def test_a_change_that_does_not_come_to_hold_keeps_what_it_gave(
    kept_http: Bench, site: Scripted, tmp_path: Path
) -> None:
    Switch(site, after=1000, status=200)
    task = change(post(site.url), "result.json.on", get(site.url), within=0.2)
    message, [kept] = await failed(kept_http, keeping_of(task, made="result.json.id"))
    assert "`done` is not true" in message
    assert (tmp_path / kept.path).read_text() == "5\n"


async def test_a_failure_without_a_result_keeps_nothing(tmp_path: Path) -> None:
    error = await Bench(raising(OSError(5, "io")), evidence=Evidence(tmp_path)).error(
        replace(change(BEHAVE), keep={"all": "result"})
    )
    assert (error.type, error.details, list(tmp_path.iterdir())) == ("OutcomeUnknown", (), [])


# --- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize("expression", ["result.nothing", "int(result.stdout)", "1 / result.rc", "other"])
async def test_an_expression_that_fails_does_not_fail_the_step(tmp_path: Path, expression: str) -> None:
    bench = Bench(giving(RESULT), evidence=Evidence(tmp_path))
    report = await bench.run(keeping_of(LOOK, bad=expression, good="result.stdout"))
    bad, good = report.kept
    assert report.result == RESULT
    assert (bad.name, bad.digest, bad.path, bad.size) == ("bad", "", "", 0)
    assert bad.error.startswith(f"`{expression}`: ")
    assert (good.error, (tmp_path / good.path).exists()) == ("", True)


async def test_a_folder_that_cannot_be_written_does_not_fail_the_step(
    caplog: pytest.LogCaptureFixture,
) -> None:
    report = await Bench(giving(RESULT)).run(keeping_of(LOOK, all="result"))
    [kept] = report.kept
    assert (report.result, kept.digest, kept.path, kept.size) == (RESULT, "", "", 0)
    assert kept.error == f"`{NOWHERE.folder}` did not take it: Not a directory"
    assert f"not kept: look[1]: all: {kept.error}" in caplog.text


class Stuck(Evidence):
    """A disk that does not answer before it is told to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def store(self, content: bytes, kind: Kind) -> tuple[str, str]:
        self.asked.set()
        self.go_on.wait(30)
        return super().store(content, kind)


@pytest.fixture
def stuck(tmp_path: Path) -> Iterator[Stuck]:
    disk = Stuck(tmp_path)
    yield disk
    disk.go_on.set()


async def test_a_disk_that_hangs_does_not_hold_up_the_step(
    stuck: Stuck, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PATIENCE", 0.05)
    bench = Bench(giving(RESULT), evidence=stuck)
    report = await bench.run(keeping_of(LOOK, all="result", bad="result.nothing"))
    late, wrong = report.kept
    assert (late.error, late.path) == (f"`{stuck.folder}` did not take it in time", "")
    assert wrong.error.startswith("`result.nothing`: ")


async def test_a_disk_that_hangs_does_not_use_up_the_time_of_the_step(stuck: Stuck) -> None:
    """Temporal would give the attempt up, and what the change did would be unknown."""
    bench = Bench(giving(RESULT), evidence=stuck)
    bench.environment.info = replace(bench.environment.info, start_to_close_timeout=timedelta(seconds=1))
    report = await asyncio.wait_for(bench.run(keeping_of(change(BEHAVE), all="result")), keeping.PATIENCE / 2)
    assert report.kept[0].error == f"`{stuck.folder}` did not take it in time"


async def test_a_cancellation_while_it_is_kept_does_not_lose_the_report(stuck: Stuck) -> None:
    """The change was made, and only the report can say so."""
    bench = Bench(giving(RESULT), evidence=stuck)
    running = asyncio.create_task(bench.run(keeping_of(change(BEHAVE), all="result")))
    await until(stuck.asked.is_set)
    bench.environment.cancel()
    report = await running
    assert (report.result, report.kept[0].error) == (RESULT, f"`{stuck.folder}` did not take it in time")


async def test_a_bug_while_it_is_stored_does_not_fail_the_step(tmp_path: Path) -> None:
    class Broken(Evidence):
        def store(self, content: bytes, kind: Kind) -> tuple[str, str]:
            raise KeyError("x")

    report = await Bench(giving(RESULT), evidence=Broken(tmp_path)).run(keeping_of(LOOK, all="result"))
    assert report.kept[0].error == f"`{tmp_path}` did not take it: KeyError: 'x'"
