"""Bytes to the characters of one file: UTF-8, of bounded size, and nothing in it that hides from a reader."""

from __future__ import annotations

import re
import unicodedata

from stanch.language.diagnostics import Report
from stanch.language.source import START, Source

LARGEST_FILE = 1 << 20
"""Bytes."""

_ALLOWED = re.compile(
    "[\t\n\r\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]*"
)
"""YAML's own list (section 5.1), less the three that YAML 1.1 took for the end of a line and 1.2 does not: a
reader of either kind would see another document."""
_ASCII = bytes(code for code in range(128) if _ALLOWED.fullmatch(chr(code)))
_OTHER_ENCODINGS = (
    (b"\x00\x00\xfe\xff", "UTF-32"),
    (b"\xff\xfe\x00\x00", "UTF-32"),
    (b"\xfe\xff", "UTF-16"),
    (b"\xff\xfe", "UTF-16"),
)
_BARE_ENCODINGS = (
    (re.compile(rb"\x00\x00\x00[^\x00]|[^\x00]\x00\x00\x00"), "UTF-32"),
    (re.compile(rb"\x00[^\x00]|[^\x00]\x00"), "UTF-16"),
)
"""How a file begins that has no byte-order mark and whose first character is ASCII (section 5.2)."""
_SAVE = "save the file as UTF-8"


def decode(path: str, content: str | bytes, report: Report) -> tuple[Source, bool]:
    """The text, without a byte-order mark, and whether it may be read; otherwise `report` says why not."""
    if _size(content) > LARGEST_FILE:
        size = f"{_size(content):,}"
        report.add("RB103", START, f"the file has {size} bytes; a runbook has at most {LARGEST_FILE:,}")
        return Source(path, ""), False
    if isinstance(content, bytes):
        source, good = _from_utf8(path, content, report)
        if not good:
            return source, False
    else:
        source = Source(path, content.removeprefix("\ufeff"))
    return source, _all_allowed(source, report)


def _size(content: str | bytes) -> int:
    if isinstance(content, str) and not content.isascii():
        return len(content.encode(errors="surrogatepass"))
    return len(content)


def _from_utf8(path: str, content: bytes, report: Report) -> tuple[Source, bool]:
    if (name := _other_encoding(content)) is not None:
        report.add("RB102", START, f"the file is {name}", _SAVE)
        return Source(path, ""), False
    try:
        return Source(path, content.decode("utf-8-sig")), True
    except UnicodeDecodeError as error:
        # The error counts from behind a byte-order mark.
        source = Source(path, error.object[: error.start].decode())
        at = source.span(len(source.text), len(source.text))
        report.add("RB102", at, f"byte 0x{error.object[error.start]:02x} is not UTF-8", _SAVE)
        return source, False


def _other_encoding(content: bytes) -> str | None:
    for mark, name in _OTHER_ENCODINGS:
        if content.startswith(mark):
            return name
    return next((name for begin, name in _BARE_ENCODINGS if begin.match(content)), None)


def _all_allowed(source: Source, report: Report) -> bool:
    if source.text.isascii() and not source.text.encode().translate(None, _ASCII):
        return True  # nearly all files, in a third of the time
    found = _ALLOWED.match(source.text)
    at = found.end() if found else 0
    if at == len(source.text):
        return True
    char = source.text[at]
    named = f"U+{ord(char):04X}"
    if name := unicodedata.name(char, ""):
        named += f" ({name.lower()})"
    report.add("RB110", source.span(at, at + 1), f"the character {named} is not allowed", _hint(char))
    return False


def _hint(char: str) -> str | None:
    if char == "\ufeff":
        return "it is a byte-order mark; delete it: only the beginning of a file may have one"
    if "\ud800" <= char <= "\udfff":
        return "it is half of a character; write the whole one"
    escape = f"\\x{ord(char):02x}" if char < "\u0100" else f"\\u{ord(char):04x}"
    return f"delete it; where a text needs it, write `{escape}` in double quotes"
