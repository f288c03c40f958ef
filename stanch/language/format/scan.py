"""The text between and behind values, from one token to the next: punctuation, comments and blank lines."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from stanch.errors import OurError
from stanch.language.format.pieces import Comment

_SPACE = re.compile("[ \t]*")
_BREAK = re.compile("\r\n|[\n\r]")
_TO_END = re.compile("[^\n\r]*")
_NAME = re.compile(r"[&*][\w-]+", re.ASCII)
_MARKER = re.compile(r"(?:---|\.\.\.)(?=\s|\Z)")
_IN_FRONT_OF_LINES = re.compile(r"&[\w-]+[ \t]*(?:#[^\n\r]*)?[\n\r]", re.ASCII)
_IN_FRONT_OF_BRACE = re.compile(r"&[\w-]+(?:\s|#[^\n\r]*)*\{", re.ASCII)


@dataclass(frozen=True, slots=True)
class _Line:
    """A comment on a line of its own; an empty one is a blank line."""

    text: str
    column: int


class Scanner:
    """Goes through the text of a file. Comments on lines of their own wait until somebody takes them."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = self.done = self.line = 0
        """Where the next token begins, where the newest one ended, and the beginning of the line."""
        self._lines: list[_Line] = []

    @property
    def column(self) -> int:
        return self.at - self.line

    def sees(self, char: str) -> bool:
        return self.text.startswith(char, self.at)

    def at_end(self) -> bool:
        return self.at == len(self.text)

    def at_marker(self) -> bool:
        """Whether `---` stands here, the beginning of a document."""
        return self.at == self.line and _MARKER.match(self.text, self.at) is not None

    def at_anchor_of_mapping(self, *, flow: bool) -> bool:
        """Whether the anchor here is that of a mapping. In front of a key, on its line, it is the key's."""
        pattern = _IN_FRONT_OF_BRACE if flow else _IN_FRONT_OF_LINES
        return pattern.match(self.text, self.at) is not None

    # --- tokens -----------------------------------------------------------------------------------------

    def token(self, end: int) -> str:
        """Take the characters up to `end`."""
        token = self.text[self.at : end]
        for found in _BREAK.finditer(token):
            self.line = self.at + found.end()
        self.at = self.done = end
        return token

    def rest_of_line(self) -> str:
        return self.token(_end(_TO_END, self.text, self.at))

    def mark(self, mark: str) -> Comment | None:
        """Take a punctuation mark and go on; the answer is the comment beside it."""
        if not self.sees(mark):
            raise self.lost(f"`{mark}`")
        self.token(self.at + len(mark))
        return self.advance()

    def name(self) -> str:
        """Take an anchor or an alias."""
        end = _end(_NAME, self.text, self.at)
        if end == self.at:
            raise self.lost("an anchor")
        return self.token(end)

    def lost(self, wanted: str) -> OurError:
        there = self.text[self.at : self.at + 20]
        return OurError(f"the formatter lost its way: {wanted} should stand where {there!r} stands")

    # --- between tokens ---------------------------------------------------------------------------------

    def advance(self) -> Comment | None:
        """Go to the next token; the answer is the comment on the line of the token before it."""
        text, at = self.text, self.at
        beside: Comment | None = None
        more: list[str] = []
        column = -1  # of a comment that may go on in the next line
        own = empty = at == self.line
        while True:
            at = _end(_SPACE, text, at)
            if text.startswith("#", at):
                written = text[at : _end(_TO_END, text, at)].rstrip()
                if not own:
                    beside, column = self.comment(written, at), at - self.line
                elif column == at - self.line:
                    more.append(written)
                else:
                    self._lines.append(_Line(written, at - self.line))
                    column = -1
                at, empty = _end(_TO_END, text, at), False
            elif (end := _end(_BREAK, text, at)) > at:
                if empty:
                    self.blank()
                    column = -1
                at = self.line = end
                own = empty = True
            elif at == self.line and text.startswith("...", at) and _MARKER.match(text, at):
                at, empty = at + 3, False
            else:
                self.at = at
                return beside and replace(beside, more=tuple(more))

    def comment(self, text: str, at: int) -> Comment:
        """The comment `text` that stands at `at`, behind something."""
        before = self.text[self.line : at]
        code = before.rstrip(" \t")
        return Comment(text, code.lstrip(" \t"), len(before) - len(code))

    def blank(self) -> None:
        """Note a blank line; several are one."""
        if not self._lines or self._lines[-1].text:
            self._lines.append(_Line("", 0))

    def either(self, first: Comment | None, second: Comment | None) -> Comment | None:
        """There is room for one of them; the other one gets a line of its own."""
        if first is not None and second is not None:
            self._lines[:0] = [_Line(line, 0) for line in second.lines]
        return first or second

    def take(self) -> tuple[str, ...]:
        """The lines that nobody has taken yet."""
        taken = tuple(line.text for line in self._lines)
        self._lines.clear()
        return taken

    def take_comments(self) -> tuple[str, ...]:
        """The same without blank lines."""
        return tuple(filter(None, self.take()))

    def take_foot(self, column: int) -> tuple[str, ...]:
        """Of the same, those that belong to the block in `column` that ends here: they are as deep."""
        last = 0
        for at, line in enumerate(self._lines, 1):
            if line.text and line.column < column:
                break
            last = at if line.text else last
        taken = tuple(line.text for line in self._lines[:last])
        del self._lines[:last]
        return taken


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()
