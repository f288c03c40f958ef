"""Putting new content into a file that somebody needs: all of it or none, whatever happens on the way."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from stanch.errors import InvalidInput, OutsideError


def overwrite(path: Path, old: bytes, new: bytes) -> None:
    """Put `new` into the file at `path`, in which `old` was read. Its mode stays, and so does a symbolic link
    that leads to it.

    Until the last moment the file is the old one; a full disk or Ctrl-C leaves it so. Raises InvalidInput
    when somebody else has changed it, and OutsideError when it cannot be written.
    """
    target = path.resolve()
    # Without `.yaml` at its end nobody takes it for a runbook, should the machine die now.
    beside = target.with_name(f".{target.name}.{secrets.token_hex(4)}.tmp")
    try:
        with beside.open("xb") as stream:
            _adopt(stream, target)
            stream.write(new)
            stream.flush()
            os.fsync(stream.fileno())
        if target.read_bytes() != old:
            raise InvalidInput(f"`{path}` was changed meanwhile, so it was not rewritten; do it again")
        beside.replace(target)
    except OSError as error:
        message = f"cannot write `{path}`: {error.strerror or error}; it is left as it was"
        raise OutsideError(message) from error
    finally:
        beside.unlink(missing_ok=True)


def _adopt(stream: BinaryIO, target: Path) -> None:
    """Give the new file what belongs to the old one beside its content."""
    stat = target.stat()
    with suppress(PermissionError):
        os.fchown(stream.fileno(), stat.st_uid, stat.st_gid)
    os.fchmod(stream.fileno(), stat.st_mode & 0o7777)
