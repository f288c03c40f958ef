"""Rehearsal files as the command line names them, each held against the runbook that it rehearses."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stanch.cli.runbooks import RunbookFile, compile_files, find_files, read_file, shown
from stanch.config import CHECKOUT
from stanch.drill.kind import first_key, kind_of
from stanch.drill.rehearsal.bind import Forms, bind
from stanch.drill.rehearsal.document import Rehearsal
from stanch.drill.rehearsal.parse import Parsed, parse_rehearsals
from stanch.errors import InvalidInput
from stanch.language.diagnostics import Diagnostic, Related, Report, in_order
from stanch.language.file_name import runbook_of
from stanch.language.plan import Plan
from stanch.language.shapes import Shape
from stanch.language.words import did_you_mean, nearest
from stanch.schemas import load_catalogue, load_schema


@dataclass(frozen=True, slots=True)
class Bound:
    """A rehearsal with the Plan that it rehearses; None when one of the two has errors."""

    rehearsal: Rehearsal
    plan: Plan | None
    report: Report


@dataclass(frozen=True, slots=True)
class RehearsalFile:
    path: str
    text: str
    rehearsals: tuple[Bound, ...]
    report: Report

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        own = (found for bound in self.rehearsals for found in bound.report.found)
        return in_order([*self.report.found, *own])


@dataclass(frozen=True, slots=True)
class Rehearsals:
    files: tuple[RehearsalFile, ...]
    runbooks: tuple[RunbookFile, ...]
    """Those that were compiled for it."""


def load_forms() -> Forms:
    return Forms(load_catalogue(), Shape(load_schema("drill.v1.json")))


def default_drills() -> Path:
    """`drills` where one stands, else what ships. Raises InvalidInput when there is neither."""
    for folder in (Path("drills"), CHECKOUT / "drills"):
        if folder.is_dir():
            return shown(folder)
    raise InvalidInput("there is no folder `drills` here; name the files or folders to rehearse")


def find_rehearsals(paths: Sequence[Path]) -> list[Path]:
    """The files named, and every rehearsal below the folders named, each once. Raises InvalidInput.

    A file whose first word is nearly `rehearsal` is one: it must not be left out without a word.
    """
    named = {path for path in paths if path.is_file()}
    empty = next((path for path in paths if path.is_dir() and not any(path.rglob("*.yaml"))), None)
    if empty is not None:
        raise InvalidInput(f"there is no rehearsal (`*.yaml`) below `{empty}`")
    found = [path for path in find_files(paths) if path in named or _is_meant(path)]
    if not found:
        raise InvalidInput(f"there is no rehearsal below {' or '.join(f'`{path}`' for path in paths)}")
    return found


def _is_meant(path: Path) -> bool:
    return nearest(first_key(read_file(path)), ["rehearsal"]) is not None


def load_rehearsals(
    paths: Sequence[Path],
    folders: Sequence[Path],
    compiled: Sequence[RunbookFile] = (),
    *,
    every: bool = False,
) -> Rehearsals:
    """The rehearsals in the files `paths`; what is wrong with them is in their reports.

    Their runbooks are those that were `compiled` already and, for what is not among them, those of `folders`,
    of which `every` one is compiled, or only those that are rehearsed. Raises InvalidInput for what cannot be
    read.
    """
    forms = load_forms()
    parsed = [(str(path), parse_rehearsals(str(path), read_file(path), forms.document)) for path in paths]
    wanted = {rehearsal.runbook.text for _, file in parsed for rehearsal, _ in file.rehearsals}
    there = {name: file for file in compiled for name in file.compiled.runbooks[:1]}
    known = _by_name(folders)
    missing = [path for name, path in known.items() if name not in there and (every or name in wanted)]
    runbooks = (*compiled, *compile_files(missing, folders))
    shelf = _Shelf({**known, **{name: Path(file.path) for name, file in there.items()}}, runbooks, forms)
    files = tuple(shelf.bound(path, file) for path, file in parsed)
    _report_twins(files)
    return Rehearsals(files, runbooks)


class _Shelf:
    """The runbooks that may be rehearsed."""

    def __init__(self, known: Mapping[str, Path], compiled: Iterable[RunbookFile], forms: Forms) -> None:
        self._known = known
        self._plans = {
            file.compiled.plan.runbook: file.compiled.plan for file in compiled if file.compiled.plan
        }
        self._forms = forms

    def bound(self, path: str, parsed: Parsed) -> RehearsalFile:
        rehearsals = tuple(
            Bound(rehearsal, self._plan(rehearsal, report), report) for rehearsal, report in parsed.rehearsals
        )
        return RehearsalFile(path, parsed.text, rehearsals, parsed.report)

    def _plan(self, rehearsal: Rehearsal, report: Report) -> Plan | None:
        name, span = rehearsal.runbook.text, rehearsal.runbook.span
        if name not in self._known:
            hint = did_you_mean(name, list(self._known))
            report.add("RB701", span, f"there is no runbook `{name}`", hint)
            return None
        if name not in self._plans:
            message = f"`{name}` has errors, so it cannot be rehearsed"
            report.add("RB705", span, message, f"`stanch check {self._known[name]}` says which")
            return None
        bind(rehearsal, self._plans[name], self._forms, report)
        return None if report.failed else self._plans[name]


def _report_twins(files: Iterable[RehearsalFile]) -> None:
    """Say of the second of two with one name that it is one."""
    first: dict[str, Bound] = {}
    for file in files:
        for bound in file.rehearsals:
            before = first.setdefault(bound.rehearsal.label, bound)
            if before is bound:
                continue
            name, there = bound.rehearsal.name, before.rehearsal
            message = f"`{bound.rehearsal.runbook.text}` has a rehearsal `{name.text}` already"
            here = there.path == file.path
            related = (Related(there.name.span, "this one"),) if here else ()
            hint = "give one of them another name" if here else f"it is in `{there.path}`; rename one of them"
            bound.report.add("RB706", name.span, message, hint, related)


def _by_name(folders: Sequence[Path]) -> dict[str, Path]:
    """Runbook files by the name that a runbook there has."""
    found: dict[str, Path] = {}
    for path in (file for folder in folders for file in sorted(folder.rglob("*.yaml"))):
        if kind_of(read_file(path)) == "runbook":
            found.setdefault(runbook_of(path.name) or path.stem, shown(path))
    return found
