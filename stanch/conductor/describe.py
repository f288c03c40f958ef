"""What people see of a state: the view that queries answer, the phase to filter by, the live details."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from stanch.conductor.state import Node, Phase, State
from stanch.conductor.times import account
from stanch.conductor.within import within_view
from stanch.contract import Change, Plotted, Request, RunLease, RunView, StepView
from stanch.language.encode import plan_digest
from stanch.language.evaluate import show
from stanch.language.plan import Json, Plan, all_steps
from stanch.language.render.phrases import who_agrees
from stanch.language.render.series import count_in
from stanch.lease import words

_FAR = 12 * 3600.0
"""Seconds until a moment from which on it is told with its day."""
_MOST_CHANGES = 20
_MOST_TARGETS = 20


def phase_of(state: State) -> str:
    """Value of the search attribute `StanchPhase`.

    A run that only looked, and ended well, stays `diagnosing`: its end costs no event.
    """
    if state.outcome is not None:
        quiet = state.outcome == "succeeded" and not state.changing and not state.requests
        return "diagnosing" if quiet else state.outcome
    phases = {state.nodes[path].phase for path in state.live}
    for phase, name in (
        (Phase.STOPPING, "aborting"),
        (Phase.ASKING, "waiting"),
        (Phase.UNDOING, "undoing"),
        (Phase.DOUBTING, "doubting"),
        (Phase.VERIFYING, "verifying"),
    ):
        if phase in phases:
            return name
        if phase is Phase.ASKING and (stopped := _stopped(state)):
            return stopped
    return "mitigating" if state.changing else "diagnosing"


def _stopped(state: State) -> str:
    """The phase of a run that a person or another run keeps from going on; empty when nobody does."""
    if state.paused or (state.full and state.parked):
        return "paused"
    if state.held and state.parked:
        return "on_hold"
    lacking = any(not claim.held for claim in state.claims.values())
    return "queuing" if lacking and state.parked else ""


def view(state: State, now: float) -> RunView:
    """All of the run that a Query can answer."""
    given = state.given
    titles = _titles(given.plan)
    whole = RunView(
        run=state.run,
        runbook=given.plan.runbook,
        title=given.plan.title,
        digest=plan_digest(given.plan),
        phase=phase_of(state),
        severity=given.severity,
        mode=given.mode,
        started_by=given.started_by,
        starter=state.starter,
        started=state.started,
        ended=state.ended,
        outcome=state.outcome,
        reason=state.reason,
        inputs=dict(given.inputs),
        outputs=dict(state.outputs),
        url=given.url,
        steps=tuple(_step_view(state, node, titles) for node in _ordered(state)),
        requests=open_requests(state),
        timeline=state.timeline,
        ledger=state.ledger,
        findings=state.found,
        kept=state.kept,
        spent=account(state, now),
        as_of=now,
        paused=state.paused,
        full=state.full,
        held=state.held,
        holds=dict(state.holds),
        parked=tuple(each.path for each in state.parked),
        roles=dict(state.roles),
        resolved=state.resolved,
        mitigated=state.mitigated,
        agenda=state.agenda,
        leases=tuple(claim.lease for claim in state.claims.values()),
        service=given.service,
        incident=given.incident,
        plots=tuple(_plots(state)),
    )
    return within_view(whole)


def _plots(state: State) -> Iterator[Plotted]:
    """In the order of the steps: the outputs that are series; of a step without outputs, what it gave."""
    for node in _ordered(state):
        if node.phase is not Phase.SUCCEEDED or node.result is None:
            continue
        for name, value in node.outputs.items():
            if count_in(value):
                yield Plotted(f"{node.path}.{name}", value)
        if not node.outputs and count_in(node.result):
            inner = node.result.get("series") if isinstance(node.result, Mapping) else None
            yield Plotted(node.path, inner or node.result)


def wanted(state: State) -> tuple[RunLease, ...]:
    """The leases that the run holds or waits for."""
    return tuple(claim.lease for claim in state.claims.values() if claim.lease.state != "broken")


def open_requests(state: State) -> tuple[Request, ...]:
    return tuple(each.request for each in state.requests.values() if not each.closed)


def details(state: State) -> str:
    """Markdown for the top of the run's page in the Temporal Web UI: whether a person has stopped it, what it
    does or waits for, and how to answer."""
    if state.outcome is not None:
        return f"**{state.outcome}** {escape(state.reason)}".rstrip()
    asked = [_question(state, request) for request in open_requests(state)]
    return "\n\n---\n\n".join([*_kept_back(state), *(asked or [_under_way(state)])])


def _kept_back(state: State) -> list[str]:
    """That a person has stopped it, what waits for that, and how it goes on."""
    told: list[str] = []
    if state.paused:
        told += [f"**Paused:** {escape(state.paused)}", f"`stanch resume {state.run}`"]
    if state.full:
        told += [f"**Nothing new begins:** {escape(state.full)}", f"`stanch abort {state.run}`"]
        told += [f"`stanch undo {state.run}`"] if state.ledger else []
    if state.held:
        told.append(f"**On hold, no change begins:** {escape(state.held)}")
        for incident in state.holds or ("",):
            command = f"incident release {incident}" if incident else f"release {state.run}"
            told.append(f"`stanch {command}`")
    for claim in state.claims.values():
        told += _lease(state, claim.lease)
    if told and state.parked:
        told.append("Kept back: " + ", ".join(f"`{each.path}`" for each in state.parked[:10] if each.path))
    return ["\n\n".join(told)] if told else []


def _lease(state: State, lease: RunLease) -> list[str]:
    """That a lease keeps the run from going on, and what ends that."""
    if lease.state == "broken":
        return [
            f"**Its lease on {escape(lease.name)} was broken:** {escape(lease.said)}",
            f"`stanch release {state.run}`",
        ]
    if lease.state != "waiting":
        return []
    told = f"**Waits for {escape(lease.name)}:** {escape(words.held_by(lease.holders, lease.ahead))}"
    return [told, *(code(words.to_break(each, lease.name)) for each in lease.holders[:3])]


def _under_way(state: State) -> str:
    active = [state.nodes[path] for path in state.live if path]
    if not active:
        return f"{phase_of(state)}"
    return "\n".join(f"- `{node.path}` {_does(node)}" for node in active[:10])


def _does(node: Node) -> str:
    """That, and for whom, it waits without a question; else its phase."""
    waits = node.phase is Phase.ACTING and node.note
    return escape(node.note) if waits else f"is {node.phase.value}"


def _question(state: State, request: Request) -> str:
    """Paragraphs and lists of one request; what came from outside cannot leave its place."""
    parts = [f"**Waiting for {_roles(request)}:** {escape(request.question)}"]
    parts += [f"**Note:** {escape(note)}" for note in request.notes]
    if request.show:
        parts.append(escape(request.show))
    if request.checklist:
        parts.append("\n".join(_checklist(request)))
    if request.findings:
        parts += [
            "Findings:",
            "\n".join(f"- {each.verdict}: {escape(each.text)}" for each in request.findings),
        ]
    if request.evidence:
        parts += ["Known so far:", "\n".join(f"- {escape(line)}" for line in request.evidence)]
    if request.changes:
        alike = _alike(request.changes)
        shown = [_change(change, targets) for change, targets in alike[:_MOST_CHANGES]]
        if more := sum(len(targets) for _, targets in alike[_MOST_CHANGES:]):
            shown.append(f"- and {more} more; all of them are in `stanch show`")
        reach = f" on {request.targets} target{'s' * (request.targets != 1)}" if request.targets else ""
        of = f" ({escape(', '.join(request.shares))})" if request.shares else ""
        parts += [f"Will run{reach}{of}:", "\n".join(shown)]
        parts += [f"**Batches:** {escape(each)}." for each in request.batches[:_MOST_CHANGES]]
    if request.irreversible:
        parts.append(f"**There is no way back:** {escape(request.irreversible)}")
    if request.links:
        parts += [
            "Look here:",
            "\n".join(f"- {escape(link.title)}: {_address(link.url)}" for link in request.links),
        ]
    return "\n\n".join([*parts, *_until(state, request), *_how(state, request)])


def _until(state: State, request: Request) -> list[str]:
    """How long there is, and who has seen it and agreed."""
    ends = "the step fails" if request.kind == "manual" else request.silence
    if state.paused:
        told = [f"Its time stands still while the run is paused; then, without an answer: {ends}."]
    else:
        far = request.until - request.opened >= _FAR
        form = "%Y-%m-%d %H:%M:%S UTC" if far else "%H:%M:%S UTC"
        until = datetime.fromtimestamp(request.until, UTC).strftime(form)
        told = [f"Answer until **{until}**; without an answer: {ends}."]
    if request.quorum > 1:
        told.append(f"Needed: {escape(who_agrees(request.roles, request.quorum, request.of_roles))}.")
    if request.holders:
        told.append(f"May answer now: {escape(', '.join(request.holders))}.")
    if request.acknowledged:
        told.append(f"{escape(request.acknowledged)} is looking at it.")
    if request.answers:
        count = f"{len(request.answers)} of {request.quorum}"
        told.append(f"Agreed so far: {escape(', '.join(request.answers))}, {count}.")
    return told


def _how(state: State, request: Request) -> list[str]:
    """The commands that answer it."""
    run, digest = state.run, request.digest[:12]
    if request.kind == "approval":
        confirm = [f"and confirm by typing {code(request.confirm)}"] if request.confirm else []
        return [
            f"`stanch approve {run} --request {request.id} --digest {digest}`",
            *confirm,
            f"`stanch deny {run} --request {request.id} --reason WHY`",
            _by_signal(state, request),
        ]
    if request.kind == "ask":
        values = " ".join(f"--value {name}=..." for name in request.fields)
        return [
            "To answer:",
            "\n".join(_field(name, schema) for name, schema in request.fields.items()),
            f"`stanch decide {run} answer --request {request.id} --digest {digest} {values}`",
        ]
    choices = " or ".join(f"`{choice}`" for choice in request.choices)
    return [f"`stanch decide {run} CHOICE --request {request.id} --reason WHY` with {choices}"]


def _by_signal(state: State, request: Request) -> str:
    """How to answer from this very page; where that would do nothing, that it does nothing."""
    if state.given.policy.unsigned == "refuse":
        return "A Signal that is sent from this page has no effect: this run takes nothing without a proof."
    answer = {"request": request.id, "digest": request.digest[:12], "by": "YOUR NAME", "reason": "WHY"}
    if request.confirm:
        answer["confirm"] = "THE TEXT ABOVE"
    return f"or send the Signal `approve` or `deny` with {code(json.dumps(answer))}"


def _address(url: str) -> str:
    """A link for what is an address, and else a text that nobody can click."""
    return f"<{url[:500]}>" if re.fullmatch(r"https?://[^\s<>\x00-\x1f\x7f]+", url) else code(url)


def _roles(request: Request) -> str:
    """A role's name is plain text; a name that a value gave may be anything."""
    return ", ".join(role if role.isidentifier() else escape(role) for role in request.roles)


