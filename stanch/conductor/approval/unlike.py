"""In words: what differs between what was approved, or asked, and what would be executed, or asked, now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from stanch.conductor.approval.binding import NOT_COMPARED, work_of
from stanch.conductor.approval.late import Filled, differences, gaps, is_gap, look, text_of
from stanch.conductor.approval.preview import brief, command_of, target_of
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask
from stanch.language.encode import canonical
from stanch.language.evaluate import Scope
from stanch.language.plan import Json, Step

_CUT = 120


# --- before a change begins -------------------------------------------------------------------------------


def uncovered(turn: Turn, node: Node, step: Step, bound: Mapping[str, Json]) -> list[str]:
    """Why an approval that is bound to `bound` does not cover what `node` is about to do; or nothing."""
    entries: Sequence[Mapping[str, Json]] = bound.get("changes", ())
    told: dict[str, None] = {}
    for path, task, scope in _about_to(turn, node, step):
        entry = _entry(entries, path)
        if entry is None:
            what = f"`{command_of(task.call)[:_CUT]}` {target_of(task.call)[:_CUT]}".rstrip()
            told[f"{what} was no part of what was shown"] = None
        elif not entry["bounded"]:
            told[f"nobody had said how many targets it would have, and they are {_targets(task)}"] = None
        else:
            told |= dict.fromkeys(_in_work(entry["work"], work_of(task)))
            told |= dict.fromkeys(_in_reads(entry["reads"], scope))
            told |= dict.fromkeys(_in_reads(entry["around"], _scope_of(turn, node, entry["block"])))
    if step.for_each is not None and node.item is None:
        rounds = [each["path"] for each in entries if _is_at(each["path"].rpartition("[")[0], node.path)]
        if len(rounds) != len(node.items) and not any(path.endswith("[*]") for path in rounds):
            told[f"it was for {len(rounds)} rounds, and now there are {len(node.items)}"] = None
    return list(told)


def _entry(entries: Sequence[Mapping[str, Json]], path: str) -> Mapping[str, Json] | None:
    """What was said of the change at `path`: of itself, or of any round."""
    return next((each for each in entries if _is_at(each["path"], path)), None)


def _about_to(turn: Turn, node: Node, step: Step) -> Iterator[tuple[str, ActionTask, Scope]]:
    """Path, task, and what it reads, of each change that begins with the node."""
    scope = turn.scope(node)
    if step.for_each is None or node.item is not None:
        yield from ((node.path, task, scope) for task in node.tasks[:1])
        return
    for at, (item, task) in enumerate(zip(node.items, node.tasks, strict=True)):
        yield f"{node.path}[{at}]", task, {**scope, step.for_each.name: item}


def _is_at(approved: str, path: str) -> bool:
    """Whether it is the same place; `[*]` is any round."""
    if "*" not in approved:
        return approved == path
    pattern = re.escape(approved).replace(r"\[\*\]", r"\[(?:\d+|\*)\]")
    return re.fullmatch(pattern, path) is not None


def _targets(task: ActionTask) -> str:
    return target_of(task.call)[:_CUT] or "not known"


def _scope_of(turn: Turn, node: Node, block: str) -> Scope:
    """What the block around the node sees whose way back would be taken."""
    above = node.parent
    while block and above is not None:
        held = turn.nodes[above]
        if _is_at(block, held.path):
            return turn.scope(held)
        above = held.parent
    return {}


def _in_reads(then: Mapping[str, Json], scope: Scope) -> Iterator[str]:
    for name, was in then.items():
        if name not in NOT_COMPARED and not _same(was, now := look(name, scope)):
            yield _was(name, was, now)


# --- words ------------------------------------------------------------------------------------------------


def _same(then: Json, now: Json) -> bool:
    return canonical(then) == canonical(now)


def _was(name: str, then: Json, now: Json) -> str:
    """`inputs.service was checkout and is cart`, as far as a line can tell."""
    was, held = _brief(then), _brief(now)
    return f"{name} is not what it was" if was == held else f"{name} was {was} and is {held}"


def _brief(value: Filled) -> str:
    if value is None:
        return "not there"
    return (text_of(value) if is_gap(value) or any(True for _ in gaps(value)) else brief(value))[:_CUT]


def _in_work(then: Mapping[str, Filled], now: Mapping[str, Filled]) -> Iterator[str]:
    """Differences of commands and checks, by their parameters."""
    seen: set[str] = set()
    for place in differences(then, now):
        label, at = _label(place)
        if label not in seen:
            seen.add(label)
            yield _was(label, _at(then, at), _at(now, at))


_WORDS = {"done": "the `done` check", "undo": "the way back", "verify": "the `verify` check"}


def _label(place: tuple[str | int, ...]) -> tuple[str, tuple[str | int, ...]]:
    """What is spoken of, and where it is: one whole parameter of a call."""
    head = str(place[0]) if place else ""
    if head == "params" and len(place) > 1:
        return f"`{place[1]}`", place[:2]
    if head in _WORDS:
        if len(place) > 2 and place[1] == "params":
            return f"`{place[2]}` of {_WORDS[head]}", place[:3]
        return _WORDS[head], place[:1]
    return f"`{head}`", place[:1]


def _at(value: Json, place: tuple[str | int, ...]) -> Json:
    for part in place:
        if not isinstance(value, Mapping) or part not in value:
            return None
        value = value[part]
    return value


# --- while a question waits -------------------------------------------------------------------------------

_ASIDE = {
    "links": "its links",
    "findings": "what was found so far",
    "irreversible": "why there is no way back",
    "confirm": "what is to be typed",
    "roles": "who is asked",
    "quorum": "how many have to agree",
}


def changed(then: Mapping[str, Json], now: Mapping[str, Json]) -> list[str]:
    """What is others in `now` than in `then`, both what a digest covers; empty when nothing is."""
    told: dict[str, None] = {}
    was, held = ({each["path"]: each for each in bound["changes"]} for bound in (then, now))
    for path in dict.fromkeys((*was, *held)):
        if path not in held or path not in was:
            here = was.get(path) or held[path]
            what = ", ".join(here["targets"])[:_CUT] or path
            told[f"{what}: {'not any more' if path not in held else 'not shown before'}"] = None
            continue
        told |= dict.fromkeys(_in_change(was[path], held[path]))
    for step in sorted(then["known"].keys() | now["known"].keys()):
        before, after = then["known"].get(step, {}), now["known"].get(step, {})
        for name in sorted(before.keys() | after.keys()):
            if not _same(before.get(name), after.get(name)):
                told[_was(f"steps.{step}.{name}", before.get(name), after.get(name))] = None
    if told or _same(then, now):
        return list(told)
    aside = [words for name, words in _ASIDE.items() if not _same(then.get(name), now.get(name))]
    return [f"{', '.join(aside) or 'something in it'} changed"]


def _in_change(then: Mapping[str, Json], now: Mapping[str, Json]) -> Iterator[str]:
    for name in sorted(then["reads"].keys() | now["reads"].keys()):
        was, held = then["reads"].get(name), now["reads"].get(name)
        if not _same(was, held):
            yield _was(name, was, held)
    yield from _exactly(then["work"], now["work"])
    rest = ("undo", "verify", "revert", "irreversible", "around", "block", "most", "targets")
    for name in rest:
        if not _same(then[name], now[name]):
            yield f"{_WORDS.get(name, f'`{name}`')} is not what it was"


def _exactly(then: Mapping[str, Filled], now: Mapping[str, Filled]) -> Iterator[str]:
    """As `_in_work`, with a gap equal to nothing but itself."""
    if _same(then, now):
        return
    told = list(_in_work(then, now))
    yield from told or ["what is known of it is not what it was"]
