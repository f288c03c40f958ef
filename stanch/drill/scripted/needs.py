"""What a script has to give, and what to write when it does not."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from stanch.language.catalogue import ActionSpec
from stanch.language.chains import roots
from stanch.language.plan import Json, Step
from stanch.language.template import Hole, split

_SAMPLES = {"string": "TEXT", "number": "0.0", "integer": "0", "boolean": "true", "array": "[...]"}


@dataclass(frozen=True, slots=True)
class Need:
    """What the script of `step` lacks: the result of its action, or what one of its checks sees."""

    step: str
    part: str
    """`done` or `verify`; empty for the step's own action."""
    write: str
    """How it may be written under `given`."""

    @property
    def what(self) -> str:
        return f"what `{self.part}` of `{self.step}` sees" if self.part else f"what `{self.step}` gives"


def needs_result(step: Step) -> bool:
    """Whether anything reads what the step's action gives."""
    return any("result" in roots(cel) for cel in result_readers(step))


def need(name: str, part: str, spec: ActionSpec, expressions: Iterable[str]) -> Need:
    """The need for a result of which `expressions` are read."""
    fields = ", ".join(_fields(spec.result, " ".join(expressions)))
    written = f"{{{fields or 'result: {...}'}}}"
    return Need(name, part, f"{name}: {{{part}: {written}}}" if part else f"{name}: {written}")


def result_readers(step: Step) -> Iterator[str]:
    """The expressions that may read the result of the step's own action."""
    yield from step.outputs.values()
    yield from step.keep.values()
    for each in step.require:
        yield each.that
        yield from _holes(each.message)
    for finding in step.findings:
        yield finding.when
        yield from _holes(finding.text)
    if step.poll is not None:
        yield step.poll.until
    if step.undo is not None:
        yield from _holes(dict(step.undo.params))


def _holes(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield from (part.cel for part in split(value) if isinstance(part, Hole))
    elif isinstance(value, dict):
        for held in value.values():
            yield from _holes(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from _holes(held)


def _fields(schema: Json, expressions: str) -> Iterator[str]:
    """The fields of a result that expressions read, each with a sample."""
    for name, part in schema.get("properties", {}).items():
        if not re.search(rf"\.{name}\b", expressions):
            continue
        inner = dict.fromkeys(re.findall(rf"\.{name}\.(\w+)\b(?!\s*\()", expressions))
        if inner:
            yield f"{name}: {{{', '.join(f'{each}: ...' for each in inner)}}}"
        else:
            yield f"{name}: {_SAMPLES.get(part.get('type', ''), '...')}"
