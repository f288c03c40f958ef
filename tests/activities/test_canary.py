"""No secret leaves the worker: not in a history, a heartbeat, a log, nor the database of the Temporal server.

Steps of every action go through a real worker on a real server, end well and badly, and the world shows them
their own secrets in as many spellings as it likes. Then everything that was kept is searched.
"""

from __future__ import annotations

import asyncio
import html
import json
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from temporalio import workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.common import RetryPolicy
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.action import Action
from activities.ansible.action import AnsibleAction
from activities.attempt.keeping import Keeper
from activities.attempt.perform import action_activities
from activities.http import Http
from activities.page import Pager
from activities.prometheus.action import Prometheus
from activities.ssh import SshAction
from stanch.contract import ACTIVITY_PAGE, ActionTask, PageTask
from stanch.evidence import Evidence
from stanch.language.plan import Call, Check, Json, Poll
from tests.activities.served import Got, Scripted, free_port, raw
from tests.support.sshd import Farm
from tests.support.temporal import start_temporal

pytestmark = [pytest.mark.xdist_group("temporal-canary"), pytest.mark.asyncio(loop_scope="module")]

MARK = "CaNaRy"
"""Letters stay as they are in every spelling but base64, so this finds each part of a secret that is left."""
TOKEN = f"{MARK}1/w+=é'\"$&%7E<x>\\{MARK}2 {MARK}3-" + f"{MARK}4" * 8
KEY = f"-----BEGIN {MARK}-----\n" + "".join(f"{MARK}{line}abcdefghij\n" for line in range(8))
PLAIN = f"{MARK}5abcdefgh"
"""What can stand in a header."""
SECRET: Json = {"secret": "env/CANARY_TOKEN"}
MULTILINE: Json = {"secret": "env/CANARY_KEY"}
HEADER: Json = {"secret": "env/CANARY_PLAIN"}
PAGER: Json = {"secret": "env/CANARY_PAGER"}
ALL = {
    "all.json": "result",
    "parts.json": "result.map(name, string(name))",
    "body.txt": "result.body",
    "stdout.txt": "result.stdout",
    "wrong.txt": "int(result.body)",
}
"""Every way to keep something, of which each action has some."""


@workflow.defn
class Steps:
    """One step, however it ends, and at once."""

    @workflow.run
    async def run(self, task: ActionTask) -> Any:
        return await workflow.execute_activity(
            task.call.action,
            task,
            start_to_close_timeout=timedelta(seconds=60),
            heartbeat_timeout=timedelta(seconds=10),
            retry_policy=RetryPolicy(maximum_attempts=2, initial_interval=timedelta(milliseconds=50)),
        )


@workflow.defn
class Paging:
    @workflow.run
    async def run(self, task: PageTask) -> Any:
        return await workflow.execute_activity(
            ACTIVITY_PAGE,
            task,
            start_to_close_timeout=timedelta(seconds=60),
            retry_policy=RetryPolicy(maximum_attempts=1),
        )


class Ground:
    """A worker with every action, and all that was kept of what it did."""

    def __init__(self, client: Client, database: Path, evidence: Path) -> None:
        self.client = client
        self.evidence = evidence
        self.queue = f"canary-{uuid4()}"
        self.database = database
        self.kept: list[bytes] = []

    async def run(self, flow: Any, task: Any) -> str:
        """What became of `task`, as it is kept."""
        handle = await self.client.start_workflow(
            flow.run, task, id=f"canary-{uuid4()}", task_queue=self.queue, result_type=object
        )
        try:
            said = json.dumps(await handle.result())
        except WorkflowFailureError as error:
            said = str(error.cause.__cause__ or error.cause)
        history = await handle.fetch_history()
        self.kept += [event.SerializeToString() for event in history.events]
        return said

    def found(self, log: str) -> list[str]:
        """Every place that has a part of a secret, since this was asked last."""
        told, self.kept = {"history": b"".join(self.kept), "log": log.encode(errors="replace")}, []
        return [f"{name}: {_around(data)!r}" for name, data in told.items() if MARK.encode() in data]

    def stored(self) -> bytes:
        return b"".join(path.read_bytes() for path in self.database.parent.glob(f"{self.database.name}*"))


