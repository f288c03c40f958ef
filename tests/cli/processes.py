"""The console script as another program runs it: argv in; status, stdout and stderr out."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

STANCH = Path(sys.executable).with_name("stanch")


def bare_environment(**more: str) -> dict[str, str]:
    """This environment without anything that configures Stanch, and with `more`."""
    kept = {name: held for name, held in os.environ.items() if not name.startswith("STANCH_")}
    return {**kept, **more}


def stanch(
    *arguments: str | Path, cwd: Path | None = None, seconds: float = 60, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`stanch ARGUMENT...` run to its end, within so many seconds."""
    return subprocess.run(
        [STANCH, *arguments],
        cwd=cwd,
        env=bare_environment(**environment),
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
        stdin=subprocess.DEVNULL,
    )
