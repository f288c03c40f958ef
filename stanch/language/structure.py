"""Check a part of the tree against its JSON Schema and say in our words what does not fit.

What does not fit is taken out of the tree, so that the stages behind see only what has the right shape.
"""

from __future__ import annotations

from dataclasses import dataclass

from stanch.language.diagnostics import Report
from stanch.language.misfit import Misfit, Path, choices, describe
from stanch.language.plan import Json
from stanch.language.record import record
from stanch.language.secret import is_reference
from stanch.language.shapes import EXPRESSION, Shape
from stanch.language.source import Span
from stanch.language.tree import Entry, Mapping, Node, Scalar, Sequence
from stanch.language.words import BLOCK_WORDS, did_you_mean, listed, nearest

_CHECKS = ("done", "verify", "when")
_ASKED = "what asks is an action that reads, such as `http`, `prometheus` or `ssh`"
_BY_HAND = "what no action does, a person can: `manual: {who: technical_lead, do: ...}`"


@record
class Head:
    """What a mapping is called, and where to point when something in it is missing."""

    name: str
    place: Span | Node

    @property
    def span(self) -> Span:
        return self.place if isinstance(self.place, Span) else self.place.span


@dataclass(slots=True)
class Fitted:
    """A mapping of which only what fits is left, and the words that were lost."""

    node: Mapping
    lost: frozenset[str]
    strange: bool = False
    """Among what was lost is an action that nobody knows."""


def fit(node: Mapping, data: Json, shape: Shape, head: Head, report: Report) -> Fitted:
    """Report what does not fit. `data` is what is checked in the place of `node`."""
    if shape.accepts(data):
        return Fitted(node, frozenset())
    fitting = _Fitting(node, head, report)
    for misfit in shape.misfits(data):
        fitting.take(misfit)
    return fitting.result()


