"""What becomes of an answer that Temporal could not hand over at once."""

from __future__ import annotations

from typing import Any, cast

import pytest
from temporalio.client import WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from stanch.client import runs
from stanch.contract import Accepted, Decision
from stanch.errors import EngineUnavailable

GIVEN = Decision("fix", "approve", "alice", "0" * 64)
FAILED = "Unable to perform workflow execution update due to unexpected workflow task failure."
"""As a server said it when a busy worker had failed in the task that brought the answer."""


class Handle:
    """Answers as Temporal does when the worker has failed so many times in the task that brings an Update."""

    def __init__(self, failures: int, message: str = FAILED) -> None:
        self.left, self.message = failures, message
        self.ids: list[str] = []

    async def execute_update(self, _: str, __: Decision, **how: Any) -> Accepted:
        self.ids.append(how["id"])
        if self.left:
            self.left -= 1
            raise RPCError(self.message, RPCStatusCode.FAILED_PRECONDITION, b"")
        return Accepted("recorded")


def told(handle: Handle) -> WorkflowHandle[Any, Any]:
    return cast("WorkflowHandle[Any, Any]", handle)


async def test_an_answer_that_met_a_failing_worker_is_given_again_under_the_same_id() -> None:
    handle = Handle(2)
    assert await runs.decide(told(handle), GIVEN) == Accepted("recorded")
    assert len(handle.ids) == 3
    assert len(set(handle.ids)) == 1


async def test_two_answers_have_two_ids() -> None:
    handle = Handle(0)
    for _ in range(2):
        await runs.decide(told(handle), GIVEN)
    assert len(set(handle.ids)) == 2


async def test_another_failure_is_told_at_once() -> None:
    handle = Handle(1, "the namespace is gone")
    with pytest.raises(EngineUnavailable, match="the namespace is gone"):
        await runs.decide(told(handle), GIVEN)
    assert len(handle.ids) == 1
