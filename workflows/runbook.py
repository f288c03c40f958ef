"""The workflow of every runbook: the conductor decides, this shell carries out.

One dynamic class, so that the Temporal Web UI lists `rollback-release` and not `Runbook`. It holds the run's
state, turns commands into activities and timers, and their ends into events. All that it decides by itself is
whether a failed activity means *failed* or *nobody knows* (`_meaning`).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, TypeVar
from urllib.parse import quote

from temporalio import workflow
from temporalio.common import RawValue, RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, WorkflowAlreadyStartedError

with workflow.unsafe.imports_passed_through():
    from stanch.conductor import describe
    from stanch.conductor.commands import (
        AskLease,
        CancelAction,
        CancelTimer,
        Command,
        FinishRun,
        Page,
        RingLease,
        RunAction,
        StartTimer,
    )
    from stanch.conductor.events import (
        AbortRequested,
        ActionFailed,
        ActionSucceeded,
        AlertReported,
        DecisionGiven,
        DecisionRefused,
        Event,
        HistoryFilled,
        LeaseAnswered,
        LeaseRung,
        LeftBehind,
        OrderGiven,
        PageFailed,
        RunStarted,
        TimerFired,
    )
    from stanch.conductor.machine import Conductor
    from stanch.conductor.signals import alert_from_signal, decision_from_signal
    from stanch.conductor.within import TIMELINE, newest
    from stanch.contract import (
        ACTIVITY_JOIN,
        ACTIVITY_LEASE,
        ACTIVITY_PAGE,
        QUERY_LEASES,
        QUERY_PLAN,
        QUERY_REQUESTS,
        QUERY_STATE,
        QUERY_TIMELINE,
        REVISION,
        SIGNAL_ALERT,
        SIGNAL_APPROVE,
        SIGNAL_BELL,
        SIGNAL_DENY,
        SIGNAL_LEASE,
        UPDATE_ABORT,
        UPDATE_DECIDE,
        UPDATE_ORDER,
        Abort,
        Accepted,
        ActionReport,
        Choice,
        Decision,
        Followup,
        JoinTask,
        LeaseAnswer,
        Moment,
        Order,
        PageTask,
        Request,
        RunInput,
        RunLease,
        RunResult,
        RunView,
    )
    from stanch.contract.limits import filling, size_of
    from stanch.contract.names import activity_of, zone_queue
    from stanch.language.plan import FORMAT, Plan
    from stanch.visibility import PHASE, SEVERITY, attributes_of
    from workflows.outcome import meaning
    from workflows.pace import Pace

HEARTBEAT = timedelta(seconds=10)
"""A worker that is silent for this long is given up."""
HEARTBEAT_AGAIN = timedelta(seconds=5)
"""As `HEARTBEAT`, for what is tried again: a read, or a change whose target knows what was done. To give up a
worker that only slept costs little there, and whoever waits for the next attempt waits for this."""
_LEASE_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20))
_BACKOFF = 2.0
"""How much longer each pause between two attempts at an action is than the one before it."""
_LONGEST_PAUSE = 60.0
"""Seconds between two attempts, unless the step itself wants more."""
_ZONE_TAKES = timedelta(minutes=2)
"""How long an action may wait for a worker of its zone: a restart of the only one, and not much more."""
_PAGE_RETRY = RetryPolicy(maximum_attempts=5, initial_interval=timedelta(seconds=2))


T = TypeVar("T")


@workflow.defn(dynamic=True)
class RunbookWorkflow:
    """Carries out the Plan in its input. Failed runs fail the workflow, with a RunResult as detail."""

    @workflow.init
    def __init__(self, args: Sequence[RawValue]) -> None:
        given = workflow.payload_converter().from_payload(args[0].payload, RunInput)
        self._conductor = Conductor(given)
        self._state = self._conductor.begin(workflow.info().workflow_id, given)
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._begun: dict[str, tuple[workflow.ActivityHandle[ActionReport], int]] = {}
        self._recalled: set[str] = set()
        self._pace = Pace()
        self._entered = self._ledger = 0
        """How many entries the ledger has, and bytes."""
        self._waiting: set[str] = set()
        """Keys of actions that begin with the next workflow task."""
        self._pages: dict[asyncio.Task[None], PageTask] = {}
        self._rings: set[asyncio.Task[None]] = set()
        self._finished: FinishRun | None = None
        self._bug: Exception | None = None
        self._phase = describe.phase_of(self._state)
        self._severity = given.severity

    @workflow.run
    async def run(self, _args: Sequence[RawValue]) -> RunResult:
        given = self._state.given
        if given.revision > REVISION or given.plan.format > FORMAT:
            # Fails the workflow task, which is tried again until a worker takes it that knows them.
            raise RuntimeError("a newer release began this run; it goes on when a worker of that one is back")
        self._start()
        try:
            await workflow.wait_condition(self._over)
        except asyncio.CancelledError:
            # A cancellation from outside is an abort: what is under way is stopped and told, not dropped.
            if not self._conductor.abort_refusal(self._state, None):
                self._apply(AbortRequested(workflow.time(), "Temporal", "the workflow was cancelled there"))
            await workflow.wait_condition(self._over)
        if self._bug is not None:
            # Fails the workflow task, not the workflow: the run stays as it is until the bug is mended.
            raise self._bug
        assert self._finished is not None
        last = asyncio.create_task(self._wind_up(self._finished))
        while not last.done():
            # All has been decided. A cancellation now must not lose what puts back what was borrowed.
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.shield(last)
        await last
        end = self._finished
        result = RunResult(end.outcome, end.reason, end.outputs)
        if end.outcome in ("failed", "in_doubt"):
            raise ApplicationError(end.reason or end.outcome, result, type=end.outcome, non_retryable=True)
        return result

    # --- people and alerts --------------------------------------------------------------------------------
    # A Signal is anybody's to send, and stays in the history: one that its handler cannot take would fail the
    # workflow task for ever. So each takes whatever comes: no argument, too many, or one of another shape.

    @workflow.update(name=UPDATE_DECIDE, description="Answer a request. Refused answers leave no trace.")
    def decide(self, decision: Decision) -> Accepted:
        self._apply(DecisionGiven(workflow.time(), decision))
        return Accepted(f"{decision.choice} recorded", decision.request, decision.choice)

    @decide.validator
    def _check_decision(self, decision: Decision) -> None:
        if refused := self._conductor.refusal(self._state, decision, workflow.time()):
            raise ApplicationError(refused, type="IllegalDecision")

    @workflow.update(name=UPDATE_ABORT, description="End the run: nothing new begins, the rest is stopped.")
    def abort(self, order: Abort) -> Accepted:
        if not self._state.nodes:
            self._start()
            self._refuse_abort(order)
        self._apply(AbortRequested(workflow.time(), order.by, order.reason, order))
        return Accepted("the run is being aborted")

    @abort.validator
    def _check_abort(self, order: Abort) -> None:
        # What comes before the first task is handed over with it, and before the run itself.
        if self._state.nodes:
            self._refuse_abort(order)

    def _refuse_abort(self, order: Abort) -> None:
        if refused := self._conductor.abort_refusal(self._state, order, workflow.time()):
            raise ApplicationError(refused, type="IllegalDecision")

    @workflow.update(
        name=UPDATE_ORDER,
        description="Take the wheel: pause, resume, hold, release, skip, retry, undo, handover and others.",
    )
    def order(self, order: Order) -> Accepted:
        told = self._conductor.answer(self._state, order)
        self._apply(OrderGiven(workflow.time(), order))
        return Accepted(told, order.request)

    @order.validator
    def _check_order(self, order: Order) -> None:
        if refused := self._conductor.order_refusal(self._state, order, workflow.time()):
            raise ApplicationError(refused, type="IllegalDecision")

    @workflow.signal(
        name=SIGNAL_APPROVE,
        description='Approve a request: {"request", "digest", "by", "reason"}; current details show them.',
    )
    def approve(self, answer: Any = None, *_: Any) -> None:
        self._signalled("approve", answer)

    @workflow.signal(
        name=SIGNAL_DENY,
        description='Deny a request: {"request", "digest", "by", "reason"}; a denial needs its reason.',
    )
    def deny(self, answer: Any = None, *_: Any) -> None:
        self._signalled("deny", answer)

    @workflow.signal(name=SIGNAL_ALERT, description="The alert of this run was delivered again.")
    def alert(self, change: Any = None, *_: Any) -> None:
        if status := alert_from_signal(change):
            self._apply(AlertReported(workflow.time(), status))

    @workflow.signal(name=SIGNAL_LEASE, description="A lease that this run waits for may be free: it asks.")
    def lease(self, name: Any = None, *_: Any) -> None:
        if isinstance(name, str):
            self._apply(LeaseRung(workflow.time(), name))

    @workflow.query(name=QUERY_STATE, description="All of the run as it stands.")
    def state(self) -> RunView:
        return describe.view(self._state, workflow.time())

    @workflow.query(name=QUERY_REQUESTS, description="The open requests, with their digests.")
    def requests(self) -> list[Request]:
        return list(describe.open_requests(self._state))

    @workflow.query(name=QUERY_TIMELINE, description="What happened, in order.")
    def timeline(self) -> list[Moment]:
        return list(newest(self._state.timeline, TIMELINE))

    @workflow.query(name=QUERY_LEASES, description="What this run holds and waits for: leases believe that.")
    def leases(self) -> list[RunLease]:
        # What was never answered was asked for by this execution; one that was reset has older answers.
        execution = workflow.info().run_id
        return [
            each if each.execution else replace(each, execution=execution)
            for each in describe.wanted(self._state)
        ]

    @workflow.query(name=QUERY_PLAN, description="The Plan that this run is pinned to.")
    def plan(self) -> Plan:
        return self._state.given.plan

    # --- the engine ---------------------------------------------------------------------------------------

    def _start(self) -> None:
        if not self._state.nodes:
            asked = workflow.info().start_time.timestamp()
            self._apply(RunStarted(workflow.time(), asked))

    def _over(self) -> bool:
        return self._finished is not None or self._bug is not None

    def _signalled(self, choice: Choice, answer: Any) -> None:
        """A Signal cannot be refused to its sender, so a refusal is written into the timeline."""
        decision = decision_from_signal(choice, answer)
        if refused := self._conductor.refusal(self._state, decision, workflow.time()):
            self._apply(DecisionRefused(workflow.time(), decision, refused))
        else:
            self._apply(DecisionGiven(workflow.time(), decision))

    def _apply(self, event: Event) -> None:
        self._step(event)
        if self._finished is None and not self._state.full and self._state.given.revision >= 2:
            self._stop_before_the_end()
        workflow.set_current_details(describe.details(self._state))
        if (phase := describe.phase_of(self._state)) != self._phase:
            self._phase = phase
            workflow.upsert_search_attributes([PHASE.value_set(phase)])
        if (severity := self._state.given.severity) != self._severity:
            self._severity = severity
            workflow.upsert_search_attributes([SEVERITY.value_set(severity)])

    def _stop_before_the_end(self) -> None:
        """Of the history, which Temporal sets; and of what a Query can answer of the changes."""
        about = workflow.info()
        new = self._state.ledger[self._entered :]
        self._entered, self._ledger = self._entered + len(new), self._ledger + sum(map(size_of, new))
        full = filling(about.get_current_history_length(), about.get_current_history_size(), self._ledger)
        if full:
            self._step(HistoryFilled(workflow.time(), full))

    def _step(self, event: Event) -> None:
        self._state, commands = self._conductor.step(self._state, event)
        for command in commands:
            self._carry_out(command)

    def _carry_out(self, command: Command) -> None:
        match command:
            case RunAction(key=key):
                self._begin(key, self._act, command)
            case StartTimer(key=key):
                self._begin(key, self._wait, command)
            case CancelAction(key=key):
                self._begin(f"{key}/stop", self._stop, key)
            case CancelTimer(key=key):
                self._tasks.pop(key).cancel()
            case Page():
                task = asyncio.create_task(self._guard(self._page, command))
                self._pages[task] = command.task
                task.add_done_callback(lambda done: self._pages.pop(done, None))
            case AskLease(key=key):
                self._begin(key, self._ask, command)
            case RingLease(name=name):
                ring = asyncio.create_task(self._guard(self._ring, name))
                self._rings.add(ring)
                ring.add_done_callback(self._rings.discard)
            case FinishRun():
                self._finished = command

    def _begin(self, key: str, work: Callable[[T], Coroutine[Any, Any, None]], arg: T) -> None:
        self._tasks[key] = asyncio.create_task(self._guard(work, arg))

    async def _guard(self, work: Callable[[T], Coroutine[Any, Any, None]], arg: T) -> None:
        """A bug in a background task would otherwise be a run that hangs in silence."""
        try:
            await work(arg)
        except Exception as error:  # noqa: BLE001 - whatever it is, `run` raises it where Temporal shows it
            self._bug = error

    async def _act(self, command: RunAction) -> None:
        task, key = command.task, command.key
        if self._state.given.revision >= 2 and not self._pace.takes(size := size_of(task)):
            self._waiting.add(key)
            await self._pace.room(size)
            self._waiting.discard(key)
            if key in self._recalled:
                self._forget(key)
                self._apply(ActionFailed(workflow.time(), key, "it was called off before it began"))
                return
        zone = task.call.zone
        activity = workflow.start_activity(
            activity_of(task.call.action),
            task,
            task_queue=zone_queue(zone) if zone else None,
            schedule_to_start_timeout=_ZONE_TAKES if zone else None,
            result_type=ActionReport,
            start_to_close_timeout=timedelta(seconds=command.deadline),
            heartbeat_timeout=HEARTBEAT if command.tries == 1 else HEARTBEAT_AGAIN,
            retry_policy=RetryPolicy(
                maximum_attempts=command.tries,
                initial_interval=timedelta(seconds=command.every),
                backoff_coefficient=_BACKOFF,
                maximum_interval=timedelta(seconds=max(command.every, _LONGEST_PAUSE)),
            ),
            cancellation_type=workflow.ActivityCancellationType.WAIT_CANCELLATION_COMPLETED,
            summary=command.summary,
        )
        self._begun[key] = (activity, workflow.info().get_current_history_length())
        try:
            report = await activity
        except (ActivityError, asyncio.CancelledError) as error:
            self._forget(key)
            if key in self._recalled:
                self._apply(ActionFailed(workflow.time(), key, "it was called off before it began"))
            else:
                self._apply(meaning(error, key, task, workflow.time()))
        else:
            self._forget(key)
            now = workflow.time()
            self._apply(
                ActionSucceeded(
                    now, key, report.result, report.already, report.kept, report.undo, report.found
                )
            )

    def _forget(self, key: str) -> None:
        self._tasks.pop(key, None)
        self._begun.pop(key, None)

    async def _stop(self, key: str) -> None:
        """Cancel the action under `key`, unless its end has come in the same workflow task as the order to
        stop it: the SDK would throw that end away."""
        # Conditions are looked at when nothing is ready to run any more: by then the end has been heard.
        await workflow.wait_condition(lambda: True)
        self._tasks.pop(f"{key}/stop", None)
        if key in self._waiting:
            self._recalled.add(key)
        if key not in self._begun:
            return
        activity, begun = self._begun[key]
        if begun == workflow.info().get_current_history_length():
            # Ordered in this very workflow task, so Temporal has not heard of it, and now never will.
            self._recalled.add(key)
        activity.cancel()

    async def _wait(self, command: StartTimer) -> None:
        await workflow.sleep(command.seconds, summary=command.summary)
        self._tasks.pop(command.key, None)
        self._apply(TimerFired(workflow.time(), command.key))

    async def _wind_up(self, end: FinishRun) -> None:
        for page, task in self._pages.items():
            # Nobody has to answer any more, and a pager that is silent would keep the run open for minutes.
            # What needs no answer is still to be heard: that something was not put back, say.
            if task.request or self._state.given.revision < 2:
                page.cancel()
        await workflow.wait_condition(
            lambda: workflow.all_handlers_finished() and not self._pages and not self._rings
        )
        for followup in end.followups:
            try:
                await self._leave_behind(followup)
            except WorkflowAlreadyStartedError:
                # Of an earlier run with this run's id, which still waits to put back what that one borrowed.
                other = f"{followup.suffix}-{workflow.info().run_id[-8:]}"
                await self._leave_behind(replace(followup, suffix=other))
                self._apply(LeftBehind(workflow.time(), followup.suffix, other))

    async def _leave_behind(self, followup: Followup) -> None:
        """Start a run that goes on by itself; it is there before this one ends. Raises
        WorkflowAlreadyStartedError."""
        given, run = followup.given, f"{workflow.info().workflow_id}{followup.suffix}"
        if given.url:
            given = replace(given, url=f"{given.url}{quote(followup.suffix, safe='')}")
        if given.incident is not None:
            # As every run of an incident does, so that a hold reaches this one too.
            held = await workflow.execute_activity(
                ACTIVITY_JOIN,
                JoinTask(given.incident.id, run, given.policy.unsigned, given.policy.keys),
                result_type=str,
                start_to_close_timeout=timedelta(seconds=30),
                summary=f"{run} joins {given.incident.id}",
            )
            given = replace(given, held=held)
        await workflow.start_child_workflow(
            given.plan.runbook,
            given,
            id=run,
            parent_close_policy=workflow.ParentClosePolicy.ABANDON,
            search_attributes=attributes_of(given),
            static_summary=given.plan.title,
        )

    async def _ask(self, command: AskLease) -> None:
        answer = await workflow.execute_activity(
            ACTIVITY_LEASE,
            command.task,
            result_type=LeaseAnswer,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_LEASE_RETRY,
            summary=f"ask for {command.task.name}",
        )
        self._tasks.pop(command.key, None)
        self._apply(LeaseAnswered(workflow.time(), command.task.name, command.key, answer))

    async def _ring(self, name: str) -> None:
        """The lease looks by itself too, only later; one that is not there has nobody in it."""
        lease = workflow.get_external_workflow_handle(f"lease/{name}")
        with contextlib.suppress(FailureError):
            await lease.signal(SIGNAL_BELL, workflow.info().workflow_id)

    async def _page(self, command: Page) -> None:
        task = command.task
        try:
            await workflow.execute_activity(
                ACTIVITY_PAGE,
                task,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_PAGE_RETRY,
                summary=f"page {task.to} for {task.request}",
            )
        except ActivityError as error:
            reason = str(error.cause) if error.cause else str(error)
            self._apply(PageFailed(workflow.time(), task.to, reason))
