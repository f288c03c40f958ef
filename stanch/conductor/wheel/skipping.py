"""Skip a step: one that is asked about, kept back, waits or looks, or whose turn is still to come.

What has changed something already stays as it is. A change that is under way is never left alone: it ends, or
the run is aborted.
"""

from __future__ import annotations

from stanch.conductor.back import ledger, stopping
from stanch.conductor.commands import CancelAction, CancelTimer
from stanch.conductor.requests import requesting
from stanch.conductor.state import Node, Phase, State
from stanch.conductor.steps import finish
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking
from stanch.conductor.wheel.pausing import note
from stanch.conductor.wheel.places import around, busy, inside, no_such_step, step_of
from stanch.contract import Order


def refusal(state: State, order: Order) -> str:
    path = order.step
    if state.aborting:
        return f"the run is being ended ({state.aborting}); nothing in it is left to skip"
    if not path:
        return "`skip` needs the path of a step; `stanch show` names them"
    if path in state.to_skip:
        return f"`{path}` is to be skipped already: {state.to_skip[path]}"
    node = state.nodes.get(path)
    if node is None:
        return no_such_step(state, path) or _never_comes(state, path)
    return _ended(state, node) if node.phase.final else _refused_alive(state, node)


def _never_comes(state: State, path: str) -> str:
    """What the step is inside of may have ended without it."""
    if path in state.values:
        return f"`{path}` never comes: what it belongs to has ended without it"
    node = next((node for at, node in state.nodes.items() if at and _leads_to(at, path)), None)
    if node is not None and node.phase.final:
        return f"`{node.path}` has ended ({node.phase.value}), so `{path}` never comes"
    return ""


def _leads_to(at: str, path: str) -> bool:
    return path.startswith((f"{at}.", f"{at}/", f"{at}["))


def _ended(state: State, node: Node) -> str:
    """What has failed may be left out when what is around it is done again."""
    again = any(each.phase is Phase.ASKING for each in around(state, node))
    if node.phase in (Phase.FAILED, Phase.ABORTED) and again and not node.doubted:
        return ""
    return f"`{node.path}` has ended already ({node.phase.value}); there is nothing to skip"


def _refused_alive(state: State, node: Node) -> str:
    path = node.path
    if node.waived:
        return f"`{path}` is being skipped already: {node.waived}"
    if node.halting:
        return f"`{path}` is being stopped: {node.halting}"
    doubtful = next((each for each in (node, *inside(state, node)) if _is_in_doubt(each)), None)
    if doubtful is not None:
        return f"nobody knows whether `{doubtful.path}` was done; answer that first, or abort"
    if node.phase is Phase.UNDOING:
        return f"`{path}` is being taken back; abort, or wait"
    if node.phase is Phase.VERIFYING or (node.phase is Phase.ACTING and _only_looks(state, node)):
        return ""
    if (under_way := busy(state, node)) and node.phase not in (Phase.ASKING, Phase.PAUSING):
        where = f"`{path}`" if under_way == path else f"`{under_way}` inside of `{path}`"
        return f"{where} is under way; abort, or wait"
    return ""


def _is_in_doubt(node: Node) -> bool:
    return node.phase in (Phase.IN_DOUBT, Phase.DOUBTING) or node.doubted


def _only_looks(state: State, node: Node) -> bool:
    """A read; and work by hand with a `done`, for which the run only watches."""
    return step_of(state, node).effect == "read" or not node.tasks or node.tasks[0].call.action == "manual"


def obey(turn: Turn, order: Order) -> None:
    said = f"skipped by {order.by}: {order.reason}"
    note(turn, order, "ordered", f"skip `{order.step}`, says {order.by}")
    node = turn.nodes.get(order.step)
    if node is None or node.phase.final:
        turn.to_skip[order.step] = said
    elif node.phase in (Phase.VERIFYING, Phase.ACTING):
        # Its end is awaited like every other, and does not count.
        turn.commands.append(CancelAction(node.key))
        turn.put(node, waived=said)
    else:
        finish.settle(turn, _emptied(turn, node, said), Phase.SKIPPED, said)


def _emptied(turn: Turn, node: Node, said: str) -> Node:
    """Nothing of it is asked, kept back or waited for any more, nor of what is in it."""
    for opened in list(turn.requests.values()):
        if opened.node == node.path and not opened.closed:
            requesting.close(turn, opened, said)
    inner = turn.inner(node)
    stopping.let_go(turn, inner, said)
    for each in inner:
        if not each.phase.final:
            turn.put(turn.nodes[each.path], phase=Phase.SKIPPED, note=said)
    parking.forget(turn, {node.path})
    if node.key and turn.awaited.pop(node.key, None) is not None:
        turn.commands.append(CancelTimer(node.key))
    ledger.readdress(turn, {each.path for each in inner}, node)
    if turn.is_loop(node):
        node = finish.store(turn, node, {"results": finish.results(turn, node)})
    return finish.drop_limit(turn, turn.put(node, key=""))
