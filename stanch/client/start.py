"""Start a run: one place that decides its id, its pinned input, and what the Temporal Web UI shows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias
from urllib.parse import quote

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy

from stanch.client.joining import join
from stanch.client.sizes import refuse_too_large
from stanch.config import Config
from stanch.contract import (
    REVISION,
    TASK_QUEUE,
    IncidentRef,
    Mode,
    RunInput,
    Severity,
    Trigger,
)
from stanch.errors import InvalidInput
from stanch.language.coverage import uncovered
from stanch.language.encode import plan_digest
from stanch.language.people import asked_roles
from stanch.language.plan import Json, Plan
from stanch.visibility import attributes_of


@dataclass(frozen=True, slots=True)
class Start:
    """What somebody asks for. `inputs` are already checked (`stanch.language.inputs.check_inputs`)."""

    plan: Plan
    key: str
    """Makes the run's id `run/<runbook>/<key>`: a second start with the same key, while the first runs, is
    the same run."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    started_by: str = ""
    severity: Severity = "SEV3"
    mode: Mode = "live"
    service: str = ""
    trigger: Trigger | None = None
    incident: IncidentRef | None = None
    flaps: tuple[str, ...] = ()
    """Its runs shortly before, when they are too many for it to run by itself."""


@dataclass(frozen=True, slots=True)
class Started:
    run: str
    """The workflow's id."""
    execution: str
    """Temporal's run id of the first execution."""
    url: str


Sign: TypeAlias = Callable[[RunInput, str], RunInput]
"""What the run with this id is started with, signed by whoever starts it."""


def unsigned(given: RunInput, _: str) -> RunInput:
    return given


def run_id(runbook: str, key: str) -> str:
    return f"run/{runbook}/{key}"


def run_url(config: Config, run: str) -> str:
    """The run's page in the Temporal Web UI."""
    temporal = config.temporal
    return f"{temporal.ui}/namespaces/{temporal.namespace}/workflows/{quote(run, safe='')}"


async def start_run(
    client: Client, config: Config, start: Start, *, eager: bool = False, sign: Sign = unsigned
) -> Started:
    """Start the run, or return the one that is running under the same key. Raises temporalio's RPCError,
    InvalidInput for a Plan that must not be started by itself, and EngineUnavailable when its incident does
    not answer.

    `sign` gives it the proof of whoever starts it. `eager` asks Temporal to hand the first task straight to a
    worker in this process.
    """
    if alone := uncovered(start.plan):
        named = ", ".join(f"`{name}`" for name in alone[:5])
        raise InvalidInput(
            f"`{start.plan.runbook}` is not started by itself: no approval covers what {named} changes; "
            "start the runbook that calls it"
        )
    run = run_id(start.plan.runbook, start.key)
    url = run_url(config, run)
    given = run_input(config, start, url)
    refuse_too_large(given)
    if start.incident is not None:
        # First of all: from now on a hold of the incident reaches this run, too.
        given = replace(given, held=await join(client, start.incident.id, run, given.policy))
    given = sign(given, run)
    handle = await client.start_workflow(
        start.plan.runbook,
        given,
        id=run,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        memo={"episode": start.trigger.started} if start.trigger else None,
        search_attributes=attributes_of(given),
        static_summary=start.plan.title,
        static_details=static_details(start),
        request_eager_start=eager,
    )
    return Started(run=run, execution=handle.first_execution_run_id or "", url=url)


def run_input(config: Config, start: Start, url: str) -> RunInput:
    return RunInput(
        plan=start.plan,
        inputs=start.inputs,
        started_by=start.started_by,
        severity=start.severity,
        mode=start.mode,
        service=start.service,
        trigger=start.trigger,
        policy=config.policy.for_run(asked_roles(start.plan, config.policy.roles), start.severity),
        incident=start.incident,
        url=url,
        revision=REVISION,
        flaps=start.flaps,
    )


def static_details(start: Start) -> str:
    """Markdown for the top of the run's page."""
    # What stands here stays, whatever the severity is later.
    lines = [f"Started as **{start.severity}** by {start.started_by or 'nobody named'}"]
    if start.trigger:
        summary = start.trigger.summary or start.trigger.fingerprint
        lines.append(f"Alert from {start.trigger.source}: {_plain(summary)}")
    lines += [f"[{_plain(link.title)}]({link.url})" for link in start.plan.links if "${{" not in link.url]
    lines.append(f"Plan `{plan_digest(start.plan)[:12]}`, owned by {start.plan.owner}")
    return "\n\n".join(lines)


def _plain(text: str) -> str:
    """Alert text is hostile: no Markdown structure, no HTML, one line, bounded."""
    kept = "".join(char for char in text if char not in "<>[]()`*_#|\\!")
    return " ".join(kept.split())[:300]
