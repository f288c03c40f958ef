"""An approval is for what was shown. What would be something else now is never executed: it is asked again.

`stands` looks just before a change begins, `recheck` while a question waits, or what was approved is kept
back.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from stanch.conductor.approval.unlike import changed, uncovered
from stanch.conductor.events import Cleared, Entered, WorkFailed
from stanch.conductor.requests import asking
from stanch.conductor.requests.requesting import close, links, people_of
from stanch.conductor.state import Node, OpenRequest, Phase
from stanch.conductor.steps import finish
from stanch.conductor.steps.preparing import make_task, prepare
from stanch.conductor.turn import Turn
from stanch.errors import EvaluationError
from stanch.language.evaluate import holds
from stanch.language.people import IC
from stanch.language.plan import Approval, Json, Step

_LONGEST_TOLD = 5
"""Differences that are told one by one."""


def stands(turn: Turn, node: Node, step: Step) -> bool:
    """Whether the change, or a loop of changes, may begin: what somebody approved is what would be executed.
    If it is not, the node has asked for itself."""
    if turn.given.revision < 2 or step.effect != "change" or not node.tasks:
        return True
    holder = _holder(turn, node)
    if holder is None:
        free = node.free or step.unattended is not None
        if free or not (node.covered or node.approved):
            return True  # or `act` refuses it
        told = ["no approval around it stands any more"]
    else:
        approved = _approved(turn, holder)
        told = uncovered(turn, node, step, approved.bound) if approved else ["nobody was shown it"]
    if told:
        _ask_for_itself(turn, node, step, holder, told)
    return not told


def _holder(turn: Turn, node: Node) -> Node | None:
    """Whose approval covers the node: its own, or that of the nearest around."""
    if node.approved:
        return node
    above = node.parent if node.covered else None
    while above is not None:
        if turn.nodes[above].approved:
            return turn.nodes[above]
        above = turn.nodes[above].parent
    return None


def _approved(turn: Turn, node: Node) -> OpenRequest | None:
    """The request that was answered with the node's approval."""
    asked = [
        each
        for each in turn.requests.values()
        if each.node == node.path and each.request.kind == "approval" and _approvers(each)
    ]
    return asked[-1] if asked else None


def _approvers(opened: OpenRequest) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.by for each in opened.given if each.choice == "approve"))


def _asker(turn: Turn, node: Node) -> tuple[Approval, Node]:
    """The approval that the node asks with: its own step's, or that of the nearest around."""
    above: str | None = node.path
    while above is not None:
        held = turn.nodes[above]
        if (approval := turn.step(held).approval) is not None:
            return approval, held
        above = held.parent
    return Approval((IC,)), node


def _ask_for_itself(turn: Turn, node: Node, step: Step, holder: Node | None, told: list[str]) -> None:
    approved = _approved(turn, holder) if holder is not None else None
    people = _approvers(approved) if approved else ()
    by = f" by {' and '.join(people)}" if people else ""
    text = f"the approval{by} does not cover it: {_few(told)}"
    node = _afresh(turn, turn.put(node, approved=False, begun=0.0), step)
    _tell(turn, node, people, text)
    approval, of = _asker(turn, node)
    asking.ask_approval(turn, node, approval, holder=of, notes=(text,))


def _afresh(turn: Turn, node: Node, step: Step) -> Node:
    """The node with its work rendered now. A loop that has begun keeps to its items."""
    if node.item is not None:
        tasks = (make_task(step, node.path, turn.scope(node)),) if step.call else ()
        return turn.put(node, tasks=tasks)
    return node if turn.children(node) else prepare(turn, node, step)


def _tell(turn: Turn, node: Node, people: tuple[str, ...], text: str) -> None:
    turn.note("void", text, step=node.path)
    for person in people:
        turn.page_about(node, person, f"{turn.title(node)}: {text}; it is asked again")


def _few(told: list[str]) -> str:
    more = len(told) - _LONGEST_TOLD
    return "; ".join(told[:_LONGEST_TOLD]) + (f"; and {more} more" if more > 0 else "")


# --- while it waits ---------------------------------------------------------------------------------------


