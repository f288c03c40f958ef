"""The two ways in which a followed run is shown: for a person, and as JSON, an object a line."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING

from stanch.cli.console import LiveLine, coloured, columns, out, out_json, say
from stanch.cli.exits import DONE, NO
from stanch.cli.follow import Answer, follow
from stanch.cli.moments import length
from stanch.cli.program import Program, this_program
from stanch.cli.render_request import render_request
from stanch.cli.render_run import render_end, render_moment
from stanch.cli.safe import one_line
from stanch.cli.style import Style
from stanch.contract import Moment, Request, RunView
from stanch.lease import words

if TYPE_CHECKING:
    from temporalio.client import WorkflowHandle

_SPIN = "|/-\\"


class Screen:
    """Lines for a person; on a terminal also a last line that says what is going on now."""

    def __init__(self, program: Program) -> None:
        self._program = program
        self._style = Style(coloured(sys.stdout), columns(sys.stdout))
        self._line = LiveLine(sys.stderr)
        self._turn = 0
        self._silent = False

    def moment(self, _: RunView, moment: Moment) -> None:
        self._line.clear()
        out(render_moment(moment, self._style))

    def request(self, view: RunView, request: Request) -> None:
        self._line.clear()
        block = render_request(view, request, self._program, time.time(), self._style)
        out("\n".join(["", *block, ""]))

    def idle(self, view: RunView) -> None:
        self._silent = False
        self._turn += 1
        self._line.show(f"{_SPIN[self._turn % len(_SPIN)]} {_now(view, time.time())}")

    def silent(self, reason: str) -> None:
        self._line.clear()
        if not self._silent:
            say(f"no answer, still trying: {one_line(reason)}")
        self._silent = True

    def end(self, view: RunView) -> None:
        self._line.clear()
        out(render_end(view, self._program, self._style))

    def clear(self) -> None:
        self._line.clear()


class JsonLines:
    """`{"event": "moment" | "request" | "ended", ...}`, an object a line."""

    def moment(self, _: RunView, moment: Moment) -> None:
        out_json({"event": "moment", **asdict(moment)}, compact=True)

    def request(self, _: RunView, request: Request) -> None:
        out_json({"event": "request", **asdict(request)}, compact=True)

    def idle(self, view: RunView) -> None:
        pass

    def silent(self, reason: str) -> None:
        say(f"no answer, still trying: {one_line(reason)}")

    def end(self, view: RunView) -> None:
        out_json({"event": "ended", "run": view}, compact=True)

    def clear(self) -> None:
        pass


def _now(view: RunView, now: float) -> str:
    since = length(now - view.started)
    if view.paused:
        return f"paused: {one_line(view.paused)} ({since})"
    if view.requests:
        return f"waiting for an answer: {one_line(view.requests[0].question)} ({since})"
    if view.held and view.parked:
        return f"on hold: {one_line(view.held)} ({since})"
    if waits := next((each for each in view.leases if each.state == "waiting"), None):
        return f"waits for {one_line(f'{waits.name}: {words.held_by(waits.holders, waits.ahead)}')} ({since})"
    active = [step for step in view.steps if step.started and not step.ended]
    doing = f"{active[-1].path}: {active[-1].phase}" if active else view.phase
    return f"{one_line(doing).replace('_', ' ')} ({since})"


async def shown_to_its_end(
    handle: WorkflowHandle[object, object],
    *,
    as_json: bool,
    program: Program | None = None,
    answer: Answer | None = None,
) -> int:
    """Follow the run on stdout until it has ended; the exit status of that."""
    watcher = JsonLines() if as_json else Screen(program or this_program())

    async def answered(view: RunView, request: Request) -> None:
        watcher.clear()
        if answer:
            await answer(view, request)

    try:
        view = await follow(handle, watcher, answered)
    finally:
        watcher.clear()
    watcher.end(view)
    return DONE if view.outcome == "succeeded" else NO