def _field(name: str, schema: Json) -> str:
    items = schema.get("items")
    some = items.get("enum") if isinstance(items, dict) else None
    for told, choices in (("one of", schema.get("enum")), ("some of", some)):
        if isinstance(choices, list):
            return f"- `{name}`: {told} {', '.join(code(show(choice)) for choice in choices[:20])}"
    return f"- `{name}`: {code(str(schema.get('type', 'anything')))}"


def _checklist(request: Request) -> list[str]:
    """Each line with who has ticked it."""
    by = {tick.item: f" ({escape(tick.by)})" for tick in request.ticked}
    return [
        f"- {'☑' if at in by else '☐'} {at + 1}: {escape(line)}{by.get(at, '')}"
        for at, line in enumerate(request.checklist)
    ]


def _alike(changes: tuple[Change, ...]) -> list[tuple[Change, list[str]]]:
    """The changes in order; those that differ in nothing but their target, one after the other, are one."""
    found: list[tuple[Change, list[str]]] = []
    for target, change in ((each.target, replace(each, target="")) for each in changes):
        if found and found[-1][0] == change and target:
            found[-1][1].append(target)
        else:
            found.append((change, [target]))
    return found


def _change(change: Change, targets: list[str]) -> str:
    done = f", done when {code(change.done)}" if change.done else ""
    back = f", taken back by {code(change.undo)}" if change.undo else ""
    comes = f", put back {escape(change.revert)}" if change.revert else ""
    helped = f", helped when {code(change.verify)}" if change.verify else ""
    where = ", ".join(code(target or "here") for target in targets[:_MOST_TARGETS])
    more = f" and {len(targets) - _MOST_TARGETS} more" if len(targets) > _MOST_TARGETS else ""
    return f"- {where}{more}: {code(change.command)}{done}{helped}{back}{comes}"


