"""Many runbooks as one library: which calls which, in what order they can be looked at, and who has to ask.

All of this is known once the files are parsed, before any expression is looked at.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from stanch.language.calls import CallSite, calls_of, open_changes
from stanch.language.diagnostics import CODES, Diagnostic, Related, Report
from stanch.language.document import Document
from stanch.language.interface import Interface, first_look
from stanch.language.order import groups
from stanch.language.source import Source, Span
from stanch.language.tree import Node

_MENTIONED = re.compile(r"""runbook["']?\s*:\s*["']?([a-z][a-z0-9-]*)""")


@dataclass(frozen=True, slots=True, eq=False)
class Unit:
    """One runbook of a file."""

    path: str
    document: Document
    private: bool
    """It is not the first of its file, and called only from there."""
    calls: tuple[CallSite, ...]

    @property
    def name(self) -> str:
        return self.document.runbook

    @property
    def name_span(self) -> Span:
        entry = self.document.node.get("runbook")
        return self.document.key("runbook") if entry is None else entry.span

    def diagnostic(
        self, code: str, span: Span, message: str, hint: str | None = None, related: tuple[Related, ...] = ()
    ) -> Diagnostic:
        return Diagnostic(code, CODES[code].severity, message, self.path, span, related, hint)


@dataclass(frozen=True, slots=True, eq=False)
class ParsedFile:
    path: str
    name: str | None
    """The runbook that it should hold, by the name of the file."""
    source: Source
    roots: tuple[Node, ...]
    report: Report
    units: tuple[Unit, ...]
    """In the order of the file; what is nothing like a runbook is not among them."""
    understood: bool
    """Nothing was found wrong while it was read and parsed."""


def units_of(path: str, documents: Sequence[Document | None]) -> tuple[Unit, ...]:
    """The runbooks of a file; None stands for a document that is nothing like one."""
    return tuple(
        Unit(path, document, at > 0, calls_of(document))
        for at, document in enumerate(documents)
        if document is not None
    )


@dataclass(frozen=True, eq=False)
class Library:
    """Runbooks that know each other by name."""

    files: tuple[ParsedFile, ...]
    """Those that are compiled."""
    known: tuple[ParsedFile, ...] = ()
    """Others, that may be called, and may call them."""
    unread: frozenset[str] = frozenset()
    """Names of runbooks of which nothing else is known."""

    @cached_property
    def units(self) -> tuple[Unit, ...]:
        return tuple(unit for file in (*self.files, *self.known) for unit in file.units)

    @cached_property
    def by_name(self) -> Mapping[str, Unit]:
        """Of several with one name, the first."""
        found: dict[str, Unit] = {}
        for unit in self.units:
            if unit.name:
                found.setdefault(unit.name, unit)
        return found

    @cached_property
    def by_path(self) -> Mapping[str, ParsedFile]:
        return {file.path: file for file in (*self.known, *self.files)}

    @cached_property
    def illegible(self) -> Mapping[str, ParsedFile]:
        """Files that do not say which runbook they hold, by the one that they should."""
        files = (file for file in (*self.files, *self.known) if not file.units or not file.units[0].name)
        return {file.name: file for file in files if file.name is not None}

    def called(self, unit: Unit, call: CallSite) -> Unit | None:
        """The runbook that `unit` calls there; None when it may not, or when there is none."""
        found = self.by_name.get(call.name)
        return None if found is None or (found.private and found.path != unit.path) else found

    def calls_nobody(self, file: ParsedFile) -> bool:
        """Whether there is a call in the file of a runbook that is not there."""
        return any(self.called(unit, call) is None for unit in file.units for call in unit.calls)

    def callees(self, unit: Unit) -> Iterator[Unit]:
        for call in unit.calls:
            if (found := self.called(unit, call)) is not None:
                yield found

    def all_callees(self, unit: Unit) -> tuple[Unit, ...]:
        """Every other runbook that `unit` calls, directly or not."""
        met = {unit: None}
        left = [unit]
        while left:
            for callee in self.callees(left.pop()):
                if callee not in met:
                    met[callee] = None
                    left.append(callee)
        return tuple(each for each in met if each is not unit)

    @cached_property
    def callers(self) -> Mapping[Unit, Sequence[Unit]]:
        """By runbook: the others that call it."""
        found: dict[Unit, list[Unit]] = {}
        for unit in self.units:
            for callee in dict.fromkeys(self.callees(unit)):
                if callee is not unit:
                    found.setdefault(callee, []).append(unit)
        return found

    @cached_property
    def groups(self) -> tuple[tuple[Unit, ...], ...]:
        """The runbooks of `files` and all that they call, those that call each other together; what is called
        stands before what calls it."""
        roots = [unit for file in self.files for unit in file.units]
        return groups(roots, self.callees)

    @cached_property
    def order(self) -> tuple[Unit, ...]:
        """All runbooks of `groups`: what is called stands before what calls it, but in a circle."""
        return tuple(unit for group in self.groups for unit in group)

    @cached_property
    def circles(self) -> tuple[tuple[Unit, ...], ...]:
        """The groups in which a runbook leads back to itself."""
        return tuple(group for group in self.groups if len(group) > 1 or group[0] in self.callees(group[0]))

    @cached_property
    def left_to_callers(self) -> Mapping[Unit, tuple[str, ...]]:
        """By runbook: the steps whose changes its callers have to have approved, if it leaves that to them.

        It does when others call it and nothing starts it by itself. One that leads back to itself does not:
        nobody was shown how often it goes round, so a run does not take its caller's approval for the second
        time.
        """
        found: dict[Unit, tuple[str, ...]] = {}
        circling = {unit for circle in self.circles for unit in circle}
        called = {unit.name for unit in self.callers} | self._perhaps_called
        for unit in self.order:
            left = unit.name in called and unit not in circling and not unit.document.triggers
            if left and (names := tuple(dict.fromkeys(self._open(unit, found)))):
                found[unit] = names
        return found

    @cached_property
    def _perhaps_called(self) -> frozenset[str]:
        """What files may call that were not understood: a mistake in a caller is none in what it calls."""
        found: set[str] = set()
        for file in (*self.files, *self.known):
            if not file.understood:
                own = Counter(unit.name for unit in file.units)
                found |= (mentioned(file.source.text) - own).keys()
        return frozenset(found)

    def _open(self, unit: Unit, known: Mapping[Unit, tuple[str, ...]]) -> Iterator[str]:
        for step in open_changes(unit.document):
            yield step.id
        for call in unit.calls:
            if not call.covered and (callee := self.called(unit, call)) is not None:
                for name in known.get(callee, ()):
                    yield f"{call.step.id}/{name}"


def mentioned(text: str) -> Counter[str]:
    """How often a text names what seems to be a runbook: one that it holds, calls or suggests."""
    return Counter(_MENTIONED.findall(text))


class Interfaces(Mapping[str, Interface]):
    """What runbooks show to each other, made when somebody asks: few are called."""

    def __init__(self, library: Library) -> None:
        self._library = library
        self._made: dict[str, Interface] = {}
        self._names = dict.fromkeys((*library.by_name, *library.illegible, *library.unread))

    def __getitem__(self, name: str) -> Interface:
        if name not in self._made:
            if name not in self._names:
                raise KeyError(name)
            self._made[name] = self._first_look(name)
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def learn(self, interface: Interface) -> None:
        """From here on its types are known."""
        self._made[interface.runbook] = interface

    def _first_look(self, name: str) -> Interface:
        library = self._library
        if (unit := library.by_name.get(name)) is not None:
            left = library.left_to_callers.get(unit, ())
            return first_look(unit.document, unit.path, private=unit.private, uncovered=left)
        file = library.illegible.get(name)
        return Interface(name, outputs=None, path="" if file is None else file.path, legible=False)
