"""What is stored beside the history: what a step wants kept (`keep`), and texts that were too long for it.

Whatever goes wrong here is told in the report and changes nothing about the step, whose action has ended.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import MappingProxyType

from temporalio import activity

from activities.output import one_line, shortened
from stanch.contract import ActionTask, Kept
from stanch.errors import EvaluationError
from stanch.evidence import Evidence, Kind
from stanch.language.evaluate import evaluate
from stanch.language.plan import Json

PATIENCE = 10.0
"""Seconds that a step waits for the disk, which may be a network's, if it has them."""
_SHORTEST = 0.5
_TO_REPORT = 1.0
"""Seconds of an attempt's time that are left for the report to arrive."""
_MARK = 64
"""Bytes for the line that says how much is missing."""
_LONGEST_ERROR = 300
NO_WHOLES: Mapping[str, tuple[str, bool]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class _Item:
    content: bytes
    kind: Kind
    truncated: bool


class Wholes:
    """Texts of which the result of an action has only head and tail, by their names."""

    def __init__(self) -> None:
        self.held: dict[str, tuple[str, bool]] = {}
        """With each, whether even the whole has lost its middle."""

    def take(self, name: str, text: str, *, cut: bool) -> None:
        # What the action gave comes first, and is more than what was cut of it later.
        self.held.setdefault(name, (text, cut))

    def forget(self) -> None:
        """The action is asked again, and only what it gives last counts."""
        self.held.clear()


class Keeper:
    """Stores evidence in `evidence`, at most `limit` bytes an item; what is longer loses its middle."""

    def __init__(self, evidence: Evidence, limit: int) -> None:
        self._evidence = evidence
        self._limit = limit
        # Its own threads: a disk that hangs must not hold up what other actions do in theirs.
        self._disk = ThreadPoolExecutor(4, thread_name_prefix="evidence")

    async def keep(
        self,
        task: ActionTask,
        result: Json,
        clean: Callable[[Json], Json],
        left: float,
        wholes: Mapping[str, tuple[str, bool]] = NO_WHOLES,
    ) -> tuple[Kept, ...]:
        """What became of each item of `task.keep`, in its order, and then of `wholes`. `clean` takes secrets
        out.

        Raises nothing and ends before the `left` seconds are over, and at once when the task is cancelled:
        the report is what must not be lost.
        """
        scope = {**task.scope, "result": result}
        loop = asyncio.get_running_loop()
        kept: dict[str, Kept] = {}
        storing: dict[str, asyncio.Future[Kept]] = {}
        for name, expression in task.keep.items():
            try:
                item = self._item(clean(evaluate(expression, scope)))
            except Exception as error:  # noqa: BLE001 (not even a bug here may spoil what the step has done)
                kept[name] = Kept(name, task.step, error=clean(_reason(error))[:_LONGEST_ERROR])
            else:
                storing[name] = loop.run_in_executor(self._disk, self._store, name, task.step, item)
        for name, (text, cut) in wholes.items():
            if name not in task.keep:
                item = _Item(clean(text).encode("utf-8", "replace"), "txt", truncated=cut)
                storing[name] = loop.run_in_executor(self._disk, self._store, name, task.step, item)
        await _patiently(storing.values(), max(_SHORTEST, min(PATIENCE, left - _TO_REPORT)))
        for name, future in storing.items():
            late = Kept(name, task.step, error=f"`{self._evidence.folder}` did not take it in time")
            kept[name] = future.result() if future.done() else late
        for one in kept.values():
            if one.error:
                activity.logger.warning("not kept: %s", one_line(f"{one.step}: {one.name}: {one.error}"))
        return tuple(kept[name] for name in dict.fromkeys((*task.keep, *wholes)))

    def _item(self, value: Json) -> _Item:
        text = value if isinstance(value, str) else _json(value)
        content = text.encode("utf-8", "replace")
        if len(content) > self._limit:
            return _Item(shortened(text, self._limit - _MARK)[0].encode(), "txt", truncated=True)
        return _Item(content, "txt" if isinstance(value, str) else "json", truncated=False)

    def _store(self, name: str, step: str, item: _Item) -> Kept:
        try:
            digest, path = self._evidence.store(item.content, item.kind)
        except Exception as error:  # noqa: BLE001 (the same)
            return Kept(name, step, error=f"`{self._evidence.folder}` did not take it: {_reason(error)}")
        return Kept(name, step, digest, len(item.content), item.truncated, path)


def _reason(error: Exception) -> str:
    match error:
        case EvaluationError():
            return str(error)
        case OSError() if error.strerror:
            return error.strerror
    return f"{type(error).__name__}: {error}"


def _json(value: Json) -> str:
    # CEL promises no order of keys, and the same value must have the same digest.
    return json.dumps(value, ensure_ascii=False, indent=2, sort_keys=True) + "\n"


async def _patiently(storing: Iterable[asyncio.Future[Kept]], seconds: float) -> None:
    """Wait for them, but no longer than that, and not when somebody wants this to end."""
    if not (waiting := list(storing)):
        return
    try:
        await asyncio.wait(waiting, timeout=seconds)
    except asyncio.CancelledError:
        if (current := asyncio.current_task()) is not None:
            current.uncancel()
