"""Questions to people: what is asked, of whom, and what the answer is bound to."""

from __future__ import annotations

from collections.abc import Mapping

from stanch.conductor import undoing
from stanch.conductor.foresee import foresee
from stanch.conductor.requesting import evidence, known, put, request_id
from stanch.conductor.state import Node
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Choice, Request
from stanch.errors import EvaluationError
from stanch.language.encode import to_data
from stanch.language.evaluate import render, show
from stanch.language.people import IC
from stanch.language.plan import Approval, Ask, Json, Link, Silence

_LONGEST_SHOWN = 4000
"""Characters of what a question shows; it may hold data from outside."""


def ask_approval(turn: Turn, node: Node, approval: Approval) -> None:
    """One question for all that the node will change; what is shown is what will be executed."""
    step = turn.step(node)
    foreseen = foresee(turn, node, step)
    count = f" ({len(foreseen)} changes)" if len(foreseen) > 1 else ""
    confirm = show(render(approval.confirm, turn.scope(node))) if approval.confirm else ""
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="approval",
        question=f"{turn.title(node)}?{count}",
        roles=approval.roles,
        choices=("approve", "deny"),
        changes=tuple(each.change for each in foreseen),
        evidence=evidence(turn),
        irreversible=turn.text(node, step.irreversible or ""),
        quorum=max(approval.quorum, approval.of_roles),
        of_roles=approval.of_roles,
        confirm=confirm,
    )
    bound = {
        "tasks": [to_data(each.task) for each in foreseen],
        "undo": [to_data(each.undo) if each.undo else None for each in foreseen],
        "confirm": confirm,
        "known": known(turn),
    }
    put(turn, node, request, approval.silence, bound)


def ask_about_failure(turn: Turn, node: Node, reason: str, *, in_doubt: bool) -> None:
    """A step failed, or its outcome is unknown: what now?"""
    step = turn.step(node)
    choices: tuple[Choice, ...] = ("done", "retry") if in_doubt and node.tasks else ("retry", "skip")
    if undoing.reversible(turn, node):
        choices += ("undo",)
    roles = step.approval.roles if step.approval else (IC,)
    word = "nobody knows whether it was done" if in_doubt else "it failed"
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="in_doubt" if in_doubt else "failure",
        question=f"{turn.title(node)}: {word}. What now?",
        roles=roles,
        choices=(*choices, "abort"),
        evidence=(reason,),
        irreversible=turn.text(node, step.irreversible or ""),
        silence="abort",
    )
    turn.note("failed", reason, step=node.path)
    put(turn, turn.put(node, note=reason), request, None, {"attempt": node.attempt})


def ask_value(turn: Turn, node: Node, ask: Ask) -> None:
    """A value or a choice from a person. Choices that the run itself has found are filled in."""
    scope = turn.scope(node)
    fields = {name: _filled(name, schema, scope) for name, schema in ask.fields.items()}
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="ask",
        question=turn.title(node),
        roles=ask.roles,
        choices=("answer", "abort"),
        fields=fields,
        show=show(render(ask.show, scope))[:_LONGEST_SHOWN],
        silence="abort",
    )
    put(turn, node, request, ask.silence, {"fields": fields, "known": known(turn)})


def ask_to_do(turn: Turn, node: Node, task: ActionTask) -> None:
    """Work that a person does; the answer says that it is done, or that it cannot be."""
    params, step = task.call.params, turn.step(node)
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="manual",
        question=turn.title(node),
        roles=(str(params.get("who", IC)),),
        choices=("done", "fail", "abort"),
        show=show(params.get("do", "")),
        checklist=_lines(params.get("checklist")),
        links=tuple(Link(text, text) for text in _lines(params.get("links"))),
        irreversible=turn.text(node, step.irreversible or ""),
        silence="abort",
    )
    bound = {"task": to_data(task), "attempt": node.attempt, "known": known(turn)}
    put(turn, node, request, Silence(after=step.timeout, then="abort"), bound)


def tell_to_do(turn: Turn, node: Node, task: ActionTask) -> None:
    """Tell a person what to do, where nobody has to answer: the machine sees when it is done."""
    who, what = str(task.call.params.get("who", IC)), show(task.call.params.get("do", ""))
    turn.page_about(node, who, f"{turn.title(node)}: {what}")


def _filled(name: str, schema: Json, scope: Mapping[str, Json]) -> Json:
    """The field's schema, with choices that were an expression as a list. Raises EvaluationError."""
    choices = schema.get("enum")
    if not isinstance(choices, str):
        return schema
    values = render(choices, scope)
    if not isinstance(values, list) or not values:
        raise EvaluationError(f"there is nothing to choose from: `{name}` is one of {show(values)[:80]}")
    return {**schema, "enum": list(dict.fromkeys(values)) if _are_texts(values) else values}


def _are_texts(values: list[Json]) -> bool:
    return all(isinstance(value, str) for value in values)


def _lines(value: Json) -> tuple[str, ...]:
    return tuple(show(each) for each in value) if isinstance(value, list) else ()