_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def flat(text: str, most: int) -> str:
    """Outside text as one line, with nothing in it that turns or hides what follows, cut where it says so."""
    kept = " ".join(text[: most + 1].split())
    line = "".join(
        ascii(char)[1:-1] if unicodedata.category(char) in _STEERING else char for char in kept[:most]
    )
    return f"{line} ... ({len(text) - most:,} more characters)" if len(text) > most else line


def escape(text: str) -> str:
    """Outside text as plain Markdown: one line, no markup, no HTML."""
    return "".join(f"\\{char}" if char in "\\`*_{}[]()#+!|<>~" else char for char in flat(text, 500))


def code(text: str) -> str:
    """Outside text as a code span that it cannot leave."""
    return "`" + flat(text, 300).replace("`", "'") + "`"


def _ordered(state: State) -> list[Node]:
    """Nodes in the order in which they were begun, the items of a fan-out behind their step."""

    def place(node: Node) -> tuple[float, str, int]:
        return node.started, node.path.split("[")[0], -1 if node.item is None else node.item

    return sorted((node for node in state.nodes.values() if node.path), key=place)


def _titles(plan: Plan) -> dict[tuple[str, str], str]:
    """By runbook (empty for the run's own) and step."""
    plans = {**plan.children, plan.runbook: plan, "": plan}
    return {
        (name, step.id): step.title or step.id
        for name, held in plans.items()
        for step in all_steps(held.steps)
    }


def _step_view(state: State, node: Node, titles: Mapping[tuple[str, str], str]) -> StepView:
    title = node.title or titles[node.runbook, node.step]
    if node.item is not None:
        title = f"{title}: {show(state.nodes[node.parent or ''].items[node.item])}"
    return StepView(
        path=node.path,
        title=title,
        phase="queuing" if _queues(state, node) else node.phase.value,
        started=node.started,
        ended=node.ended,
        note=node.note,
    )


def _queues(state: State, node: Node) -> bool:
    """Whether only a lease keeps the node from beginning."""
    waits = node.phase is Phase.READY and any(
        claim.waits and node.path in claim.nodes for claim in state.claims.values()
    )
    return waits and any(each.path == node.path for each in state.parked)
