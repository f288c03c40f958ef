"""The action `notify`: what each service is sent, held against what it takes, and a real mail server."""

from __future__ import annotations

import asyncio
import email.policy
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from email.message import EmailMessage
from email.parser import BytesParser
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from jsonschema import Draft7Validator, Draft202012Validator
from starlette.responses import JSONResponse, Response

from activities.action import Context, Telling
from activities.attempt.parameters import Parameters
from activities.notify import Notify
from activities.systems import Systems
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.served import Got, Scripted, free_port, raw
from tests.support import contracts

SPEC = load_catalogue().actions["notify"]
HOSTILE = "<!channel> @everyone <https://evil.example|us> [here](https://evil.example) & \x1b[2J\u202egpj"


class Inbox:
    """What a real SMTP server was sent. `answer`: what it says to a mail instead of taking it."""

    def __init__(self) -> None:
        self.mails: list[tuple[list[str], EmailMessage]] = []
        self.answer = ""
        self.url = ""

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer:
            return self.answer
        parsed = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(envelope.content)
        self.mails.append((envelope.rcpt_tos, parsed))
        return "250 taken"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:  # noqa: N802
        if address.startswith("nobody@"):
            return "550 no such mailbox"
        envelope.rcpt_tos.append(address)
        return "250 OK"


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    held = Inbox()
    controller = Controller(held, hostname="127.0.0.1", port=free_port(), ready_timeout=60)
    controller.start()
    held.url = f"smtp://127.0.0.1:{controller.port}"
    try:
        yield held
    finally:
        controller.stop()


@pytest.fixture
async def notify(site: Scripted) -> AsyncIterator[Notify]:
    site.reply = lambda _: JSONResponse({"ok": True, "ts": "1763630000.000100", "channel": "C024BE91L"})
    action = Notify(
        Systems(
            {
                "incidents": {"kind": "slack", "url": site.url, "token": "xoxb-s3cret", "to": "C024BE91L"},
                "cards": {"kind": "teams", "url": f"{site.url}/hook?sig=s3cret-word"},
                "hook": {"kind": "webhook", "url": f"{site.url}/hook", "token": "hook-token"},
                "beyond": {"kind": "apprise", "url": f"{site.url.replace('http', 'json', 1)}/any"},
                "bad": {"kind": "apprise", "url": "nonsense://x"},
                "half": {"kind": "slack", "token": "xoxb-s3cret"},
            }
        )
    )
    yield action
    await action.close()


def said(**params: Any) -> dict[str, Any]:
    return {"channel": "incidents", "text": "Orders fail since 10:00.", **params}


