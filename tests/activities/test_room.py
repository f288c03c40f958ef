"""Outputs of megabytes: the history has head and tail of them, the whole is stored beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import PlainTextResponse

from activities.attempt.room import texts_within, without_data
from activities.http import Http
from activities.output import WHOLE
from activities.ssh import SshAction
from stanch.contract import ActionReport, ActionTask
from stanch.contract.limits import RESULT, size_of
from stanch.evidence import Evidence
from stanch.language.plan import Call
from tests.activities.bench import BEHAVE, Behaving, Bench, change, get, read
from tests.activities.served import Scripted
from tests.support.sshd import Host

SECRET = "correct horse"
LONG = "".join(f"line {number}\n" for number in range(200_000))
LOOK = ActionTask("look[1]", BEHAVE)


def whole_of(report: ActionReport, folder: Path) -> Iterator[tuple[str, bytes]]:
    for kept in report.kept:
        assert not kept.error
        content = (folder / kept.path).read_bytes()
        assert kept.digest == hashlib.sha256(content).hexdigest()
        yield kept.name, content


async def test_of_a_long_text_the_history_has_head_and_tail_and_the_whole_is_kept(tmp_path: Path) -> None:
    bench = Bench(Behaving(lambda _: {"rc": 0, "stdout": LONG}), evidence=Evidence(tmp_path))
    report = await bench.run(LOOK)
    assert size_of(report.result) <= RESULT + 100
    assert report.result["stdout"].startswith("line 0\n")
    assert report.result["stdout"].endswith("line 199999\n")
    assert "bytes cut" in report.result["stdout"]
    assert report.result["truncated"] is True
    assert dict(whole_of(report, tmp_path)) == {"stdout": LONG.encode()}
    assert [kept.truncated for kept in report.kept] == [False]


async def test_one_of_many_at_once_has_less_room(tmp_path: Path) -> None:
    results = [{"host": host, "rc": 0, "stdout": LONG[:30_000], "stderr": "few"} for host in ("a", "b")]
    bench = Bench(Behaving(lambda _: results), evidence=Evidence(tmp_path))
    report = await bench.run(replace(LOOK, room=8_000))
    assert size_of(report.result) <= 8_200
    assert [one["stderr"] for one in report.result] == ["few", "few"]
    assert set(dict(whole_of(report, tmp_path))) == {"stdout of a", "stdout of b"}
    assert not (await bench.run(LOOK)).kept


async def test_data_is_never_cut_so_a_read_that_gives_too_much_is_refused(tmp_path: Path) -> None:
    bench = Bench(Behaving(lambda _: {"rc": 0, "lines": ["x" * 100] * 1000}), evidence=Evidence(tmp_path))
    error = await bench.error(replace(LOOK, room=16_000))
    assert str(error).startswith("ActionRefused: `behaving` gave 103 kB, and the history has room for 16 kB")
    assert "fewer at once" in str(error)
    assert not error.details
    assert (await bench.run(LOOK)).result["lines"]


async def test_a_change_that_gives_too_much_was_made_all_the_same(tmp_path: Path) -> None:
    bench = Bench(Behaving(lambda _: {"rc": 0, "lines": ["x" * 100] * 1000}), evidence=Evidence(tmp_path))
    report = await bench.run(replace(LOOK, effect="change", room=16_000))
    assert report.result == {"rc": 0, "truncated": True}


async def test_what_is_kept_whole_is_kept_of_a_failure_too_and_without_secrets(
    site: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    site.reply = lambda _: PlainTextResponse(f"{'é' * 100_000} {SECRET}", 500)
    action = Http()
    bench = Bench(action, evidence=Evidence(tmp_path))
    error = await bench.error(read(get(site.url, headers={"X-Token": {"secret": "env/SECRET_OF_TEST"}})))
    await action.close()
    report = error.details[0]
    assert dict(whole_of(report, tmp_path)) == {"body": f"{'é' * 100_000} [secret]".encode()}


@pytest.mark.parametrize("effect", ["read", "change"])
async def test_a_host_that_prints_megabytes(ssh: SshAction, web1: Host, tmp_path: Path, effect: Any) -> None:
    """Of a change the host itself holds them until they are collected."""
    line = "." * 50
    script = f'i=0; while [ $i -lt 30000 ]; do echo "$i {line}"; i=$((i+1)); done'
    call = Call("ssh", {"hosts": ["web1"], "script": script}, one=True)
    task = change(call) if effect == "change" else read(call)
    report = await Bench(ssh, evidence=Evidence(tmp_path)).run(replace(task, key="run/look#1"))
    assert len(report.result["stdout"]) < 70_000
    [(name, content)] = whole_of(report, tmp_path)
    assert name == "stdout of web1"
    assert content.count(b"\n") == 30_000
    assert 1_500_000 < len(content) < WHOLE


async def test_beyond_its_limit_even_the_whole_loses_its_middle_and_says_so(
    ssh: SshAction, web1: Host, tmp_path: Path
) -> None:
    call = Call("ssh", {"hosts": ["web1"], "script": "head -c 9000000 /dev/zero | tr '\\0' x"}, one=True)
    report = await Bench(ssh, evidence=Evidence(tmp_path)).run(read(call))
    (kept,) = report.kept
    assert kept.truncated
    assert f"[... {9_000_000 - WHOLE} bytes cut ...]".encode() in (tmp_path / kept.path).read_bytes()


def test_what_has_no_texts_is_left_as_it_is() -> None:
    for result in (None, 7, {"value": 1.0}, [{"host": "a", "json": list(range(100_000))}]):
        assert texts_within(result, 1000) == (result, {})


def test_the_largest_parts_of_a_result_go_first() -> None:
    result = {"rc": 0, "json": ["x"] * 9000, "lines": ["x"] * 900, "host": "a"}
    assert without_data(result, 20_000) == {"rc": 0, "lines": ["x"] * 900, "host": "a", "truncated": True}
    assert without_data([result, result], 400) == [{"rc": 0, "host": "a", "truncated": True}] * 2
    assert without_data({"rc": 0}, 20_000) == {"rc": 0}
