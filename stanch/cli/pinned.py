"""What a run is pinned to, against its runbook as it is today."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from stanch.cli.console import coloured, out, out_json
from stanch.cli.exits import DONE, NO
from stanch.cli.runbooks import compile_files, named
from stanch.cli.safe import lines
from stanch.cli.style import Style
from stanch.errors import InvalidInput
from stanch.language.encode import plan_digest
from stanch.language.plan import Plan
from stanch.language.render.plan_diff import outgrown, plan_diff
from stanch.schemas import load_catalogue

_SHORT = 12


@dataclass(frozen=True, slots=True)
class Compared:
    run: str
    pinned: str
    """Digest of the Plan that the run executes, whatever its file says."""
    today: str | None
    """Digest of what the file compiles to now; None when there is nothing to compare with."""
    file: str | None
    why: str
    """Why there is nothing to compare with; else empty."""
    diff: tuple[str, ...]
    outgrown: tuple[str, ...]
    """Steps of the run whose action has another schema now."""

    @property
    def same(self) -> bool:
        return self.pinned == self.today


def compare(run: str, plan: Plan, folders: Sequence[Path]) -> Compared:
    """`plan` of `run` against the runbook of its name in `folders`. Raises InvalidInput when several files
    have that name, or one of them cannot be read."""
    file, why = _file_of(run, plan.runbook, folders)
    today: Plan | None = None
    if file is not None:
        (held,) = compile_files([file], folders)
        today = held.compiled.plan
        if today is None:
            why = f"`{file}` has errors (`stanch check {file}`); the run goes on with its own plan"
    return Compared(
        run=run,
        pinned=plan_digest(plan),
        today=plan_digest(today) if today else None,
        file=str(file) if file else None,
        why=why,
        diff=tuple(plan_diff(plan, today, str(file))) if today else (),
        outgrown=tuple(outgrown(plan, load_catalogue())),
    )


def _file_of(run: str, runbook: str, folders: Sequence[Path]) -> tuple[Path | None, str]:
    """The file, or why there is none."""
    found = named(folders).get(runbook, [])
    if not found and (here := Path(f"{runbook}.yaml")).is_file():
        found = [here]
    if len(found) > 1:
        raise InvalidInput(f"`{runbook}` is the name of several files: {', '.join(map(str, found))}")
    if found:
        return found[0], ""
    if run.count("/") > 2:
        return None, f"the plan of `{run}` was made by the run before it, and stands in no file"
    return None, f"the runbook `{runbook}` is gone: no file has its name; the run goes on with its own plan"


def show_compared(found: Compared, *, as_json: bool) -> int:
    """Print it; the exit status: 0 if the run executes what the file says today, else 1."""
    status = DONE if found.same and not found.outgrown else NO
    if as_json:
        out_json(
            {
                "run": found.run,
                "same": found.same,
                "pinned": found.pinned,
                "today": found.today,
                "file": found.file,
                "why": found.why,
                "diff": found.diff,
                "outgrown": found.outgrown,
            }
        )
        return status
    style = Style(coloured(sys.stdout))
    told = [_head(found), *map(style.diff, lines("\n".join(found.diff)) if found.diff else ())]
    if found.outgrown:
        told += [
            "",
            style.bold("What a worker of this release will refuse"),
            *lines("\n".join(found.outgrown)),
        ]
    out("\n".join(told))
    return status


def _head(found: Compared) -> str:
    short = found.pinned[:_SHORT]
    if found.today is None:
        return f"pinned to {short}; {found.why}"
    if found.same:
        return f"pinned to {short}, and that is what {found.file} says today"
    return f"pinned to {short}; {found.file} is {found.today[:_SHORT]} today, for runs that start from now on"
