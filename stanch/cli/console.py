"""Where a command's words go: data to stdout, talk to stderr, colour only to a terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping


def out(text: str) -> None:
    """A line of data. It is flushed, so that a reader at the other end of a pipe sees it now."""
    sys.stdout.write(f"{_within(sys.stdout, text)}\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """A line for the person at the terminal."""
    sys.stderr.write(f"{_within(sys.stderr, text)}\n")
    sys.stderr.flush()


def _within(stream: TextIO, text: str) -> str:
    """`text` with sparklines in letters that `stream` knows; what else it does not know is its own affair."""
    if text.isascii() or (stream.encoding or "").lower().replace("-", "").startswith("utf"):
        return text
    from stanch.language.render.sparkline import BLOCKS, plain

    try:
        BLOCKS.encode(stream.encoding)
    except (UnicodeEncodeError, LookupError, TypeError):
        return plain(text)
    return text


def say_error(text: str) -> None:
    mark = "\x1b[1;31merror:\x1b[0m" if coloured(sys.stderr) else "error:"
    say(f"{mark} {text}")


def out_json(value: Any, *, compact: bool = False) -> None:
    """`value` as JSON in ASCII, so that outside text cannot reach a terminal as control characters."""
    out(json.dumps(value, default=_plain) if compact else json.dumps(value, indent=2, default=_plain))


def _plain(value: object) -> object:
    from dataclasses import asdict, is_dataclass

    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def coloured(stream: TextIO, environ: Mapping[str, str] | None = None) -> bool:
    """Whether `stream` takes colour: a terminal, and nobody asked for none (https://no-color.org)."""
    environ = os.environ if environ is None else environ
    return stream.isatty() and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def columns(stream: TextIO, environ: Mapping[str, str] | None = None, *, otherwise: int = 80) -> int:
    """How wide the terminal is: `COLUMNS`, else what `stream` says, else `otherwise`."""
    environ = os.environ if environ is None else environ
    named = environ.get("COLUMNS", "")
    if named.isascii() and named.isdigit() and int(named) > 0:
        return int(named)
    try:
        return os.get_terminal_size(stream.fileno()).columns or otherwise
    except OSError:
        return otherwise


class LiveLine:
    """One line at the bottom of a terminal that says what is going on; nothing at all on a pipe."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty() and os.environ.get("TERM") != "dumb"
        self._shown = False

    def show(self, text: str) -> None:
        if not self._live:
            return
        width = columns(self._stream) - 1
        self._stream.write(f"\r\x1b[K{text[:width]}")
        self._stream.flush()
        self._shown = True

    def clear(self) -> None:
        """Take the line away, before anything else is printed."""
        if self._shown:
            self._stream.write("\r\x1b[K")
            self._stream.flush()
            self._shown = False
