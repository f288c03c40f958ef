"""The workflow of an incident: which runs belong to it, and whether they hold their fire.

It decides nothing that `stanch.incident` does not decide. Each member that has to be told an order has one
task here, whose activity is tried again until the run has answered: a run that no worker can wake today must
still be held when one can tomorrow.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, is_cancelled_exception

with workflow.unsafe.imports_passed_through():
    from stanch.contract import (
        ACTIVITY_ENDED,
        ACTIVITY_TELL,
        MEMO_HELD,
        QUERY_STATE,
        UPDATE_HOLD,
        UPDATE_JOIN,
        UPDATE_RELEASE,
        UPDATE_TRUST,
        WORKFLOW_INCIDENT,
        Accepted,
        IncidentInput,
        IncidentView,
        Join,
        Look,
        Order,
        TellTask,
        Told,
    )
    from stanch.incident import holding

PATIENCE = 4.0
"""Seconds that an order waits for its runs before it answers; those that are silent are told on and on."""
EVERY = 600.0
"""Seconds between two looks whether its runs are still there."""
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=20))


@workflow.defn(name=WORKFLOW_INCIDENT)
class IncidentWorkflow:
    @workflow.init
    def __init__(self, given: IncidentInput) -> None:
        self._state = given.state
        self._telling: dict[str, tuple[TellTask, asyncio.Task[None]]] = {}
        self._listed: str = workflow.memo_value(MEMO_HELD, "", type_hint=str)

    @workflow.run
    async def run(self, _given: IncidentInput) -> None:
        self._tell()
        while not await self._is_over():
            if workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                # Who is still being told is in the state, and is told by the next execution.
                workflow.continue_as_new(IncidentInput(self._state))
        self._state = holding.ended(self._state, workflow.time())

    async def _is_over(self) -> bool:
        """Look at the runs after a while, or return early when the history has grown too long."""
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                workflow.info().is_continue_as_new_suggested, timeout=timedelta(seconds=EVERY)
            )
            return False
        if look := self._state.members:
            await self._look(Look(look))
        await workflow.wait_condition(workflow.all_handlers_finished)
        return holding.is_over(self._state)

    async def _look(self, look: Look) -> None:
        gone: dict[str, str] = await workflow.execute_activity(
            ACTIVITY_ENDED,
            look,
            result_type=dict[str, str],
            start_to_close_timeout=timedelta(minutes=2),
            retry_policy=_RETRY,
            summary="which runs have ended?",
        )
        self._state = holding.left(self._state, look, gone, workflow.time())

    @workflow.update(name=UPDATE_JOIN, description="A run belongs to this incident. Says why it is held.")
    def join(self, join: Join) -> str:
        self._state = holding.joined(self._state, join, workflow.time())
        self._tell()
        return self._state.held

    @workflow.update(name=UPDATE_HOLD, description="Hold fire: no change begins in any run of this incident.")
    async def hold(self, order: Order) -> Accepted:
        self._state = holding.ordered(self._state, order, workflow.time())
        await self._answered()
        return Accepted(holding.summary(self._state))

    @workflow.update(name=UPDATE_RELEASE, description="Changes may begin again in all runs of this incident.")
    async def release(self, order: Order) -> Accepted:
        self._state = holding.ordered(self._state, order, workflow.time())
        await self._answered()
        if self._state.order == order:
            if refused := holding.refused(self._state):
                raise ApplicationError(f"the incident stays on hold: {refused}", type="IllegalDecision")
            self._state = holding.let_go(self._state)
            self._list()
            await self._answered()
        return Accepted(holding.summary(self._state))

    @workflow.update(name=UPDATE_TRUST, description="Believe another key, or no longer one.")
    def trust(self, order: Order) -> Accepted:
        self._state = holding.trusted(self._state, order, workflow.time())
        return Accepted(f"the incident {self._state.id} believes the key {order.key.id if order.key else ''}")

    @hold.validator
    def _check_hold(self, order: Order) -> None:
        self._check("hold", order)

    @release.validator
    def _check_release(self, order: Order) -> None:
        self._check("release", order)

    @trust.validator
    def _check_trust(self, order: Order) -> None:
        self._check("trust", order)

    @workflow.query(name=QUERY_STATE, description="The incident's runs, and whether they are on hold.")
    def state(self) -> IncidentView:
        return self._state

    def _check(self, verb: str, order: Order) -> None:
        wrong = "" if order.verb == verb else f"`{order.verb}` is no order to {verb}"
        if why := wrong or holding.refusal(self._state, order, workflow.time()):
            raise ApplicationError(why, type="IllegalDecision")

    async def _answered(self) -> None:
        """Tell the members, and wait a little for their answers."""
        self._list()
        self._tell()
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: not any(holding.to_tell(self._state)), timeout=timedelta(seconds=PATIENCE)
            )

    def _list(self) -> None:
        """Whoever lists incidents reads there which are on hold, and needs no worker for it."""
        if self._listed != self._state.held:
            self._listed = self._state.held
            workflow.upsert_memo({MEMO_HELD: self._listed})

    def _tell(self) -> None:
        """One task for each member that has to hear of the newest order; what is older is called off."""
        order = self._state.order
        for member in holding.to_tell(self._state):
            assert order is not None
            task = TellTask(member.run, member.joined, order)
            earlier = self._telling.get(member.run)
            if earlier is not None and earlier[0] == task:
                continue
            if earlier is not None:
                earlier[1].cancel()
            self._telling[member.run] = task, asyncio.create_task(self._told(task))

    async def _told(self, task: TellTask) -> None:
        try:
            told = await workflow.execute_activity(
                ACTIVITY_TELL,
                task,
                result_type=Told,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_RETRY,
                summary=f"{task.order.verb} {task.run}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                return
            told = Told("refused", str(error.cause or error))
        self._telling.pop(task.run, None)
        self._state = holding.answered(self._state, task, told, workflow.time())
