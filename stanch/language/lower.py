"""A document without errors to a Plan: defaults are fixed here, and places are left behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stanch.language.document import (
    ApprovalDoc,
    CallDoc,
    CheckDoc,
    Document,
    LoopDoc,
    OutputDoc,
    PollDoc,
    RequireDoc,
    StepDoc,
    TriggerDoc,
    step_effect,
    walk,
)
from stanch.language.guards import is_checked_after
from stanch.language.plan import (
    Approval,
    Call,
    Check,
    ForEach,
    Json,
    Link,
    Plan,
    Poll,
    Require,
    Retry,
    Silence,
    Step,
)
from stanch.language.tree import Scalar, plain
from stanch.language.triggers import with_status

EVERY = 5.0
"""Seconds between two reads, when a runbook does not say."""


@dataclass(frozen=True, slots=True)
class CompiledTrigger:
    source: str
    when: str
    """CEL over `alert`."""
    inputs: Mapping[str, Json]
    """Templates over `alert`."""


def lower(document: Document) -> Plan:
    """The Plan of a document in which no error was found."""
    by_id = {step.id: step for step in walk(document.steps)}
    return Plan(
        runbook=document.runbook,
        title=document.title or document.runbook,
        kind=document.kind,
        owner=document.owner,
        steps=tuple(_step(step, by_id) for step in document.steps),
        inputs={each.name.text: plain(each.node) for each in document.inputs},
        require=tuple(_require(each, "") for each in document.require),
        locks=tuple(lock.text for lock in document.locks),
        outputs=_outputs(document.outputs),
        links=tuple(Link(title.text, url.text) for title, url in document.links),
    )


def lower_trigger(trigger: TriggerDoc) -> CompiledTrigger:
    return CompiledTrigger(
        trigger.source,
        with_status(trigger.when.cel),
        {entry.name: plain(entry.value) for entry in trigger.inputs},
    )


def _step(step: StepDoc, by_id: Mapping[str, StepDoc]) -> Step:
    effect = step_effect(step) or "read"
    timeout = _timeout(step)
    return Step(
        id=step.id,
        title=_text(step.title) or "",
        effect=effect,
        call=None if step.call is None else _call(step.call),
        wait=_text(step.wait),
        steps=tuple(_step(inner, by_id) for inner in step.steps),
        when=None if step.when is None else step.when.cel,
        require=tuple(_require(each, step.id) for each in step.require),
        for_each=None if step.loop is None else _loop(step.loop),
        approval=None if step.approval is None else _approval(step.approval),
        unattended=_text(step.unattended),
        poll=None if step.poll is None else _poll(step.poll, 0.0),
        done=_check(step.done, by_id, timeout),
        undo=None if step.undo is None else _call(step.undo),
        verify=_check(step.verify, by_id, 0.0),
        irreversible=_text(step.irreversible),
        idempotent=step.idempotent,
        outputs=_outputs(step.outputs),
        on_failure=step.on_failure or ("ask" if effect == "change" else "stop"),
        retry=None if step.retry is None else Retry(step.retry.times, step.retry.every or EVERY),
        timeout=timeout,
    )


def _timeout(step: StepDoc) -> float:
    """What the author said, else the action's own. Waiting (`within`) comes on top of it at run time."""
    if step.timeout is not None:
        return step.timeout
    if step.call is None or step.call.spec is None:
        return Step(id="").timeout
    return step.call.spec.timeout


def _text(scalar: Scalar | None) -> str | None:
    return None if scalar is None else scalar.text


def _call(call: CallDoc) -> Call:
    return Call(call.action, {entry.name: plain(entry.value) for entry in call.all_params}, call.one)


def _poll(poll: PollDoc, within: float) -> Poll:
    """`within` is for a poll that does not say: a `done` may wait as long as its step."""
    return Poll(
        poll.until.cel,
        within=within if poll.within is None else poll.within,
        every=EVERY if poll.every is None else poll.every,
        stable=poll.stable or 0.0,
    )


def _check(check: CheckDoc | None, by_id: Mapping[str, StepDoc], within: float) -> Check | None:
    if check is None or check.poll is None:
        return None
    call = check.call
    if call is None and check.step is not None:
        call = by_id[check.step.text].call
    return None if call is None else Check(_call(call), _poll(check.poll, within))


def _require(require: RequireDoc, step: str) -> Require:
    return Require(require.that.cel, require.message.text, is_checked_after(require, step))


def _loop(loop: LoopDoc) -> ForEach:
    return ForEach(
        loop.name.text, plain(loop.items), loop.batches, loop.pause, loop.max_failures, loop.empty_ok
    )


def _approval(approval: ApprovalDoc) -> Approval:
    silence = approval.silence
    return Approval(
        roles=approval.roles,
        confirm=_text(approval.confirm),
        quorum=approval.quorum,
        silence=None if silence is None else Silence(silence.after, silence.then),
    )


def _outputs(outputs: tuple[OutputDoc, ...]) -> dict[str, str]:
    return {output.name.text: output.value.cel for output in outputs}