def _around(data: bytes) -> bytes:
    at = data.index(MARK.encode())
    return data[max(0, at - 200) : at + 200]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def ground(tmp_path_factory: pytest.TempPathFactory, farm: Farm) -> AsyncIterator[Ground]:
    folder = tmp_path_factory.mktemp("canary")
    actions: list[Action] = [
        Http(),
        Prometheus(),
        SshAction(farm.config_file),
        AnsibleAction(None, farm.config_file),
    ]
    with start_temporal(folder, database=folder / "temporal.db") as server:
        ground = Ground(await server.client(), folder / "temporal.db", folder / "evidence")
        keeper = Keeper(Evidence(ground.evidence), 2048)
        worker = Worker(
            ground.client,
            task_queue=ground.queue,
            workflows=[Steps, Paging],
            activities=[*action_activities(actions, keeper), Pager({"ic": [PAGER]}).page],
            workflow_runner=UnsandboxedWorkflowRunner(),
            max_heartbeat_throttle_interval=timedelta(milliseconds=100),
        )
        async with worker:
            yield ground
        stored = ground.stored()
        assert b"env/CANARY" in stored, "the database is not where the server keeps its histories"
        assert MARK.encode() not in stored, _around(stored)
        evidence = [path.read_bytes() for path in ground.evidence.rglob("*") if path.is_file()]
        assert any(b"[secret]" in content for content in evidence), "nothing was kept"
        assert [_around(content) for content in evidence if MARK.encode() in content] == []
        await asyncio.gather(*(action.close() for action in actions))


@pytest.fixture(autouse=True)
def _secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANSIBLE_SSH_USETTY", "False")
    monkeypatch.setenv("CANARY_TOKEN", TOKEN)
    monkeypatch.setenv("CANARY_KEY", KEY)
    monkeypatch.setenv("CANARY_PLAIN", PLAIN)
    monkeypatch.setenv("CANARY_PAGER", f"json://user:{PLAIN}@127.0.0.1:{free_port()}/{PLAIN}")


def read(call: Call, until: str = "", timeout: float = 10.0) -> ActionTask:
    poll = Poll(until, within=0.2, every=0.05) if until else None
    return ActionTask("look", call, timeout=timeout, poll=poll, keep=ALL)


def change(call: Call, done: Call | None = None, timeout: float = 10.0) -> ActionTask:
    check = Check(done, Poll("result.status == 999", within=0.2, every=0.05)) if done else None
    return ActionTask("act", call, effect="change", timeout=timeout, done=check, key="run/act/1", keep=ALL)


def told(got: Got) -> str:
    return f"{got.path}?{got.query} {got.headers} {got.body.decode()}"


ECHOES = {
    "text": lambda got: PlainTextResponse(told(got)),
    "json": lambda got: JSONResponse({told(got): [told(got), TOKEN, KEY, KEY.splitlines()]}),
    "html": lambda got: HTMLResponse(html.escape(told(got) + TOKEN), 500),
    "refusal": lambda got: PlainTextResponse(f"no {TOKEN}", 403),
    "header": lambda got: Response("", 401, {"x-echo": got.headers.get("x-token", "") + PLAIN}),
    "moved": lambda got: RedirectResponse(f"/x?{got.query}&y={PLAIN}", 307),
    "in a circle": lambda got: RedirectResponse(f"/{PLAIN}?{got.query}", 307),
}


@pytest.mark.parametrize("echo", ECHOES)
async def test_http_tells_no_secret(
    ground: Ground, site: Scripted, caplog: pytest.LogCaptureFixture, echo: str
) -> None:
    site.reply = ECHOES[echo]
    call = Call(
        "http",
        {
            "method": "POST",
            "url": site.url,
            "query": {"q": SECRET, "k": MULTILINE},
            "headers": {"x-token": HEADER},
            "auth": {"username": "ic", "password": HEADER},
            "json": {"a": [SECRET, MULTILINE]},
            "follow_redirects": echo == "in a circle",
        },
    )
    with caplog.at_level(logging.INFO):
        said = [
            await ground.run(Steps, change(call)),
            await ground.run(Steps, change(call, done=call)),
            await ground.run(Steps, read(call, until="result.body == 'never'")),
        ]
    assert all(said)
    assert ground.found(caplog.text) == []