class _Fitting:
    def __init__(self, node: Mapping, head: Head, report: Report) -> None:
        self._node = node
        self._head = head
        self._report = report
        self._strange = False
        self._seen: set[Path] = set()
        self._gone: set[Path] = set()
        self._missing: list[tuple[Path, str]] = []
        self._unchosen: list[Misfit] = []
        self._misspelt: set[tuple[Path, str]] = set()

    def take(self, misfit: Misfit) -> None:
        path = misfit.path
        if misfit.keyword == "additionalProperties":
            self._unknown_keys(misfit)
        elif misfit.keyword == "required" and not misfit.of_name:
            missing = [(path, name) for name in misfit.wanted if name not in misfit.value]
            self._missing += [each for each in missing if each not in self._missing]
        elif _wanted_names(misfit):
            self._unchosen.append(misfit)
        else:
            self._refuse(misfit)

    def _refuse(self, misfit: Misfit) -> None:
        if misfit.path not in self._seen:
            self._seen.add(misfit.path)
            self._gone.add(misfit.path)
            self._value(misfit)

    def result(self) -> Fitted:
        for misfit in self._unchosen:
            if self._misspelt.isdisjoint((misfit.path, name) for name in _wanted_names(misfit)):
                self._refuse(misfit)
            else:
                self._gone.add(misfit.path)
        missing: dict[Path, list[str]] = {}
        for path, name in self._missing:
            if path:
                self._gone.add(path)
            if (path, name) not in self._misspelt:
                missing.setdefault(path, []).append(name)
        for path, names in missing.items():
            self._report_missing(path, names)
        lost = {str(path[0]) for path in self._gone if path}
        lost |= {name for path, name in self._misspelt if not path}
        node = _prune(self._node, frozenset(self._gone)) if self._gone else self._node
        return Fitted(node if isinstance(node, Mapping) else self._node, frozenset(lost), self._strange)

    # --- what is missing, unknown or wrong ----------------------------------------------------------------

    def _report_missing(self, path: Path, names: list[str]) -> None:
        from stanch.language.missing import missing_hint  # noqa: PLC0415 (only for errors)

        owner = self._name(path)
        hint = missing_hint(owner.strip("`"), names)
        self._report.add("RB202", self._point(path), f"{owner} has no {listed(names)}", hint)

    def _unknown_keys(self, misfit: Misfit) -> None:
        from stanch.language.foreign import meant_by  # noqa: PLC0415 (only for errors)

        owner = _node_at(self._node, misfit.path)
        if not isinstance(owner, Mapping):
            return
        for entry in owner.entries:
            if entry.name in misfit.names:
                continue
            self._gone.add((*misfit.path, entry.name))
            where = self._name(misfit.path).strip("`")
            meant = meant_by(where, entry.name, misfit.names) or nearest(entry.name, misfit.names)
            if meant is not None and owner.entry(meant) is None:
                self._misspelt.add((misfit.path, meant))
            self._unknown_key(entry, owner, misfit)

    def _unknown_key(self, entry: Entry, owner: Mapping, misfit: Misfit) -> None:
        span, where, known = entry.key.span, self._name(misfit.path), misfit.names
        hint = self._hint(entry.name, where.strip("`"), owner, known)
        if owner.flow and isinstance(entry.value, Scalar) and entry.value.text == "":
            message = f"YAML cut `{entry.name}` off from the expression before it"
            self._report.add("RB113", span, message, "put the whole expression into quotes")
            before = owner.entries[max(owner.entries.index(entry) - 1, 0)]
            self._gone.add((*misfit.path, before.name))
        elif "script" in known and isinstance(entry.value, Mapping) and not _is_near_word(entry.name, known):
            self._strange = True
            if hint is None and "manual" in known:
                hint = _ASKED if where.strip("`") in _CHECKS else _BY_HAND
            self._report.add("RB205", span, f"`{entry.name}` is not an action that this release has", hint)
        else:
            if hint is None and (left := [name for name in known if owner.entry(name) is None]):
                hint = f"{where} may have {listed(left, most=len(left))}"
            self._report.add("RB201", span, f"`{entry.name}` is not a word of {where}", hint)

    def _hint(self, word: str, where: str, owner: Mapping, known: tuple[str, ...]) -> str | None:
        """What is known of an unknown word: ours for it, or what to do instead."""
        from stanch.language.foreign import meant_by, told_about  # noqa: PLC0415 (only for errors)

        if (told := told_about(where, word)) is not None:
            return told
        if (meant := meant_by(where, word, known)) is not None and owner.entry(meant) is None:
            return f"write `{meant}`" if nearest(word, (meant,)) is None else f"did you mean `{meant}`?"
        return did_you_mean(word, known)

    def _value(self, misfit: Misfit) -> None:
        path = misfit.path
        if misfit.of_name:
            self._report.add("RB204", self._point(path), f"the name `{path[-1]}` {describe(misfit)}")
            return
        node = _node_at(self._node, path)
        if isinstance(node, Scalar) and node.refused:
            return
        name = self._name(path)
        if is_reference(node):
            message = f"a secret cannot stand in {name}, which others can see"
            where = (
                "give it to a parameter that takes secrets, such as `stdin` of `ssh` or `headers` of `http`"
            )
            self._report.add("RB525", node.span, message, where)
            return
        if misfit.title == EXPRESSION and misfit.keyword == "type":
            what = {Sequence: "a list", Mapping: "a mapping"}.get(type(node), "nothing")
            message = f"YAML reads {what} where {name} needs an expression"
            self._report.add("RB113", node.span, message, "put the whole expression into quotes")
            return
        code = "RB203" if misfit.keyword == "type" else "RB204"
        hint = did_you_mean(str(misfit.value), list(misfit.wanted)) if misfit.keyword == "enum" else None
        from stanch.language.hints import value_hint  # noqa: PLC0415 (only for errors)

        hint = hint or value_hint(name.strip("`"), misfit)
        span = node.span if path else self._head.span
        self._report.add(code, span, f"{name} {describe(misfit)}", hint)

    # --- names and places ---------------------------------------------------------------------------------

    def _name(self, path: Path) -> str:
        named = next((part for part in reversed(path) if isinstance(part, str)), None)
        return f"`{named}`" if named is not None else self._head.name

    def _point(self, path: Path) -> Span:
        """Where to point for something that is not there: the key that owns it, or the first key inside."""
        if not path:
            return self._head.span
        owner = _node_at(self._node, path[:-1])
        if isinstance(owner, Mapping) and (entry := owner.entry(str(path[-1]))) is not None:
            return entry.key.span
        node = _node_at(self._node, path)
        return node.entries[0].key.span if isinstance(node, Mapping) and node.entries else node.span


def _wanted_names(misfit: Misfit) -> list[str]:
    """The names of which one would make it fit."""
    if misfit.keyword in ("oneOf", "anyOf"):
        return choices(misfit.wanted)
    if misfit.keyword != "dependentRequired":
        return []
    return [name for owner, names in misfit.wanted.items() if owner in misfit.value for name in names]


def _is_near_word(name: str, known: tuple[str, ...]) -> bool:
    return nearest(name, known) in BLOCK_WORDS


def _node_at(node: Node, path: Path) -> Node:
    """The node at `path`, or the last one on the way to it that exists."""
    for part in path:
        match node:
            case Mapping() if (inner := node.get(str(part))) is not None:
                node = inner
            case Sequence() if isinstance(part, int) and part < len(node.items):
                node = node.items[part]
            case _:
                return node
    return node


def _prune(node: Node, gone: frozenset[Path], path: Path = ()) -> Node:
    match node:
        case Mapping():
            entries = tuple(
                Entry(entry.name, _prune(entry.value, gone, (*path, entry.name)), entry.at, entry.start)
                for entry in node.entries
                if (*path, entry.name) not in gone
            )
            return Mapping(entries, node.span, node.flow, node.start, node.end)
        case Sequence():
            items = tuple(
                _prune(item, gone, (*path, at))
                for at, item in enumerate(node.items)
                if (*path, at) not in gone
            )
            return Sequence(items, node.span, node.flow, node.start, node.end)
        case Scalar():
            return node
