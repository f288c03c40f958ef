"""Attempts that follow one that failed or was lost: when there is one, and what it executes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any, Literal

import pytest
from starlette.responses import JSONResponse, Response

from stanch.contract import ActionTask, TargetEnd
from stanch.errors import OutcomeUnknown
from tests.activities.bench import BEHAVE, Behaving, Bench, Switch, change, get, post, read
from tests.activities.served import Got, Scripted, free_port, raw

LOST: dict[str, Any] = {}
"""The memory of an attempt whose worker died at once."""


def repeated(
    task: ActionTask, again: Literal["never", "unless_done", "always"] = "always", **fields: Any
) -> ActionTask:
    return replace(task, again=again, **fields)


def answering(*statuses: int, **headers: str) -> Any:
    """One after the other, and the last one for ever."""
    left = list(statuses)

    def reply(_: Got) -> Response:
        status = left.pop(0) if len(left) > 1 else left[0]
        return JSONResponse({"said": status}, status, {k.replace("_", "-"): v for k, v in headers.items()})

    return reply


# --- whether one follows ----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [429, 500, 503])
async def test_a_change_that_was_put_off_is_repeated_only_where_its_step_says_so(
    bench: Bench, site: Scripted, status: int
) -> None:
    site.reply = answering(status)
    refused = await bench.error(change(post(site.url)))
    assert (refused.type, refused.non_retryable) == ("ActionRefused", True)
    again = await bench.error(repeated(change(post(site.url))))
    assert (again.type, again.non_retryable) == ("ActionRefused", False)


@pytest.mark.parametrize("again", ["unless_done", "always"])
async def test_what_was_clearly_refused_is_not_repeated(bench: Bench, site: Scripted, again: Any) -> None:
    site.reply = answering(409)
    error = await bench.error(repeated(change(post(site.url)), again))
    assert (error.type, error.non_retryable) == ("ActionRefused", True)


@pytest.mark.parametrize(("again", "followed"), [("never", False), ("unless_done", True), ("always", True)])
async def test_a_cut_connection_is_repeated_only_where_the_step_says_so(
    bench: Bench, again: Any, followed: bool
) -> None:
    async def cut(reader: Any, writer: Any) -> None:
        await reader.read(100)
        writer.close()

    async with raw(cut) as url:
        error = await bench.error(repeated(change(post(url)), again))
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", not followed)


async def test_a_target_says_when_it_wants_to_be_asked_again(bench: Bench, site: Scripted) -> None:
    site.reply = answering(503, retry_after="7")
    error = await bench.error(repeated(change(post(site.url))))
    assert error.next_retry_delay == timedelta(seconds=7)


@pytest.mark.parametrize("status", [502, 504])
async def test_what_a_gateway_says_does_not_tell_what_happened_behind_it(
    bench: Bench, site: Scripted, status: int
) -> None:
    site.reply = answering(status)
    error = await bench.error(change(post(site.url)))
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)
    assert f"answered {status}" in error.message
    accepted = await bench.run(change(post(site.url, accept=[status])))
    assert accepted.result["status"] == status


async def test_a_read_with_a_retry_is_repeated_whatever_went_wrong(bench: Bench, site: Scripted) -> None:
    site.reply = answering(404)
    assert (await bench.error(read(get(site.url)))).non_retryable
    assert not (await bench.error(repeated(read(get(site.url))))).non_retryable


async def test_a_read_that_was_waited_for_is_over_with_its_time(bench: Bench, site: Scripted) -> None:
    site.reply = answering(404)
    waits = read(get(site.url), "result.status == 200", within=0.1)
    assert (await bench.error(repeated(waits))).non_retryable


async def test_an_authors_error_is_never_repeated(bench: Bench) -> None:
    assert (await bench.error(repeated(read(get("http://x y/"))))).non_retryable


# --- what it executes -------------------------------------------------------------------------------------


async def test_every_attempt_carries_the_same_key(bench: Bench, site: Scripted) -> None:
    site.reply = answering(503, 503, 201)
    task = repeated(change(post(site.url)))
    for attempt in (1, 2):
        bench.attempt(attempt, bench.last_memory() if attempt > 1 else None)
        await bench.error(task)
    bench.attempt(3, bench.last_memory())
    assert (await bench.run(task)).result["status"] == 201
    assert [got.headers["idempotency-key"] for got in site.got] == ["run/roll_back/1"] * 3


@pytest.mark.parametrize("key", ["k" * 256, "run/ü/1"])
async def test_a_key_that_is_no_header_is_sent_as_its_digest(bench: Bench, site: Scripted, key: str) -> None:
    await bench.run(replace(change(post(site.url)), key=key))
    assert len(site.got[0].headers["idempotency-key"]) == 64


async def test_a_lost_attempt_is_executed_again_where_twice_is_as_good_as_once(
    bench: Bench, site: Scripted
) -> None:
    bench.attempt(2, LOST)
    report = await bench.run(repeated(change(post(site.url))))
    assert (report.found, site.methods()) == (False, ["POST"])


async def test_what_a_lost_attempt_has_made_is_found_and_not_executed(bench: Bench, site: Scripted) -> None:
    Switch(site, on=True)
    bench.attempt(2, LOST)
    task = repeated(change(post(site.url), "result.json.on", get(site.url)), "unless_done")
    report = await bench.run(task)
    assert (report.already, report.found, site.methods()) == (True, True, ["GET"])


async def test_what_is_not_there_at_the_end_of_its_time_is_executed_again(
    bench: Bench, site: Scripted
) -> None:
    Switch(site)
    bench.attempt(2, LOST)
    task = repeated(change(post(site.url), "result.json.on", get(site.url), within=0.3), "unless_done")
    report = await bench.run(task)
    assert (report.already, report.result["status"]) == (False, 201)
    asked_before = site.methods().index("POST")
    assert asked_before >= 2, "it was waited for"
    assert site.methods().count("POST") == 1


@pytest.mark.parametrize("status", [503, 429])
async def test_a_done_that_gives_no_answer_is_no_leave_to_execute_it_again(
    bench: Bench, site: Scripted, status: int
) -> None:
    site.reply = answering(status)
    bench.attempt(2, LOST)
    for done in (get(site.url), get(f"http://127.0.0.1:{free_port()}")):
        until = "result.status == 200"
        error = await bench.error(repeated(change(post(site.url), until, done, within=0.2), "unless_done"))
        assert error.type == "OutcomeUnknown"
        assert "`done` does not settle that" in error.message
    assert "POST" not in site.methods()


async def test_a_refusal_does_not_settle_what_an_earlier_attempt_did(bench: Bench, site: Scripted) -> None:
    site.reply = answering(409)
    bench.attempt(2, LOST)
    error = await bench.error(repeated(change(post(site.url))))
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)
    assert "an earlier attempt may have executed it" in error.message


async def test_a_refusal_after_one_that_put_it_off_is_a_failure(bench: Bench, site: Scripted) -> None:
    site.reply = answering(503, 409)
    task = repeated(change(post(site.url)))
    await bench.error(task)
    bench.attempt(2, bench.last_memory())
    assert (await bench.error(task)).type == "ActionRefused"


async def test_a_third_attempt_does_not_forget_that_the_second_was_lost(bench: Bench, site: Scripted) -> None:
    site.reply = answering(503, 409)
    task = repeated(change(post(site.url)))
    await bench.error(task)
    bench.attempt(3, bench.last_memory())  # the second one died before it said anything
    assert (await bench.error(task)).type == "OutcomeUnknown"


async def test_without_leave_a_lost_attempt_stays_in_doubt(bench: Bench, site: Scripted) -> None:
    bench.attempt(2, LOST)
    error = await bench.error(change(post(site.url), "result.status == 200", get(site.url)))
    assert (error.type, site.got) == ("OutcomeUnknown", [])


# --- what the next one, or a person, is told --------------------------------------------------------------


async def test_how_it_stands_is_told_with_every_beat_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "s3cret-token")

    def behave(context: Any) -> None:
        context.so_far((TargetEnd("web1", "done", "s3cret-token", "printed s3cret-token"),), {"web1": 1})
        raise OutcomeUnknown("cut", ends=(TargetEnd("web1", "done", "", "printed s3cret-token"),))

    bench = Bench(Behaving(behave))
    task = replace(change(replace(BEHAVE, params={"token": {"secret": "env/TOKEN"}})), again="always")
    error = await bench.error(task)
    memory = bench.last_memory()
    assert (memory["part"], memory["ends"][0]["output"]) == ({"web1": 1}, "printed [secret]")
    assert memory["heard"] > 0
    assert error.details[0].ends[0].output == "printed [secret]"


async def test_only_an_attempt_that_may_go_on_hears_of_an_earlier_one() -> None:
    heard: list[Any] = []
    bench = Bench(Behaving(lambda context: heard.append(context.earlier)))
    bench.attempt(2, {"part": {"web1": 1}})
    await bench.run(repeated(change(BEHAVE)))
    bench.attempt(2, {"unharmed": 1, "part": {"web1": 1}})
    await bench.run(change(BEHAVE))
    assert heard == [{"web1": 1}, None]


async def test_targets_beyond_counting_do_not_make_a_heartbeat_too_large() -> None:
    many = tuple(TargetEnd(f"host-{n}", "unknown", "in `a task`", "x" * 300) for n in range(20_000))

    def behave(context: Any) -> None:
        context.so_far(many, {end.target: "y" * 100 for end in many})
        raise OutcomeUnknown("cut")

    bench = Bench(Behaving(behave))
    await bench.error(change(BEHAVE))
    assert bench.last_memory()["ends"] == []
    assert all(len(repr(memory)) < 200_000 for _, memory in bench.beats)
