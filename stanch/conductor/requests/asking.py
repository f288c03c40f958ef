"""Questions to people: what is asked, of whom, and what the answer is bound to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stanch.conductor.approval.binding import Binding
from stanch.conductor.approval.foresee import foresee
from stanch.conductor.approval.pace import Pace, around_changes, told
from stanch.conductor.back import undoing
from stanch.conductor.claims import budget
from stanch.conductor.requests import doubt
from stanch.conductor.requests.requesting import evidence, known, put, request_id, seen
from stanch.conductor.state import Node, Phase
from stanch.conductor.turn import Turn
from stanch.contract import ActionTask, Choice, Request
from stanch.contract.limits import REQUEST, in_words, size_of
from stanch.errors import EvaluationError
from stanch.language.encode import to_data
from stanch.language.evaluate import render, show
from stanch.language.people import IC
from stanch.language.plan import Approval, Ask, Json, Link, Silence

_LONGEST_SHOWN = 4000
"""Characters of what a question shows; it may hold data from outside."""


def ask_approval(
    turn: Turn, node: Node, approval: Approval, *, holder: Node | None = None, notes: tuple[str, ...] = ()
) -> None:
    """One question for all that the node will change; what is shown is what will be executed. `holder` is the
    node whose approval it is, if that is one around; `notes` say why it is asked again."""
    request, bound = approval_of(turn, node, approval, holder or node)
    if turn.given.revision >= 2 and (size := size_of(request.changes)) > REQUEST:
        raise EvaluationError(
            f"nobody can be asked about {len(request.changes):,} changes at once, which take "
            f"{in_words(size)} to show and {in_words(REQUEST)} is the most; let fewer targets be given, or "
            "ask for each part"
        )
    put(turn, node, replace(request, notes=notes), approval.silence, bound)


def approval_of(turn: Turn, node: Node, approval: Approval, holder: Node) -> tuple[Request, dict[str, Json]]:
    """The question as it would be put now, and what it would be bound to."""
    step = turn.step(node)
    loops: list[Pace] = []
    foreseen = foresee(turn, node, step, loops)
    count = f" ({len(foreseen)} changes)" if len(foreseen) > 1 else ""
    confirm = show(render(approval.confirm, turn.scope(holder))) if approval.confirm else ""
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
    bindings = [each.bound for each in foreseen if each.bound is not None]
    if turn.given.revision >= 2:
        loops = around_changes(loops, [each.path for each in bindings])
        budget.refuse_foreseen(turn, loops, bindings)
        own = request.irreversible
        no_way_back = dict.fromkeys((own, *(each.irreversible for each in bindings)))
        request = replace(
            request,
            irreversible="; ".join(filter(None, no_way_back)),
            targets=len({target for each in bindings for target in each.targets}),
            shares=shares(turn.given.policy.pools, bindings),
            batches=told(loops, node.path),
        )
        changes = [each.covered() for each in bindings]
        bound = {"changes": changes, "known": seen(turn, node), "irreversible": own}
        return request, {**bound, "loops": [each.data() for each in loops]} if loops else bound
    return request, {
        "tasks": [to_data(each.task) for each in foreseen],
        "undo": [to_data(each.undo) if each.undo else None for each in foreseen],
        "confirm": confirm,
        "known": known(turn),
    }


def shares(pools: Mapping[str, Sequence[str]], bindings: Sequence[Binding]) -> tuple[str, ...]:
    """What part of each pool the changes touch, and what more there may be: `2 of 14 in web`."""
    targets = {target for each in bindings for target in each.targets}
    parts = [
        f"{len(touched)} of {len(set(pool))} in {name}"
        for name, pool in pools.items()
        if (touched := targets & set(pool))
    ]
    more = dict.fromkeys(each.more for each in bindings if each.more)
    return (*parts, *more)


def ask_about_failure(turn: Turn, node: Node, reason: str, *, in_doubt: bool) -> None:
    """A step failed, or its outcome is unknown: what now?"""
    if in_doubt and turn.given.revision >= 2 and doubt.attempts(turn, node):
        _ask_what_became_of_it(turn, node, reason)
        return
    step = turn.step(node)
    choices: tuple[Choice, ...] = ("done", "retry") if in_doubt and node.tasks else ("retry", "skip")
    evidence_of: tuple[str, ...] = (reason,)
    roles = step.approval.roles if step.approval else (IC,)
    word = "nobody knows whether it was done" if in_doubt else "it failed"
    if turn.given.revision >= 2:
        roles = _who_may_repeat(turn, node) or roles
        if executed := was_executed(turn, node) and not in_doubt:
            choices = ("done", "retry", "skip")
            word = "it was executed, and what it gave cannot be used"
        evidence_of += (*doubt.settled(turn, node), *_consequences(turn, node, executed=executed))
    if undoing.reversible(turn, node) or (turn.given.revision >= 2 and undoing.whole(turn, node)):
        choices += ("undo",)
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="in_doubt" if in_doubt else "failure",
        question=f"{turn.title(node)}: {word}. What now?",
        roles=roles,
        choices=(*choices, "abort"),
        evidence=evidence_of,
        irreversible=turn.text(node, step.irreversible or ""),
        silence="abort",
    )
    turn.note("failed", reason, step=node.path)
    put(turn, turn.put(node, note=reason), request, None, {"attempt": node.attempt})


def _ask_what_became_of_it(turn: Turn, node: Node, reason: str) -> None:
    """Nobody knows, and nothing could tell: a person says what becomes of it."""
    step = turn.step(node)
    back = [[each.path, to_data(call)] for each, call in doubt.ways_back(turn, node)]
    answers = doubt.choices(turn, node)
    request = Request(
        id=request_id(turn, node),
        step=node.path,
        kind="in_doubt",
        question=f"{turn.title(node)}: nobody knows whether it was done. What now?",
        roles=_who_may_repeat(turn, node) or (step.approval.roles if step.approval else (IC,)),
        choices=tuple(answers),
        evidence=(reason, *doubt.evidence(turn, node), *answers.values()),
        irreversible=turn.text(node, step.irreversible or ""),
        silence="abort",
    )
    turn.note("failed", reason, step=node.path)
    put(turn, turn.put(node, note=reason), request, None, {"attempt": node.attempt, "undo": back})


def was_executed(turn: Turn, node: Node) -> bool:
    """Whether all that failed is what the change gave, and not the change itself."""
    if node.tasks and not turn.is_loop(node):
        return node.executed and not node.verifying
    bad = [each for each in turn.children(node, Phase.FAILED, Phase.IN_DOUBT) if each.item not in node.todo]
    unusable = all(each.executed and not each.doubted and not each.verifying for each in bad)
    return turn.is_loop(node) and bool(bad) and unusable


def _who_may_repeat(turn: Turn, node: Node) -> tuple[str, ...]:
    """Those who may approve a change may say that it is made again."""
    if not node.covered:
        return ()
    approval = next((turn.step(each).approval for each in turn.around(node) if each.approved), None)
    return approval.roles if approval else ()


def _consequences(turn: Turn, node: Node, *, executed: bool) -> Iterator[str]:
    """What the choices do, where one could be mistaken."""
    if executed:
        yield "it has been executed: `retry` executes it again, `done` takes it as it is"
    parts = [effect for effect in undoing.standing(turn, node) if effect.incomplete]
    if parts:
        told = ", ".join(dict.fromkeys(f"`{effect.command}`" for effect in parts[:3]))
        yield f"not complete, and not taken back by itself: {told}; `skip` and `abort` leave it like that"
    if (block := undoing.whole(turn, node)) is not None:
        count = len(undoing.reversible(turn, block))
        yield f"`undo` takes back what all of `{block.path}` has changed so far ({count})"


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


def tell_to_do(turn: Turn, node: Node, task: ActionTask) -> Node:
    """Tell a person what to do, where nobody has to answer: the machine sees when it is done."""
    who, what = str(task.call.params.get("who", IC)), show(task.call.params.get("do", ""))
    turn.page_about(node, who, f"{turn.title(node)}: {what}")
    note = f"waits until it is seen that {who} has done it: {what}"
    return turn.put(node, note=note[:_LONGEST_SHOWN])


def _filled(name: str, schema: Json, scope: Mapping[str, Json]) -> Json:
    """The field's schema, with choices that were an expression as a list: of one, or of any number of them
    (`items`). Raises EvaluationError."""
    items = schema.get("items")
    if isinstance(items, dict) and isinstance(items.get("enum"), str):
        return {**schema, "items": _filled(name, items, scope)}
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
