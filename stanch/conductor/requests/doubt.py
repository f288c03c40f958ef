"""In doubt: what is known of a change of which nobody knows whether it was made, and what each answer does.

What is known is written down as it happens, with the moment, for whoever is asked later. It is made of what
the run has anyway: the rendered command, with secrets as references, and what a worker has told, cleaned.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from stanch.conductor.approval.preview import command_of, is_single, target_of
from stanch.conductor.back import ledger, undoing
from stanch.conductor.events import ActionFailed, ActionLost
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import Choice, TargetEnd
from stanch.language.plan import Call

ENDS = {
    "done": "ended",
    "not_started": "not begun",
    "stopped": "begun, and certainly over",
    "running": "begun, and may still be running",
    "unknown": "begun, and nobody knows how it ended",
}
"""State of a target, in words."""
_LONGEST = 500
_NAMES = 20
_ATTEMPTS = 5
"""Attempts in doubt of which a question tells all that is known."""


def clock(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def of_attempt(node: Node, event: ActionLost) -> tuple[str, ...]:
    """What was sent, when, what came back, and what is known of each target."""
    call = node.tasks[0].call
    where = f" on {target_of(call)}" if target_of(call) else ""
    before = node.evidence if node.doubted else ()
    return (
        *before,
        f"sent at {clock(node.sent)}: {_line(command_of(call))}{where}",
        f"came back at {clock(event.at)}: {_line(event.reason)}",
        *of_targets(event),
    )


def said(event: ActionFailed | ActionLost) -> str:
    """What the question whether it is in place has given, and when."""
    how = "it is not in place" if isinstance(event, ActionFailed) and event.says_no else "it cannot be told"
    return f"`done` at {clock(event.at)}: {how}; {_line(event.reason)}"


def is_not_made(node: Node, ends: Sequence[TargetEnd], event: ActionFailed | ActionLost) -> bool:
    """Whether that the change is not in place means that it was not made. Of several targets it may have been
    made on some; and where it may still run, it may still come."""
    plain = isinstance(event, ActionFailed) and event.says_no
    return plain and is_single(node.tasks[0].call) and all(end.state != "running" for end in ends)


def attempts(turn: Turn, node: Node) -> list[Node]:
    """The changes of the node, and of what is in it, that nobody knows of; what waits to be repeated was not
    asked about."""
    if node.tasks and not turn.is_loop(node):
        return [node]
    return [
        each
        for each in turn.inner(node)
        if each.tasks
        and not turn.is_loop(each)
        and (each.doubted or each.phase is Phase.IN_DOUBT)
        and each.item not in turn.nodes[each.parent or ""].todo
    ]


def evidence(turn: Turn, node: Node) -> Iterator[str]:
    """All that is known of what is in doubt, a line each."""
    doubtful = attempts(turn, node)
    for each in doubtful[:_ATTEMPTS]:
        name = f"{each.path}: " if each.path != node.path else ""
        yield from (f"{name}{line}" for line in each.evidence)
    if len(doubtful) > _ATTEMPTS:
        yield f"and {len(doubtful) - _ATTEMPTS} more in doubt"


def settled(turn: Turn, node: Node) -> Iterator[str]:
    """The same of what has failed since `done` said that it was not made."""
    yield from node.evidence
    rounds = turn.children(node, Phase.FAILED) if turn.is_loop(node) else []
    for each in [child for child in rounds if child.evidence][:_ATTEMPTS]:
        yield from (f"{each.path}: {line}" for line in each.evidence)


def ways_back(turn: Turn, node: Node) -> list[tuple[Node, Call]]:
    """What `undo` would carry out for what is in doubt, the newest first. What has no way back, or one that
    nobody can fill in, is left out."""
    found = [(each, ledger.way_back(turn, each)) for each in reversed(attempts(turn, node))]
    return [(each, call) for each, call in found if call is not None and not turn.step(each).irreversible]


def take_on(turn: Turn, node: Node) -> None:
    """A person has it taken back, whether or not it was made: from here on it stands in the ledger."""
    for each, _ in reversed(ways_back(turn, node)):
        ledger.enter(turn, each, doubtful=True)


def go_back(turn: Turn, node: Node) -> None:
    """`node` is in doubt, and all around it is taken back. That holds for it too where its way back looks
    before it acts, and the change is certainly over; any other would be one more change, and is told."""
    for each in attempts(turn, node):
        if any(effect.step == each.path and not effect.undone for effect in turn.ledger):
            continue
        call = ledger.way_back(turn, each)
        running = any(end.state == "running" for end in each.ends)
        if call is not None and call.knows and not running and not turn.step(each).irreversible:
            ledger.enter(turn, each, doubtful=True)
            continue
        text = f"`{each.path}` stays: nobody knows whether it was made"
        if call is not None:
            text += f"; its way back: `{_line(command_of(call))}` {target_of(call)}".rstrip()
        turn.note("problem", text, step=each.path)


def choices(turn: Turn, node: Node) -> dict[Choice, str]:
    """The answers that there are, and what each of them does."""
    whole, doubtful = not node.tasks, attempts(turn, node)
    failed = [each for each in turn.inner(node) if each.phase is Phase.FAILED and each.tasks]
    found: dict[Choice, str] = {}
    if not (whole and failed):
        found["done"] = "`done` takes it as made: it is put into the ledger, and the run goes on"
    looks = all(each.tasks[0].done is not None or each.tasks[0].call.knows for each in doubtful)
    first = "looks first, and executes it only if it is not in place" if looks else "executes it again"
    if not all(is_single(each.tasks[0].call) for each in doubtful):
        first = f"{first}: on all its targets, also where it was made"
    rest = "; what has failed beside it is executed again, too" if failed else ""
    found["retry"] = f"`retry` {first}, as a new attempt{rest}"
    if whole:
        found["skip"] = "`skip` goes on without it: the run ends in doubt, whatever follows"
    if undo := _undo(turn, node):
        found["undo"] = undo
    return {**found, "abort": "`abort` ends the run now, in doubt"}


def _undo(turn: Turn, node: Node) -> str:
    """What `undo` does; empty where there is nothing that it could do."""
    back = ways_back(turn, node)
    block = undoing.outermost(turn, node)
    before = undoing.reversible(turn, block or node)
    if not back and not before:
        return ""
    told = []
    if back:
        calls = dict.fromkeys(f"`{_line(command_of(call))}` {target_of(call)}".rstrip() for _, call in back)
        told.append(f"carries out the way back, whether or not it was made: {', '.join(calls)}")
    else:
        told.append("leaves it in doubt, as there is no way back of it")
    if before:
        of = f"all of `{block.path}` has" if block is not None else "the step has"
        told.append(f"takes back what {of} changed so far ({len(before)})")
    return f"`undo` {', and then '.join(told)}; " + (f"`{block.path}` ends" if block else "the step ends")


def of_targets(event: ActionLost) -> Iterator[str]:
    """How it ended on each target, as far as that is known: one line for those that are alike."""
    heard = f" (as its worker told at {clock(event.heard)})" if event.heard else ""
    alike: dict[str, list[str]] = {}
    for end in event.ends:
        words = ENDS[end.state] + (f": {_line(end.note)}" if end.note else "")
        alike.setdefault(words, []).append(end.target)
    for words, names in alike.items():
        more = f" and {len(names) - _NAMES} more" if len(names) > _NAMES else ""
        yield f"{', '.join(names[:_NAMES])}{more}: {words}{heard}"
    for end in event.ends[:_NAMES]:
        if end.output:
            yield f"{end.target} printed last: {_line(end.output)}"


def _line(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}..."
