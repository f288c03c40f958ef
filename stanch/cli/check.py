"""`stanch check`: every diagnostic of every runbook."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    help="How they are shown.  [default: text]",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--strict", is_flag=True, help="Warnings count, too.")
def check(paths: tuple[Path, ...], form: str, as_json: bool, strict: bool) -> int:
    """Check runbooks; status 1 if one has an error.

    PATH is a file, or a folder with `*.yaml` below it; without one, the configured runbooks are checked.
    """
    import sys

    from stanch.cli.console import coloured, out, out_json, say, say_error
    from stanch.cli.exits import DONE, NO
    from stanch.cli.runbooks import compile_files, find_files, same_name, shown
    from stanch.config import load_config
    from stanch.language.diagnostics import is_error
    from stanch.language.render.json import render_json
    from stanch.language.render.text import render_text

    places = paths or tuple(shown(folder) for folder in load_config().runbooks)
    files = list(compile_files(find_files(places)))
    found = [diagnostic for file in files for diagnostic in file.compiled.diagnostics]
    if as_json or form == "json":
        out_json(render_json(found))
    elif found:
        sources = {file.path: file.text for file in files}
        out(render_text(found, sources, coloured(sys.stdout)).rstrip("\n"))
    errors = sum(map(is_error, found))
    for twins in same_name(files):
        say_error(f"{' and '.join(f'`{path}`' for path in twins)} have one name; rename all but one")
        errors += 1
    warnings = sum(not is_error(diagnostic) for diagnostic in found)
    say(f"{_count(len(files), 'runbook')}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
    return NO if errors or (strict and found) else DONE


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
