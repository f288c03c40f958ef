"""The runbooks of a folder, read from disk and compiled: what gateway, worker and command line share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from stanch.drill.kind import kind_of
from stanch.errors import InvalidInput
from stanch.language.collector import no_collection
from stanch.language.compile import Compiled, CompiledTrigger, compile_library
from stanch.language.diagnostics import Diagnostic
from stanch.language.plan import Plan
from stanch.schemas import load_catalogue


@dataclass(frozen=True, slots=True)
class LibraryFile:
    """One file of runbooks; `path` is relative to the working directory when it is below it."""

    path: str
    text: bytes
    compiled: Compiled
    """Its first runbook; the others, that only this one's file calls, are in `compiled.private`."""


@dataclass(frozen=True, slots=True)
class LibraryTrigger:
    """A trigger with the Plan that it starts."""

    trigger: CompiledTrigger
    plan: Plan


@dataclass(frozen=True, slots=True)
class Library:
    files: tuple[LibraryFile, ...] = ()
    """Sorted by path."""
    plans: Mapping[str, Plan] = field(default_factory=dict)
    """By the runbook's name, of those that can be started; what does not compile has none."""
    triggers: tuple[LibraryTrigger, ...] = ()

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """Of all files, advice included."""
        return tuple(found for file in self.files for found in file.compiled.diagnostics)

    @property
    def broken(self) -> tuple[str, ...]:
        """Paths of the files that do not compile."""
        return tuple(file.path for file in self.files if file.compiled.plan is None)


@no_collection()
def load_library(folders: Sequence[Path], today: date) -> Library:
    """Every runbook file (`*.yaml`) below `folders`, compiled; `today` decides whose review is stale.

    What is wrong with a runbook is a diagnostic. Raises InvalidInput when a folder or file cannot be read,
    and when two runbooks have one name: nobody could say which of them an alert should start.
    """
    texts = [(shown(path), _text(path)) for path in sorted(_distinct(folders))]
    texts = [(path, text) for path, text in texts if kind_of(text) == "runbook"]
    compiled = compile_library(texts, load_catalogue(), today)
    files = [LibraryFile(*text, each) for text, each in zip(texts, compiled, strict=True)]
    _refuse_twins(files)
    plans = {file.compiled.plan.runbook: file.compiled.plan for file in files if file.compiled.plan}
    triggers = tuple(
        LibraryTrigger(trigger, file.compiled.plan)
        for file in files
        if file.compiled.plan
        for trigger in file.compiled.triggers
    )
    return Library(tuple(files), plans, triggers)


def _distinct(folders: Sequence[Path]) -> set[Path]:
    """Resolved, because folders may lie inside each other."""
    return {path.resolve() for folder in folders for path in _yaml_files(folder)}


def _yaml_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise InvalidInput(
            f"there is no folder of runbooks at `{folder}`; set `runbooks` in stanch.yaml, or STANCH_RUNBOOKS"
        )
    return folder.rglob("*.yaml")


def _text(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read the runbook `{shown(path)}`: {error.strerror}") from error


def shown(path: Path) -> str:
    """The path from where one stands, if it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _refuse_twins(files: Sequence[LibraryFile]) -> None:
    places: dict[str, str] = {}
    for file in files:
        for name in filter(None, file.compiled.runbooks):
            if name in places:
                raise InvalidInput(
                    f"two runbooks are called `{name}`, in `{places[name]}` and `{file.path}`; rename one"
                )
            places[name] = file.path
