"""Temporal as the gateway needs it: every call has a deadline, is timed, and fails as one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from temporalio.api.errordetails.v1 import NamespaceNotFoundFailure
from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import (
    Client,
    RPCTimeoutOrCancelledError,
    WorkflowExecution,
    WorkflowExecutionStatus,
)
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import afterwards, runs
from stanch.client.start import Sign, Start, Started, start_run
from stanch.config import Config
from stanch.contract import SIGNAL_ALERT, Accepted, AlertChanged, Order
from stanch.errors import EngineUnavailable, InvalidInput
from stanch.gateway.metrics import Metrics

ClientProvider: TypeAlias = Callable[[], Awaitable[Client]]

DEADLINE = 5.0
"""Seconds for one call. Left alone, the SDK looks for a lost server for ten, which a sender may not wait."""

_MOST_RECENT = 50

# The SDK's words when a client that connects with its first call finds nobody to connect to.
_NOBODY_THERE = "Failed client connect"


@dataclass(frozen=True, slots=True)
class Execution:
    """The newest execution of a run's workflow."""

    id: str
    running: bool
    episode: float | None
    """Start of the alert that it was started for; None for a run that no alert started."""


class Engine:
    def __init__(
        self, config: Config, provider: ClientProvider, metrics: Metrics, *, eager: bool = False
    ) -> None:
        self._config = config
        self._provider = provider
        self._metrics = metrics
        self._eager = eager

    @asynccontextmanager
    async def call(self, name: str, *, deadline: float = DEADLINE, whom: str = "") -> AsyncIterator[Client]:
        """A client for one question; `name` is for the metrics, `whom` for the error when none comes.

        Raises EngineUnavailable, and InvalidInput for what Temporal will never take.
        """
        try:
            with self._metrics.temporal.labels(name).time():
                async with asyncio.timeout(deadline):
                    yield await self._provider()
        except (TimeoutError, RPCTimeoutOrCancelledError) as error:
            whom = whom or f"Temporal at {self._config.address}"
            raise EngineUnavailable(
                f"no answer from {whom} within {deadline:g} s; repeating the request does no harm"
            ) from error
        except RPCError as error:
            raise _translated(error, self._config.address) from error
        except RuntimeError as error:
            if not str(error).startswith(_NOBODY_THERE):
                raise
            raise EngineUnavailable(_unreachable(self._config.address)) from error

    async def find(self, run: str) -> Execution | None:
        """The newest execution of the workflow `run`, or None."""
        async with self.call("describe") as client:
            try:
                found = await client.get_workflow_handle(run).describe()
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND or _lacks_namespace(error):
                    raise
                return None
            episode = await found.memo_value("episode", None)
        return Execution(
            id=found.run_id,
            running=found.status == WorkflowExecutionStatus.RUNNING,
            episode=float(episode) if isinstance(episode, int | float) else None,
        )

    async def recent(self, run: str, since: float) -> list[WorkflowExecution]:
        """The executions of the workflow `run` that began after the moment `since`, newest first."""
        moment = datetime.fromtimestamp(since, UTC).isoformat()
        query = f'WorkflowId = "{run}" AND StartTime > "{moment}"'
        async with self.call("list") as client:
            found = [each async for each in client.list_workflows(query, limit=_MOST_RECENT)]
        return sorted(found, key=lambda each: each.start_time, reverse=True)

    async def start(self, start: Start, sign: Sign) -> Started:
        """Start the run with the proof that `sign` gives it."""
        async with self.call("start") as client:
            started = await start_run(client, self._config, start, eager=self._eager, sign=sign)
        self._metrics.runs.labels(start.plan.runbook).inc()
        return started

    async def undo(self, run: str, order: Order, sign: Sign) -> Accepted | None:
        """Begin to take back what a run that has ended has changed; None for one that has not ended. Raises
        IllegalDecision."""
        whom = "a worker (is one running?)"
        async with self.call("undo", deadline=runs.WORKER_PATIENCE, whom=whom) as client:
            handle = client.get_workflow_handle(run)
            return await afterwards.undo(client, self._config, handle, order, sign)

    async def tell(self, run: str, execution: str, change: AlertChanged) -> None:
        """Signal an alert's change to a run; one that has ended meanwhile need not know."""
        async with self.call("signal") as client:
            try:
                await client.get_workflow_handle(run, run_id=execution).signal(SIGNAL_ALERT, change)
            except RPCError as error:
                if error.status != RPCStatusCode.NOT_FOUND:
                    raise

    async def check(self) -> None:
        """Return when Temporal answers for the configured namespace. Raises EngineUnavailable."""
        async with self.call("check", deadline=2.0) as client:
            request = DescribeNamespaceRequest(namespace=client.namespace)
            await client.workflow_service.describe_namespace(request)


def _lacks_namespace(error: RPCError) -> bool:
    """Whether it is the namespace that was not found: the sentence alone could quote a run's name."""
    return any(detail.Is(NamespaceNotFoundFailure.DESCRIPTOR) for detail in error.grpc_status.details)


def _translated(error: RPCError, address: str) -> EngineUnavailable | InvalidInput:
    message = " ".join(error.message.split())
    # What is too long for gRPC has the status of a server that is busy, but repeating it is of no use.
    too_long = error.status == RPCStatusCode.RESOURCE_EXHAUSTED and "larger than max" in message
    if error.status == RPCStatusCode.INVALID_ARGUMENT or too_long:
        return InvalidInput(f"Temporal does not take it: {message}")
    if error.status in (RPCStatusCode.UNAVAILABLE, RPCStatusCode.CANCELLED):
        return EngineUnavailable(_unreachable(address))
    return EngineUnavailable(f"Temporal at {address} answered with {error.status.name}: {message}")


def _unreachable(address: str) -> str:
    return (
        f"cannot reach Temporal at {address}; start it with `stanch up`, "
        "or name another with STANCH_TEMPORAL_ADDRESS"
    )
