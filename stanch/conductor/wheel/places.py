"""Where in a run: paths as people write them, and whether the Plan has such a step."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stanch.conductor.state import ROOT, Node, Phase, State
from stanch.language.plan import Step, all_steps
from stanch.language.words import did_you_mean

_PART = re.compile(r"([^./\[\]]+)(?:\[(\d+)\])?([./]|$)")


def no_such_step(state: State, path: str) -> str:
    """Why `path` is no step of this run, begun or still to come; empty when it is one."""
    if path in state.nodes:
        return ""
    plan, at = state.given.plan, 0
    steps: Sequence[Step] = plan.steps
    walked = ""
    while at < len(path):
        part = _PART.match(path, at)
        if part is None:
            return f"`{path}` is no path of a step; `stanch show` names them"
        name, item, then = part.groups()
        found = next((step for step in _at_hand(steps) if step.id == name), None)
        if found is None:
            return _unknown(steps, path, name, walked)
        walked = path[: part.end()].rstrip("./")
        if problem := _no_such_round(state, found, walked, item):
            return problem
        at = part.end()
        if then and at == len(path):
            return f"`{path}` ends too early; `stanch show` names the steps"
        if found.for_each is not None and item is None and then:
            return f"`{found.id}` is a loop; name the round: `{walked}[0]{then}{path[at:]}`"
        if then == "/" and found.child is not None:
            steps = (
                plan.children[found.child.runbook].steps
                if found.child.runbook in plan.children
                else plan.steps
            )
        elif then == "." and found.steps and item is not None:
            steps = found.steps
        elif then:
            return f"there is no step inside of `{walked}` that is written with `{then}`"
    return ""


def _at_hand(steps: Sequence[Step]) -> Iterator[Step]:
    """The steps, and those of blocks among them: only a loop or a child begins a path of its own."""
    for step in steps:
        yield step
        if step.for_each is None:
            yield from _at_hand(step.steps)


def _no_such_round(state: State, step: Step, walked: str, item: str | None) -> str:
    if item is None:
        return ""
    loop = walked.removesuffix(f"[{item}]")
    if step.for_each is None:
        return f"`{loop}` is no loop, so there is no `{walked}`"
    node = state.nodes.get(loop)
    if node is not None and node.items and int(item) >= len(node.items):
        return f"`{loop}` has {len(node.items)} rounds, from `{loop}[0]` to `{loop}[{len(node.items) - 1}]`"
    return ""


def _unknown(steps: Sequence[Step], path: str, name: str, walked: str) -> str:
    inside = f" inside of `{walked}`" if walked else ""
    known = [step.id for step in _at_hand(steps)]
    loop = next(
        (step for step in _at_hand(steps) if name in {each.id for each in all_steps(step.steps)}), None
    )
    if loop is not None and not walked:
        return f"`{name}` is a step of the loop `{loop.id}`; name the round: `{loop.id}[0].{path}`"
    hint = did_you_mean(name, known)
    return f"there is no step `{name}`{inside}" + (f"; {hint}" if hint else "")


def around(state: State, node: Node) -> Iterator[Node]:
    """The nodes around `node`, from the inside out; the root last."""
    while node.parent is not None:
        node = state.nodes[node.parent]
        yield node


def inside(state: State, node: Node) -> Iterator[Node]:
    """All nodes below `node`."""
    for path in state.inside.get(node.path, ()):
        yield state.nodes[path]
        yield from inside(state, state.nodes[path])


def step_of(state: State, node: Node) -> Step:
    """The node's step; the root's is empty."""
    plan = state.given.plan
    held = plan.children.get(node.runbook, plan)
    return next((step for step in all_steps(held.steps) if step.id == node.step), Step(id=""))


UNDER_WAY = (Phase.ACTING, Phase.DOUBTING, Phase.VERIFYING, Phase.UNDOING, Phase.STOPPING)


def busy(state: State, node: Node) -> str:
    """Path of what is under way in `node`, itself included; empty when nothing is."""
    held = (each.path for each in (node, *inside(state, node)) if each.phase in UNDER_WAY and each.key)
    return next(held, "")


def named(path: str) -> str:
    return "the run" if path == ROOT else f"`{path}`"
