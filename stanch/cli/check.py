"""`stanch check`: every diagnostic of every runbook, rehearsal and configuration."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from stanch.language.diagnostics import Diagnostic


@click.command()
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "sarif", "github"]),
    help="For people, for programs, for code scanning (SARIF 2.1.0), as annotations of GitHub Actions."
    "  [default: text]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Warnings count, too.")
def check(paths: tuple[Path, ...], form: str | None, as_json: bool, strict: bool) -> int:
    """Check runbooks, rehearsals and `stanch.yaml`.

    Status 1 if one has an error. PATH is a file, or a folder with `*.yaml` below it; without one,
    `stanch.yaml` and the configured runbooks are checked, and a folder `drills` beside them if there is one.
    """
    from stanch.cli.configurations import configurations, configured_file
    from stanch.cli.console import say
    from stanch.cli.exits import DONE, NO
    from stanch.cli.runbooks import compile_files, find_files, shown
    from stanch.language.diagnostics import in_order, is_error

    if as_json and form not in (None, "json"):
        raise click.UsageError(f"`--json` and `--format {form}` contradict each other")
    named = find_files(paths)
    configured = configurations(named if paths else configured_file())
    folders = _folders(wrong=any(file.found for file in configured.values()))
    beside = dict.fromkeys(folder.parent / "drills" for folder in folders)
    drills = (folder for folder in beside if any(folder.rglob("*.yaml")))
    named = named if paths else find_files(tuple(map(shown, (*folders, *drills))))
    runbooks, others = _kinds([path for path in named if path not in configured])
    files = compile_files(runbooks, folders)
    found = [each for file in files for each in file.compiled.diagnostics]
    sources = {file.path: file.text for file in files}
    counts = {"runbook": sum(max(len(file.compiled.runbooks), 1) for file in files)}
    if others:
        from stanch.cli.rehearsals import load_rehearsals

        held = load_rehearsals(others, folders, files).files
        found += [each for file in held for each in file.diagnostics]
        sources |= {file.path: file.text for file in held}
        counts["rehearsal"] = sum(max(len(file.rehearsals), 1) for file in held)
    for path, configuration in configured.items():
        found += configuration.found
        sources[str(path)] = configuration.text
    counts["configuration"] = len(configured)
    ordered = in_order(found)
    _print(ordered, sources, "json" if as_json else form or "text")
    errors = sum(map(is_error, ordered))
    of = " and ".join(_count(count, kind) for kind, count in counts.items() if count)
    say(f"{of}: {_count(errors, 'error')}, {_count(len(ordered) - errors, 'warning')}")
    return NO if errors or (strict and ordered) else DONE


def _folders(*, wrong: bool) -> tuple[Path, ...]:
    """Where the configured runbooks are; nowhere if the configuration does not fit and a checked one is
    `wrong`: that is told with all the rest."""
    from stanch.config import load_config
    from stanch.errors import InvalidInput

    try:
        return load_config().runbooks
    except InvalidInput:
        if not wrong:
            raise
        return ()


def _kinds(paths: list[Path]) -> tuple[list[Path], list[Path]]:
    """Files with runbooks, and files with rehearsals. Raises InvalidInput for what cannot be read."""
    from stanch.cli.runbooks import read_file
    from stanch.drill.kind import kind_of

    rehearsals = {path for path in paths if kind_of(read_file(path)) == "rehearsal"}
    return [path for path in paths if path not in rehearsals], [path for path in paths if path in rehearsals]


def _print(found: tuple[Diagnostic, ...], sources: dict[str, str], form: str) -> None:
    import sys

    from stanch import __version__
    from stanch.cli.console import coloured, out, out_json
    from stanch.language.render.github import render_github
    from stanch.language.render.json import render_json
    from stanch.language.render.sarif import render_sarif
    from stanch.language.render.text import render_text

    match form:
        case "json":
            out_json(render_json(found))
        case "sarif":
            out_json(render_sarif(found, __version__))
        case "github" if found:
            out(render_github(found).rstrip("\n"))
        case "text" if found:
            out(render_text(found, sources, coloured(sys.stdout)).rstrip("\n"))


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
