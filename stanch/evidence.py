"""The folder of evidence: what steps keep beside the history, in files that are named by their content.

    3f/3fa84c...e1.txt     a text as it is, or something longer without its middle
    9b/9b0471...7e.json    any other value

A file is written whole or not at all and never changed, so whoever keeps the same thing again adds nothing,
and nobody reads half of one. The names that people give to evidence are labels in a run: no path is made of
them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from pathlib import Path
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["txt", "json"]


class Evidence:
    """Keeps files below `folder`, which is made when it is needed, for its owner alone."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def store(self, content: bytes, kind: Kind) -> tuple[str, str]:
        """The SHA-256 of `content`, in hex, and its path below the folder. Raises OSError; then no part of it
        is left there."""
        digest = hashlib.sha256(content).hexdigest()
        path = f"{digest[:2]}/{digest}.{kind}"
        place = self.folder / path
        if not _holds(place, content):
            for folder in (self.folder, place.parent):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write(place, content)
        return digest, path


def _holds(place: Path, content: bytes) -> bool:
    # What is there is compared: a disk that lost a part of it must not be believed.
    try:
        return place.read_bytes() == content
    except FileNotFoundError:
        return False


def _write(place: Path, content: bytes) -> None:
    # Beside its place, since only there a rename is one step; `mkstemp` lets nobody else read it.
    number, name = tempfile.mkstemp(dir=place.parent, prefix=".")
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(number)
        part.replace(place)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise
