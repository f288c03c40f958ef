"""Activities for tests of the workflow alone: a scripted outside, registered under the real names."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.worker import Worker

from activities.incident import ended_runs, join_incident, tell_run
from activities.lease import ask_lease, look_at_holders
from stanch.client import runs
from stanch.client.runner import workflow_runner
from stanch.client.start import Start, start_run
from stanch.config import Config
from stanch.contract import ACTIVITY_PAGE, ActionReport, ActionTask, Decision, PageTask, Request, RunResult
from stanch.language.plan import Plan
from tests.support.plans import HOSTS
from workflows.incident import IncidentWorkflow
from workflows.lease import LeaseWorkflow
from workflows.runbook import RunbookWorkflow

Answer: TypeAlias = Callable[[ActionTask], ActionReport | Awaitable[ActionReport]]


class World:
    """Answers every action by `answer` and remembers what it was told to do."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.tasks: list[ActionTask] = []
        self.pages: list[PageTask] = []
        self.paging: Callable[[PageTask], str] = lambda _: "sent"

    @property
    def changes(self) -> list[ActionTask]:
        return [task for task in self.tasks if task.effect == "change"]

    def worker(
        self,
        client: Client,
        task_queue: str = "stanch",
        *,
        workflows: bool = True,
        activities: bool = True,
        sandboxed: bool = True,
    ) -> Worker:
        """A worker with the sandbox on, as in CI, unless a test has changed a setting of the workflow; of
        both kinds of task, or of one."""
        return Worker(
            client,
            task_queue=task_queue,
            workflows=[RunbookWorkflow, IncidentWorkflow, LeaseWorkflow] if workflows else [],
            activities=self._activities() if activities else [],
            workflow_runner=workflow_runner(sandboxed=sandboxed),
        )

    def _activities(self) -> list[Callable[..., Any]]:
        engine = (tell_run, join_incident, ended_runs, ask_lease, look_at_holders)
        return [self._action("http"), self._action("ssh"), self._page(), *engine]

    def _action(self, name: str) -> Callable[..., Any]:
        @activity.defn(name=name)
        async def action(task: ActionTask) -> ActionReport:
            self.tasks.append(task)
            report = self.answer(task)
            return report if isinstance(report, ActionReport) else await report

        return action

    def _page(self) -> Callable[..., Any]:
        @activity.defn(name=ACTIVITY_PAGE)
        async def page(task: PageTask) -> str:
            self.pages.append(task)
            return self.paging(task)

        return page


def helping(task: ActionTask) -> ActionReport:
    """An outside in which rolling back helps."""
    if task.call.action == "http":
        return ActionReport({"json": {"rate": 0.2 if task.poll is None else 0.0}})
    if task.effect == "read":
        return ActionReport([{"json": {"release": "v2"}}])
    return ActionReport({"rc": 0, "stdout": "ok"})


async def begin(client: Client, plan: Plan, key: str, config: Config | None = None, **fields: Any) -> str:
    """Start a run of `plan`; returns its id."""
    fields.setdefault("inputs", {"service": "checkout", "hosts": HOSTS})
    fields.setdefault("started_by", "alert:alertmanager")
    started = await start_run(client, config or Config(), Start(plan, key, **fields))
    return started.run


def handle_of(client: Client, run: str) -> WorkflowHandle[Any, Any]:
    return client.get_workflow_handle(run, result_type=RunResult)


async def waiting(handle: WorkflowHandle[Any, Any]) -> Request:
    """The open request, as soon as there is one."""
    while True:
        view = await runs.view(handle)
        if view.requests:
            (request,) = view.requests
            return request
        assert view.outcome is None, view.reason
        await asyncio.sleep(0.02)


def approve(request: Request, by: str = "alice") -> Decision:
    return Decision(request=request.id, choice="approve", digest=request.digest, by=by)
