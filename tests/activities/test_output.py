from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from activities.output import Capture, last_line, one_line, shortened

pieces = st.lists(st.binary(max_size=40), max_size=20)


def captured(limit: int, parts: list[bytes]) -> Capture:
    capture = Capture(limit)
    for part in parts:
        capture.add(part)
    return capture


@given(pieces, st.integers(0, 120))
def test_what_fits_is_kept_whole_and_what_does_not_at_both_ends(parts: list[bytes], limit: int) -> None:
    everything = b"".join(parts)
    capture = captured(limit, parts)
    kept = capture.kept()
    assert capture.cut() == max(0, len(everything) - limit)
    assert len(kept) == min(len(everything), limit)
    half = limit // 2
    assert everything.startswith(kept[: limit - half])
    assert everything.endswith(kept[limit - half :])


@given(pieces, st.integers(0, 120), st.integers(0, 120))
def test_a_smaller_limit_gives_what_a_smaller_capture_would_have(
    parts: list[bytes], limit: int, smaller: int
) -> None:
    direct = captured(min(limit, smaller), parts)
    assert captured(limit, parts).text(smaller) == direct.text()
    assert captured(limit, parts).cut(smaller) == direct.cut()


@given(st.text(alphabet="aé漢🚒", min_size=1), st.integers(0, 60))
def test_no_character_is_cut_in_two(text: str, limit: int) -> None:
    assert "\ufffd" not in shortened(text, limit)[0]


def test_a_long_stream_in_small_pieces_stays_small() -> None:
    capture = captured(1000, [b"0123456789" * 100] * 5000)
    assert (capture.seen, len(capture.kept())) == (5_000_000, 1000)
    assert capture.text() == "0123456789" * 50 + "\n[... 4999000 bytes cut ...]\n" + "0123456789" * 50


def test_what_is_no_text_is_replaced() -> None:
    assert captured(100, [b"a\xffb\x00c"]).text() == "a\ufffdb\ufffdc"


def test_the_last_line_is_the_last_that_says_something() -> None:
    assert last_line("first\nsecond  \n\n  \n") == "second"
    assert last_line("") == ""
    assert last_line("x" * 300) == "x" * 199 + "…"


def test_text_from_outside_stays_one_line_of_a_log() -> None:
    hostile = "no\n2026-11-23 INFO stanch.worker approved\x1b[2K\u2028\u202eby bob\0"
    assert one_line(hostile) == "no 2026-11-23 INFO stanch.worker approved [2K by bob"
