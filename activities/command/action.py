"""The action itself: what a program on the worker gave, and what it means that it did not.

Nobody finds the program again when its worker is lost: its guard has ended it by then, and the step's `done`
decides what became of the change.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

from activities.action import Context
from activities.command.order import Allowed, read_order
from activities.command.process import Execution
from activities.output import WHOLE, TakeWhole, last_line
from activities.printed import json_of, lines_of
from stanch.errors import ActionRefused, OutcomeUnknown
from stanch.language.plan import Json

STDOUT = 64 * 1024
STDERR = 16 * 1024
"""Bytes of text that the history keeps."""
DATA = 1024 * 1024
"""Bytes of output that becomes data (`lines`, `json`): not cut, but refused."""
KILLED = -1
"""The `rc` of a program that ended by a signal."""


class Command:
    """Runs programs where the worker runs: `programs`, names or absolute paths, and no others.

    They get `environment` of the worker's variables, and run in `directory`; see `order.Allowed`.
    """

    name = "command"

    def __init__(
        self,
        programs: tuple[str, ...] = (),
        environment: tuple[str, ...] = (),
        directory: Path | None = None,
    ) -> None:
        self._allowed = Allowed(programs, environment, directory)

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, result: Json) -> str | None:
        if result["rc"] == 0:
            return None
        how = "was ended by a signal" if result["rc"] == KILLED else f"ended with status {result['rc']}"
        line = last_line(result["stderr"])
        return f"it {how}" + (f": {line}" if line else "")

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`rc stdout stderr truncated seconds`, with `lines` or `json` if asked for.

        When the task is cancelled, or after `context.timeout`, the program's process group gets SIGTERM, and
        SIGKILL three seconds later.
        """
        order = read_order(params, self._allowed)
        context.hide(order.hidden)
        execution = Execution(order, (DATA if order.output != "text" else WHOLE, WHOLE))
        try:
            await execution.run(context)
        except asyncio.CancelledError:
            context.ended((execution.end,))
            raise
        if execution.code is None:
            raise OutcomeUnknown(_unknown(execution), ends=(execution.end,))
        return _result(execution, execution.code, context.whole)


def _unknown(execution: Execution) -> str:
    still = f"`{execution.order.name}` was still running after {execution.seconds:.0f}s"
    match execution.state:
        case "stopped":
            return f"{still} and was ended"
        case "running":
            return f"{still}; it was told to stop (SIGTERM, SIGKILL) and may still be running"
        case _:
            return f"the guard of `{execution.order.name}` was killed, and nobody knows how that ended"


def _result(execution: Execution, code: int, whole: TakeWhole) -> dict[str, Json]:
    order, stdout, stderr = execution.order, execution.stdout, execution.stderr
    for name, stream, most in (("stdout", stdout, STDOUT), ("stderr", stderr, STDERR)):
        if stream.cut(most):
            whole(name, stream.text(), cut=stream.cut() > 0)
    result: dict[str, Json] = {
        "rc": code if code >= 0 else KILLED,
        "stdout": stdout.text(STDOUT),
        "stderr": stderr.text(STDERR),
        "truncated": stdout.cut(STDOUT) > 0 or stderr.cut(STDERR) > 0 or not execution.complete,
        "seconds": round(execution.seconds, 3),
    }
    if order.output == "lines":
        _refuse_cut(execution, code)
        result["lines"] = lines_of(stdout.text())
    elif order.output == "json" and (code == 0 or not stdout.cut()):
        _refuse_cut(execution, code)
        try:
            result["json"] = json_of(stdout.kept())
        except ValueError as error:
            # A program that fails often prints a sentence instead.
            if code == 0:
                raise ActionRefused(
                    f"`{order.name}` ended with status 0, but its output is not JSON: {error}"
                ) from None
    return result


def _refuse_cut(execution: Execution, code: int) -> None:
    if execution.stdout.cut() or not execution.complete:
        why = f"longer than {DATA} bytes" if execution.stdout.cut() else "incomplete: something holds it open"
        raise ActionRefused(
            f"`{execution.order.name}` ended with status {code}, but its output is {why}, "
            f"and what is cut is no `{execution.order.output}`"
        )
