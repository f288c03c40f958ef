"""The runbooks that a gateway starts from, read again when a file has changed: an edit needs no restart.

An edit that does not compile changes nothing that an alert starts: that runbook stays as it was before it,
and whoever asks whether the gateway is ready is told which file it is.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from stanch.errors import InvalidInput
from stanch.library import Library, load_library

log = logging.getLogger("stanch.shelf")

EVERY = 1.0
"""Seconds between two looks at the files, however many alerts come."""
_Seen: TypeAlias = frozenset[tuple[Path, int, int]]


class Shelf:
    """The library as it is now; with no `folders`, for ever the one that it was given."""

    def __init__(self, library: Library, folders: Sequence[Path] = (), seen: _Seen = frozenset()) -> None:
        self.library = library
        self.trouble = ""
        """Why the files cannot be read at all, while they cannot."""
        self._names = _names(library)
        """Of every file that has ever compiled, its runbook."""
        self._folders = folders
        self._seen = seen
        self._looked = time.monotonic()
        self._turn = asyncio.Lock()

    @classmethod
    def read(cls, folders: Sequence[Path]) -> Shelf:
        """Raises InvalidInput as `load_library` does: what a gateway begins with has to be right."""
        # Looked at before they are read: an edit in between is then read twice, and not missed.
        seen = _look(folders)
        return cls(_load(folders), folders, seen)

    async def refresh(self) -> None:
        """Read the files again if one of them has changed. Raises nothing."""
        if not self._folders or time.monotonic() - self._looked < EVERY:
            return
        async with self._turn:
            if time.monotonic() - self._looked >= EVERY:
                await asyncio.to_thread(self._read_changed)
                self._looked = time.monotonic()

    def _read_changed(self) -> None:
        if (seen := _look(self._folders)) == self._seen:
            return
        try:
            found = _load(self._folders)
        except InvalidInput as error:
            if str(error) != self.trouble:
                log.warning("the runbooks stay as they were: %s", error)
            self.trouble = str(error)
            return
        self._seen, self.trouble = seen, ""
        self._names |= _names(found)
        stay = {self._names[path] for path in found.broken if path in self._names} - set(found.plans)
        before = self.library
        self.library = replace(
            found,
            plans={**{name: plan for name, plan in before.plans.items() if name in stay}, **found.plans},
            triggers=(*found.triggers, *(held for held in before.triggers if held.plan.runbook in stay)),
        )
        log.info("a file had changed: %d runbooks now", len(self.library.plans))
        if found.broken:
            log.warning("%s does not compile; what it held stays as it was", ", ".join(found.broken))


def _load(folders: Sequence[Path]) -> Library:
    return load_library(folders, datetime.now(UTC).date())


def _names(library: Library) -> dict[str, str]:
    return {file.path: file.compiled.plan.runbook for file in library.files if file.compiled.plan}


def _look(folders: Sequence[Path]) -> _Seen:
    """What tells that a file was changed, added or taken away. Nothing of a file that is just going."""
    found = set()
    for path in (path for folder in folders for path in folder.rglob("*.yaml")):
        try:
            about = path.stat()
        except OSError:
            continue
        found.add((path, about.st_mtime_ns, about.st_size))
    return frozenset(found)
