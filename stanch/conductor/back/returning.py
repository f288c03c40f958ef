"""What was borrowed for longer than the run lives: each such change is left to a run of its own.

That run is an ordinary one. Its Plan is made here, of data that was fixed when the change was made: wait, or
watch for a condition, or ask somebody, and then go the way back. So it has a page in the Temporal Web UI,
asks the commander when it fails, and is listed, paused and ended like every other.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from stanch.conductor.approval.preview import is_single
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import Effected, Followup, RunInput
from stanch.errors import EvaluationError
from stanch.language.duration import format_duration, parse_duration
from stanch.language.evaluate import Scope, referenced, render, show
from stanch.language.people import IC
from stanch.language.plan import FORMAT, Approval, Call, Check, Json, Plan, Retry, Revert, Silence, Step
from stanch.language.render.phrases import revert_words
from stanch.language.template import OPEN

RUNBOOK = "put-back"
"""The workflow type of such a run."""
_DAY = 86400.0
_UNBOUNDED = 30 * _DAY
"""Seconds for which a condition is watched when nobody said how long; then somebody is asked."""
_ANSWER = Silence(after=7 * _DAY, then="deny")
"""How long the question whether it may come back stays open."""
_TRIES = Retry(times=10_000, every=30.0)
"""A read that watches for days outlives many workers."""


def later(turn: Turn, node: Node) -> tuple[Revert | None, Mapping[str, Json]]:
    """When the change of `node` comes back after the run, and what its condition reads, fixed now.

    None when it comes back sooner, or never.
    """
    revert = turn.step(node).revert
    if revert is None or revert.at not in ("after", "when", "ask") or turn.given.revision < 2:
        return None, {}
    scope = turn.scope(node)
    try:
        filled = _filled(revert, scope)
    except (EvaluationError, ValueError) as error:
        turn.note(
            "problem", f"nobody can tell when it is to be put back, so {IC} is asked: {error}", step=node.path
        )
        return Revert("ask", roles=revert.roles or (IC,)), {}
    reads = referenced([filled.when.poll.until], scope) if filled.when else {}
    return filled, {name: held for name, held in reads.items() if name.split(".")[0] != "run"}


def _filled(revert: Revert, scope: Scope) -> Revert:
    """Raises EvaluationError, and ValueError for what is no duration."""

    def text(written: str | None) -> str | None:
        if written is None:
            return None
        filled = show(render(written, scope))
        parse_duration(filled)
        return filled

    when = revert.when
    if when is not None:
        when = replace(when, call=replace(when.call, params=render(when.call.params, scope)))
    return replace(
        revert,
        after=text(revert.after),
        not_before=text(revert.not_before),
        at_most=text(revert.at_most),
        when=when,
    )


def followups(turn: Turn) -> tuple[Followup, ...]:
    """A run for each change that is still away and comes back later, in the order of the ledger."""
    away = [
        position
        for position, effect in enumerate(turn.ledger)
        if effect.later is not None and not effect.undone and effect.undo
    ]
    found = []
    for number, position in enumerate(away, 1):
        suffix = f"/return-{number}"
        effect = turn.ledger[position] = replace(turn.ledger[position], left_to=turn.before.run + suffix)
        assert effect.later is not None
        what = f"`{effect.command}` {effect.target}".rstrip()
        when = revert_words(effect.later, str)
        turn.note("borrowed", f"{what} comes back {when}: run {turn.before.run}{suffix}", step=effect.step)
        found.append(Followup(suffix, _given(turn, effect)))
    return tuple(found)


def left_elsewhere(turn: Turn, told: str, suffix: str) -> None:
    """The run that brings something back has another id than was told."""
    run = turn.before.run
    for position, effect in enumerate(turn.ledger):
        if effect.left_to == run + told:
            turn.ledger[position] = replace(effect, left_to=run + suffix)


def _given(turn: Turn, effect: Effected) -> RunInput:
    """People and keys as they are now: who took a role over has it there too."""
    policy = turn.given.policy
    return replace(
        turn.given,
        policy=replace(policy, roles={**policy.roles, **turn.roles}, keys=(*policy.keys, *turn.keys)),
        plan=_plan(turn, effect),
        inputs=effect.reads.get("inputs", {}),
        names=effect.reads,
        started_by=f"run:{turn.before.run}",
        trigger=None,
        held="",
        own_hold=turn.holds.get("", ""),
        flaps=(),
        proof=None,
    )


def _plan(turn: Turn, effect: Effected) -> Plan:
    plan = turn.book.plan
    what = f"{effect.command} {effect.target}".rstrip()
    return Plan(
        runbook=RUNBOOK,
        title=f"Put back what {plan.runbook} has borrowed",
        kind="recovery",
        owner=plan.owner,
        steps=tuple(_steps(turn, effect, what)),
        links=plan.links if not any(OPEN in link.url for link in plan.links) else (),
        format=FORMAT,
    )


def _steps(turn: Turn, effect: Effected, what: str) -> Iterator[Step]:
    revert = effect.later
    assert revert is not None
    assert effect.undo is not None
    if effect.unsure:
        # It may be back already, and is not taken back twice unless somebody says so.
        revert = replace(revert, roles=revert.roles or (IC,))
        what = f"{what} (nobody knows whether an earlier attempt has)"
    first = revert.after if revert.at == "after" else revert.not_before
    seconds = _left(turn, effect, first) if first is not None else 0.0
    if seconds > 0:
        yield Step(id="wait", title=f"Leave it as it is for {format_duration(seconds)}", wait=f"{seconds}s")
    if revert.when is not None:
        most = _left(turn, effect, revert.at_most) - seconds if revert.at_most else _UNBOUNDED
        yield from _watch(turn.at + seconds, max(most, 0.0), revert.when, bounded=revert.at_most is not None)
    timeout = turn.step(turn.nodes[effect.step]).timeout
    yield Step(
        id="put_back",
        title=as_data(f"Put back: {what}"[:200]),
        effect="change",
        call=fixed(effect.undo),
        approval=Approval(revert.roles, silence=_ANSWER) if revert.roles else None,
        unattended=None if revert.roles else f"it was borrowed by {turn.before.run}",
        irreversible="it is the way back itself",
        on_failure="ask",
        timeout=timeout,
        done=gone(effect),
    )


def gone(effect: Effected) -> Check | None:
    """The `done` of a way back: that the change is not in place any more. Whether it is still there is no
    reason not to begin, unless an earlier attempt may have brought it back."""
    if effect.gone is None:
        return None
    return replace(effect.gone, call=fixed(effect.gone.call), after_only=not looks_first(effect))


def looks_first(effect: Effected) -> bool:
    """Whether it is asked before, as an earlier attempt may have brought it back, and the answer tells: of
    several targets one that is back says nothing of the others."""
    return effect.unsure and effect.gone is not None and effect.undo is not None and is_single(effect.undo)


def fixed(call: Call) -> Call:
    """The call as it was filled in, once and for all."""
    return replace(call, params={name: as_data(held) for name, held in call.params.items()})


def as_data(value: Json) -> Any:
    """What is rendered to just `value`, whatever its texts look like: data is no expression."""
    if isinstance(value, str):
        # A text of JSON is one of CEL.
        return f"${{{{ {json.dumps(value, ensure_ascii=False)} }}}}" if OPEN in value else value
    if isinstance(value, Mapping):
        return {key: as_data(held) for key, held in value.items()}
    return [as_data(held) for held in value] if isinstance(value, list | tuple) else value


def _left(turn: Turn, effect: Effected, duration: str) -> float:
    """Seconds from now to `duration` after the change was made."""
    return round(max(effect.at + parse_duration(duration) - turn.at, 0.0), 3)


def _watch(begin: float, most: float, when: Check, *, bounded: bool) -> Iterator[Step]:
    """From the moment `begin` until the condition holds; if `bounded`, `most` seconds at most, and not less
    because a read failed."""
    yield Step(
        id="watch",
        title="Is it time to put it back?",
        call=fixed(when.call),
        poll=replace(when.poll, within=most),
        retry=_TRIES,
        on_failure="continue" if bounded else "ask",
    )
    if bounded:
        end = datetime.fromtimestamp(begin + most, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
        yield Step(
            id="rest",
            title="Its time is not over yet",
            when=f'steps.watch.failed && run.now < timestamp("{end}")',
            wait=f'${{{{ (timestamp("{end}") - run.now).getSeconds() }}}}',
        )
