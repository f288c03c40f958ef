"""What is given to another runbook, held against what it wants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from stanch.language.check.context import Context
from stanch.language.document import ChildDoc
from stanch.language.fits import Wanted
from stanch.language.interface import Interface
from stanch.language.json_schema import first_problem, value_problem
from stanch.language.plan import Json
from stanch.language.source import Span
from stanch.language.template import OPEN, UnclosedHole, sole_hole, split
from stanch.language.tree import Mapping as MappingNode
from stanch.language.tree import Node, Scalar, Sequence, plain, scalars
from stanch.language.types import DYN, STRING, Signature, as_data, element_of, in_words, of_schema
from stanch.language.words import did_you_mean, nearest


@dataclass(frozen=True, slots=True)
class Misgiven:
    span: Span
    message: str
    hint: str | None = None


def misgiven(context: Context, child: ChildDoc, known: Interface) -> Iterator[Misgiven]:
    """What is wrong with the inputs that `child` is given, when `known` is the interface of its runbook."""
    if not known.legible:
        return
    types = _Types(context)
    given = {entry.name for entry in child.inputs}
    missing = {name for name, schema in known.inputs.items() if name not in given and "default" not in schema}
    for entry in child.inputs:
        if entry.name not in known.inputs:
            missing.discard(nearest(entry.name, list(known.inputs)) or "")
            message = f"`{known.runbook}` has no input `{entry.name}`"
            yield Misgiven(entry.key.span, message, did_you_mean(entry.name, list(known.inputs)))
        else:
            yield from types.misfits(entry.value, known.inputs[entry.name], entry.name)
    for name in known.inputs:
        if name in missing:
            hint = f"give it under `inputs`, or declare a default for it in `{known.runbook}`"
            yield Misgiven(child.runbook.span, f"`{known.runbook}` needs the input `{name}`", hint)


def similar(name: str, context: Context) -> str | None:
    """A hint with the runbook that may be meant by `name`: one that can be named here."""
    own, path = context.document.runbook, context.path
    everything = context.interfaces.items()
    others = [each for each, known in everything if each != own and not known.hidden_from(path)]
    # Only so many are compared, so those that are more likely come first.
    others.sort(key=lambda each: each[:1] != name[:1])
    return did_you_mean(name, others)


class _Types:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: Mapping[tuple[int, int], Signature] | None = None

    def misfits(self, value: Node, schema: Json, name: str) -> Iterator[Misgiven]:
        """A value that is written out is judged by all of the schema, one with `${{ }}` by its type."""
        if first_problem(schema) is not None:
            return  # which is said where the schema stands
        if any(OPEN in scalar.text for scalar in scalars(value)):
            yield from self._of_type(value, Wanted(schema), name)
        elif (problem := value_problem(schema, plain(value))) is not None:
            yield Misgiven(value.span, f"`{name}` {problem}")

    def _of_type(self, value: Node, wanted: Wanted, name: str) -> Iterator[Misgiven]:
        match value:
            case Sequence():
                if (better := wanted.unfit("list(dyn)")) is not None:
                    yield Misgiven(value.span, f"`{name}` must be {better}, not a list")
                for item in value.items:
                    yield from self._of_type(item, wanted.at(0), name)
            case MappingNode():
                if (better := wanted.unfit("map(string,dyn)")) is not None:
                    yield Misgiven(value.span, f"`{name}` must be {better}, not a mapping")
                for entry in value.entries:
                    yield from self._of_type(entry.value, wanted.at(entry.name), entry.name)
            case Scalar() if OPEN in value.text and not value.refused:
                kind = self._type(value)
                if (better := _better(wanted, kind)) is not None:
                    yield Misgiven(value.span, f"`{name}` must be {better}, and this gives {in_words(kind)}")

    def _type(self, scalar: Scalar) -> Signature:
        """What a text with `${{ }}` becomes."""
        try:
            hole = sole_hole(split(scalar.text))
        except UnclosedHole:
            return DYN
        if hole is None:
            return STRING
        if self._known is None:
            uses = self._context.annotated.uses
            self._known = {(id(use.expression.scalar), use.expression.offset): use.type for use in uses}
        return self._known.get((id(scalar), hole.start), DYN)


def _better(wanted: Wanted, kind: Signature) -> str | None:
    """What has to be given instead of a value of type `kind`, in words; None when it may fit."""
    if (better := wanted.unfit(kind)) is not None:
        return better
    expected, given = of_schema(wanted.schema), as_data(kind)
    return None if given is not None and _may_fit(expected, given) else in_words(expected)


def _may_fit(expected: Signature, given: Signature) -> bool:
    if DYN in (expected, given) or expected == given:
        return True
    if {expected, given} == {"int", "double"}:
        return True  # JSON has one kind of number
    outer, inner = element_of(expected), element_of(given)
    if outer is not None and inner is not None:
        return _may_fit(outer, inner)
    if expected.startswith("map(") and given.startswith("map("):
        return _may_fit(*(kind[4:-1].partition(",")[2] for kind in (expected, given)))
    return False
