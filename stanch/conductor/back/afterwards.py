"""Taking back what a run has changed after it has ended: by a run of its own, whose Plan is made here.

What there is to take back, how, and how it is seen that it is gone was fixed when each change was made and
stands in the ledger of the run that has ended. The new run puts all of it to the commander as one question,
goes back newest first, a step a change, and says what stays as it is, and why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from stanch.conductor.approval.preview import is_single
from stanch.conductor.back.returning import as_data, fixed, gone, looks_first
from stanch.conductor.state import Phase, folder
from stanch.contract import Effected, RunView
from stanch.errors import IllegalDecision
from stanch.language.people import IC
from stanch.language.plan import FORMAT, MANUAL, Approval, Finding, Json, Plan, Step, all_steps
from stanch.language.words import did_you_mean

RUNBOOK = "take-back"
"""The workflow type of such a run."""
_STEP = "back_"
_BY_HAND = 86400.0
"""Seconds that a person has for a way back that is gone by hand."""
_BY_PEOPLE = "its way back is not written down: look, and take it back by hand if it was"
_UNDER_WAY = frozenset({Phase.ACTING, Phase.DOUBTING, Phase.STOPPING})
_TEXT: Json = {"type": "string"}
_INPUTS: Mapping[str, Json] = {"run": _TEXT, "execution": _TEXT, "to": _TEXT, "reason": _TEXT}


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of a change after its run had ended: by `run` it was brought back (`back`), may have been
    (`unsure`), or will be (`awaited`)."""

    what: Literal["back", "unsure", "awaited"]
    run: str


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that has ended, and what has become since of its changes, by their position in its ledger."""

    view: RunView
    """As its workflow tells it."""
    plan: Plan
    execution: str
    """Temporal's run id of it: an alert that comes back begins another one under the same id."""
    fates: Mapping[int, Fate] = field(default_factory=dict)

    @property
    def cut(self) -> bool:
        """It was ended in Temporal itself, and had no word in that."""
        return self.view.outcome is None


@dataclass(frozen=True, slots=True)
class Return:
    """What the new run is to do."""

    plan: Plan
    inputs: Mapping[str, Json]
    changes: int
    """How many it takes back."""
    stays: tuple[str, ...]
    """What is not taken back, and why, a sentence each."""


def take_back(ended: Ended, to: str, reason: str) -> Return:
    """How to go back to before the step `to` (a path, or a block's name; everything when it is empty).

    Raises IllegalDecision when there is nothing to take back, or no way back.
    """
    first = _first(ended, to)
    found, stays = _sorted(ended, first)
    if not found:
        raise IllegalDecision(_nothing(ended, stays))
    stays += _unknown(ended)
    inputs = {"run": ended.view.run, "execution": ended.execution, "to": to, "reason": reason}
    return Return(_plan(ended, found, stays), inputs, _changes(ended, found), tuple(stays))


def taken_back_by(view: RunView) -> dict[int, Fate]:
    """What the run `view`, made here and over, did with the changes: by their positions."""
    # The view of a large run leaves out steps that ended well, and nothing of its ledger.
    whole = (effect.step for effect in view.ledger if not (effect.incomplete or effect.doubtful))
    found = {_position(path): Fate("back", view.run) for path in whole if path.startswith(_STEP)}
    for step in view.steps:
        if not step.path.startswith(_STEP):
            continue
        if step.phase == Phase.SUCCEEDED:
            found[_position(step.path)] = Fate("back", view.run)
        elif is_unsure(step.phase):
            found[_position(step.path)] = Fate("unsure", view.run)
    return found


def _position(path: str) -> int:
    return int(path.removeprefix(_STEP)) - 1


def is_unsure(phase: str) -> bool:
    """Whether a way back whose step was in this phase when its run was over may have been gone."""
    return phase in (Phase.IN_DOUBT, Phase.ASKING) or phase in _UNDER_WAY


# --- what there is ----------------------------------------------------------------------------------------


def _first(ended: Ended, to: str) -> int:
    """Position of the oldest change that is to be taken back. Raises IllegalDecision."""
    if not to:
        return 0
    ledger = ended.view.ledger
    left = [at for at, effect in enumerate(ledger) if not _is_back(ended, at)]
    found = [at for at in left if _is_inside(ended.plan, ledger[at].step, to)]
    if found:
        # A block with a way back of its own goes back as a whole.
        whole = {ledger[at].part_of for at in found}
        return min(found + [at for at in left if ledger[at].step in whole])
    changed = list(dict.fromkeys(ledger[at].step for at in left))
    known = {step.path for step in ended.view.steps} | {step.id for step in all_steps(ended.plan.steps)}
    if to not in known:
        hint = did_you_mean(to, sorted(known)) or "`stanch show` names its steps"
        raise IllegalDecision(f"`{ended.view.run}` has no step `{to}`; {hint}")
    named = ", ".join(f"`{step}`" for step in changed) or "nothing"
    raise IllegalDecision(f"`{to}` has changed nothing that is still so; what is: {named}")


def _is_inside(plan: Plan, path: str, to: str) -> bool:
    """Whether the step at `path` is `to`, or in it. Blocks add nothing to a path, rounds and children do."""
    if path == to or path.startswith((f"{to}[", f"{to}/", f"{to}.")):
        return True
    block = step_at(plan, to)
    inner = all_steps(block.steps) if block is not None else ()
    return any(_is_inside(plan, path, folder(to) + step.id) for step in inner)