def recheck(turn: Turn) -> None:
    """Look again at every approval that is asked for, or given and kept back: something may have changed.

    One that would be the same is left alone. One whose `when` or `require` does not hold any more is
    withdrawn. Any other is void, and asked again with what has changed.
    """
    if turn.given.revision < 2:
        return
    for opened in list(turn.requests.values()):
        node = turn.nodes.get(opened.node)
        held = turn.requests[opened.request.id]
        if node is None or "changes" not in opened.bound:
            continue
        waits = not held.closed and node.phase is Phase.ASKING
        if waits or (_is_kept_back(turn, node) and _approved(turn, node) == held):
            _look_again(turn, node, held)


def _is_kept_back(turn: Turn, node: Node) -> bool:
    """Whether it is approved and was to begin, and a pause or a hold keeps it."""
    return (
        node.approved
        and node.phase is Phase.READY
        and any(each.path == node.path and isinstance(each.event, Cleared) for each in turn.parked)
    )


def _look_again(turn: Turn, node: Node, opened: OpenRequest) -> None:
    step = turn.step(node)
    try:
        if node.item is None and (ended := _not_wanted(turn, node, step)):
            phase, why = ended
            _withdraw(turn, node, opened, why)
            finish.let_be(turn, turn.nodes[node.path], phase, why)
            return
        told = _differences(turn, node, step, opened)
    except EvaluationError as error:
        _withdraw(turn, node, opened, str(error))
        turn.post(node.path, WorkFailed(str(error)))
        return
    if told:
        _void(turn, node, step, opened, told)


def _not_wanted(turn: Turn, node: Node, step: Step) -> tuple[Phase, str] | None:
    if step.when and not holds(step.when, turn.scope(node)):
        return Phase.SKIPPED, f"`{step.when}` does not hold any more"
    if unmet := finish.unmet(turn, node, step, after=False):
        return Phase.REFUSED, unmet
    return None


def _withdraw(turn: Turn, node: Node, opened: OpenRequest, why: str) -> None:
    close(turn, opened, f"withdrawn: {why}")
    _keep_back_no_more(turn, node)
    turn.note("withdrawn", f"not asked any more: {why}", step=node.path)
    turn.put(node, approved=False)


def _differences(turn: Turn, node: Node, step: Step, opened: OpenRequest) -> list[str]:
    """What would be others if it were asked now; the node is left as it is. Raises EvaluationError."""
    approval, holder = _asker(turn, node)
    try:
        with _as_of(turn, opened.moment):
            fresh = _afresh(turn, node, step)
            request, bound = asking.approval_of(turn, fresh, approval, holder)
            request = replace(
                request,
                links=(*request.links, *links(turn, fresh)),
                findings=tuple(turn.found),
                silence=opened.bound["then"],
            )
        now: dict[str, Json] = {**bound, **people_of(request)}
    finally:
        turn.put(node)
    return changed(opened.bound, now)


@contextmanager
def _as_of(turn: Turn, moment: float) -> Iterator[None]:
    """The time alone changes no question: `run.now` in it is the moment at which it was put."""
    kept, turn.at = turn.at, moment
    try:
        yield
    finally:
        turn.at = kept


def _void(turn: Turn, node: Node, step: Step, opened: OpenRequest, told: list[str]) -> None:
    people = _approvers(opened)
    before = f"; {' and '.join(people)} had approved" if people else ""
    text = f"what was asked before is void: {_few(told)}{before}"
    close(turn, opened, f"void: {_few(told)}")
    _keep_back_no_more(turn, node)
    _tell(turn, node, people, text)
    node = _afresh(turn, turn.put(node, approved=False, begun=0.0), step)
    if step.for_each is not None and node.item is None and not node.items:
        turn.put(node, phase=Phase.PENDING)
        turn.post(node.path, Entered())
        return
    approval, holder = _asker(turn, node)
    asking.ask_approval(turn, node, approval, holder=holder, notes=(text,))


def _keep_back_no_more(turn: Turn, node: Node) -> None:
    turn.parked = [each for each in turn.parked if each.path != node.path]
