"""Pages through apprise into a local server that takes its `json://` posts."""

from __future__ import annotations

import asyncio
import email
import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pytest
from starlette.responses import Response
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.page import Pager
from stanch.contract import ACTIVITY_PAGE, PageTask
from stanch.language.plan import Json
from tests.activities.served import Scripted, free_port, scripted

TASK = PageTask(
    run="run/rollback-release/a1",
    request="roll_back",
    to="incident_commander",
    rung=1,
    severity="SEV1",
    text="Put the previous release back?\nOn 3 hosts.",
    url="https://stanch.example.org/r/a1",
)


@pytest.fixture
def service() -> Iterator[Scripted]:
    with scripted() as script:
        yield script


def json_url(service: Scripted, path: str = "") -> str:
    return service.url.replace("http://", "json://") + path


async def page(destinations: Mapping[str, Sequence[Json]], task: PageTask = TASK) -> str:
    pager = Pager(destinations)
    return await ActivityEnvironment().run(pager.page, task)


async def test_a_page_says_what_is_asked_and_where_to_answer(service: Scripted) -> None:
    assert await page({"incident_commander": [json_url(service)]}) == "sent"
    sent = json.loads(service.got[0].body)
    assert sent["title"] == "SEV1: Put the previous release back?"
    assert sent["type"] == "failure"
    for part in ("On 3 hosts.", TASK.url, TASK.run, "asked as incident_commander (rung 1)"):
        assert part in sent["message"]


async def test_only_those_who_are_asked_are_paged(service: Scripted) -> None:
    destinations = {
        "incident_commander": [json_url(service, "/ic")],
        "scribe": [json_url(service, "/scribe")],
    }
    await page(destinations)
    assert [got.path for got in service.got] == ["/ic"]


async def test_without_a_destination_the_page_is_one_line_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level(logging.WARNING):
        assert await page({"scribe": ["json://127.0.0.1"]}) == "logged"
    lines = [record.getMessage() for record in caplog.records if record.getMessage().startswith("page: ")]
    assert len(lines) == 1
    assert lines[0].startswith(
        "page: SEV1 incident_commander: Put the previous release back? On 3 hosts. "
        "(run=run/rollback-release/a1 request=roll_back rung=1 url=https://stanch.example.org/r/a1)"
    )


async def test_a_destination_may_be_a_secret(service: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGER_OF_TEST", json_url(service, "/hook"))
    assert await page({"incident_commander": [{"secret": "env/PAGER_OF_TEST"}]}) == "sent"
    assert service.got[0].path == "/hook"


async def test_one_destination_that_fails_does_not_hold_up_the_others(service: Scripted) -> None:
    bad = [
        f"jsons://ann:s3cret@127.0.0.1:{free_port()}/t0ken",
        "nonsense://s3cret",
        {"secret": "env/NO_SUCH_VARIABLE"},
    ]
    report = await page({"incident_commander": [*bad, json_url(service)]})
    assert report == (
        "sent to 1 of 4: `jsons` did not take the page; `nonsense` is no URL that apprise understands; "
        "secret `env/NO_SUCH_VARIABLE`: the worker has no environment variable `NO_SUCH_VARIABLE`"
    )
    assert len(service.got) == 1


async def test_when_nobody_could_be_paged_temporal_may_try_again(
    service: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    service.reply = lambda got: Response("", 500)
    secret = json_url(service, "/t0ken-of-test").replace("://", "://ann:s3cret-of-test@")
    with caplog.at_level(logging.DEBUG), pytest.raises(ApplicationError) as caught:
        await page({"incident_commander": [secret, "jsons://127.0.0.1:1/t0ken-of-test"]})
    assert (caught.value.type, caught.value.non_retryable) == ("Unreachable", False)
    assert caught.value.message == (
        "nobody could be paged as `incident_commander`: "
        "`json` did not take the page; `jsons` did not take the page"
    )
    assert "of-test" not in caplog.text


def test_it_is_registered_under_the_contracts_name() -> None:
    definition = activity._Definition.must_from_callable(Pager({}).page)
    assert (definition.name, definition.arg_types) == (ACTIVITY_PAGE, [PageTask])


async def test_what_a_page_quotes_is_no_html_of_a_mail() -> None:
    mails: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 ready\r\n")
        while line := await reader.readline():
            if line.upper().startswith(b"DATA"):
                writer.write(b"354 go on\r\n")
                mails.append(await reader.readuntil(b"\r\n.\r\n"))
            writer.write(b"250 ok\r\n")
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    url = f"mailto://127.0.0.1:{port}?from=stanch@example.org&to=ic@example.org"
    hostile = replace(TASK, text='Restart <img src="http://evil.example.org/seen">?')
    async with server:
        assert await page({"incident_commander": [url]}, hostile) == "sent"
    parts = email.message_from_bytes(mails[0]).walk()
    kinds = {part.get_content_type(): str(part.get_payload(decode=True)) for part in parts}
    assert "<img" in kinds["text/plain"]
    assert "<img" not in kinds.get("text/html", "")


async def test_a_page_in_the_log_is_one_line_whatever_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        await page({}, replace(TASK, text="Restart `a\x1b[2K\r\n2026-11-23 INFO approved`?"))
    (line,) = [record.getMessage() for record in caplog.records if "page: " in record.getMessage()]
    assert (
        line.partition(" (")[0] == "page: SEV1 incident_commander: Restart `a [2K 2026-11-23 INFO approved`?"
    )


@pytest.mark.parametrize(
    ("handed", "destinations", "paged"),
    [
        (False, ["incident_commander", "bob"], ["/incident_commander"]),
        (False, ["bob"], ["/bob"]),
        (True, ["incident_commander", "bob"], ["/bob"]),
        (True, ["incident_commander"], ["/incident_commander"]),
    ],
)
async def test_a_role_that_was_handed_over_is_paged_where_its_new_holder_is(
    service: Scripted, handed: bool, destinations: list[str], paged: list[str]
) -> None:
    to_bob = replace(TASK, people=("bob",), handed=handed)
    assert await page({name: [json_url(service, f"/{name}")] for name in destinations}, to_bob) == "sent"
    assert [request.path for request in service.got] == paged


async def test_where_one_of_several_new_holders_has_no_pager_the_role_is_paged(service: Scripted) -> None:
    to_both = replace(TASK, people=("bob", "carol"), handed=True)
    destinations = {name: [json_url(service, f"/{name}")] for name in ("incident_commander", "bob")}
    assert await page(destinations, to_both) == "sent"
    assert [request.path for request in service.got] == ["/incident_commander"]
