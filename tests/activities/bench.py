"""The activity layer under test: one attempt after the other, with what each tells Temporal."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.action import Action, Context
from activities.attempt.heart import Memory
from activities.attempt.keeping import Keeper
from activities.attempt.perform import ActionActivity, action_activities
from activities.secrets import Secrets
from stanch.contract import ActionReport, ActionTask, Progress
from stanch.evidence import Evidence
from stanch.language.catalogue import ActionSpec
from stanch.language.plan import Call, Check, Json, Poll
from stanch.schemas import load_catalogue
from tests.activities.served import Got, Scripted


class Behaving:
    """An action that does what the test says."""

    name = "behaving"

    def __init__(self, behave: Callable[[Context], Any]) -> None:
        self.behave = behave
        self.times = 0

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        self.times += 1
        given = self.behave(context)
        return await given if asyncio.iscoroutine(given) else given

    async def close(self) -> None:
        """It keeps nothing."""

    def failure(self, result: Json) -> str | None:
        return None


def raising(error: BaseException) -> Behaving:
    def behave(_: Context) -> None:
        raise error

    return Behaving(behave)


BEHAVING = ActionSpec("behaving", "declared", {"type": "object", "$defs": {}}, {}, 60.0)


NOWHERE = Evidence(Path(os.devnull) / "evidence")


class Bench:
    """One activity attempt after the other, with what each told Temporal."""

    def __init__(
        self,
        *actions: Action,
        evidence: Evidence = NOWHERE,
        limit: int = 4096,
        secrets: Secrets | None = None,
    ) -> None:
        specs = {**load_catalogue().actions, "behaving": BEHAVING}
        self._activities = action_activities(actions, Keeper(evidence, limit), specs, secrets)
        self._names = [action.name for action in actions]
        self.environment = ActivityEnvironment()
        self.beats: list[tuple[Progress, Memory]] = []
        self.attempt(1)

    def attempt(
        self,
        number: int,
        memory: Mapping[str, Json] | None = None,
        scheduled: float = 0.0,
        client: Client | None = None,
    ) -> None:
        """Be the attempt of that number; `memory` as it arrives after its way through Temporal."""
        self.environment = ActivityEnvironment(client)
        details = [{"phase": "acting"}, json.loads(json.dumps(memory))] if memory is not None else []
        moment = datetime.fromtimestamp(scheduled or time.time(), UTC)
        self.environment.info = replace(
            self.environment.info,
            attempt=number,
            heartbeat_details=details,
            scheduled_time=moment,
            start_to_close_timeout=timedelta(minutes=5),
        )
        self.environment.on_heartbeat = lambda progress, memory: self.beats.append((progress, memory))

    def activity(self, name: str) -> ActionActivity:
        return self._activities[self._names.index(name)]

    async def run(self, task: ActionTask) -> ActionReport:
        return await self.environment.run(self.activity(task.call.action), task)

    async def error(self, task: ActionTask) -> ApplicationError:
        with pytest.raises(ApplicationError) as caught:
            await self.run(task)
        assert caught.value.__cause__ is None, "a cause would be stored in the history"
        assert caught.value.__context__ is None, "and so would a context"
        return caught.value

    def phases(self) -> list[str]:
        """The phases told, without repetitions."""
        told = [progress.phase for progress, _ in self.beats]
        return [phase for at, phase in enumerate(told) if at == 0 or told[at - 1] != phase]

    def last_memory(self) -> Mapping[str, Json]:
        memory: Mapping[str, Json] = self.beats[-1][1]  # type: ignore[assignment]  # plain data by then
        return memory


def get(url: str, **rest: Any) -> Call:
    return Call("http", {"url": url, **rest})


def post(url: str, **rest: Any) -> Call:
    return Call("http", {"method": "POST", "url": url, **rest})


def change(call: Call, until: str = "", done: Call | None = None, **rest: Any) -> ActionTask:
    poll = Poll(until, **{"within": 5.0, "every": 0.05, **rest})
    check = Check(done, poll) if done is not None else None
    return ActionTask("roll_back", call, effect="change", timeout=5.0, done=check, key="run/roll_back/1")


def read(call: Call, until: str = "", **rest: Any) -> ActionTask:
    poll = Poll(until, **{"within": 5.0, "every": 0.05, **rest}) if until else None
    return ActionTask("look", call, timeout=5.0, poll=poll)


BEHAVE = Call("behaving")


def in_turn(*values: Any) -> Callable[[Got], Response]:
    """Answers the values one after the other, and the last one for ever."""
    left = list(values)
    return lambda got: JSONResponse({"v": left.pop(0) if len(left) > 1 else left[0]})


class Switch:
    """A service with a state that POST sets, after a while: until then it answers with `status`."""

    def __init__(self, site: Scripted, *, on: bool = False, after: int = 0, status: int = 503) -> None:
        self.on, self.left, self.status = on, after, status
        site.reply = self.reply

    def reply(self, got: Got) -> Response:
        if got.method == "POST":
            self.on = True
            return JSONResponse({"id": 5}, 201)
        if self.on and self.left > 0:
            self.left -= 1
            return JSONResponse({"on": False}, self.status)
        return JSONResponse({"on": self.on})
