"""What happened in a rehearsal, in the words in which one says what is expected."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from stanch.conductor.approval.preview import command_of
from stanch.conductor.state import Node, OpenRequest, Phase, State
from stanch.contract import Effected, Found, Request
from stanch.drill.rehearsal.performance import Performance
from stanch.drill.scripted.names import name_of
from stanch.language.plan import Json, Plan, Step, all_steps

_WORKED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.IN_DOUBT})
_WORK = ("ask", "manual")
"""Questions that are a step's own work, and no condition for it."""


def happened(came: Performance, word: str) -> Json:
    """What is to be compared with what stands behind `word` of `expect`; steps have `steps_run`."""
    return _WORDS[word](came)


def steps_run(came: Performance, plan: Plan, named: Collection[str]) -> list[str]:
    """The steps that ran, by name, in the order in which their turn came. Blocks, and what is inside of a
    runbook that is called, are there only as far as they are `named`."""
    state = came.state
    plans = {**plan.children, plan.runbook: plan, "": plan}
    by_id = {name: {step.id: step for step in all_steps(held.steps)} for name, held in plans.items()}
    calls = {f"{name.rpartition('/')[0]}/" for name in named if "/" in name}
    found: dict[str, None] = {}
    for node in workers(came):
        name = name_of(state.nodes, node)
        if _counts(name, by_id[node.runbook][node.step], named, calls):
            found[name] = None
    return list(found)


def workers(came: Performance) -> list[Node]:
    """The nodes that did what they are for, well or badly, in the order in which their turn came."""
    state = came.state
    parents = {node.parent for node in state.nodes.values()}
    asked = {each.node for each in state.requests.values() if each.request.kind in _WORK}
    begun = came.begun | asked | parents
    nodes = [node for node in state.nodes.values() if node.path]
    return [node for node in nodes if node.phase in _WORKED or node.path in begun]


def _counts(name: str, step: Step, named: Collection[str], calls: Collection[str]) -> bool:
    if step.steps and name not in named:
        return False
    return "/" not in name or f"{name.rpartition('/')[0]}/" in calls


def offset(came: Performance, at: float) -> float:
    """Seconds from the start."""
    return round(at - came.state.started, 6)


def problems(came: Performance) -> list[str]:
    """What the run itself calls a problem."""
    return [moment.text for moment in came.state.timeline if moment.kind == "problem"]


def _requests(came: Performance) -> list[Json]:
    return [_request(came, opened) for opened in came.state.requests.values()]


def _request(came: Performance, opened: OpenRequest) -> dict[str, Json]:
    request: Request = opened.request
    return {
        "step": _name(came.state, opened.node),
        "kind": request.kind,
        "question": request.question,
        "from": list(request.roles),
        "changes": [
            {"target": each.target, "command": each.command, "done": each.done, "undo": each.undo}
            for each in request.changes
        ],
        "evidence": list(request.evidence),
        "findings": [_finding(came, each) for each in request.findings],
        "show": request.show,
        "checklist": list(request.checklist),
        "choices": list(request.choices),
        "confirm": request.confirm,
        "irreversible": request.irreversible,
        "after": offset(came, request.opened),
    }


def _finding(came: Performance, found: Found) -> dict[str, Json]:
    suggest = {"suggest": found.suggest.runbook} if found.suggest else {}
    return {"step": _name(came.state, found.step), "is": found.verdict, "text": found.text, **suggest}


def _effect(came: Performance, effect: Effected) -> dict[str, Json]:
    return {
        "step": _name(came.state, effect.step),
        "target": effect.target,
        "command": effect.command,
        "undo": command_of(effect.undo) if effect.undo else "",
        "undone": effect.undone,
    }


def _name(state: State, path: str) -> str:
    node: Node = state.nodes[path]
    return name_of(state.nodes, node)


_WORDS: Mapping[str, Callable[[Performance], Json]] = {
    "outcome": lambda came: came.state.outcome,
    "reason": lambda came: came.state.reason,
    "requests": _requests,
    "findings": lambda came: [_finding(came, each) for each in came.state.found],
    "outputs": lambda came: dict(came.state.outputs),
    "ledger": lambda came: [_effect(came, each) for each in came.state.ledger],
    "pages": lambda came: [{"to": page.to, "after": page.at} for page in came.pages],
    "problems": problems,
    "kept": lambda came: [each.name for each in came.state.kept if not each.error],
    "took": lambda came: came.seconds,
}
