"""Every input and output that is named anywhere in the file, also where it was not understood."""

from __future__ import annotations

import re

from stanch.language.document import Document
from stanch.language.tree import scalars

_INPUT = re.compile(r"\binputs\s*\.\s*(\w+)", re.ASCII)
_OUTPUT = re.compile(r"\bsteps\s*\.\s*(\w+)\s*\.\s*(\w+)", re.ASCII)


def mentioned(document: Document) -> frozenset[tuple[str, ...]]:
    """`("inputs", name)` and `("steps", id, name)` for each name in the text of the file."""
    text = "\n".join(scalar.text for scalar in scalars(document.written) if "." in scalar.text)
    inputs = {("inputs", name) for name in _INPUT.findall(text)}
    outputs = {("steps", step, name) for step, name in _OUTPUT.findall(text)}
    return frozenset(inputs | outputs)
