"""Outside text on its way to a terminal."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from stanch.cli.safe import lines, one_line


def test_what_would_steer_a_terminal_is_written_out() -> None:
    assert one_line("a\x1b[31mb\x07\x9b2J\x7f") == "a\\x1b[31mb\\x07\\x9b2J\\x7f"


def test_what_would_turn_or_hide_text_is_written_out() -> None:
    assert one_line("\u202egpj.exe\u2066\u200b\ufeff") == "\\u202egpj.exe\\u2066\\u200b\\ufeff"


def test_a_line_break_of_any_kind_stays_inside_its_line() -> None:
    assert one_line("a\nb\r\nc\u2028d\x0be") == "a\\nb\\r\\nc\\u2028d\\x0be"


def test_text_of_any_language_is_left_alone() -> None:
    assert one_line("Zürich 東京 ✓ 🙂 é") == "Zürich 東京 ✓ 🙂 é"


def test_half_a_character_becomes_a_whole_one() -> None:
    assert one_line("\udc80") == "\ufffd"


def test_lines_are_cut_where_they_end() -> None:
    assert lines("a\r\n\tb\n\x1b") == ["a", "    b", "\\x1b"]


@given(st.text(alphabet=st.characters()))
def test_nothing_that_is_left_is_a_control_character(text: str) -> None:
    shown = one_line(text)
    assert not any(ord(char) < 32 or 0x7F <= ord(char) < 0xA0 for char in shown)
    shown.encode()
