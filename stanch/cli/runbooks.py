"""Runbook files as the command line names them: a path, a folder, or the name of a runbook."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from stanch.cli.console import coloured, say
from stanch.errors import InvalidInput, InvalidRunbook
from stanch.language.collector import no_collection
from stanch.language.compile import Compiled, compile_parsed, parse_file
from stanch.language.file_name import runbook_of
from stanch.language.plan import Plan
from stanch.language.render.text import render_text
from stanch.language.words import did_you_mean
from stanch.schemas import load_catalogue
from stanch.surroundings import surroundings


@dataclass(frozen=True, slots=True)
class RunbookFile:
    path: str
    """As it was typed, or found below a folder that was."""
    text: str
    compiled: Compiled


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and every `*.yaml` below the folders named, each once. Raises InvalidInput."""
    found: dict[Path, Path] = {}
    for path in paths:
        if path.is_dir():
            inside = sorted(path.rglob("*.yaml"))
            if not inside:
                raise InvalidInput(f"there is no runbook (`*.yaml`) below `{path}`")
        elif path.exists():
            inside = [path]
        else:
            raise InvalidInput(f"there is no file or folder `{path}`")
        for file in inside:
            found.setdefault(file.resolve(), file)
    return list(found.values())


@no_collection()
def compile_files(paths: Sequence[Path], folders: Sequence[Path]) -> tuple[RunbookFile, ...]:
    """Each of them, compiled as of today. They may call runbooks of `folders`, and those beside them.

    Raises InvalidInput for a file that cannot be read.
    """
    catalogue = load_catalogue()
    texts = [(path, read_file(path)) for path in paths]
    parsed = {path: parse_file(str(path), data, catalogue) for path, data in texts}
    around = surroundings(parsed, folders, catalogue)
    compiled = compile_parsed(tuple(parsed.values()), catalogue, today(), around.known, around.unread)
    return tuple(
        RunbookFile(str(path), data.decode(errors="replace"), each)
        for (path, data), each in zip(texts, compiled, strict=True)
    )


def read_file(path: Path) -> bytes:
    """Raises InvalidInput."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read `{path}`: {error.strerror}") from error


def load_plan(name: str, folders: Sequence[Path]) -> Plan:
    """The plan of the runbook at the path `name`, or of the one called so in `folders`.

    Its diagnostics are said on stderr. Raises InvalidInput when there is no such runbook and InvalidRunbook
    when it does not compile.
    """
    (file,) = compile_files([find_runbook(name, folders)], folders)
    diagnostics = file.compiled.diagnostics
    if diagnostics:
        say(render_text(diagnostics, {file.path: file.text}, coloured(sys.stderr)))
    if file.compiled.plan is None:
        raise InvalidRunbook(f"the runbook `{file.path}` has errors, nothing was started")
    return file.compiled.plan


def find_runbook(name: str, folders: Sequence[Path]) -> Path:
    """A runbook's name is its file's, so no file has to be read to find it."""
    path = Path(name)
    if path.is_file():
        return path
    if path.suffix in (".yaml", ".yml") or "/" in name:
        raise InvalidInput(f"there is no runbook file `{name}`")
    known = named(folders)
    match known.get(name, []):
        case [only]:
            return only
        case []:
            where = ", ".join(f"`{shown(folder)}`" for folder in folders)
            hint = did_you_mean(name, list(known))
            raise InvalidInput(f"there is no runbook `{name}` in {where}" + (f"; {hint}" if hint else ""))
        case several:
            raise InvalidInput(f"`{name}` is the name of several files: {', '.join(map(str, several))}")


def named(folders: Sequence[Path]) -> dict[str, list[Path]]:
    """The runbook files below `folders`, by the name of their runbook."""
    known: dict[str, list[Path]] = {}
    for folder in folders:
        for file in sorted(folder.rglob("*.yaml")):
            known.setdefault(runbook_of(file.name) or file.stem, []).append(shown(file))
    return known


def shown(path: Path) -> Path:
    """Relative to where one stands, if it lies below."""
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path


def today() -> date:
    return datetime.now(UTC).date()
