"""`make chaos`: break everything for ten minutes, and see whether each run's account is true.

    python -m tests.chaos [--seed N] [--runs N] [--faults N] [--seconds N] [--json] [--keep FOLDER]

Exit status 1 when something is wrong; then the seed plays the same schedule again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import secrets
import signal
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from tests.chaos.play import Pass, play
from tests.chaos.report import account, as_json, failure, table
from tests.chaos.schedule import FULL, Size


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=secrets.randbelow(100_000))
    parser.add_argument("--runs", type=int, default=FULL.runs)
    parser.add_argument("--faults", type=int, default=FULL.faults)
    parser.add_argument("--seconds", type=float, default=FULL.seconds)
    parser.add_argument("--workers", type=int, default=FULL.workers)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--keep", type=Path, help="leave logs, database and every run's account in this folder"
    )
    given = parser.parse_args()
    # What is mounted and started is taken down then, as with Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    size = replace(FULL, runs=given.runs, faults=given.faults, seconds=given.seconds, workers=given.workers)
    sys.stderr.write(f"chaos: seed {given.seed} (SEED={given.seed} plays the same schedule again)\n")
    found = _played(given.keep, given.seed, size)
    sys.stdout.write((json.dumps(as_json(found)) if given.json else table(found)) + "\n")
    if found.wrong:
        sys.stderr.write(failure(found) + "\n")
    return 1 if found.wrong else 0


def _played(keep: Path | None, seed: int, size: Size) -> Pass:
    if keep is not None:
        keep.mkdir(parents=True)
        found = asyncio.run(play(keep.resolve(), seed, size))
        accounts = "\n\n".join(account(found, story) for story in found.stories)
        (keep / "accounts.txt").write_text(accounts)
        return found
    with tempfile.TemporaryDirectory(prefix="stanch-chaos-") as folder:
        return asyncio.run(play(Path(folder), seed, size))


if __name__ == "__main__":
    status = main()
    sys.stdout.flush()
    sys.stderr.flush()
    # A process that used the Temporal client may abort in the interpreter's own exit.
    os._exit(status)
