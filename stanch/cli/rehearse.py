"""`stanch rehearse`: runbooks on a scripted outside, in no time."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("paths", metavar="[PATH...]", nargs=-1, type=click.Path(path_type=Path))
@click.option("--coverage", is_flag=True, help="Name the branches of the runbooks that no rehearsal takes.")
@click.option("--strict", is_flag=True, help="With --coverage: status 1 if there are any.")
@click.option("--timeline", is_flag=True, help="What happens in each rehearsal, moment by moment.")
@click.option(
    "--runbooks",
    "folders",
    metavar="FOLDER",
    multiple=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Where the rehearsed runbooks are; repeat for more.  [default: as configured]",
)
@click.option("--json", "as_json", is_flag=True, help="All of it as one JSON object.")
def rehearse(
    paths: tuple[Path, ...],
    coverage: bool,
    strict: bool,
    timeline: bool,
    folders: tuple[Path, ...],
    as_json: bool,
) -> int:
    """Run rehearsals; status 1 if one is not as expected.

    A rehearsal runs a runbook on scripted results, people and time. Nothing is reached, and nothing waits.
    PATH is a file, or a folder with `*.yaml` below it; without one it is `drills`.
    """
    from stanch.cli.console import coloured, out, out_json, say
    from stanch.cli.exits import DONE, NO
    from stanch.cli.played import find_gaps, play
    from stanch.cli.rehearsals import default_drills, find_rehearsals, load_rehearsals
    from stanch.cli.render_rehearsal import as_data, as_text, summary
    from stanch.cli.style import Style
    from stanch.config import load_config
    from stanch.language.diagnostics import is_error
    from stanch.schemas import load_catalogue

    config, catalogue = load_config(), load_catalogue()
    found = find_rehearsals(paths or (default_drills(),))
    held = load_rehearsals(found, folders or config.runbooks, every=coverage)
    played = [play(bound, config.policy, catalogue) for file in held.files for bound in file.rehearsals]
    missing = find_gaps(held, played) if coverage else None
    if as_json:
        out_json(as_data(held, played, missing, timeline=timeline))
    else:
        for line in as_text(held, played, missing, Style(coloured(sys.stdout)), timeline=timeline):
            out(line)
    errors = sum(is_error(each) for file in held.files for each in file.diagnostics)
    say(summary(played, errors, missing))
    bad = errors or not all(each.passed for each in played) or (strict and missing)
    return NO if bad else DONE
