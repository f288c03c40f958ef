"""The files of this checkout: what git tracks, and what it would track if it were added now."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


@cache
def files() -> tuple[str, ...]:
    """Paths relative to the root, sorted; neither ignored files nor files that were just deleted."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted(name for name in listing.split("\0") if name and (ROOT / name).is_file()))


def python_files() -> list[str]:
    return [name for name in files() if name.endswith(".py")]


def text(name: str) -> str | None:
    """The file's text, or None if it is not UTF-8 text (a picture)."""
    try:
        return (ROOT / name).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return None
