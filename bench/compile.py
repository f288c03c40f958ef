"""What checking runbooks costs: a library of them in one process, one file from the command line, and a Plan.

    python bench/compile.py [--json] [--runbooks N] [--rounds N] [--processes N]

Every round compiles a library that no round before it has seen, in an interpreter that is warm. Times are CPU
seconds, so that a busy machine counts as little as possible; wall time is the least of several runs. The exit
status is 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import stanch.language.compile as compiler
from bench._library import write_runbook
from stanch.language.diagnostics import is_error
from stanch.language.plan import Plan
from stanch.schemas import load_catalogue

STEPS = 40
OF_TARGET = 500
"""Runbooks that the first target speaks of."""
STAGES = {
    "read_all": "read",
    "parse": "structure",
    "annotate": "names and types",
    "run_rules": "rules",
    "lower": "Plan (not needed to check it)",
}
"""The functions of `stanch.language.compile` that are timed, and what they are called in the table."""
TARGETS = {"library_s": 1.5, "check_cpu_s": 0.25, "check_wall_s": 0.25, "plan_kb": 15.0}

Library = list[tuple[str, str]]
"""Names and texts."""


def library(first: int, count: int, steps: int = STEPS) -> Library:
    return [write_runbook(number, steps) for number in range(first, first + count)]


def checked(runbooks: Library) -> tuple[compiler.Compiled, ...]:
    """What `stanch check` does with them: everything but Plans. Ends the process when one has an error."""
    today = datetime.now(UTC).date()
    files = ((f"{name}.yaml", text) for name, text in runbooks)
    found = compiler.compile_library(files, load_catalogue(), today)
    wrong = [each for file in found for each in file.diagnostics if is_error(each)]
    if wrong or not all(file.runbooks for file in found):
        raise SystemExit("\n".join(f"{each.path}: {each.code}: {each.message}" for each in wrong))
    return found


def compiled(runbooks: Library) -> list[Plan]:
    return [plan for each in checked(runbooks) if (plan := each.plan) is not None]


def seconds(runbooks: Library) -> float:
    """CPU seconds for checking all of them, and for letting go of what was made on the way."""
    begun = time.process_time()
    checked(runbooks)
    return time.process_time() - begun


@dataclass(slots=True)
class Split:
    """Where the time goes, by stage, and the expressions that were met."""

    spent: dict[str, float]
    expressions: list[str]

    def timed(self, stage: str, run: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*arguments: Any, **named: Any) -> Any:
            begun = time.process_time()
            found = run(*arguments, **named)
            if stage == "run_rules":
                found = list(found)  # it costs nothing before it is read
            self.spent[stage] += time.process_time() - begun
            if stage == "annotate":
                self.expressions += (use.cel for use in found.uses)
            return found

        return timed


@contextmanager
def stages_timed() -> Iterator[Split]:
    split = Split(dict.fromkeys(STAGES, 0.0), [])
    plain = {stage: getattr(compiler, stage) for stage in STAGES}
    for stage, run in plain.items():
        setattr(compiler, stage, split.timed(stage, run))
    try:
        yield split
    finally:
        for stage, run in plain.items():
            setattr(compiler, stage, run)


def measure_library(runbooks: int, rounds: int) -> dict[str, float]:
    seconds(library(0, 50))
    times = [seconds(library(1000 * number, runbooks)) for number in range(1, rounds + 1)]
    last = library(1000 * (rounds + 1), runbooks)
    with stages_timed() as split:
        assert len(compiled(last)) == runbooks
    return {
        "library_s": statistics.median(times) * OF_TARGET / runbooks,
        "library_least_s": min(times) * OF_TARGET / runbooks,
        **{f"{stage}_ms": spent * 1000 / runbooks for stage, spent in split.spent.items()},
        "lines": statistics.mean(text.count("\n") for _, text in last),
        "expressions": len(split.expressions) / runbooks,
        "expressions_new": len(set(split.expressions)) / len(split.expressions),
    }


def measure_process(times: int) -> dict[str, float]:
    """`stanch check FILE` from its start to its end: of a file that is alone, and of one among many."""
    command = [str(Path(sys.executable).with_name("stanch")), "check"]
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        # Installed packages come with their byte code; that of a checkout is written by the first run.
        environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "cache")
        for key, count in (("check", 1), ("check_among", OF_TARGET)):
            files = [Path(folder) / key / f"{name}.yaml" for name, _ in library(0, count)]
            files[0].parent.mkdir()
            for file, (_, text) in zip(files, library(0, count), strict=True):
                file.write_text(text, encoding="utf-8")
            runs = [process([*command, str(files[0])], environ) for _ in range(times + 1)][1:]
            found[f"{key}_cpu_s"] = statistics.median(cpu for cpu, _ in runs)
            found[f"{key}_wall_s"] = min(wall for _, wall in runs)
    return found


def process(command: list[str], environ: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of one process."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environ)
    wall = time.perf_counter() - begun
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def measure_plan() -> dict[str, float]:
    """Twenty Plans of 50 steps, as they stand in the input of a run."""
    # What checks runbooks does not load Temporal's client either; a larger heap slows the garbage collector.
    from stanch.client.payloads import data_converter  # noqa: PLC0415

    payload = data_converter.payload_converter.to_payload
    sizes = [payload(plan).ByteSize() / 1000 for plan in compiled(library(0, 20, 50))]
    return {"plan_kb": statistics.median(sizes), "plan_most_kb": max(sizes)}


def table(found: dict[str, float]) -> str:
    rows = [
        (f"{OF_TARGET} runbooks of {STEPS} steps checked, CPU", "library_s", "s"),
        *((f"  {name}, a runbook", f"{stage}_ms", "ms") for stage, name in STAGES.items()),
        ("  lines, a runbook", "lines", ""),
        ("  expressions, a runbook", "expressions", ""),
        ("  part of them that is met for the first time", "expressions_new", ""),
        ("`stanch check FILE`, CPU, median", "check_cpu_s", "s"),
        ("`stanch check FILE`, wall, least", "check_wall_s", "s"),
        (f"  with {OF_TARGET - 1} other files beside it, CPU", "check_among_cpu_s", "s"),
        ("Plan of 50 steps as payload, median", "plan_kb", "kB"),
    ]
    lines = []
    for title, key, unit in rows:
        goal = f"<= {TARGETS[key]:g}" if key in TARGETS else ""
        if goal and found[key] > TARGETS[key]:
            goal += ", MISSED"
        lines.append(f"{title:<48}{found[key]:>8.3f} {unit:<3} {goal}".rstrip())
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--runbooks", type=int, default=OF_TARGET)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=15)
    options = parser.parse_args()
    found = {
        **measure_library(options.runbooks, options.rounds),
        **measure_process(options.processes),
        **measure_plan(),
    }
    print(json.dumps(found) if options.json else table(found))
    return int(any(found[key] > most for key, most in TARGETS.items()))


if __name__ == "__main__":
    sys.exit(main())
