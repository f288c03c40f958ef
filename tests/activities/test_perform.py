"""The activity round every action, mostly driven through `http` against a real server."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace

import pytest
from starlette.responses import JSONResponse, Response

from activities.action import Context
from activities.attempt import attempt
from activities.http import Http
from stanch.contract import ActionTask, TargetEnd
from stanch.errors import ActionRefused, EngineUnavailable, EvaluationError
from stanch.language.plan import Call, Json
from tests.activities.bench import BEHAVE, Behaving, Bench, Switch, change, get, in_turn, post, raising, read
from tests.activities.served import Scripted, free_port, raw

SECRET = "correct horse"


# --- one read ---------------------------------------------------------------------------------------------


async def test_a_read_reports_its_result(bench: Bench, site: Scripted) -> None:
    site.reply = in_turn(7)
    report = await bench.run(read(get(site.url)))
    assert (report.result["json"], report.already) == ({"v": 7}, False)
    assert bench.phases() == ["checking"]


async def test_a_failing_result_is_refused_for_good(bench: Bench, site: Scripted) -> None:
    site.reply = lambda got: Response("gone", 410)
    error = await bench.error(read(get(site.url)))
    assert (error.type, error.non_retryable) == ("ActionRefused", True)
    assert error.message == f"GET {site.url} answered 410 Gone: gone"


async def test_nobody_there_may_be_tried_again(bench: Bench) -> None:
    error = await bench.error(read(get(f"http://127.0.0.1:{free_port()}")))
    assert (error.type, error.non_retryable) == ("Unreachable", False)


async def test_a_read_is_never_in_doubt(bench: Bench) -> None:
    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with raw(silent) as url:
        task = ActionTask("search", post(url), effect="read", timeout=0.2)
        error = await bench.error(task)
    assert (error.type, error.non_retryable) == ("Unreachable", False)


async def test_an_action_that_does_not_give_up_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempt, "GRACE", 0.05)
    bench = Bench(Behaving(lambda _: asyncio.sleep(60)))
    error = await bench.error(ActionTask("look", BEHAVE, timeout=0.05))
    assert (error.type, error.message) == ("Unreachable", "`behaving` did not end within 50ms")
    error = await bench.error(ActionTask("restart", BEHAVE, effect="change", timeout=0.05))
    assert error.type == "OutcomeUnknown"
    assert error.message.endswith("it did not end within 50ms")


# --- parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"accept": [200, "x"]}, "`http.accept[1]` does not fit: 'x' is not of type 'integer'"),
        ({"accept": "${{ 200 }}"}, "`http.accept` does not fit"),
        ({"follow_redirects": "yes"}, "`http.follow_redirects` does not fit: 'yes' is not of type 'boolean'"),
        ({"verb": "GET"}, "'verb' was unexpected"),
        ({"url": "example.org"}, "`http.url` does not fit: 'example.org' does not match"),
        ({"auth": {"bearer": "in the clear"}}, "`http.auth.bearer` does not fit"),
    ],
)
async def test_parameters_that_do_not_fit_are_the_authors_error(
    bench: Bench, site: Scripted, params: dict[str, Json], says: str
) -> None:
    error = await bench.error(read(Call("http", {"url": site.url, **params})))
    assert (error.type, error.non_retryable) == ("InvalidInput", True)
    assert says in error.message
    assert site.got == []


async def test_the_parameters_of_done_are_checked_before_anything_happens(
    bench: Bench, site: Scripted
) -> None:
    error = await bench.error(change(post(site.url), "true", get(site.url, verb="GET")))
    assert (error.type, site.got) == ("InvalidInput", [])


async def test_an_action_that_the_worker_does_not_have_is_named(bench: Bench, site: Scripted) -> None:
    error = await bench.error(change(post(site.url), "true", Call("teleport")))
    assert error.message == "this worker has no action `teleport`; it has `http`"
    assert site.got == []


async def test_a_change_is_not_repeated_until_something_holds(bench: Bench, site: Scripted) -> None:
    error = await bench.error(replace(read(post(site.url), "true"), effect="change"))
    assert (error.type, site.got) == ("InvalidInput", [])


# --- changing ---------------------------------------------------------------------------------------------


async def test_a_change_is_executed_once_and_reports_its_own_result(bench: Bench, site: Scripted) -> None:
    report = await bench.run(change(post(site.url)))
    assert (report.result["method"], report.already) == ("POST", False)
    assert site.methods() == ["POST"]
    assert site.got[0].headers["idempotency-key"] == "run/roll_back/1"
    assert bench.phases() == ["checking", "acting"]


async def test_what_is_already_so_is_not_executed(bench: Bench, site: Scripted) -> None:
    Switch(site, on=True)
    report = await bench.run(change(post(site.url), "result.json.on", get(site.url)))
    assert report.already is True
    assert report.result["json"] == {"on": True}
    assert site.methods() == ["GET"]
    assert bench.phases() == ["checking"]


async def test_a_change_is_waited_for_until_it_is_in_place(bench: Bench, site: Scripted) -> None:
    Switch(site, after=2)
    report = await bench.run(change(post(site.url), "result.json.on", get(site.url)))
    assert report.already is False
    assert report.result["json"] == {"id": 5}
    assert site.methods() == ["GET", "POST", "GET", "GET", "GET"]
    assert bench.phases() == ["checking", "acting", "waiting"]


async def test_done_that_asks_by_post_does_not_carry_the_key_of_the_change(
    bench: Bench, site: Scripted
) -> None:
    site.reply = in_turn(0, 0, 1)
    await bench.run(change(post(site.url), "result.json.v == 1", post(f"{site.url}/ask")))
    keys = [(got.path, "idempotency-key" in got.headers) for got in site.got]
    assert keys == [("/ask", False), ("/", True), ("/ask", False)]


async def test_a_change_that_does_not_come_to_hold_was_executed_and_says_so(
    bench: Bench, site: Scripted
) -> None:
    Switch(site, after=1000, status=200)
    error = await bench.error(change(post(site.url), "result.json.on", get(site.url), within=0.2))
    assert (error.type, error.non_retryable) == ("ActionRefused", True)
    assert error.message.startswith(
        "`http` was executed and ended well, but `done` is not true: "
        "`result.json.on` did not hold within 200ms (asked "
    )
    assert error.message.endswith("; last: result.json.on = false")
    assert site.methods().count("POST") == 1
    assert [report.ran for report in error.details] == [True]


class Partly(Behaving):
    """An action whose results say of themselves whether they are well."""

    def failure(self, result: Json) -> str | None:
        told = result if isinstance(result, list) else [result]
        return None if all(each["well"] for each in told) else "not everywhere"


@pytest.mark.parametrize(
    ("result", "ran"),
    [
        ([{"well": True}, {"well": False}], True),
        ([{"well": False}, {"well": False}], False),
        ({"well": False}, False),
        ({"well": False, "changed": True}, True),
    ],
)
async def test_a_change_that_failed_says_whether_it_was_made_somewhere(result: Json, ran: bool) -> None:
    error = await Bench(Partly(lambda _: result)).error(ActionTask("fix", BEHAVE, effect="change"))
    assert (error.type, error.message) == ("ActionRefused", "not everywhere")
    assert [report.ran for report in error.details] == ([True] if ran else [])


async def test_a_change_that_ended_on_some_targets_and_never_began_on_others_was_executed() -> None:
    ends = (TargetEnd("web1", "done", "status 0"), TargetEnd("web2", "not_started"))
    for told, ran in ((ends, True), (ends[1:], False)):
        error = ActionRefused("`web2` hung up before it began", ends=told)
        refused = await Bench(raising(error)).error(ActionTask("fix", BEHAVE, effect="change"))
        assert [report.ran for report in refused.details] == [ran]


async def test_a_change_after_which_nobody_answers_whether_it_is_in_place_is_in_doubt(
    bench: Bench, site: Scripted
) -> None:
    Switch(site, after=1000)
    error = await bench.error(change(post(site.url), "result.json.on", get(site.url), within=0.2))
    assert error.type == "OutcomeUnknown"
    assert error.message.startswith("`http` was executed and ended well, and nothing shows whether it is in ")
    assert site.methods().count("POST") == 1


async def test_a_question_without_an_answer_means_not_done(bench: Bench, site: Scripted) -> None:
    nobody = f"http://127.0.0.1:{free_port()}"
    error = await bench.error(change(post(site.url), "result.json.on", get(nobody), within=0.1))
    assert site.methods() == ["POST"]
    assert "last: GET http://127.0.0.1" in error.message


async def test_a_change_that_is_refused_is_not_waited_for(bench: Bench, site: Scripted) -> None:
    site.reply = lambda got: Response("locked", 423 if got.method == "POST" else 200)
    error = await bench.error(change(post(site.url), "result.json.on", get(site.url)))
    assert (error.type, error.message) == ("ActionRefused", f"POST {site.url} answered 423 Locked: locked")
    assert site.methods() == ["GET", "POST"]


async def test_done_may_ask_by_another_action(site: Scripted) -> None:
    http = Http()
    act = Behaving(lambda _: {"rc": 0})
    bench = Bench(act, http)
    site.reply = lambda got: JSONResponse({"on": act.times == 1})
    try:
        report = await bench.run(change(BEHAVE, "result.json.on", get(site.url)))
    finally:
        await http.close()
    assert (report.result, act.times, len(site.got)) == ({"rc": 0}, 1, 2)


async def test_the_call_is_told_its_key_its_time_and_whether_it_is_one() -> None:
    told: list[Context] = []
    bench = Bench(Behaving(told.append))
    await bench.run(change(replace(BEHAVE, one=True)))
    await bench.run(ActionTask("look", BEHAVE, timeout=7.0))
    assert [(one.key, one.timeout, one.one) for one in told] == [
        ("run/roll_back/1", 5.0, True),
        ("", 7.0, False),
    ]


async def test_done_by_another_action_has_that_actions_usual_time(bench: Bench, site: Scripted) -> None:
    """The step's own time-out of 5 seconds is about its own action; `behaving` usually has 60."""
    told: list[float] = []

    def behave(context: Context) -> int:
        told.append(context.timeout)
        return len(told)

    asking = Behaving(behave)
    http = Http()
    try:
        task = change(post(site.url), "result == 2", BEHAVE, within=300.0)
        await Bench(asking, http).run(task)
    finally:
        await http.close()
    assert told == [60.0, 60.0]


