"""The flap breaker: what has run again and again for an alert that keeps coming back does not help."""

from __future__ import annotations

from datetime import datetime

from temporalio.client import WorkflowExecution

from stanch.config import Flap
from stanch.gateway.engine import Engine
from stanch.language.plan import Plan, all_steps


async def history(engine: Engine, flap: Flap, run: str, plan: Plan, now: float) -> tuple[str, ...]:
    """A line for each recent execution of `run`, newest first, when they are too many for another one to
    begin by itself; else nothing. A runbook that only looks may run as often as it likes.

    Raises EngineUnavailable.
    """
    if not flap.runs or not _changes(plan):
        return ()
    found = await engine.recent(run, now - flap.within)
    return tuple(_line(each) for each in found) if len(found) >= flap.runs else ()


def _changes(plan: Plan) -> bool:
    return any(
        step.effect == "change" for held in (plan, *plan.children.values()) for step in all_steps(held.steps)
    )


def _line(run: WorkflowExecution) -> str:
    how = run.status.name.lower().replace("_", " ") if run.status else "unknown"
    return f"began {_clock(run.start_time)}, {how}" + (f" {_clock(run.close_time)}" if run.close_time else "")


def _clock(moment: datetime) -> str:
    return moment.strftime("%H:%M:%S UTC")
