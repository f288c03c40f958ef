"""The action `pipeline` against systems that remember, Rundeck's requests held against its description."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, Response

from activities.action import Context, Reattaching
from activities.attempt.parameters import Parameters
from activities.marks import mark_of
from activities.pipeline import Pipeline
from activities.pipeline import action as pace
from activities.pipeline.rundeck import API
from activities.systems import Systems
from stanch.contract import ActionTask
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.language.plan import Call
from stanch.schemas import load_catalogue
from tests.activities.bench import Bench
from tests.activities.conftest import Beats
from tests.activities.served import Scripted, free_port, scripted, until
from tests.support import contracts
from tests.support.jobs import JobsHere

SPEC = load_catalogue().actions["pipeline"]
KEY = "run/deploy/ab12@1763630000.000/back#4"
KINDS = ("github", "gitlab", "rundeck")
JOBS = {"github": "deploy.yml", "gitlab": "team/app", "rundeck": "7400ff98-31c4-4834-ba3d-aee9646e867f"}
PLACES = {"github": "https://hub/17", "gitlab": "https://lab/17", "rundeck": "https://deck/17"}
each_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, seconds in (("_FIRST", 0.01), ("_LONGEST", 0.02), ("_SETTLING", 0.1), ("_PATIENCE", 0.5)):
        monkeypatch.setattr(pace, name, seconds)


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with scripted() as script:
        yield script


@pytest.fixture
def site(server: Scripted) -> Scripted:
    """One for all of them, for its end takes a while."""
    server.got.clear()
    return server


@pytest.fixture
async def pipeline(site: Scripted) -> AsyncIterator[Pipeline]:
    place = {"url": site.url, "token": "t0ken"}
    action = Pipeline(
        Systems(
            {
                "github": {"kind": "github", "project": "team/app", **place},
                "gitlab": {"kind": "gitlab", **place},
                "rundeck": {"kind": "rundeck", **place},
                "half": {"kind": "github", "url": site.url},
                "away": {"kind": "gitlab", "url": f"http://127.0.0.1:{free_port()}"},
            }
        )
    )
    yield action
    await action.close()


@pytest.fixture
def context(beats: Beats) -> Context:
    return replace(beats.context(timeout=5.0), key=KEY)


async def done(action: Pipeline, context: Context, kind: str, **params: Any) -> Any:
    asked = {"system": kind, "job": JOBS[kind], **params}
    Parameters(SPEC).check(asked)
    async with asyncio.timeout(8):
        result = await action.perform(asked, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


@each_kind
async def test_a_job_is_started_and_followed_to_its_end(
    pipeline: Pipeline, site: Scripted, context: Context, beats: Beats, kind: str
) -> None:
    jobs = site.reply = JobsHere(kind)
    result = await done(pipeline, context, kind, inputs={"version": "1.2", "canary": True, "n": 3})
    assert (result["id"], result["url"], result["status"], result["ok"]) == (
        "17",
        PLACES[kind],
        "succeeded",
        True,
    )
    assert pipeline.failure(result) is None
    (run,) = jobs.runs
    assert {"version": "1.2", "canary": "true", "n": "3"}.items() <= run["inputs"].items()
    assert run["ref"] == ("" if kind == "rundeck" else "trunk")
    assert any(note.startswith(f"run 17 in `{kind}`") for note in beats.notes)
    token = "x-rundeck-auth-token" if kind == "rundeck" else "authorization"
    assert all(got.headers[token].endswith("t0ken") for got in site.got)


@pytest.mark.parametrize(
    ("kind", "word", "status"),
    [
        ("github", "failure", "failed"),
        ("github", "timed_out", "failed"),
        ("github", "skipped", "failed"),
        ("github", "cancelled", "cancelled"),
        ("gitlab", "failed", "failed"),
        ("gitlab", "canceled", "cancelled"),
        ("rundeck", "failed", "failed"),
        ("rundeck", "timedout", "failed"),
        ("rundeck", "aborted", "cancelled"),
    ],
)
async def test_a_bad_end_is_a_failure(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str, word: str, status: str
) -> None:
    site.reply = JobsHere(kind, ends=word)
    result = await done(pipeline, context, kind)
    assert (result["status"], result["conclusion"], result["ok"]) == (status, word, False)
    assert pipeline.failure(result) == f"run 17 ended as `{word}`: {PLACES[kind]}"


@each_kind
async def test_it_is_only_started(pipeline: Pipeline, site: Scripted, context: Context, kind: str) -> None:
    jobs = site.reply = JobsHere(kind)
    ref = {} if kind == "rundeck" else {"ref": "v1"}
    result = await done(pipeline, context, kind, follow=False, **ref)
    assert (result["id"], result["status"], result["ok"]) == ("17", "running", False)
    assert pipeline.failure(result) is None
    assert [got.method for got in site.got] == ["POST"] or kind == "rundeck"
    assert jobs.runs[0]["ref"] == ref.get("ref", "")


@each_kind
async def test_the_next_attempt_follows_the_same_run(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str
) -> None:
    jobs = site.reply = JobsHere(kind, looks=1)
    mark = {} if kind == "gitlab" else {"mark": "stanch"}
    await done(pipeline, context, kind, follow=False, **mark)
    await done(pipeline, replace(context, key=f"{KEY}7"), kind, follow=False, **mark)
    assert mark_of(KEY) in jobs.runs[0]["inputs"].values()
    params = {"system": kind, "job": JOBS[kind], **mark}
    assert pipeline.reattaches(params)
    assert await pipeline.begun(params, context)
    found = await done(pipeline, replace(context, again=True), kind, **mark)
    assert (found["id"], found["ok"], len(jobs.runs)) == ("17", True, 2)


@each_kind
async def test_what_is_not_found_is_in_doubt_and_not_started_again(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str
) -> None:
    jobs = site.reply = JobsHere(kind)
    mark = {} if kind == "gitlab" else {"mark": "stanch"}
    with pytest.raises(OutcomeUnknown, match=r"may have been started .* look there"):
        await done(pipeline, replace(context, again=True), kind, **mark)
    assert jobs.runs == []


@each_kind
async def test_a_lost_answer_to_the_start_is_settled_by_the_mark(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str
) -> None:
    jobs = site.reply = JobsHere(kind, lost=1)
    mark = {} if kind == "gitlab" else {"mark": "stanch"}
    result = await done(pipeline, context, kind, **mark)
    assert (result["id"], result["ok"], len(jobs.runs)) == ("17", True, 1)


@pytest.mark.parametrize("kind", ["github", "rundeck"])
async def test_without_a_mark_a_lost_answer_is_in_doubt(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str
) -> None:
    site.reply = JobsHere(kind, lost=1)
    assert not pipeline.reattaches({"system": kind, "job": JOBS[kind]})
    with pytest.raises(OutcomeUnknown, match="504"):
        await done(pipeline, context, kind)


async def test_a_github_that_does_not_tell_its_runs(
    pipeline: Pipeline, site: Scripted, context: Context
) -> None:
    jobs = site.reply = JobsHere("github", knows_word=False)
    with pytest.raises(ActionRefused, match="give the step a `mark`"):
        await done(pipeline, context, "github")
    assert jobs.runs == []
    assert (await done(pipeline, context, "github", mark="stanch"))["ok"]
    silent = site.reply = JobsHere("github", tells=False)
    with pytest.raises(OutcomeUnknown, match=r"was started, and .* give the step a `mark`"):
        await done(pipeline, context, "github")
    assert (await done(pipeline, context, "github", follow=False))["id"] == ""
    assert (await done(pipeline, replace(context, key="x#1"), "github", mark="stanch"))["id"] == "19"
    assert len(silent.runs) == 3


async def cancelled(action: Pipeline, context: Context, kind: str, site: Scripted, **params: Any) -> None:
    task = asyncio.create_task(done(action, context, kind, **params))
    await until(lambda: any(got.method == "GET" and got.path.endswith("17") for got in site.got), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(5):
            await task


@each_kind
async def test_a_cancellation_cancels_the_run_and_says_so(
    pipeline: Pipeline, site: Scripted, context: Context, beats: Beats, kind: str
) -> None:
    jobs = site.reply = JobsHere(kind, looks=10**6)
    await cancelled(pipeline, context, kind, site)
    (end,) = beats.ends
    assert (end.target, end.state) == (kind, "stopped")
    assert f"run 17 ({PLACES[kind]}) ended as `{jobs.runs[0]['end']}`" in end.note


@each_kind
async def test_what_cannot_be_cancelled_is_said_to_run_on(
    pipeline: Pipeline, site: Scripted, context: Context, beats: Beats, kind: str
) -> None:
    site.reply = JobsHere(kind, looks=10**6, cancels=False)
    await cancelled(pipeline, context, kind, site)
    assert beats.ends[0].state == ("unknown" if kind == "rundeck" else "running")


async def _leaves() -> bool:
    return True


@pytest.mark.parametrize(("mark", "state"), [("stanch", []), (None, ["stopped"])])
async def test_a_worker_that_ends_leaves_only_what_is_found_again(
    pipeline: Pipeline, site: Scripted, context: Context, beats: Beats, mark: str | None, state: list[str]
) -> None:
    leave: Callable[[], Awaitable[bool]] = _leaves
    site.reply = JobsHere("rundeck", looks=10**6)
    given = {"mark": mark} if mark else {}
    await cancelled(pipeline, replace(context, leave=leave), "rundeck", site, **given)
    assert [end.state for end in beats.ends] == state


@each_kind
async def test_at_its_time_out_the_run_is_cancelled(
    pipeline: Pipeline, site: Scripted, context: Context, kind: str
) -> None:
    site.reply = JobsHere(kind, looks=10**6)
    with pytest.raises(OutcomeUnknown, match=r"was still running after .* it was cancelled") as failed:
        await done(pipeline, replace(context, timeout=1.0), kind)
    assert [end.state for end in failed.value.ends] == ["stopped"]


async def test_a_look_without_an_answer_is_repeated_and_a_refused_one_is_in_doubt(
    pipeline: Pipeline, site: Scripted, context: Context
) -> None:
    jobs = JobsHere("gitlab")
    answers = [Response(status_code=503), Response(status_code=429)]

    def reply(got: Any) -> Response:
        looked = got.method == "GET" and got.path.endswith("/17")
        return answers.pop() if looked and answers else jobs(got)

    site.reply = reply
    assert (await done(pipeline, context, "gitlab", ref="main"))["ok"]
    jobs = JobsHere("gitlab")
    answers = [JSONResponse({"message": "401 Unauthorized t0ken"}, 401)]
    with pytest.raises(OutcomeUnknown, match=r"run 17 .* was started, but cannot be followed"):
        await done(pipeline, context, "gitlab", ref="main")


async def test_nothing_was_executed_before_it_was_sent(
    pipeline: Pipeline, site: Scripted, context: Context
) -> None:
    with pytest.raises(Unreachable):
        await pipeline.perform({"system": "away", "job": "team/app", "ref": "main"}, context)
    for status, family in ((503, Unreachable), (422, ActionRefused), (404, ActionRefused)):
        refusal = JSONResponse({"message": "no"}, status)
        site.reply = lambda _, answer=refusal: answer  # type: ignore[misc]
        for kind in KINDS:
            with pytest.raises(family):
                await done(pipeline, context, kind)


async def test_an_answer_of_something_else_is_in_doubt(
    pipeline: Pipeline, site: Scripted, context: Context
) -> None:
    site.reply = lambda _: JSONResponse({"hello": "world"})
    with pytest.raises(OutcomeUnknown, match="check its `url`"):
        await done(pipeline, context, "rundeck")


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"system": "half", "job": "x"}, "`half` is a `github` and needs a `project`"),
        ({"system": "rundeck", "job": "x", "ref": "main"}, "has no `ref`"),
        ({"system": "gitlab", "job": "x", "inputs": {"STANCH_MARK": "1"}}, "takes the mark"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_anything_is_sent(
    pipeline: Pipeline, site: Scripted, context: Context, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match=says):
        await pipeline.perform(params, context)
    assert site.got == []


@pytest.mark.parametrize("mark", ["stanch", None])
async def test_an_attempt_after_a_lost_one(pipeline: Pipeline, site: Scripted, mark: str | None) -> None:
    jobs = site.reply = JobsHere("rundeck", looks=1)
    given = {"mark": mark} if mark else {}
    params = {"system": "rundeck", "job": JOBS["rundeck"], **given}
    task = ActionTask("back", Call("pipeline", params), "change", 5.0, key=KEY)
    bench = Bench(pipeline)
    first = await bench.run(task)
    bench.attempt(2)
    if mark:
        assert (await bench.run(task)).result["id"] == first.result["id"]
    else:
        error = await bench.error(task)
        assert "it may have executed the change" in str(error)
    assert len(jobs.runs) == 1


@contracts.needed
async def test_rundeck_is_asked_for_what_it_takes(
    pipeline: Pipeline, site: Scripted, context: Context
) -> None:
    site.reply = JobsHere("rundeck")
    await done(pipeline, context, "rundeck", inputs={"version": "1"}, mark="stanch")
    await done(pipeline, replace(context, again=True), "rundeck", mark="stanch")
    site.reply = JobsHere("rundeck", looks=10**6)
    with pytest.raises(OutcomeUnknown):
        await done(pipeline, replace(context, timeout=1.0), "rundeck")
    asked = {f"{got.method} {got.path}": got for got in site.got}
    assert any(name.endswith("/abort") for name in asked)
    said = {
        name: contracts.violations("rundeck/rundeck-api.yml", got, base=API) for name, got in asked.items()
    }
    assert {name: wrong for name, wrong in said.items() if wrong} == {}


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"job": ".."},
        {"job": "a b"},
        {"job": "x", "inputs": {"a": [1]}},
        {"job": "x", "mark": "a b"},
        {"job": "x", "follow": "yes"},
    ],
)
def test_what_does_not_fit_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check(params)


def test_it_is_one_that_is_found_again(pipeline: Pipeline) -> None:
    assert isinstance(pipeline, Reattaching)
