"""A file of flags that is deployed with the services, or that they share.

It is locked while it is changed, and put into its place whole, so that nobody reads half of it. Everything in
it but the one flag stays; its layout becomes that of two blanks a level.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from activities.web.data import parsed
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.duration import format_duration
from stanch.language.plan import Json

_PAUSE = 0.05
"""Seconds until a lock that somebody holds is tried again."""


async def read(file: Path) -> Json:
    """The object in it. Raises InvalidInput and ActionRefused."""
    return await asyncio.to_thread(lambda: _document(file, _content(file)))


async def change(file: Path, edit: Callable[[Json], None], within: float) -> None:
    """Have `edit` change the object in it, after whoever is changing it now, `within` so many seconds. Raises
    InvalidInput, ActionRefused and Unreachable; then nothing was changed."""
    deadline = time.monotonic() + within
    # Nobody waits in the thread: it could not be told that it is cancelled.
    while not await asyncio.to_thread(_edited, file, edit):
        if time.monotonic() > deadline:
            waited = format_duration(within)
            raise Unreachable(f"{file} was not changed: others have been changing it for {waited}")
        await asyncio.sleep(_PAUSE)


def _edited(file: Path, edit: Callable[[Json], None]) -> bool:
    """False: somebody else is changing it."""
    # What a link leads to is replaced, and not the link.
    place = Path(os.path.realpath(file))
    with _locked(place.parent) as ours:
        if not ours:
            return False
        before = _content(file)
        _document(file, before)
        document = json.loads(before)
        edit(document)
        return _replaced(place, before, json.dumps(document, indent=2, ensure_ascii=False) + "\n")


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"the worker cannot read {file}: {error.strerror}") from None


def _document(file: Path, content: bytes) -> Json:
    try:
        document = parsed(content)
    except ValueError as error:
        raise ActionRefused(f"{file} is no JSON: {error}") from None
    if not isinstance(document, dict):
        raise ActionRefused(f"{file} is no object of flags")
    return document


@contextmanager
def _locked(folder: Path) -> Iterator[bool]:
    """Against other workers; on the folder, because the file itself is replaced. False: somebody has it."""
    try:
        held = os.open(folder, os.O_RDONLY)
    except OSError as error:
        raise InvalidInput(f"the worker cannot open {folder}: {error.strerror}") from None
    try:
        yield _taken(held, folder)
    finally:
        os.close(held)


def _taken(held: int, folder: Path) -> bool:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise ActionRefused(f"the worker cannot lock {folder}: {error.strerror}") from None
    return True


def _replaced(file: Path, before: bytes, text: str) -> bool:
    """With its mode and owner; whole, or not at all. False: somebody who takes no lock has changed it."""
    temporary: Path | None = None
    try:
        state = file.stat()
        with tempfile.NamedTemporaryFile(
            "wb", dir=file.parent, prefix=f".{file.name}.", delete=False
        ) as made:
            temporary = Path(made.name)
            made.write(text.encode())
            made.flush()
            os.fchmod(made.fileno(), state.st_mode)
            with suppress(PermissionError):
                os.fchown(made.fileno(), state.st_uid, state.st_gid)
            os.fsync(made.fileno())
        if file.read_bytes() != before:
            return False
        temporary.replace(file)
    except OSError as error:
        raise ActionRefused(f"{file} was not changed: {error.strerror}") from None
    finally:
        if temporary is not None:
            temporary.unlink(missing_ok=True)
    return True
