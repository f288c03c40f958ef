"""Colour and the live line, on a real terminal and on a pipe."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import sys
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import pytest

from stanch.cli.console import LiveLine, coloured, columns, out


class Terminal:
    """Both ends of a pseudo-terminal."""

    def __init__(self) -> None:
        self._screen, device = pty.openpty()
        self.stream: TextIO = os.fdopen(device, "w")

    def seen(self) -> str:
        """What has been written to the terminal so far. The mark at its end tells that all of it has come."""
        self.stream.write("\0")
        self.stream.flush()
        found = ""
        while not found.endswith("\0"):
            found += os.read(self._screen, 4096).decode()
        return found.removesuffix("\0")

    def close(self) -> None:
        self.stream.close()
        os.close(self._screen)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    monkeypatch.setenv("TERM", "xterm")
    found = Terminal()
    yield found
    found.close()


def test_a_terminal_takes_colour(terminal: Terminal) -> None:
    assert coloured(terminal.stream, {"TERM": "xterm"})


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_whose_owner_wants_none_has_none(terminal: Terminal, environment: dict[str, str]) -> None:
    assert not coloured(terminal.stream, environment)


def test_an_empty_wish_for_no_colour_is_none(terminal: Terminal) -> None:
    assert coloured(terminal.stream, {"NO_COLOR": ""})


def test_a_file_has_no_colour(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream:
        assert not coloured(stream, {"TERM": "xterm"})


def test_the_live_line_writes_over_itself_and_goes_away(terminal: Terminal) -> None:
    line = LiveLine(terminal.stream)
    line.show("one")
    line.show("two")
    line.clear()
    line.clear()
    assert terminal.seen() == "\r\x1b[Kone\r\x1b[Ktwo\r\x1b[K"


def test_the_live_line_never_wraps(terminal: Terminal) -> None:
    LiveLine(terminal.stream).show("x" * 500)
    assert len(terminal.seen()) < 100


def test_a_terminal_is_as_wide_as_it_says_unless_somebody_says_otherwise(terminal: Terminal) -> None:
    size = struct.pack("HHHH", 50, 40, 0, 0)
    fcntl.ioctl(terminal.stream, termios.TIOCSWINSZ, size)
    assert columns(terminal.stream, {}) == 40
    assert columns(terminal.stream, {"COLUMNS": "72"}) == 72
    assert columns(terminal.stream, {"COLUMNS": "wide"}) == 40


def test_what_is_no_terminal_has_the_width_of_an_old_one(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream:
        assert columns(stream, {}) == 80
        assert columns(stream, {}, otherwise=500) == 500


def test_there_is_no_live_line_on_a_pipe() -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        line = LiveLine(stream)
        line.show("one")
        line.clear()
    with os.fdopen(reading) as written:
        assert written.read() == ""


@pytest.mark.parametrize(("encoding", "shown"), [("ascii", "_%# 7"), ("utf-8", "▁▇█ 7"), ("cp437", "_%# 7")])
def test_a_sparkline_is_in_letters_that_the_terminal_knows(
    monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str
) -> None:
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=encoding, errors="replace"))
    out("▁▇█ 7")
    assert written.getvalue().decode(encoding) == f"{shown}\n"
