"""Where in a file the branches of its runbooks are written. A Plan has no places: the file is read again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stanch.drill.rehearsal.branches import Branch, Word
from stanch.language.diagnostics import Report
from stanch.language.parts import items, text
from stanch.language.read import read_all
from stanch.language.source import START, Span
from stanch.language.tree import Mapping as MappingNode
from stanch.language.tree import Node


@dataclass(frozen=True, slots=True)
class Places:
    """Of one file."""

    path: str
    runbooks: tuple[str, ...] = ()
    """In the order of the file; the first is the one that can be started."""
    spans: Mapping[tuple[str, str, Word, int], Span] = field(default_factory=dict)

    def of(self, branch: Branch) -> Span:
        """Of its word, or the step's id, or the runbook's name."""
        for word, at in ((branch.word, branch.at), ("", 0)):
            if (span := self.spans.get((branch.runbook, branch.step, word, at))) is not None:
                return span
        return START


def places_of(path: str, content: str) -> Places:
    """The places in a file that compiles."""
    _, roots = read_all(path, content, Report(path))
    documents = [root for root in roots if isinstance(root, MappingNode)]
    names = tuple(text(document, "runbook") for document in documents)
    return Places(path, names, {key: span for root in documents for key, span in _spans(root)})


def _spans(root: MappingNode) -> Iterator[tuple[tuple[str, str, Word, int], Span]]:
    runbook = text(root, "runbook")
    for step, node in (("", root), *_steps(root)):
        name = node.get("id" if step else "runbook")
        yield (runbook, step, "", 0), node.span if name is None else name.span
        for entry in node.entries:
            for word, at, span in _of_word(entry.name, entry.value, entry.key.span):
                yield (runbook, step, word, at), span


def _steps(node: MappingNode) -> Iterator[tuple[str, MappingNode]]:
    for item in items(node.get("steps")):
        if isinstance(item, MappingNode):
            yield text(item, "id"), item
            yield from _steps(item)


def _of_word(word: str, value: Node, key: Span) -> Iterator[tuple[Word, int, Span]]:
    match word:
        case "require" | "findings":
            for at, item in enumerate(items(value)):
                yield word, at, _first(item)
        case "approval" | "for_each" | "on_failure" | "undo" | "verify" | "when":
            yield word, 0, key


def _first(node: Node) -> Span:
    return node.entries[0].key.span if isinstance(node, MappingNode) and node.entries else node.span
