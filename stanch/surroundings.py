"""The runbook files around those that are compiled: what they call, and what calls them.

A library may have hundreds of files of which one is compiled. The others are searched for names, and only
those that matter to it are parsed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanch.drill.kind import kind_of
from stanch.language.calls import suggestions_of
from stanch.language.catalogue import Catalogue
from stanch.language.characters import LARGEST_FILE
from stanch.language.compile import parse_file
from stanch.language.file_name import runbook_of
from stanch.language.link import ParsedFile, mentioned
from stanch.library import shown


@dataclass(frozen=True, slots=True)
class Surroundings:
    known: tuple[ParsedFile, ...]
    """What the compiled files call, directly or not, and what calls them."""
    unread: frozenset[str]
    """The names of all other runbooks, as their files are called."""


def surroundings(
    files: Mapping[Path, ParsedFile], folders: Sequence[Path], catalogue: Catalogue
) -> Surroundings:
    """What is known in `folders`, at any depth, and in the folders in which `files` are; these are by path.

    A copy in another folder than `folders` is no second runbook: of two files with one name the nearer one
    counts, unless both are below `folders`. A file that cannot be read is left out.
    """
    return _Search(files, [folder.resolve() for folder in folders], catalogue).found()


@dataclass(frozen=True, slots=True, eq=False)
class _Other:
    """A file that is not compiled."""

    path: Path
    shared: bool
    """It is below the folders that everybody knows."""
    text: bytes


class _Search:
    def __init__(
        self, files: Mapping[Path, ParsedFile], folders: Sequence[Path], catalogue: Catalogue
    ) -> None:
        self._catalogue = catalogue
        self._folders = folders
        self._files = {path.resolve(): file for path, file in files.items()}
        self._own = {unit.name: path for path, file in self._files.items() for unit in file.units}
        """Where the compiled runbooks stand, by name."""
        self._by_name: dict[str, list[_Other]] = {}
        """By the runbook that a file should hold."""
        self._by_mention: dict[str, list[_Other]] = {}
        self._parsed: dict[_Other, ParsedFile | None] = {}
        """None for a copy of a compiled one."""

    def found(self) -> Surroundings:
        for path in dict.fromkeys(self._paths()):
            self._meet(path)
        self._take(other for name in self._own for other in self._by_mention.get(name, ()))
        reached = self._with_called(self._files.values())
        if any(unit.calls and unit.document.locks for file in reached for unit in file.units):
            # Others may take the same locks in another order.
            others = (other for several in self._by_name.values() for other in several)
            self._with_called(self._take(other for other in others if b"locks" in other.text))
        known = tuple(file for file in self._parsed.values() if file is not None)
        read = {unit.name for file in known for unit in file.units}
        return Surroundings(known, frozenset(self._by_name) - read - self._own.keys())

    def _paths(self) -> Iterator[Path]:
        """The nearest first."""
        for folder in dict.fromkeys(path.parent for path in self._files):
            yield from sorted(folder.glob("*.yaml"))
        for folder in self._folders:
            yield from (path.resolve() for path in sorted(folder.rglob("*.yaml")))

    def _meet(self, path: Path) -> None:
        name = runbook_of(path.name)
        if name is None or path in self._files:
            return
        shared = self._is_shared(path)
        before = self._by_name.get(name, [])
        if before and not (shared and before[0].shared):
            return
        try:
            text = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else b""
        except OSError:
            return
        if b"runbook" not in text or kind_of(text) != "runbook":
            return
        other = _Other(path, shared, text)
        self._by_name.setdefault(name, before).append(other)
        for each in mentioned(text.decode(errors="replace")):
            self._by_mention.setdefault(each, []).append(other)

    def _is_shared(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self._folders)

    def _take(self, others: Iterable[_Other]) -> list[ParsedFile]:
        """Those of them that are no copies, parsed."""
        return [file for other in others if (file := self._parse(other)) is not None]

    def _parse(self, other: _Other) -> ParsedFile | None:
        if other not in self._parsed:
            file = parse_file(shown(other.path), other.text, self._catalogue)
            twins = [self._own[unit.name] for unit in file.units if unit.name in self._own]
            second = other.shared and all(map(self._is_shared, twins))
            self._parsed[other] = file if second or not twins else None
        return self._parsed[other]

    def _with_called(self, files: Iterable[ParsedFile]) -> tuple[ParsedFile, ...]:
        """`files` with what they call or suggest, and what that calls."""
        found = dict.fromkeys(files)
        left = [*found]
        while left:
            for name in _names_in(left.pop()) - self._own.keys():
                # A runbook that is not the first of its file is found by what is written there.
                others = self._by_name.get(name) or self._by_mention.get(name, [])
                new = [file for file in self._take(others) if file not in found]
                found.update(dict.fromkeys(new))
                left += new
        return tuple(found)


def _names_in(file: ParsedFile) -> set[str]:
    """The runbooks that a file calls or suggests."""
    called = {call.name for unit in file.units for call in unit.calls}
    suggested = {each.runbook.text for unit in file.units for each in suggestions_of(unit.document)}
    return called | suggested
