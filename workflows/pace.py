"""How much is ordered in one workflow task.

All that a workflow orders in one task goes to Temporal as one message, and a message of more than 4 MiB ends
the workflow. And a task that keeps a busy worker for two seconds is taken for one that hangs. So what is too
much waits for the next task, which a short timer brings where nothing else does.
"""

from __future__ import annotations

import asyncio
from collections import deque

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from stanch.contract.limits import AT_A_TIME, ORDERS

_NEXT = 0.01
"""Seconds."""


class Pace:
    def __init__(self) -> None:
        self._task = -1
        """The workflow task that is counted, by the length of the history at its start."""
        self._bytes = self._orders = 0
        self._queue: deque[tuple[int, asyncio.Future[None]]] = deque()
        self._pump: asyncio.Task[None] | None = None

    def takes(self, size: int) -> bool:
        """Whether an order of so many bytes may be given in this task, before those that wait; then it is
        counted. One may always."""
        return not self._queue and self._fits(size)

    async def room(self, size: int) -> None:
        """Come back in a task that takes so many bytes, in the order in which it was asked."""
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.append((size, turn))
        if self._pump is None or self._pump.done():
            self._pump = asyncio.create_task(self._let_through())
        await turn

    def _fits(self, size: int) -> bool:
        now = workflow.info().get_current_history_length()
        if now != self._task:
            self._task, self._bytes, self._orders = now, 0, 0
        fits = not self._orders or (self._orders < ORDERS and self._bytes + size <= AT_A_TIME)
        if fits:
            self._bytes, self._orders = self._bytes + size, self._orders + 1
        return fits

    async def _let_through(self) -> None:
        while self._queue:
            tick = asyncio.create_task(workflow.sleep(_NEXT, summary="the rest follows"))
            await _later_than(self._task)
            tick.cancel()
            while self._queue and self._fits(self._queue[0][0]):
                _, turn = self._queue.popleft()
                if not turn.done():
                    turn.set_result(None)


async def _later_than(task: int) -> None:
    await workflow.wait_condition(lambda: workflow.info().get_current_history_length() != task)
