"""What an approval is bound to, for each change that it covers: all that decides what will be executed, how
it goes back, and how it is seen whether it helped. The request shows it in words, and its digest covers it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stanch.conductor.approval.late import (
    Filled,
    Known,
    fill,
    gaps,
    is_gap,
    known_when,
    look,
    marked,
    names,
    plain,
    text_of,
)
from stanch.conductor.approval.preview import brief, command_of, targets_of
from stanch.contract import ActionTask, Change
from stanch.language.encode import to_data
from stanch.language.plan import Call, Check, Json, Revert, Step
from stanch.language.render.phrases import revert_words
from stanch.language.template import OPEN

NOT_COMPARED = ("run.now", "run.findings")
"""They move while nothing has changed; what is rendered with them is bound by what came out."""


@dataclass(frozen=True, slots=True)
class Back:
    """How a change goes back and how it is seen whether it helped, as far as that is said around it."""

    child: str = ""
    """The runbook that it belongs to; empty for the run's own."""
    undo: Call | None = None
    """Of the outermost block that has one; it takes the place of what is inside."""
    revert: Revert | None = None
    """That block's."""
    known: Known | None = None
    """What that block sees."""
    lender: str = ""
    """The runbook that the block belongs to."""
    block: str = ""
    """The block's path."""
    verify: Check | None = None
    """Of the innermost block that has one."""
    sees: Known | None = None
    """What that one sees."""

    def around(self, step: Step, known: Known, path: str) -> Back:
        """For what is inside of `step`."""
        back = self
        if step.call is None and step.verify is not None:
            back = replace(back, verify=step.verify, sees=known)
        if back.undo is not None or step.undo is None or step.call is not None:
            return back
        return replace(back, undo=step.undo, revert=step.revert, known=known, lender=self.child, block=path)


@dataclass(frozen=True, slots=True)
class Reached:
    """A change that an approval covers, and all that is said around it."""

    step: Step
    path: str
    """Of the node that will carry it out; `[*]` for any round of a loop."""
    known: Known
    back: Back
    most: int = 1
    """How often it may happen at most; 0 is any number."""
    certain: bool = True
    """Nothing is known by which it might be left out, or its failure be accepted."""


@dataclass(frozen=True, slots=True)
class Binding:
    """One change, as it was approved."""

    path: str
    data: Mapping[str, Json]
    """What is executed, `work`, and what is shown beside it; filled templates."""
    reads: Mapping[str, Json]
    """Name to value of all that is known of what the change's templates read."""
    around: Mapping[str, Json]
    """The same for what stands in the block around it."""
    block: str
    bounded: bool
    """Somebody has said how many targets it may have at most."""
    targets: tuple[str, ...]
    """Those that are known."""
    more: str
    """Those that are not, in words."""
    most: int
    """How many targets or rounds what is late stands for at most; 0 is any number."""
    irreversible: str
    """Why there is no way back; empty when there is one."""
    certain: bool = True
    """As of what was reached."""

    def covered(self) -> dict[str, Json]:
        """For the digest, and to be held against what is executed."""
        return {
            "path": self.path,
            **self.data,
            "reads": dict(self.reads),
            "around": dict(self.around),
            "block": self.block,
            "bounded": self.bounded,
            "targets": list(self.targets),
            "most": self.most,
        }


def work_of(task: ActionTask) -> dict[str, Filled]:
    """What a prepared task does, spelled as `Binding.data` has it under `work`."""
    done = task.done and {
        "action": task.done.call.action,
        "params": _plain(task.done.call),
        "poll": to_data(task.done.poll),
    }
    return {"action": task.call.action, "params": _plain(task.call), "done": done}


def _plain(call: Call) -> dict[str, Filled]:
    return {name: plain(held) for name, held in call.params.items()}


def bind(reached: Reached, task: ActionTask | None, most_targets: int) -> tuple[Change, Binding]:
    """The change in words, and what an approval of it is bound to. `most_targets` bounds a list of targets
    that is late."""
    step, known, back = reached.step, reached.known, reached.back
    assert step.call is not None
    work = work_of(task) if task is not None else _work(step, known)
    undo, undo_known = (back.undo, back.known) if back.undo is not None else (step.undo, known)
    revert = back.revert if back.undo is not None else step.revert
    lender = back.lender if back.undo is not None else back.child
    verify, verify_known = (step.verify, known) if step.verify is not None else (back.verify, back.sees)
    assert undo_known is not None
    data: dict[str, Json] = {
        "work": work,
        "undo": undo and _filled(undo, undo_known),
        "verify": verify and verify_known and _check(verify, verify_known),
        "revert": revert and fill(to_data(revert), undo_known),
        "irreversible": fill(step.irreversible or "", known),
    }
    target, targets, more, most = _where(reached, work["params"], most_targets)
    own = [step.call, step.done, step.undo, step.revert, step.verify]
    outer = [back.undo, back.revert]
    done = step.done
    change = Change(
        target=target,
        command=_words(step.call, work["params"]),
        done=_done(done, work["done"]["params"], known, task) if done else _looks(step.call),
        undo=_words(undo, data["undo"]["params"]) if undo else _restores(step),
        revert=revert_words(revert, lambda text: words(text, undo_known)) if revert else "",
        verify=_verify(verify, data["verify"]["params"], verify_known) if verify and verify_known else "",
        late=_late_names(data.values(), [known, undo_known, verify_known], _conditions(done, verify)),
    )
    if revert is not None and revert.at == "end_of_run" and lender:
        change = replace(change, revert=f"at the end of `{lender}`")
    around = _reads(outer, back.known) if back.known is not None else {}
    bound = Binding(
        reached.path,
        data,
        _reads(own, known),
        around,
        back.block if back.undo is not None else "",
        most > 0,
        targets,
        more,
        most,
        text_of(data["irreversible"]),
        reached.certain,
    )
    return change, bound


