"""A document without errors to a Plan: defaults are fixed here, and places are left behind."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from stanch.language.document import (
    ApprovalDoc,
    AskDoc,
    CallDoc,
    CheckDoc,
    ChildDoc,
    Document,
    FindingDoc,
    LinkDoc,
    LoopDoc,
    OutputDoc,
    PollDoc,
    RequireDoc,
    RevertDoc,
    SilenceDoc,
    StepDoc,
    TriggerDoc,
    walk,
)
from stanch.language.guards import is_asked_in_rounds, is_checked_after
from stanch.language.plan import (
    FORMAT,
    Approval,
    Ask,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Json,
    Link,
    Plan,
    Poll,
    Require,
    Retry,
    Revert,
    Silence,
    Step,
    Suggestion,
)
from stanch.language.tree import Entry, Scalar, plain
from stanch.language.triggers import with_status

EVERY = 5.0
"""Seconds between two reads, when a runbook does not say."""
_TIMEOUT = Step(id="").timeout
"""Of a step that has no action, where nothing reads it."""
_NO_NAMES: Mapping[str, str] = {}
"""One for all steps that give nothing."""


@dataclass(frozen=True, slots=True)
class CompiledTrigger:
    source: str
    when: str
    """CEL over `alert`."""
    inputs: Mapping[str, Json]
    """Templates over `alert`."""


def lower(document: Document) -> Plan:
    """The Plan of a document in which no error was found. Those of the runbooks that it calls are for whoever
    knows them all to add."""
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
        links=_links(document.links),
        format=FORMAT,
        symptoms=document.symptoms,
        impact=document.impact,
        severities=document.severities,
    )


def lower_trigger(trigger: TriggerDoc) -> CompiledTrigger:
    return CompiledTrigger(
        trigger.source,
        with_status(trigger.when.cel),
        _values(trigger.inputs),
    )


def _step(step: StepDoc, by_id: Mapping[str, StepDoc]) -> Step:
    effect = step.effect or "read"
    timeout = _timeout(step)
    return Step(
        id=step.id,
        title=_text(step.title) or "",
        effect=effect,
        call=None if step.call is None else _call(step.call),
        wait=_text(step.wait),
        steps=tuple([_step(inner, by_id) for inner in step.steps]),
        ask=None if step.ask is None else _ask(step.ask),
        child=None if step.child is None else _child(step.child),
        parallel=step.parallel and step.kind == "block",
        when=None if step.when is None else step.when.cel,
        require=tuple([_require(each, step.id) for each in step.require]),
        for_each=None if step.loop is None else _loop(step.loop, step),
        approval=None if step.approval is None else _approval(step.approval),
        unattended=_text(step.unattended),
        poll=None if step.poll is None else _poll(step.poll, 0.0),
        done=None if step.done is None else _check(step.done, by_id, timeout),
        undo=None if step.undo is None else _call(step.undo),
        verify=_verify(step, by_id),
        irreversible=_text(step.irreversible),
        idempotent=step.idempotent,
        revert=None if step.revert is None else _revert(step.revert, by_id),
        outputs=_outputs(step.outputs) if step.outputs else _NO_NAMES,
        findings=tuple([_finding(finding) for finding in step.findings]),
        keep=_outputs(step.keep) if step.keep else _NO_NAMES,
        on_failure=step.on_failure or ("ask" if effect == "change" else "stop"),
        retry=None if step.retry is None else Retry(step.retry.times, step.retry.every or EVERY),
        timeout=timeout,
        limit=(step.timeout or 0.0) if step.kind in ("block", "child") else 0.0,
        links=_links(step.links) if step.links else (),
        most_targets=step.max_items or 0,
    )


def _timeout(step: StepDoc) -> float:
    """What the author said, else the action's own. Waiting (`within`) comes on top of it at run time; for
    what a person does, `within` is the time that the person has."""
    if step.call is None or step.call.spec is None:
        return _TIMEOUT
    if step.call.by_hand and step.within is not None:
        return step.within
    return step.call.spec.timeout if step.timeout is None else step.timeout


def _text(scalar: Scalar | None) -> str | None:
    return None if scalar is None else scalar.text


def _call(call: CallDoc) -> Call:
    knows = call.spec is not None and call.spec.knows_done and not call.by_hand
    zone = "" if call.by_hand else call.zone
    return Call(call.action, _values(call.all_params), call.one, knows, zone)


def _values(entries: Iterable[Entry]) -> dict[str, Json]:
    return {entry.name: plain(entry.value) for entry in entries}


def _ask(ask: AskDoc) -> Ask:
    show = _text(ask.show) or ""
    findings = show == "findings"
    return Ask(
        roles=ask.roles,
        fields={each.name.text: plain(each.node) for each in ask.fields},
        show="" if findings else show,
        show_findings=findings,
        silence=_silence(ask.silence),
    )


def _child(child: ChildDoc) -> Child:
    return Child(child.runbook.text, _values(child.inputs))


def _finding(finding: FindingDoc) -> Finding:
    suggest = finding.suggest
    suggestion = None if suggest is None else Suggestion(suggest.runbook.text, _values(suggest.inputs))
    return Finding(finding.when.cel, finding.verdict, finding.text.text, suggestion)


def _revert(revert: RevertDoc, by_id: Mapping[str, StepDoc]) -> Revert:
    return Revert(
        at=revert.at,
        after=_text(revert.after),
        when=_check(revert.when, by_id, 0.0),
        not_before=_text(revert.not_before),
        at_most=_text(revert.at_most),
        roles=revert.roles or (),
    )


def _links(links: tuple[LinkDoc, ...]) -> tuple[Link, ...]:
    return tuple(Link(link.title.text, link.url.text) for link in links)


def _poll(poll: PollDoc, within: float) -> Poll:
    """`within` is for a poll that does not say: a `done` may wait as long as its step."""
    return Poll(
        poll.until.cel,
        within=within if poll.within is None else poll.within,
        every=EVERY if poll.every is None else poll.every,
        stable=poll.stable or 0.0,
        worse=poll.worse.cel if poll.worse else "",
    )


def _verify(step: StepDoc, by_id: Mapping[str, StepDoc]) -> Check | None:
    check = _check(step.verify, by_id, 0.0)
    if check is None or step.loop is None or step.verify is None:
        return check
    if is_asked_in_rounds(step):
        return replace(check, each_round=True)
    behind_all = step.verify.after is not None and step.verify.after.text == "all"
    return replace(check, each_batch=not behind_all and not _is_at_once(step.loop, step))


def _check(check: CheckDoc | None, by_id: Mapping[str, StepDoc], within: float) -> Check | None:
    if check is None or check.poll is None:
        return None
    call = check.call
    if call is None and check.step is not None:
        call = by_id[check.step.text].call
    return None if call is None else Check(_call(call), _poll(check.poll, within))


def _require(require: RequireDoc, step: str) -> Require:
    return Require(require.that.cel, require.message.text, is_checked_after(require, step))


def _loop(loop: LoopDoc, step: StepDoc) -> ForEach:
    """Rounds go one by one, unless the author says otherwise."""
    return ForEach(
        name=loop.name.text,
        items=plain(loop.items),
        batches=() if _is_at_once(loop, step) else loop.batches or (1,),
        pause=loop.pause,
        max_failures=loop.max_failures,
        empty_ok=loop.empty_ok,
        most=loop.max_items or 0,
    )


def _is_at_once(loop: LoopDoc, step: StepDoc) -> bool:
    return loop.parallel or (step.parallel and step.kind != "block")


def _approval(approval: ApprovalDoc) -> Approval:
    return Approval(
        roles=approval.roles,
        confirm=_text(approval.confirm),
        quorum=approval.people,
        silence=_silence(approval.silence),
        of_roles=approval.of_roles,
    )


def _silence(silence: SilenceDoc | None) -> Silence | None:
    return None if silence is None else Silence(silence.after, silence.then)


def _outputs(outputs: tuple[OutputDoc, ...]) -> dict[str, str]:
    return {output.name.text: output.value.cel for output in outputs}