def step_at(plan: Plan, path: str) -> Step | None:
    """The step that the node at `path` carried out."""
    *calls, last = (part.rpartition(".")[2].partition("[")[0] for part in path.split("/"))
    held = plan
    for call in calls:
        step = _named(held, call)
        if step is None or step.child is None:
            return None
        held = plan.children.get(step.child.runbook, plan)
    return _named(held, last)


def _named(plan: Plan, name: str) -> Step | None:
    return next((step for step in all_steps(plan.steps) if step.id == name), None)


def _is_back(ended: Ended, position: int) -> bool:
    fate = ended.fates.get(position)
    return ended.view.ledger[position].undone or (fate is not None and fate.what == "back")


def _sorted(ended: Ended, first: int) -> tuple[list[tuple[int, Effected]], list[str]]:
    """What is taken back, newest first, and what of the rest stays as it is."""
    found: list[tuple[int, Effected]] = []
    stays: list[str] = []
    for position in range(len(ended.view.ledger) - 1, first - 1, -1):
        effect, fate = ended.view.ledger[position], ended.fates.get(position)
        if _is_back(ended, position):
            continue
        if effect.irreversible:
            stays.append(f"{_what(effect)} and all before it: there is no way back, {effect.irreversible}")
            break
        if fate is not None and fate.what == "awaited":
            stays.append(f"{_what(effect)}: `{fate.run}` brings it back")
        elif effect.undo is not None:
            unsure = effect.unsure or (fate is not None) or (ended.cut and ended.view.phase == "undoing")
            found.append((position, replace(effect, unsure=unsure)))
        elif not effect.part_of:
            stays.append(f"{_what(effect)}: nobody has written down its way back")
    return found, stays


def _changes(ended: Ended, found: list[tuple[int, Effected]]) -> int:
    """How many changes go back with these lines. That of a block is its way back, and no change itself."""
    parts = [effect.part_of for effect in ended.view.ledger if not effect.undone]
    return sum(max(parts.count(effect.step), 1) for _, effect in found)


def _unknown(ended: Ended) -> list[str]:
    """Changes of which nobody knows whether they were made."""
    entered = {effect.step for effect in ended.view.ledger}
    found = []
    for each in ended.view.steps:
        step = step_at(ended.plan, each.path)
        if step is None or step.call is None or step.effect != "change" or each.path in entered:
            continue
        unknown = each.phase == Phase.IN_DOUBT or (ended.cut and each.phase in _UNDER_WAY)
        if unknown and (step.for_each is None or each.path.endswith("]")):
            found.append(f"`{each.path}`: nobody knows whether it was done, and {_BY_PEOPLE}")
    return found


def _nothing(ended: Ended, stays: list[str]) -> str:
    by = list(dict.fromkeys(fate.run for fate in ended.fates.values() if fate.what == "back"))
    run = ended.view.run
    if stays:
        return f"nothing of `{run}` can be taken back; {'; '.join(stays)}"
    if by:
        return f"all that `{run}` has changed was taken back by {', '.join(f'`{each}`' for each in by)}"
    return f"`{run}` has ended, and has changed nothing that is still so"


def _what(effect: Effected) -> str:
    return f"`{effect.command}` {effect.target}".rstrip()


# --- the Plan ---------------------------------------------------------------------------------------------


def _plan(ended: Ended, found: list[tuple[int, Effected]], stays: list[str]) -> Plan:
    count = _changes(ended, found)
    run, many = ended.view.run, f"{count} change{'s' * (count != 1)}"
    locks = dict.fromkeys(lock for _, effect in found for lock in effect.locks)
    told = Step(
        id="stays",
        title="What stays as it is",
        findings=tuple(Finding("true", "confirmed", as_data(f"stays: {each}")) for each in stays),
    )
    back = Step(
        id="back",
        title=as_data(f"Take back {many} of {run}"),
        steps=tuple(_back(ended, position, effect) for position, effect in found),
        approval=Approval((IC,)),
        on_failure="ask",
    )
    return Plan(
        runbook=RUNBOOK,
        title=as_data(f"Take back what {run} has changed"),
        kind="recovery",
        owner=ended.plan.owner,
        steps=(told, back) if stays else (back,),
        inputs=_INPUTS,
        locks=tuple(as_data(lock) for lock in locks),
        format=FORMAT,
    )


def _back(ended: Ended, position: int, effect: Effected) -> Step:
    assert effect.undo is not None
    step, by_hand = step_at(ended.plan, effect.step), effect.undo.action == MANUAL
    what = f"Take back: {effect.command} {effect.target}".rstrip()
    if effect.incomplete:
        what = f"{what} (not complete: {effect.incomplete})"
    elif effect.doubtful:
        asked = ", so it is looked first" if _may_not_be(effect) else ""
        what = f"{what} (nobody knows whether it was made{asked})"
    if effect.unsure and not looks_first(effect) and not effect.undo.knows:
        what = f"Nobody knows whether an earlier attempt has done this already. {what}"
    done = gone(effect)
    if done is not None and _may_not_be(effect):
        done = replace(done, after_only=False)
    if done is not None and by_hand:
        done = replace(done, poll=replace(done.poll, within=_BY_HAND))
    return Step(
        id=f"{_STEP}{position + 1}",
        title=as_data(what[:200]),
        effect="change",
        call=fixed(effect.undo),
        irreversible="it is the way back itself",
        done=done,
        on_failure="ask",
        timeout=_BY_HAND if by_hand or step is None else step.timeout,
    )


def _may_not_be(effect: Effected) -> bool:
    """Whether nobody knows of the change, and its check tells: what is not in place is not taken back."""
    told = effect.gone is not None and effect.undo is not None and is_single(effect.undo)
    return effect.doubtful and not effect.incomplete and told