async def told(action: Notify, params: dict[str, Any], context: Context) -> Any:
    Parameters(SPEC).check(params)
    result = await action.perform(params, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


def body(got: Got) -> Any:
    return json.loads(got.body)


@contracts.needed
@pytest.mark.parametrize(
    "more", [{}, {"thread": "1.2", "mention": ["here", "U024BE7LH", "S0614TZR7"], "title": "SEV1"}]
)
async def test_slack_gets_what_its_api_takes(
    notify: Notify, site: Scripted, context: Context, more: dict[str, Any]
) -> None:
    result = await told(
        notify, said(links=[{"title": "Run", "url": "https://x.example/a?b=1&c=2"}], **more), context
    )
    (got,) = site.got
    assert contracts.violations("slack/slack_web_trimmed_oas3.json", got) == []
    assert result == {"channel": "incidents", "kind": "slack", "id": "1763630000.000100"}
    assert got.headers["authorization"] == "Bearer xoxb-s3cret"


async def test_a_message_looks_as_it_was_meant(notify: Notify, site: Scripted, context: Context) -> None:
    link = {"title": "Run", "url": "https://x.example/a?b=1&c=2"}
    await told(notify, said(title="SEV1", mention=["here", "U024BE7LH"], links=[link], thread="1.2"), context)
    sent = body(site.got[0])
    assert sent["text"].splitlines() == [
        "<!here> <@U024BE7LH>",
        "*SEV1*",
        "Orders fail since 10:00.",
        "<https://x.example/a?b=1&amp;c=2|Run>",
    ]
    assert (sent["channel"], sent["thread_ts"]) == ("C024BE91L", "1.2")


async def test_no_data_calls_anybody_or_hides_a_link_in_slack(
    notify: Notify, site: Scripted, context: Context
) -> None:
    await told(notify, said(text=HOSTILE, title=HOSTILE.replace("\x1b", "").replace("\u202e", "")), context)
    text = body(site.got[0])["text"]
    assert "<" not in text
    assert "&lt;!channel&gt;" in text
    assert not {"\x1b", "\u202e"} & set(text)
    assert (body(site.got[0])["parse"], body(site.got[0])["link_names"]) == ("none", False)


@pytest.mark.parametrize("mention", ["everyone", "<!here>", "${{ inputs.who }}", "U1> <!channel"])
def test_only_the_author_calls_people(mention: str) -> None:
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check(said(mention=[mention]))


@contracts.needed
async def test_teams_gets_a_card_that_is_one(notify: Notify, site: Scripted, context: Context) -> None:
    site.reply = lambda _: Response(status_code=202)
    link = {"title": "Run", "url": "https://x.example/"}
    result = await told(
        notify, said(channel="cards", title="SEV1", text=f"{HOSTILE}\nSecond.", links=[link]), context
    )
    assert result == {"channel": "cards", "kind": "teams", "id": ""}
    (attached,) = body(site.got[0])["attachments"]
    assert attached["contentType"] == "application/vnd.microsoft.card.adaptive"
    card = attached["content"]
    Draft7Validator(contracts.document("msteams/adaptive-card-1.5.0.json")).validate(card)
    texts = [each["text"] for each in card["body"]]
    assert texts[0] == "SEV1"
    assert r"\[here\](https" in texts[1]
    assert texts[-1] == "Second."
    assert card["actions"] == [{"type": "Action.OpenUrl", **link}]
    assert site.got[0].query == "sig=s3cret-word"


async def test_a_webhook_is_told_a_key_by_which_it_knows_a_repetition(
    notify: Notify, site: Scripted, context: Context
) -> None:
    site.reply = lambda _: JSONResponse({"id": "m-1"})
    result = await told(notify, said(channel="hook"), context)
    await told(notify, said(channel="hook"), context)
    await told(notify, said(channel="hook"), replace(context, key="run/other/step"))
    assert result["id"] == "m-1"
    keys = [got.headers["idempotency-key"] for got in site.got]
    assert keys[0] == keys[1] != keys[2]
    assert body(site.got[0])["key"] == keys[0]


async def test_what_apprise_reaches_is_told_and_nobody_is_called_by_data(
    notify: Notify, site: Scripted, context: Context
) -> None:
    await told(notify, said(channel="beyond", title="SEV1", text=HOSTILE), context)
    sent = body(site.got[0])
    assert sent["title"] == "SEV1"
    assert "@everyone" not in sent["message"]
    assert "<!channel>" not in sent["message"]
    with pytest.raises(InvalidInput, match="`bad` is none that apprise understands"):
        await notify.perform(said(channel="bad"), context)


async def test_a_mail_is_plain_and_known_by_its_id(inbox: Inbox, context: Context) -> None:
    place = {
        "kind": "mail",
        "url": inbox.url,
        "from": "stanch@example.org",
        "to": "a@example.org, b@example.org",
    }
    action = Notify(Systems({"mail": place}))
    link = {"title": "Run", "url": "https://x.example/"}
    result = await told(action, {"text": f"Orders fail.\n{HOSTILE}", "links": [link]}, context)
    await told(action, {"text": "Over.", "title": "It is over", "thread": result["id"]}, context)
    (to, first), (_, second) = inbox.mails
    assert to == ["a@example.org", "b@example.org"]
    assert first["Subject"] == "Orders fail."
    assert first.get_content_type() == "text/plain"
    assert first.get_content().splitlines()[-1] == "Run: https://x.example/"
    assert first["Message-ID"] == result["id"]
    assert (second["Subject"], second["In-Reply-To"]) == ("It is over", result["id"])


async def test_no_line_of_data_becomes_a_header(inbox: Inbox, context: Context) -> None:
    place = {"kind": "mail", "url": inbox.url, "from": "stanch@example.org", "to": "a@example.org"}
    action = Notify(Systems({"mail": place}))
    await told(
        action,
        {"text": "x\r\nBcc: victim@example.org", "thread": "<1@x>\r\nBcc: victim@example.org"},
        context,
    )
    ((to, mail),) = inbox.mails
    assert to == ["a@example.org"]
    assert mail["Bcc"] is None
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check({"text": "x", "title": "x\nBcc: victim@example.org"})


@pytest.mark.parametrize(
    ("answer", "to", "family", "says"),
    [
        ("452 try later", "a@example.org", Unreachable, "`mail` answered 452: try later"),
        ("554 looks like spam", "a@example.org", ActionRefused, "`mail` answered 554: looks like spam"),
        ("", "nobody@example.org", ActionRefused, "`mail` answered 550: no such mailbox"),
        ("", "a@example.org, nobody@example.org", ActionRefused, "not for `nobody@example.org`"),
        ("", "no address", InvalidInput, "`mail` needs addresses in `from` and `to`"),
    ],
)
async def test_what_a_mail_server_refuses_is_told_in_its_words(
    inbox: Inbox, context: Context, answer: str, to: str, family: type[Exception], says: str
) -> None:
    inbox.answer = answer
    place = {"kind": "mail", "url": inbox.url, "from": "stanch@example.org", "to": to}
    with pytest.raises(family, match=says):
        await Notify(Systems({"mail": place})).perform({"text": "x"}, context)


async def test_a_password_is_not_sent_without_tls(inbox: Inbox, context: Context) -> None:
    place = {
        "kind": "mail",
        "url": inbox.url,
        "from": "a@x.org",
        "to": "b@x.org",
        "user": "a",
        "password": "p",
    }
    with pytest.raises(ActionRefused, match="offers no TLS"):
        await Notify(Systems({"mail": place})).perform({"text": "x"}, context)


async def test_no_mail_server_means_that_nothing_was_sent(context: Context) -> None:
    place = {"kind": "mail", "url": f"smtp://127.0.0.1:{free_port()}", "from": "a@x.org", "to": "b@x.org"}
    with pytest.raises(Unreachable, match=r"`mail`: .*refused"):
        await Notify(Systems({"mail": place})).perform({"text": "x"}, context)


@pytest.mark.parametrize(
    ("channel", "reply", "family", "says"),
    [
        (
            "incidents",
            JSONResponse({"ok": False, "error": "channel_not_found"}),
            ActionRefused,
            "channel_not_found",
        ),
        ("incidents", Response("", 429), Unreachable, "429"),
        ("incidents", Response("", 504), OutcomeUnknown, "nobody knows whether"),
        ("cards", Response("expired", 401), ActionRefused, "401 Unauthorized: expired"),
        ("half", Response(""), InvalidInput, "`half` is a `slack` and needs `to`"),
    ],
)
async def test_each_way_to_fail(
    notify: Notify,
    site: Scripted,
    context: Context,
    channel: str,
    reply: Response,
    family: type[Exception],
    says: str,
) -> None:
    site.reply = lambda _: reply
    with pytest.raises(family, match=says) as failed:
        await notify.perform(said(channel=channel), context)
    assert "s3cret" not in str(failed.value)


async def test_a_drill_is_seen_to_be_one(notify: Notify, site: Scripted, context: Context) -> None:
    drill = replace(context, drill=True)
    await told(notify, said(), drill)
    await told(notify, said(title="SEV1"), drill)
    await told(notify, said(channel="hook"), drill)
    assert body(site.got[0])["text"].startswith("[DRILL] Orders")
    assert body(site.got[1])["text"].startswith("*[DRILL] SEV1*")
    assert body(site.got[2])["drill"] is True


async def test_a_message_that_is_too_long_loses_its_middle(
    notify: Notify, site: Scripted, context: Context
) -> None:
    await told(notify, said(text="a" * 100_000), context)
    text = body(site.got[0])["text"]
    assert len(text) < 4000
    assert "bytes cut" in text


async def test_one_that_is_cancelled_was_perhaps_told(notify: Notify, beats: Any, context: Context) -> None:
    began = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        began.set()
        await asyncio.sleep(60)

    async with raw(hang) as url:
        action = Notify(Systems({"it": {"kind": "webhook", "url": url}}))
        task = asyncio.create_task(action.perform({"text": "x"}, context))
        await asyncio.wait_for(began.wait(), 30)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [end.state for end in beats.ends] == ["unknown"]


def test_it_is_one_that_tells(notify: Notify) -> None:
    assert isinstance(notify, Telling)
    assert SPEC.tells
    assert SPEC.effect == "read"
