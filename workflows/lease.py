"""The workflow of a lease: who holds a resource, and who waits for it.

It decides nothing that `stanch.lease` does not decide, and believes nobody: a bell makes it look at the runs
that hold it. So a run that was terminated holds nothing for long, and whoever can only send Signals can
neither take a lease nor free one. It ends when nobody holds it and nobody waits.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, FailureError

with workflow.unsafe.imports_passed_through():
    from stanch.conductor.describe import escape
    from stanch.contract import (
        ACTIVITY_LOOK,
        QUERY_STATE,
        SIGNAL_BELL,
        SIGNAL_LEASE,
        UPDATE_ASK,
        WORKFLOW_LEASE,
        Claim,
        LeaseAnswer,
        LeaseInput,
        LeaseView,
        Looked,
        LookTask,
    )
    from stanch.lease import queue, words

LOOK_EVERY = 15.0
"""Seconds between looks at the holders while somebody waits."""
IDLE_LOOK = 600.0
"""The same while nobody waits, so that what nobody holds any more is not listed for ever."""
_RETRY = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_attempts=3)
_MOST_SHOWN = 20


@workflow.defn(name=WORKFLOW_LEASE)
class LeaseWorkflow:
    @workflow.init
    def __init__(self, given: LeaseInput) -> None:
        self._state = given.state
        self._rung: set[str] = set()
        """Runs that say there is something to see."""
        self._newcomer = False
        self._ringing: set[asyncio.Task[None]] = set()

    @workflow.run
    async def run(self, _given: LeaseInput) -> None:
        with contextlib.suppress(TimeoutError):
            # Whoever starts it asks at once.
            await workflow.wait_condition(self._is_used, timeout=timedelta(seconds=IDLE_LOOK))
        while True:
            while self._is_used() and not workflow.info().is_continue_as_new_suggested():
                await self._until_to_look()
                await self._look()
            await workflow.wait_condition(lambda: workflow.all_handlers_finished() and not self._ringing)
            if not self._is_used():
                return
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(LeaseInput(self._state))

    @workflow.update(
        name=UPDATE_ASK, description="How does this claim stand? It is in the queue from now on."
    )
    def ask(self, claim: Claim) -> LeaseAnswer:
        before = len(self._state.queue)
        self._become(queue.asked(self._state, claim, workflow.time()), told=claim)
        self._newcomer = self._newcomer or len(self._state.queue) > before
        return queue.answer(self._state, claim)

    @workflow.signal(
        name=SIGNAL_BELL, description="Look at who holds this lease: a run may have given it back."
    )
    def bell(self, run: Any = None, *_: Any) -> None:
        # Anybody may ring, as often as they like: what follows is one look.
        self._rung.add(run if isinstance(run, str) else "")

    @workflow.query(name=QUERY_STATE, description="Who holds it, and who waits.")
    def state(self) -> LeaseView:
        return self._state

    def _is_used(self) -> bool:
        return bool(self._state.holders or self._state.queue)

    async def _until_to_look(self) -> None:
        every = LOOK_EVERY if self._state.queue else IDLE_LOOK
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: bool(self._rung) or self._newcomer,
                timeout=timedelta(seconds=every),
                timeout_summary="look at who holds it",
            )

    async def _look(self) -> None:
        """Ask the holders, and those in the queue who have rung, whether they still want it."""
        rung, self._rung, self._newcomer = self._rung, set(), False
        state = self._state
        claims = (*state.holders, *(each for each in state.queue if each.run in rung))
        try:
            looked = await workflow.execute_activity(
                ACTIVITY_LOOK,
                LookTask(state.name, claims),
                result_type=Looked,
                start_to_close_timeout=timedelta(seconds=30),
                retry_policy=_RETRY,
                summary=f"look at {len(claims)} claim{'s' * (len(claims) != 1)}",
            )
        except ActivityError:
            return  # The next look is not far.
        if looked.gone:
            self._become(queue.freed(self._state, looked.gone, workflow.time()))

    def _become(self, state: LeaseView, told: Claim | None = None) -> None:
        """The new state; whoever holds it now and is not being `told` so hears a bell."""
        before, self._state = self._state, state
        for claim in queue.granted(before, state):
            if told is None or not queue.same(claim, told):
                task = asyncio.create_task(self._ring(claim))
                self._ringing.add(task)
                task.add_done_callback(self._ringing.discard)
        if state != before:
            workflow.set_current_details(_details(state))

    async def _ring(self, claim: Claim) -> None:
        run = workflow.get_external_workflow_handle(claim.run)
        try:
            await run.signal(SIGNAL_LEASE, self._state.name)
        except FailureError:
            # It has ended, so it is looked at before the next one waits for nothing.
            self._rung.add(claim.run)


def _details(state: LeaseView) -> str:
    """Markdown for the top of the lease's page in the Temporal Web UI."""
    lines = [escape(words.held_by(state.holders))]
    lines += [
        f"{place}. {escape(words.whose(each))}" for place, each in enumerate(state.queue[:_MOST_SHOWN], 1)
    ]
    if (more := len(state.queue) - _MOST_SHOWN) > 0:
        lines.append(f"and {more} more")
    return "\n\n".join([lines[0], "\n".join(lines[1:])]).strip()
