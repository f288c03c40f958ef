"""`stanch fmt`: runbooks in the house form."""

from __future__ import annotations

import re
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stanch.language.format.house import Formatted

STDIN = "-"


@dataclass(frozen=True, slots=True)
class _Outcome:
    path: str
    old: bytes
    formatted: Formatted
    status: str
    """`formatted` (it was already), `rewritten`, `unformatted` (nothing was written) or `refused`."""


@click.command()
@click.argument("paths", metavar="[PATH...]", nargs=-1)
@click.option("--check", is_flag=True, help="Write nothing; name the files that would change, status 1.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@click.option("--json", "as_json", is_flag=True, help="What became of each file, as JSON.")
def fmt(paths: tuple[str, ...], check: bool, diff: bool, as_json: bool) -> int:
    """Rewrite runbooks into the house form; comments stay.

    PATH is a file, a folder with `*.yaml` below it, or `-` for stdin to stdout; without one, the configured
    runbooks are rewritten. What cannot be read is not touched, and the status is 1.
    """
    from stanch.cli.console import out_json, say
    from stanch.cli.exits import DONE, NO

    filters = STDIN in paths and not (check or diff)
    if STDIN in paths and (len(paths) > 1 or (filters and as_json)):
        raise click.UsageError("`-` prints the runbook itself, so it stands alone")
    outcomes = []
    for path in _files(paths):
        outcomes.append(outcome := _format(path, write=not (check or diff or filters)))
        if outcome.status == "refused":
            _say_why(outcome)
        elif filters:
            _out_exactly(outcome.formatted.text or "")
        elif outcome.status == "rewritten":
            say(f"rewrote `{outcome.path}`")
        elif outcome.status == "unformatted" and not as_json:
            _out_exactly(_diff(outcome) if diff else f"{outcome.path}\n")
    if as_json:
        out_json([_as_data(outcome, diff) for outcome in outcomes])
    counts = Counter(outcome.status for outcome in outcomes)
    if not filters:
        say(_summary(counts))
    return NO if counts["refused"] or (check and counts["unformatted"]) else DONE


def _files(paths: Sequence[str]) -> list[str]:
    from stanch.cli.runbooks import find_files, shown
    from stanch.config import load_config

    if STDIN in paths:
        return [STDIN]
    places = [Path(path) for path in paths] or [shown(folder) for folder in load_config().runbooks]
    return [str(path) for path in find_files(places)]


def _format(path: str, *, write: bool) -> _Outcome:
    from stanch.cli.overwrite import overwrite
    from stanch.language.format.house import format_runbook

    old = _content(path)
    name = "<stdin>" if path == STDIN else path
    formatted = format_runbook(name, old)
    if formatted.text is None:
        return _Outcome(name, old, formatted, "refused")
    new = formatted.text.encode()
    if new == old:
        return _Outcome(name, old, formatted, "formatted")
    if write:
        overwrite(Path(path), old, new)
    return _Outcome(name, old, formatted, "rewritten" if write else "unformatted")


def _content(path: str) -> bytes:
    from stanch.errors import InvalidInput

    if path == STDIN:
        return sys.stdin.buffer.read()
    if not Path(path).is_file():
        raise InvalidInput(f"`{path}` is no regular file; use `-` for what comes from another program")
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read `{path}`: {error.strerror}") from error


def _say_why(outcome: _Outcome) -> None:
    from stanch.cli.console import coloured, say
    from stanch.language.render.text import render_text

    sources = {outcome.path: outcome.old.decode(errors="replace")}
    say(render_text(outcome.formatted.diagnostics, sources, coloured(sys.stderr)).rstrip("\n"))


def _out_exactly(text: str) -> None:
    """Into a pipe or file byte for byte, whatever the terminal's encoding; to a terminal safely."""
    from stanch.cli.console import out
    from stanch.cli.safe import one_line

    if sys.stdout.isatty():
        out("\n".join(map(one_line, text.removesuffix("\n").split("\n"))))
    else:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()


def _diff(outcome: _Outcome) -> str:
    """As `diff -u` prints it, so that `patch -p0` can apply it."""
    import difflib

    texts = (outcome.old.decode(), outcome.formatted.text or "")
    before, after = (re.findall("[^\n]*\n|[^\n]+", text) for text in texts)
    lines = difflib.unified_diff(before, after, outcome.path, outcome.path)
    return "".join(
        line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines
    )


def _as_data(outcome: _Outcome, diff: bool) -> dict[str, object]:
    from stanch.language.render.json import render_json

    data: dict[str, object] = {"path": outcome.path, "status": outcome.status}
    if diff:
        data["diff"] = _diff(outcome) if outcome.status == "unformatted" else ""
    return {**data, "diagnostics": render_json(outcome.formatted.diagnostics)}


def _summary(counts: Counter[str]) -> str:
    total = sum(counts.values())
    words = {
        "rewritten": "rewritten",
        "unformatted": "to rewrite",
        "formatted": "in the house form",
        "refused": "not touched",
    }
    told = [f"{counts[status]} {word}" for status, word in words.items() if counts[status]]
    return f"{total} file{'' if total == 1 else 's'}: {', '.join(told)}"
