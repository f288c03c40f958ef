"""The shipped runbook `stakeholder-update`, from the question to the messages and the ticket.

Temporal, worker and gateway are the real ones; Slack and Jira answer as their vendors have published.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from starlette.responses import JSONResponse, Response

from stanch.language.plan import Json
from tests.activities.served import Got, Scripted, scripted
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support import contracts
from tests.support.tickets import JiraHere

pytestmark = [pytest.mark.xdist_group("e2e"), pytest.mark.timeout(300)]

TEXT = "Since ten <!channel> some customers cannot pay. We are switching to the second zone."


@dataclass(slots=True)
class World:
    stage: Stage
    slack: Scripted
    jira: Scripted
    tickets: JiraHere

    def emptied(self) -> None:
        self.slack.got.clear()
        self.jira.got.clear()
        self.tickets.issues.clear()

    def posted(self) -> list[Json]:
        return [json.loads(got.body) for got in self.slack.got]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with scripted() as slack, scripted() as jira:
        token = tmp_path_factory.mktemp("secret") / "slack"
        token.write_text("xoxb-canary-of-the-test")
        place = {"kind": "slack", "url": slack.url, "token": {"secret": f"file/{token}"}}
        systems = {
            "stakeholders": {**place, "to": "C01"},
            "support": {**place, "to": "C02"},
            "tickets": {
                "kind": "jira",
                "url": jira.url,
                "project": "OPS",
                "user": "a@x.org",
                "password": "p4ss",
            },
        }
        tickets = jira.reply = JiraHere()
        folder = tmp_path_factory.mktemp("stakeholders")
        with start_stage(folder, runbooks=[str(ROOT / "runbooks")], systems=systems) as stage:
            yield World(stage, slack, jira, tickets)


def answered(world: World, run: str, stands: str) -> Json:
    request = world.stage.asked(run)
    words = [f"stands={stands}", f"text={TEXT}", "next=at 10:45 UTC"]
    world.stage.stanch("answer", run, *words, "--digest", request["digest"], by="carol")
    return world.stage.ended(run)


def took(got: Got) -> Response:
    return JSONResponse({"ok": True, "ts": f"17636300{json.loads(got.body)['channel']}", "channel": "C01"})


def test_everybody_is_told_once_and_there_is_a_ticket(world: World) -> None:
    world.emptied()
    world.slack.reply = took
    run = world.stage.begin("stakeholder-update", service="checkout", channels=["stakeholders", "support"])
    assert world.slack.got == []
    view = answered(world, run, "identified")
    assert view["outcome"] == "succeeded"
    assert view["outputs"] == {"told": ["stakeholders", "support"], "missed": [], "ticket": "OPS-1"}
    assert [each["channel"] for each in world.posted()] == ["C01", "C02"]
    text = world.posted()[0]["text"]
    assert text.startswith("*checkout: identified*\nSince ten &lt;!channel&gt; some")
    assert "Next update: at 10:45 UTC" in text
    (ticket,) = world.tickets.issues
    assert ticket["fields"]["summary"] == "checkout: identified"
    assert "xoxb-canary" not in json.dumps(view)
    if contracts.FOLDER.is_dir():
        named = {
            "slack/slack_web_trimmed_oas3.json": world.slack,
            "jira/platform-v3-trimmed.json": world.jira,
        }
        wrong = [
            said
            for name, site in named.items()
            for got in site.got
            for said in contracts.violations(name, got)
        ]
        assert wrong == []


def test_a_channel_that_answers_nothing_is_not_told_twice(world: World) -> None:
    world.emptied()
    known: Json = {"key": "OPS-1", "fields": {"labels": [], "status": {"name": "To Do"}}, "comments": []}
    world.tickets.issues.append(known)

    def loses(got: Got) -> Response:
        return Response("", 504) if json.loads(got.body)["channel"] == "C01" else took(got)

    world.slack.reply = loses
    inputs: dict[str, Json] = {
        "service": "checkout",
        "channels": ["stakeholders", "support"],
        "ticket": "OPS-1",
    }
    view = answered(world, world.stage.begin("stakeholder-update", **inputs), "monitoring")
    assert view["outcome"] == "succeeded"
    assert view["outputs"] == {"told": ["support"], "missed": ["stakeholders"], "ticket": "OPS-1"}
    assert [each["channel"] for each in world.posted()] == ["C01", "C02"]
    assert len(known["comments"]) == 1