async def test_http_that_fails_tells_no_secret(
    ground: Ground, site: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    async def cut(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(f"HTTP/1.1 2{PLAIN}\r\n".encode())
        await writer.drain()

    nobody = f"http://127.0.0.1:{free_port()}/a"
    with caplog.at_level(logging.INFO):
        async with raw(cut) as url:
            torn = Call("http", {"method": "POST", "url": url, "headers": {"x": HEADER}})
            assert "nobody knows" in await ground.run(Steps, change(torn))
        refused = Call("http", {"method": "POST", "url": nobody, "query": {"q": SECRET}})
        assert "connection refused" in await ground.run(Steps, change(refused))
        odd = Call("http", {"method": "POST", "url": site.url, "headers": {"x": MULTILINE}})
        assert "characters that HTTP does not allow" in await ground.run(Steps, change(odd))
        asked = Call("prometheus", {"server": nobody, "query": "up", "auth": {"bearer": HEADER}})
        assert "connection refused" in await ground.run(Steps, read(asked))
    assert ground.found(caplog.text) == []


SCRIPTS = {
    "as it is": ('printf %s "$T"; printf %s "$K"; printf %s "$T" >&2', "text"),
    "in lines": ('printf %s "$K"', "lines"),
    "in one line of an error": ('printf "%s" "$K" >&2; exit 3', "text"),
    "no JSON": ('printf %s "$P$P$P$P$P"', "json"),
    "cut": ('i=0; while [ $i -lt 3000 ]; do printf "%s." "$P$T"; i=$((i+1)); done; exit 4', "text"),
    "in base64": ('printf %s "$T" | base64 -w0', "text"),
    "traced": ('set -x; test "$T" = 1; test "$K" = 1', "text"),
    "wrong syntax": ('eval "$T"', "text"),
}


@pytest.mark.parametrize("case", SCRIPTS)
async def test_ssh_tells_no_secret(ground: Ground, caplog: pytest.LogCaptureFixture, case: str) -> None:
    script, output = SCRIPTS[case]
    env = {"T": SECRET, "K": MULTILINE, "P": HEADER}
    call = Call("ssh", {"hosts": ["web1"], "script": script, "output": output, "env": env}, one=True)
    with caplog.at_level(logging.INFO):
        assert await ground.run(Steps, change(call))
        assert await ground.run(Steps, read(call, until="result.stdout == 'never'"))
    assert ground.found(caplog.text) == []


async def test_ssh_that_ends_in_doubt_tells_no_secret(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    params = {"hosts": ["web1", "web2"], "run": ["sh", "-c", "cat; sleep 60"], "stdin": SECRET}
    with caplog.at_level(logging.INFO):
        said = await ground.run(Steps, change(Call("ssh", params), timeout=1.0))
    assert "still running" in said
    assert ground.found(caplog.text) == []


SHELL: Json = {"module": "raw", "args": SECRET, "hosts": ["web1"]}
PLAYS: Json = [
    {
        "name": "show",
        "hosts": "all",
        "gather_facts": False,
        "tasks": [
            {"name": "print {{ token }}", "debug": {"msg": "{{ token }} {{ key }}"}},
            {"name": "fail", "fail": {"msg": "{{ [token, key] | to_nice_json }}"}},
        ],
    }
]
RUNS: dict[str, Json] = {
    "a command that is none": SHELL,
    "plays": {"playbook": PLAYS, "hosts": ["web1"], "vars": {"token": SECRET, "key": MULTILINE}},
    "no host": {"playbook": PLAYS, "hosts": ["nowhere"], "vars": {"token": HEADER, "key": MULTILINE}},
    "a module that is none": {"module": "no_such_module", "args": {"a": SECRET}, "hosts": ["web1"]},
}


@pytest.mark.parametrize("case", RUNS)
async def test_ansible_tells_no_secret(ground: Ground, caplog: pytest.LogCaptureFixture, case: str) -> None:
    with caplog.at_level(logging.INFO):
        assert await ground.run(Steps, change(Call("ansible", RUNS[case]), timeout=30.0))
    assert ground.found(caplog.text) == []


async def test_a_page_tells_nothing_of_its_destination(
    ground: Ground, caplog: pytest.LogCaptureFixture
) -> None:
    task = PageTask(run="run/a/1", request="act", to="ic", rung=0, severity="SEV1", text="Do it?", url="")
    with caplog.at_level(logging.INFO):
        assert "did not take the page" in await ground.run(Paging, task)
    assert ground.found(caplog.text) == []
