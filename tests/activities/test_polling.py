"""Waiting until a condition holds, through the activity and against a real server."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import asdict, replace

from starlette.responses import JSONResponse, Response

from activities.attempt.heart import Memory, Seen
from stanch.language.plan import Poll
from tests.activities.bench import Bench, get, in_turn, read
from tests.activities.served import Scripted, free_port, scripted, until

# --- waiting for a read -----------------------------------------------------------------------------------


async def test_a_read_is_repeated_until_it_holds(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(1, 2, 3)
    report = await bench.run(read(get(site.url), "result.json.v == 3"))
    assert report.result["json"] == {"v": 3}
    assert len(site.got) == 3
    assert bench.phases() == ["checking", "waiting"]


async def test_the_condition_sees_the_scope(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn("a", "b")
    task = read(
        get(site.url), "result.json.v != steps.current.bad && run.started < timestamp('2030-01-01T00:00:00Z')"
    )
    report = await bench.run(replace(task, scope={"steps": {"current": {"bad": "a"}}, "run.started": 1.0}))
    assert report.result["json"] == {"v": "b"}


async def test_it_is_asked_at_the_given_pace(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(1, 2, 3)
    await bench.run(read(get(site.url), "result.json.v == 3", every=0.3))
    gaps = [after.at - before.at for before, after in zip(site.got, site.got[1:], strict=False)]
    assert all(gap >= 0.29 for gap in gaps)


async def test_what_holds_must_keep_holding(bench: Bench, site: Scripted) -> None:
    """One bad answer in between starts the time of `stable` anew."""
    site.reply = in_turn("good", "good", "bad", "good")
    await bench.run(read(get(site.url), "result.json.v == 'good'", stable=0.4))
    since_bad = time.monotonic() - site.got[2].at
    assert since_bad >= 0.4
    assert len(site.got) >= 6


async def test_no_answer_breaks_what_held(bench: Bench, site: Scripted) -> None:
    good = JSONResponse({"v": 1})
    answers = [good, Response("{", media_type="application/json"), good]
    site.reply = lambda got: answers.pop(0) if len(answers) > 1 else answers[0]
    await bench.run(read(get(site.url), "result.json.v == 1", stable=0.3))
    assert time.monotonic() - site.got[1].at >= 0.3


async def test_waiting_ends_with_what_was_asked_and_seen(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(0.07)
    began = time.monotonic()
    error = await bench.error(read(get(site.url), "result.json.v < 0.01", within=0.5, every=0.2))
    assert 0.5 <= time.monotonic() - began < 3
    assert (error.type, error.non_retryable) == ("DoesNotHold", True)
    assert re.fullmatch(
        r"`result.json.v < 0.01` did not hold within 500ms \(asked [2-4] times\); last: result.json.v = 0.07",
        error.message,
    )


async def test_what_got_worse_ends_waiting_at_once(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(0.05, 0.07, 0.4, 0.001)
    task = read(get(site.url), "result.json.v < 0.01", within=60, every=0.05)
    assert task.poll is not None
    error = await bench.error(replace(task, poll=replace(task.poll, worse="result.json.v > 0.3")))
    assert error.message == "it got worse: `result.json.v > 0.3` holds; result.json.v = 0.4"
    assert (error.type, len(site.got)) == ("ActionRefused", 3)


async def test_an_answer_that_says_nothing_of_worse_is_not_worse(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(1, 2, 3)
    task = read(get(site.url), "result.json.v == 3")
    assert task.poll is not None
    await bench.run(replace(task, poll=replace(task.poll, worse="result.json.w > 0")))


async def test_waiting_ends_although_it_holds_but_not_for_long_enough(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(*[0] * 4, 1)
    error = await bench.error(read(get(site.url), "result.json.v == 1", within=0.5, every=0.1, stable=0.45))
    assert "held only for the last" in error.message
    assert "and not for 450ms within 500ms" in error.message


async def test_a_result_that_the_condition_reads_as_a_whole_is_shown_shortened(
    bench: Bench, site: Scripted
) -> None:
    site.reply = lambda got: Response("x" * 1000)
    error = await bench.error(read(get(site.url), "size(result) == 0", within=0.05))
    assert "; last: result = {" in error.message
    assert len(error.message) < 500


async def test_a_condition_that_cannot_be_evaluated_does_not_hold_yet(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn({"deep": 1})
    task = read(get(site.url), "result.json.v.other == 1", within=0.2)
    error = await bench.error(task)
    assert error.type == "ActionRefused"
    assert "last: `result.json.v.other == 1`: " in error.message
    site.reply = in_turn({"deep": 1}, {"other": 1})
    assert (await bench.run(replace(task, poll=replace(task.poll or Poll("", 0), within=5.0)))).result


async def test_a_failing_status_is_data_for_a_condition(bench: Bench, site: Scripted) -> None:
    site.reply = lambda got: Response("", 503)
    report = await bench.run(read(get(site.url), "result.status == 503"))
    assert report.result["status"] == 503


async def test_a_target_that_is_not_there_yet_is_waited_for(bench: Bench) -> None:
    port = free_port()
    waiting = asyncio.create_task(bench.run(read(get(f"http://127.0.0.1:{port}"), "result.status == 200")))
    await until(lambda: any(progress.phase == "waiting" for progress, _ in bench.beats))
    with scripted(port):
        assert (await waiting).result["status"] == 200


async def test_a_target_that_is_never_there_is_the_last_reason(bench: Bench) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    error = await bench.error(read(get(url), "result.status == 200", within=0.2))
    assert error.type == "ActionRefused"
    assert error.message.endswith(f"; last: GET {url}: connection refused")


async def test_the_authors_error_ends_waiting_at_once(bench: Bench, site: Scripted) -> None:
    began = time.monotonic()
    task = read(get(site.url, headers={"x": "a\nb"}), "true", within=30)
    assert (await bench.error(task)).type == "InvalidInput"
    assert time.monotonic() - began < 5


async def test_another_worker_goes_on_with_the_time_that_is_left(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(0)
    seen = Seen(since=time.time() - 59.9, asked=41, last="result.json.v = 5")
    bench.attempt(2, asdict(Memory(seen=seen)))
    began = time.monotonic()
    error = await bench.error(read(get(site.url), "result.json.v == 1", within=60, every=30))
    assert time.monotonic() - began < 10
    assert re.search(r"within 1m \(asked 4[23] times\); last: result.json.v = 0", error.message)


async def test_another_worker_goes_on_with_how_long_it_has_held(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(1)
    seen = Seen(since=time.time() - 70, asked=5, holds_since=time.time() - 61)
    bench.attempt(2, asdict(Memory(seen=seen)))
    await bench.run(read(get(site.url), "result.json.v == 1", within=300, every=30, stable=60))
    assert len(site.got) == 1


async def test_a_worker_that_inherits_nothing_counts_from_when_it_was_scheduled(
    bench: Bench, site: Scripted
) -> None:
    site.reply = in_turn(0)
    bench.attempt(2, scheduled=time.time() - 100)
    error = await bench.error(read(get(site.url), "result.json.v == 1", within=60, every=30))
    assert "(asked once)" in error.message


async def test_how_far_a_wait_is_is_told_to_the_next_attempt(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(1)
    await bench.run(read(get(site.url), "result.json.v == 1", within=10, every=0.2, stable=2.5))
    seen = bench.last_memory()["seen"]
    assert seen["asked"] >= 5
    assert abs(time.time() - seen["since"]) < 10
    assert seen["since"] <= seen["holds_since"] <= time.time()
    assert seen["last"] == "result.json.v = 1"
