"""What only tells people is told once, whatever happens to the worker that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from activities.action import Context
from stanch.contract import ActionTask
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Call, Json
from tests.activities.bench import Behaving, Bench

TOLD = ActionTask("tell", Call("behaving"), effect="read", timeout=5.0, key="run/x@1.0/tell#1")
AGAIN = ActionTask(
    "tell", Call("behaving"), effect="read", timeout=5.0, key="run/x@1.0/tell#1", again="always"
)


class Teller(Behaving):
    """Who is told knows it again, or does not."""

    def __init__(self, *given: Any, known: bool = False) -> None:
        self._given = list(given)
        self._known = known
        self.contexts: list[Context] = []
        super().__init__(self._tell)

    def _tell(self, context: Context) -> Json:
        self.contexts.append(context)
        given = self._given.pop(0)
        if isinstance(given, Exception):
            raise given
        return given

    def knows_again(self, _: Mapping[str, Json]) -> bool:
        return self._known


async def test_it_has_a_key_and_knows_of_a_drill() -> None:
    action = Teller({}, {})
    await Bench(action).run(TOLD)
    await Bench(action).run(ActionTask("tell", Call("behaving"), key="k", drill=True))
    first, second = action.contexts
    assert (first.key, first.drill) == (TOLD.key, False)
    assert (second.key, second.drill) == ("k", True)


async def test_it_is_on_record_before_anybody_is_told() -> None:
    bench = Bench(Teller({}))
    await bench.run(TOLD)
    assert bench.phases() == ["checking", "acting"]


@pytest.mark.parametrize("task", [TOLD, AGAIN])
async def test_after_a_lost_worker_nobody_is_told_twice(task: ActionTask) -> None:
    action = Teller({})
    bench = Bench(action)
    bench.attempt(2, {})
    failed = await bench.error(task)
    assert (failed.type, failed.non_retryable) == ("OutcomeUnknown", True)
    assert "does not tell it twice" in str(failed)
    assert action.times == 0


@pytest.mark.parametrize("task", [TOLD, AGAIN])
async def test_what_may_have_been_told_is_not_told_again(task: ActionTask) -> None:
    failed = await Bench(Teller(OutcomeUnknown("sent, and then nothing"))).error(task)
    assert (failed.type, failed.non_retryable) == ("OutcomeUnknown", True)


async def test_what_nobody_heard_is_told_by_the_next_attempt() -> None:
    action = Teller(Unreachable("no such host"), {"id": "1"})
    bench = Bench(action)
    failed = await bench.error(TOLD)
    assert not failed.non_retryable
    bench.attempt(2, bench.last_memory())
    assert (await bench.run(TOLD)).result == {"id": "1"}
    assert action.times == 2


@pytest.mark.parametrize(("task", "final"), [(TOLD, True), (AGAIN, False)])
async def test_a_refusal_is_an_answer_unless_the_step_has_a_retry(task: ActionTask, final: bool) -> None:
    failed = await Bench(Teller(ActionRefused("no such channel"))).error(task)
    assert (failed.type, failed.non_retryable) == ("ActionRefused", final)


async def test_who_knows_it_again_is_told_until_it_has_arrived() -> None:
    action = Teller(OutcomeUnknown("sent, and then nothing"), {"id": "1"}, known=True)
    bench = Bench(action)
    failed = await bench.error(TOLD)
    assert not failed.non_retryable
    bench.attempt(2, {})
    assert (await bench.run(TOLD)).result == {"id": "1"}
    assert [context.key for context in action.contexts] == [TOLD.key, TOLD.key]