def _work(step: Step, known: Known) -> dict[str, Filled]:
    assert step.call is not None
    done = step.done and {**_filled(step.done.call, known), "poll": to_data(step.done.poll)}
    return {**_filled(step.call, known), "done": done}


def _filled(call: Call, known: Known) -> dict[str, Filled]:
    return {"action": call.action, "params": {name: fill(held, known) for name, held in call.params.items()}}


def _check(check: Check, known: Known) -> dict[str, Filled]:
    return {**_filled(check.call, known), "poll": to_data(check.poll)}


def _reads(templates: Iterable[Any], known: Known) -> dict[str, Json]:
    """What the templates and conditions read that is known now."""
    found: dict[str, Json] = {}
    for template in templates:
        if template is None:
            continue
        found |= known.reads(to_data(template))
        poll = template.poll if isinstance(template, Check) else None
        when = template.when.poll if isinstance(template, Revert) and template.when else None
        for each in (poll, when):
            if each is not None:
                late = known.after(each.until)
                read = {name: look(name, known.scope) for name in names(each.until) if name not in late}
                # A condition's own variables are no names of the run.
                found |= {name: held for name, held in read.items() if held is not None}
    return {name: held for name, held in found.items() if name not in NOT_COMPARED}


# --- words ------------------------------------------------------------------------------------------------


def words(template: str, known: Known) -> str:
    """A text with what is known filled in, and what is late as people read it."""
    return text_of(fill(template, known)) if OPEN in template else template


def _words(call: Call, params: Filled) -> str:
    spelled = marked(call, params)
    return spelled.words(command_of(spelled.call))


def _done(done: Check, params: Filled, known: Known, task: ActionTask | None) -> str:
    scope = {**known.scope, **(task.scope if task is not None else done.names)}
    return f"{_words(done.call, params)}, until {_condition(done.poll.until, replace(known, scope=scope))}"


def _looks(call: Call) -> str:
    """Of an action that knows its change nobody has to write how it is seen."""
    return f"`{call.action}` looks by itself" if call.knows else ""


def _restores(step: Step) -> str:
    """Nor how it goes back."""
    assert step.call is not None
    knows = step.call.knows and not step.irreversible
    return f"`{step.call.action}` brings back what was there before" if knows else ""


def _verify(verify: Check, params: Filled, known: Known) -> str:
    return f"{_words(verify.call, params)}, until {_condition(verify.poll.until, known)}"


def _condition(until: str, known: Known) -> str:
    """The condition, with the values of the names that it compares with."""
    late = known.after(until)
    told = []
    for name in names(until):
        if name in late:
            told.append(f"{name} is {known_when(late[name])}")
        elif (value := look(name, known.scope)) is not None:
            told.append(f"{name} is {brief(value)}")
    return until + (f" ({', '.join(told)})" if told else "")


def _where(reached: Reached, params: Filled, most_targets: int) -> tuple[str, tuple[str, ...], str, int]:
    """Of a change: its target in words, the targets that are known, those that are not in words, and how many
    those, or its rounds, may be at most; 0 where nobody has said."""
    step, often = reached.step, reached.most
    assert step.call is not None
    spelled = marked(step.call, params)
    listed = targets_of(spelled.call)
    late = [each for each in listed if spelled.has_gap(each)]
    known = tuple(each for each in listed if each not in late)
    open_list = is_gap(params.get("hosts"))
    if not late:
        times = "" if often == 1 else f"at most {often} times" if often else "any number of times"
        return ", ".join(filter(None, (*known, times))), known, "", often
    most = often * (most_targets if open_list else len(late))
    if not open_list and often == 1:
        more = ", ".join(spelled.words(each) for each in late)
        return ", ".join(spelled.words(each) for each in listed), known, more, most
    named = [params.get(name) for name in ("hosts", "url", "server")]
    after = dict.fromkeys(step for held in named for _, steps in gaps(held) for step in steps)
    more = f"{f'at most {most}' if most else 'any number of'} targets, {known_when(after)}"
    return ", ".join((*known, more)), known, more, most


def _late_names(
    filled: Iterable[Filled], known: Iterable[Known | None], conditions: Iterable[str]
) -> tuple[str, ...]:
    """Every name that is late in them."""
    seen = [each for each in known if each is not None]
    late = [cel for each in filled for cel, _ in gaps(each)]
    return tuple(
        dict.fromkeys(name for cel in (*late, *conditions) for held in seen for name in held.after(cel))
    )


def _conditions(*checks: Check | None) -> tuple[str, ...]:
    return tuple(check.poll.until for check in checks if check is not None)
