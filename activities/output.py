"""What a program printed, within a limit: first and last part, and a line that says how much is missing."""

from __future__ import annotations

from codecs import getincrementaldecoder
from typing import Protocol

WHOLE = 4 << 20
"""Bytes of one text that are stored beside the history, where that has only head and tail."""


class TakeWhole(Protocol):
    """Takes the whole of a text of which a result has head and tail; `cut`: even that lost its middle."""

    def __call__(self, name: str, text: str, *, cut: bool) -> None: ...


def leave_it(name: str, text: str, *, cut: bool) -> None:
    """For whom head and tail are enough."""


class Capture:
    """Bytes of a stream, at most `limit` of them: half from the beginning, half from the end."""

    __slots__ = ("_first", "_half", "_last", "limit", "seen")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.seen = 0
        """How many bytes there were in all."""
        self._half = limit // 2
        self._first = bytearray()
        self._last = bytearray()

    def add(self, data: bytes) -> None:
        self.seen += len(data)
        room = self.limit - self._half - len(self._first)
        if room > 0:
            self._first += data[:room]
            data = data[room:]
        self._last += data
        # Deleting from the front copies what stays, so it happens once for many small pieces.
        if len(self._last) > 2 * self._half + 65536:
            self._trim()

    def kept(self) -> bytes:
        """The bytes that are held: all, in order, if no more than `limit` were seen."""
        self._trim()
        return bytes(self._first + self._last)

    def cut(self, limit: int | None = None) -> int:
        """How many bytes are missing from `text(limit)`."""
        return max(0, self.seen - self._smaller(limit))

    def text(self, limit: int | None = None) -> str:
        """UTF-8; U+FFFD for what is not, and for NUL, which databases refuse. No character is cut in two.

        `limit` makes it shorter than what was kept.
        """
        kept, missing = self.kept(), self.cut(limit)
        if not missing:
            return _decoded(kept)
        half = self._smaller(limit) // 2
        # An incremental decoder holds an incomplete last character back instead of replacing it.
        head = getincrementaldecoder("utf-8")("replace").decode(kept[: self._smaller(limit) - half])
        last = kept[len(kept) - half :]
        start = 0
        while start < min(3, len(last)) and last[start] & 0xC0 == 0x80:
            start += 1
        return f"{_clean(head)}\n[... {missing} bytes cut ...]\n{_decoded(last[start:])}"

    def _smaller(self, limit: int | None) -> int:
        return self.limit if limit is None else min(limit, self.limit)

    def _trim(self) -> None:
        if self.seen > self.limit:
            del self._last[: len(self._last) - self._half]


def shortened(text: str, limit: int) -> tuple[str, bool]:
    """`text` in about `limit` bytes at most, and whether something was cut."""
    capture = Capture(limit)
    capture.add(text.encode("utf-8", "replace"))
    return capture.text(), capture.cut() > 0


def last_line(text: str) -> str:
    """The last line of `text` that says something, at most 200 characters of it."""
    line = next((line for line in reversed(text.splitlines()) if line.strip()), "").strip()
    return line if len(line) <= 200 else line[:199] + "…"


def one_line(text: str) -> str:
    """`text` for a log: what stands in it comes from outside, and must not look like another line of the log
    or steer the terminal of who reads it."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _decoded(data: bytes) -> str:
    return _clean(data.decode("utf-8", "replace"))


def _clean(text: str) -> str:
    return text.replace("\0", "\ufffd")
