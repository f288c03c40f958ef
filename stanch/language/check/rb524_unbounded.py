"""RB524: an approval for a number of targets that nobody knows yet."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.chains import chains
from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic, Related
from stanch.language.document import StepDoc, walk
from stanch.language.template import OPEN, UnclosedHole, sole_hole, split
from stanch.language.tree import Node, Scalar


def check(context: Context) -> Iterator[Diagnostic]:
    for step, blocks in context.steps_in_blocks:
        if step.approval is None or not step.steps or any(block.approval is not None for block in blocks):
            continue
        inside = {inner.id: inner for inner in walk(step.steps)}
        yield from _Inside(context, step, inside).steps(step.steps, {})


class _Inside:
    """What is asked about in one question, and what of it is known only later."""

    def __init__(self, context: Context, block: StepDoc, inside: dict[str, StepDoc]) -> None:
        self._context = context
        self._block = block
        self._inside = inside

    def steps(self, steps: tuple[StepDoc, ...], late: dict[str, StepDoc]) -> Iterator[Diagnostic]:
        """`late` are the names of loops around, over lists that are known late: each with what makes it."""
        for step in steps:
            inner = late
            if step.loop is not None and (source := self._source(step.loop.items, late)) is not None:
                inner = {**late, step.loop.name.text: source}
                if step.loop.max_items is None and "for_each" not in step.lost and self._changes(step):
                    hint = "write how many there may be at most: `maxItems: 20` in `for_each`"
                    yield self._unbounded(step, "rounds", source, hint)
            if step.call is not None and step.call.spec is not None and step.effect == "change":
                targets = None if step.call.spec.targets is None else step.call.param(step.call.spec.targets)
                source = None if targets is None else self._source(targets, inner)
                if source is not None and step.max_items is None and "maxItems" not in step.lost:
                    hint = "write how many there may be at most: `maxItems: 20` beside the action"
                    yield self._unbounded(step, "targets", source, hint)
            yield from self.steps(step.steps, inner)

    def _unbounded(self, step: StepDoc, what: str, source: StepDoc, hint: str) -> Diagnostic:
        block = self._block
        message = f"how many {what} `{step.id}` has is known only behind `{source.id}`, after the approval"
        related = (Related(block.key("approval"), f"one question for all changes in `{block.id}`"),)
        span = step.loop.key if what == "rounds" and step.loop is not None else step.name
        return self._context.diagnostic("RB524", span, message, hint, related)

    def _source(self, node: Node, late: dict[str, StepDoc]) -> StepDoc | None:
        """The step that makes the list, if it runs behind the approval and has no bound itself."""
        if not isinstance(node, Scalar) or OPEN not in node.text:
            return None  # a list that is written out has as many items as one sees
        try:
            hole = sole_hole(split(node.text))
        except UnclosedHole:
            return None
        if hole is None:
            return None
        for chain in chains(hole.cel):
            parts = chain.parts
            if len(parts) > 1 and parts[0] == "steps" and (step := self._inside.get(parts[1])) is not None:
                if hole.cel == ".".join(parts) and _is_bounded(step, parts[2:]):
                    return None
                return step
            if parts and parts[0] in late:
                return late[parts[0]]
        return None

    def _changes(self, step: StepDoc) -> bool:
        for inner in walk((step,)):
            if inner.effect == "change":
                return True
            if inner.child is not None:
                known = self._context.interfaces.get(inner.child.runbook.text)
                return known is None or known.changes is not False
        return False


def _is_bounded(step: StepDoc, names: tuple[str, ...]) -> bool:
    """Whether the name is an answer of a person that can have only so many items."""
    fields = () if step.ask is None else step.ask.fields
    return any((each.name.text,) == names and each.node.get("maxItems") is not None for each in fields)
