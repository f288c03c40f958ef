"""Every input and output that is named anywhere in the file, also where it was not understood."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice

from stanch.language.chains import chains
from stanch.language.check.context import Context
from stanch.language.check.round_reads import read_of_rounds
from stanch.language.document import Document
from stanch.language.scope import ROUND
from stanch.language.tree import scalars
from stanch.language.words import nearest

_INPUT = re.compile(r"\binput\w*\s*\.\s*(\w+)", re.ASCII)
_SELECTED = re.compile(r"\.\s*(\w+)", re.ASCII)
_OUTPUT = re.compile(r"\b(\w+)(?:\s*\.\s*outputs?)?\s*\.\s*(?=(\w+))", re.ASCII)
"""Also where `steps` itself is misspelt or missing, or `outputs` stands in between: that is one mistake, and
the output is read."""

_MOST_COMPARED = 50
"""Unknown names; where there are more, nobody misses a piece of advice."""


@lru_cache(maxsize=1)
def mentioned(document: Document) -> frozenset[tuple[str, ...]]:
    """`("inputs", name)` and `("steps", id, name)` for each name in the text of the file."""
    text = _text(document)
    inputs = {("inputs", name) for name in _INPUT.findall(text)}
    outputs = {("steps", step, name) for step, name in _OUTPUT.findall(text)}
    return frozenset(inputs | outputs)


@lru_cache(maxsize=1)
def selected(document: Document) -> frozenset[str]:
    """Every name that stands behind a point."""
    return frozenset(_SELECTED.findall(_text(document)))


@lru_cache(maxsize=1)
def meant_inputs(context: Context) -> frozenset[str]:
    """The inputs that were probably meant where an unknown one is read: those are read, too."""
    unknown = (each for _, each in context.first_wrong("unknown") if each.root == "inputs")
    some = islice(unknown, _MOST_COMPARED)
    return frozenset(filter(None, (nearest(each.chain.parts[1], each.known) for each in some)))


@lru_cache(maxsize=1)
def meant_outputs(context: Context) -> frozenset[tuple[str, str]]:
    """Likewise of outputs, each with the id of its step: the step or the output may be misspelt."""
    found = set()
    for _, read in islice((pair for pair in read_of_rounds(context) if not pair[1].declared), _MOST_COMPARED):
        found.add((read.round.step, nearest(read.name, (*read.made, *ROUND)) or ""))
    for _, each in islice(context.first_wrong("undeclared"), _MOST_COMPARED):
        if (name := nearest(each.chain.parts[2], each.known)) is not None:
            found.add((each.chain.parts[1], name))
    for _, each in islice(context.first_wrong("later"), _MOST_COMPARED):
        step = each.chain.parts[1]
        if step not in context.blocks and len(each.chain.parts) > 2:
            found.add((nearest(step, context.blocks) or "", each.chain.parts[2]))
    return frozenset(found)


@lru_cache(maxsize=1)
def misplaced(context: Context) -> frozenset[str]:
    """Names that stand where an output was probably meant, without its step or without `steps`: by
    themselves, behind `outputs` or `result`, or as if they were a step."""
    found = set()
    for use in (each for each in context.annotated.uses if each.broken):
        for chain in chains(use.cel):
            bare = len(chain.parts) == 1 and chain.parts[0] not in use.scope.loops
            if bare or chain.parts[:1] in (("output",), ("outputs",)):
                found.add(chain.parts[-1])
    for status in ("later", "not_here"):
        for _, each in islice(context.first_wrong(status), _MOST_COMPARED):
            found.add(each.chain.parts[1] if len(each.chain.parts) > 1 else "")
    return frozenset(found)


@lru_cache(maxsize=1)
def read_whole(context: Context) -> frozenset[str]:
    """Ids of steps that stand without a name behind them, so that any of their outputs may be meant."""
    bare = islice(context.first_wrong("bare"), _MOST_COMPARED)
    return frozenset(each.chain.parts[1] for _, each in bare if len(each.chain.parts) > 1)


def _text(document: Document) -> str:
    return "\n".join(scalar.text for scalar in scalars(document.written) if "." in scalar.text)
