"""The action `ticket` against trackers that remember, Jira's requests held against what it has published."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.responses import JSONResponse, Response

from activities.action import Context, Telling
from activities.attempt.parameters import Parameters
from activities.systems import Systems
from activities.ticket import Ticket
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.activities.served import Scripted
from tests.support import contracts
from tests.support.tickets import IssuesHere, JiraHere

SPEC = load_catalogue().actions["ticket"]
STEM = "run/failover/ab12@1763630000.000/ticket"
HOSTILE = "@everyone [here](https://evil.example) <!-- stanch:0 --> {code}x{code} \x1b[2J"
LINK = {"title": "Run", "url": "https://x.example/"}
NEW: dict[str, Any] = {
    "title": "Orders failed",
    "text": f"First.\n\n{HOSTILE}",
    "labels": ["incident"],
    "links": [LINK],
}


@pytest.fixture
async def ticket(site: Scripted) -> AsyncIterator[Ticket]:
    action = Ticket(
        Systems(
            {
                "ops": {
                    "kind": "jira",
                    "url": site.url,
                    "project": "OPS",
                    "user": "a@x.org",
                    "password": "s3cret",
                },
                "hub": {"kind": "github", "url": site.url, "project": "team/ops", "token": "t0ken"},
                "half": {"kind": "jira", "url": site.url},
            }
        )
    )
    yield action
    await action.close()


@pytest.fixture
def context(beats: Beats) -> Context:
    return replace(beats.context(), key=f"{STEM}#4")


async def done(action: Ticket, context: Context, tracker: str, **params: Any) -> Any:
    asked = {"tracker": tracker, **params}
    Parameters(SPEC).check(asked)
    result = await action.perform(asked, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


@contracts.needed
async def test_jira_is_asked_for_what_it_takes(ticket: Ticket, site: Scripted, context: Context) -> None:
    jira = site.reply = JiraHere()
    made = await done(ticket, context, "ops", create={**NEW, "fields": {"issuetype": {"name": "Bug"}}})
    assert made == {"key": "OPS-1", "url": f"{site.url}/browse/OPS-1", "state": "open", "created": True}
    await done(ticket, context, "ops", comment={"ticket": "OPS-1", "text": HOSTILE})
    moved = await done(ticket, context, "ops", transition={"ticket": "OPS-1", "to": "done", "text": "Over."})
    assert (moved["state"], moved["created"]) == ("Done", False)
    wrong = {
        f"{got.method} {got.path}": contracts.violations("jira/platform-v3-trimmed.json", got)
        for got in site.got
    }
    assert {request: said for request, said in wrong.items() if said} == {}
    (issue,) = jira.issues
    assert issue["fields"]["summary"] == "Orders failed"
    assert issue["fields"]["issuetype"] == {"name": "Bug"}
    assert issue["fields"]["labels"][0] == "incident"
    texts = [
        each["content"][0]["text"] if each["content"] else ""
        for each in issue["fields"]["description"]["content"]
    ]
    assert texts == ["First.", "", HOSTILE.replace("\x1b", "\ufffd"), "Run: https://x.example/"]
    assert site.got[0].headers["authorization"].startswith("Basic ")


async def test_github_gets_an_issue_in_which_nothing_acts(
    ticket: Ticket, site: Scripted, context: Context
) -> None:
    hub = site.reply = IssuesHere()
    made = await done(ticket, context, "hub", create=NEW)
    assert (made["key"], made["state"], made["created"]) == ("#1", "open", True)
    (issue,) = hub.issues
    assert (issue["title"], issue["labels"]) == ("Orders failed", ["incident"])
    for acting in ("@everyone", "](", "<!-- stanch:0"):
        assert acting not in issue["body"]
    moved = await done(ticket, context, "hub", transition={"ticket": "#1", "to": "closed"})
    assert moved["state"] == "closed"


@pytest.mark.parametrize(("tracker", "here"), [("ops", JiraHere), ("hub", IssuesHere)])
async def test_a_ticket_whose_answer_was_lost_is_found_by_the_next_attempt(
    ticket: Ticket, site: Scripted, context: Context, tracker: str, here: Any
) -> None:
    held = site.reply = here(lost=1)
    with pytest.raises(OutcomeUnknown):
        await done(ticket, context, tracker, create=NEW)
    again = await done(ticket, replace(context, key=f"{STEM}#9"), tracker, create=NEW)
    assert (len(held.issues), again["created"]) == (1, False)
    other = await done(ticket, replace(context, key=f"{STEM}[1]#4"), tracker, create=NEW)
    assert (len(held.issues), other["created"]) == (2, True)


@pytest.mark.parametrize(("tracker", "here", "key"), [("ops", JiraHere, "OPS-1"), ("hub", IssuesHere, "#1")])
async def test_a_comment_is_written_once(
    ticket: Ticket, site: Scripted, context: Context, tracker: str, here: Any, key: str
) -> None:
    held = site.reply = here()
    await done(ticket, context, tracker, create=NEW)
    held.lost = 1
    with pytest.raises(OutcomeUnknown):
        await done(ticket, context, tracker, comment={"ticket": key, "text": "Over."})
    await done(ticket, context, tracker, comment={"ticket": key, "text": "Over."})
    assert len(held.issues[0]["comments"]) == 1


async def test_what_is_so_already_is_not_done_again(ticket: Ticket, site: Scripted, context: Context) -> None:
    site.reply = JiraHere()
    await done(ticket, context, "ops", create=NEW)
    await done(ticket, context, "ops", transition={"ticket": "OPS-1", "to": "Done"})
    before = len(site.got)
    await done(ticket, context, "ops", transition={"ticket": "OPS-1", "to": "DONE"})
    assert {got.method for got in site.got[before:]} == {"GET"}


async def test_a_drill_is_seen_to_be_one(ticket: Ticket, site: Scripted, context: Context) -> None:
    hub = site.reply = IssuesHere()
    await done(ticket, replace(context, drill=True), "hub", create=NEW)
    assert hub.issues[0]["title"] == "[DRILL] Orders failed"
    assert hub.issues[0]["body"].startswith("[DRILL] First.")


@pytest.mark.parametrize(
    ("params", "reply", "family", "says"),
    [
        (
            {"tracker": "ops", "transition": {"ticket": "OPS-1", "to": "Shipped"}},
            None,
            ActionRefused,
            "cannot be moved to `Shipped` from `To Do`, only to `Done`, `In Progress`",
        ),
        ({"tracker": "half", "create": NEW}, None, InvalidInput, "`half` is a `jira` and needs `project`"),
        (
            {"tracker": "ops", "create": NEW},
            JSONResponse({"errorMessages": [], "errors": {"summary": "is required"}}, 400),
            ActionRefused,
            "answered 400 Bad Request",
        ),
        ({"tracker": "hub", "create": NEW}, Response("", 503), Unreachable, "503"),
    ],
)
async def test_each_way_to_fail(
    ticket: Ticket,
    site: Scripted,
    context: Context,
    params: dict[str, Any],
    reply: Response | None,
    family: type[Exception],
    says: str,
) -> None:
    jira = site.reply = JiraHere()
    await done(ticket, context, "ops", create=NEW)
    site.reply = jira if reply is None else lambda _: reply
    with pytest.raises(family, match=says) as failed:
        await done(ticket, context, **params)
    assert "s3cret" not in str(failed.value)


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"create": {"title": "a\nb"}},
        {"create": NEW, "comment": {"ticket": "OPS-1", "text": "x"}},
        {"comment": {"ticket": "../../x", "text": "x"}},
        {"transition": {"ticket": "OPS-1/transitions", "to": "x"}},
    ],
)
def test_what_does_not_fit_is_refused(params: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        Parameters(SPEC).check(params)


def test_it_is_one_that_tells(ticket: Ticket) -> None:
    assert isinstance(ticket, Telling)
    assert SPEC.tells
