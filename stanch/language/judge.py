"""One expression, or one value with `${{ }}` in it, in the scope where it stands: its names and its type.

What CEL has against it is reported here; what its names mean is judged by the rules in `check/`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import TypeAlias

from stanch.language.cel_error import Finding, explain_all
from stanch.language.diagnostics import Related, Report
from stanch.language.document import Expression, OutputDoc
from stanch.language.fits import NOTHING, Wanted
from stanch.language.place import locate
from stanch.language.record import record
from stanch.language.references import Reference, references
from stanch.language.rounds import reads_rounds, round_types
from stanch.language.scope import ResultType, Scope
from stanch.language.source import Source, Span
from stanch.language.template import OPEN, Hole, UnclosedHole, sole_hole, split
from stanch.language.tree import Node, Scalar, Sequence, plain
from stanch.language.typecheck import NO_NAMES, Checked, check_found
from stanch.language.types import (
    DYN,
    RECORD,
    STRING,
    Signature,
    as_data,
    element_of,
    in_words,
    of_data,
)

MOST_EXPRESSIONS = 5000
"""Of one runbook."""
_LONGEST = 5000
"""Characters of an expression; a longer one belongs into a program."""
_SHORT = 60
"""Characters of an expression that a hint repeats."""
_SPLIT = "make several runbooks of it"


@record
class Use:
    """An expression where it stands."""

    expression: Expression
    scope: Scope
    references: tuple[Reference, ...]
    type: Signature
    broken: bool = False
    """CEL does not understand it."""

    @property
    def cel(self) -> str:
        return self.expression.cel


_Understood: TypeAlias = tuple[tuple[Reference, ...], Checked]


class Judge:
    def __init__(self, source: Source, report: Report) -> None:
        self._source = source
        self._report = report
        self._full = False
        self.uses: list[Use] = []
        self._understood: dict[tuple[str, ResultType | None, bool], _Understood] = {}

    @contextmanager
    def taken_over(self, written: Scalar, word: Scalar) -> Iterator[None]:
        """For the value of `written` where it is read in the place of `word`, too: what is wrong only there
        is said of `word`, as that is what its author wrote."""
        before = len(self._report.found)
        yield
        if len(self._report.found) == before:
            return
        new = self._report.found[before:]
        del self._report.found[before:]
        known = {each.span for each in self._report.found}
        for each in new:
            if each.span not in known:
                name = f"`{written.text}`"
                message = f"`{word.text}` has no {name}, and those of the step do not fit: {each.message}"
                related = (Related(written.span, f"{name} of the step"),)
                hint = f"write {name} in `{word.text}`, too"
                self._report.add(each.code, word.span, message, hint, related)
                return

    def texts(self, scalars: Iterable[Scalar | None], scope: Scope) -> None:
        """Texts for people: any value may stand in them."""
        for scalar in scalars:
            if scalar is not None and OPEN in scalar.text:
                self._text(scalar, scope, NOTHING, "")

    def is_plain(self, node: Node) -> bool:
        """Whether no `${{` can be in a value: by an escape or an alias it might be without being seen."""
        if isinstance(node, Scalar):
            return OPEN not in node.text
        written = self._source.text[node.start : node.end]
        return OPEN not in written and "\\" not in written and "*" not in written

    def template(self, node: Node, scope: Scope, wanted: Wanted, name: str) -> Signature:
        """A value in which `${{ }}` may stand at any depth; its type."""
        if isinstance(node, Scalar):
            return self._text(node, scope, wanted, name)
        if self.is_plain(node):
            return of_data(plain(node))
        if isinstance(node, Sequence):
            each = wanted.at(0)
            inner = {self.template(item, scope, each, name) for item in node.items}
            return f"list({inner.pop()})" if len(inner) == 1 else "list(dyn)"
        for entry in node.entries:
            self.template(entry.value, scope, wanted.at(entry.name), entry.name)
        return RECORD

    def output(self, output: OutputDoc, scope: Scope, what: str = "an output") -> Signature:
        """An expression whose value is kept as `what`; the type that it has then."""
        kind = self.expression(output.value, scope)
        if (kept := as_data(kind)) is None:
            span = self._span(output.value, 0, len(output.value.cel))
            self._report.add("RB404", span, f"{what} is data, and this gives {in_words(kind)}")
        return kept or DYN

    def expression(self, expression: Expression, scope: Scope, want: Signature = DYN) -> Signature:
        """A bare expression that must give `want`; its type."""
        cel = expression.cel
        if expression.scalar.refused:
            return DYN
        if cel.startswith(OPEN):
            inner = cel.removeprefix(OPEN).removesuffix("}}").strip()
            hint = f"write `{inner}`" if len(inner) < _SHORT and "\n" not in inner else None
            span = self._span(expression, 0, len(OPEN))
            self._report.add("RB407", span, "an expression stands here without `${{ }}`", hint)
            return DYN
        if len(self.uses) >= MOST_EXPRESSIONS:
            self._too_many(expression)
            return DYN
        if len(cel) > _LONGEST:
            span = self._span(expression, 0, 1)
            self._report.add("RB401", span, f"an expression has at most {_LONGEST:,} characters")
            return DYN
        found, checked = self._understand(cel, scope)
        if checked.errors:
            self._complain(expression, checked, scope)
        kind = checked.type
        if want != DYN and kind not in (DYN, want):
            message = f"this must be {in_words(want)}, and it gives {in_words(kind)}"
            span = self._span(expression, 0, len(cel))
            self._report.add("RB404", span, message, _condition_hint(cel, kind))
        self.uses.append(Use(expression, scope, found, kind, bool(checked.errors)))
        return kind

    def _complain(self, expression: Expression, checked: Checked, scope: Scope) -> None:
        """Report what CEL has against it."""
        cel = expression.cel
        for finding in explain_all(cel, checked.errors, _readable(scope)):
            if cel[finding.start : finding.end] in scope.loops or (
                scope.nameless and finding.code == "RB301"
            ):
                continue  # what is wrong with the loop's name, or with the loop, was said
            self._finding(expression, _in_place(finding, cel, scope))

    def _understand(self, cel: str, scope: Scope) -> _Understood:
        """What its names refer to, and what CEL says of it.

        `${{ inputs.service }}` stands in half the steps of a runbook. What reads no steps means the same
        everywhere, but for `result` and the names of loops.
        """
        if scope.loops or "steps" in cel:
            return _understand(cel, scope)
        key = (cel, scope.result, scope.alert)
        if (known := self._understood.get(key)) is None:
            inputs = tuple(scope.inputs.items()) if "inputs" in cel else ()
            known = self._understood[key] = _understand_anywhere(cel, scope.result, scope.alert, inputs)
        return known

    def _text(self, scalar: Scalar, scope: Scope, wanted: Wanted, name: str) -> Signature:
        if not isinstance(scalar.value, str) or OPEN not in scalar.text or scalar.refused:
            return of_data(scalar.value)
        try:
            parts = split(scalar.text)
        except UnclosedHole as error:
            span = self._span(Expression("", scalar, error.start), 0, len(OPEN))
            self._report.add("RB406", span, "`${{` is not closed by `}}`")
            return DYN
        if (sole := sole_hole(parts)) is not None:
            expression = Expression(sole.cel, scalar, sole.start)
            kind = self.expression(expression, scope)
            self._fits(expression, kind, wanted, name)
            return kind
        for part in parts:
            if isinstance(part, Hole):
                self.expression(Expression(part.cel, scalar, part.start), scope)
        return STRING

    def _fits(self, expression: Expression, kind: Signature, wanted: Wanted, name: str) -> None:
        if (better := wanted.unfit(kind)) is not None:
            span = self._span(expression, 0, len(expression.cel))
            self._report.add("RB404", span, f"`{name}` must be {better}, and this gives {in_words(kind)}")

    def _too_many(self, expression: Expression) -> None:
        if not self._full:
            self._full = True
            message = (
                f"a runbook has at most {MOST_EXPRESSIONS:,} expressions; this one and the rest are not read"
            )
            self._report.add("RB601", self._span(expression, 0, 1), message, _SPLIT)

    def _finding(self, expression: Expression, finding: Finding) -> None:
        scalar = expression.scalar
        span = self._span(expression, finding.start, finding.end)
        behind = self._source.text[scalar.end : scalar.end + 80].lstrip(" \t")
        if finding.code == "RB401" and scalar.style == "plain" and behind.startswith("#"):
            message = "YAML takes ` #` for the beginning of a comment, so the expression ends before it"
            self._report.add("RB113", span, message, "put the whole expression into quotes")
        else:
            self._report.add(finding.code, span, finding.message, finding.hint)

    def _span(self, expression: Expression, start: int, end: int) -> Span:
        offset = expression.offset
        return locate(self._source, expression.scalar, offset + start, offset + end)


def _understand(cel: str, scope: Scope) -> _Understood:
    found = references(cel, scope)
    beside = round_types(cel, scope) if reads_rounds(cel, scope) else NO_NAMES
    return found, check_found(cel, found, beside)


@lru_cache(maxsize=8192)
def _understand_anywhere(
    cel: str, result: ResultType | None, alert: bool, inputs: tuple[tuple[str, Signature], ...]
) -> _Understood:
    """For what means the same in all runbooks, given the same `inputs` if it may read one of them.

    `result.rc == 0` stands in every second runbook of a library.
    """
    return _understand(cel, Scope(inputs=dict(inputs), result=result, alert=alert))


def _readable(scope: Scope) -> list[str]:
    """The names that an expression may begin with, for a suggestion."""
    if scope.alert:
        return ["alert"]
    roots = ["inputs", "steps", "run"] if scope.result is None else ["inputs", "steps", "run", "result"]
    ended = [f"steps.{name}" for name in scope.ended]
    outputs = [f"steps.{name}.{output}" for name, step in scope.ended.items() for output in step.outputs]
    fields = [f"result.{name}" for name in (scope.result.fields or ())] if scope.result is not None else []
    inputs = [f"inputs.{name}" for name in scope.inputs]
    return [*inputs, *scope.loops, *fields, *ended, *outputs, *roots]


def _in_place(finding: Finding, cel: str, scope: Scope) -> Finding:
    """What only the place can explain: a loop's own name behind the loop, and a `result` that is no list."""
    step = scope.step
    loop = step.loop if step is not None else None
    name = cel[finding.start : finding.end].partition(".")[0]
    if finding.code == "RB301" and step is not None and loop is not None and name == loop.name.text:
        message = f"`{name}` is known only in each round, and this is read once for all of them"
        hint = f"`steps.{step.id}.results` has an item for each round" if scope.own is not None else None
        return replace(finding, message=message, hint=hint)
    if name.startswith("[") and cel[: finding.start].rstrip().endswith("result"):
        why = "that of one round" if loop is not None else "one object, as the step names exactly one target"
        return replace(finding, hint=f"`result` is {why}")
    return finding


def _condition_hint(cel: str, kind: Signature) -> str | None:
    if len(cel) > _SHORT:
        return None
    if element_of(kind) is not None:
        return f"write `{cel}.size() > 0`"
    return f'write `{cel} != ""`' if kind == STRING else None