# --- doubt ------------------------------------------------------------------------------------------------


async def test_a_cut_connection_leaves_a_change_in_doubt(bench: Bench) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.abort()

    async with raw(cut) as url:
        error = await bench.error(change(post(url)))
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)


@pytest.mark.parametrize(
    "broken",
    [KeyError("x"), TimeoutError(), EvaluationError("odd"), EngineUnavailable("away"), OSError(5, "io")],
)
async def test_whatever_breaks_while_acting_is_doubt(broken: Exception) -> None:
    error = await Bench(raising(broken)).error(change(BEHAVE))
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", True)
    assert error.message.startswith("`behaving` was told to act, and its end is not known: ")


async def test_a_clear_answer_while_acting_is_not_doubt() -> None:
    error = await Bench(raising(ActionRefused("no"))).error(change(BEHAVE))
    assert (error.type, error.message) == ("ActionRefused", "no")


async def test_a_bug_in_a_read_is_ours_and_logged_without_secrets(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    bench = Bench(raising(KeyError(f"no {SECRET}")))
    task = ActionTask("look", Call("behaving", {"token": {"secret": "env/SECRET_OF_TEST"}}))
    error = await bench.error(task)
    assert (error.type, error.non_retryable) == ("OurError", True)
    assert error.message == "`behaving` met an error that is a bug of Stanch: KeyError: 'no [secret]'"
    assert "Traceback" in caplog.text
    assert SECRET not in caplog.text


async def test_a_bug_while_done_is_asked_afterwards_is_doubt() -> None:
    acting = Behaving(lambda _: "ok" if acting.times == 2 else int("x"))
    bench = Bench(acting)
    first = await bench.error(change(BEHAVE, "false", BEHAVE))
    assert first.type == "OurError", "nothing was executed yet"
    acting = Behaving(lambda _: "ok" if acting.times < 3 else int("x"))
    later = await Bench(acting).error(change(BEHAVE, "false", BEHAVE))
    assert later.type == "OutcomeUnknown"
    assert later.message.startswith("`behaving` was executed and ended well, but asking `done` failed: ")


# --- secrets ----------------------------------------------------------------------------------------------


async def test_a_secret_reaches_the_target_and_nobody_else(
    bench: Bench, site: Scripted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    token = {"secret": "env/SECRET_OF_TEST"}
    site.reply = lambda got: JSONResponse({"said": got.headers["x-token"], got.headers["x-token"]: got.query})
    with caplog.at_level(logging.DEBUG):
        report = await bench.run(read(get(site.url, headers={"X-Token": token}, query={"t": token})))
    assert site.got[0].headers["x-token"] == SECRET
    assert report.result["json"] == {"said": "[secret]", "[secret]": "t=[secret]"}
    assert report.result["url"] == f"{site.url}?t=[secret]"
    everything = f"{report} {bench.beats} {caplog.text}"
    assert not any(spelling in everything for spelling in (SECRET, "correct%20horse", "correct+horse"))


async def test_a_secret_is_taken_out_of_errors_and_heartbeats(
    bench: Bench, site: Scripted, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    token = {"secret": "env/SECRET_OF_TEST"}
    site.reply = lambda got: Response(f"no {got.headers['x-token']}", 403)
    call = get(site.url, headers={"X-Token": token})
    refused = await bench.error(read(call))
    assert refused.message.endswith("answered 403 Forbidden: no [secret]")
    in_vain = await bench.error(read(call, "result.body == ''", within=1.3, every=0.2))
    assert in_vain.message.endswith("last: result.body = no [secret]")
    assert bench.last_memory()["seen"]["last"] == "result.body = no [secret]"
    assert SECRET not in f"{bench.beats} {caplog.text}"


async def test_a_secret_in_an_actions_own_error_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    bench = Bench(raising(ActionRefused(f"wrong password {SECRET}")))
    for effect in ("read", "change"):
        task = replace(change(Call("behaving", {"token": {"secret": "env/SECRET_OF_TEST"}})), effect=effect)
        assert (await bench.error(task)).message == "wrong password [secret]"


async def test_the_secrets_of_done_are_resolved_too(
    bench: Bench, site: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_TEST", SECRET)
    site.reply = lambda got: JSONResponse({"said": got.headers.get("authorization")})
    asked = get(site.url, auth={"bearer": {"secret": "env/SECRET_OF_TEST"}})
    report = await bench.run(change(post(site.url), "result.json.said.startsWith('Bearer')", asked))
    assert (report.already, report.result["json"]) == (True, {"said": "Bearer [secret]"})


async def test_a_secret_that_is_missing_is_named_before_anything_happens(
    bench: Bench, site: Scripted
) -> None:
    asked = get(site.url, auth={"bearer": {"secret": "env/NO_SUCH_VARIABLE"}})
    error = await bench.error(change(post(site.url), "true", asked))
    assert (error.type, site.got) == ("InvalidInput", [])
    assert "`env/NO_SUCH_VARIABLE`" in error.message
