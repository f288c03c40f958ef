"""The YAML parser's complaints, in words that say what to write instead.

Many of them about a runbook are really one mistake: a bare expression with `[`, `{`, `,`, `!` or ` ? : ` in
it, which YAML reads as its own punctuation. Those get a code of their own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from stanch.language.diagnostics import Related, Report
from stanch.language.source import Source, shortened

_QUOTE = "put the whole expression into quotes, or write the mapping in block style, a key a line"
_QUOTE_TEXT = "put the value into quotes"
_COLUMNS = "look at the indentation: keys of one mapping begin in the same column"
_TERNARY = re.compile(r"\s\?\s")
_CLOSES = {"[": "]", "{": "}"}
_KEY_AND_TEXT = re.compile(r" *(?:- +)?([\w-]+): +([^\n\r]*?)[ \t]*(?=[\n\r]|$)")
_UNSPACED = re.compile(r"([A-Za-z_][\w-]*)[:=][ \t]*(\S.*)")
_SHORT = 60
_ESCAPE = re.compile(r"\\.?")


@dataclass(frozen=True, slots=True)
class YamlError:
    problem: str
    context: str
    at: int
    """Where the parser gave up, as an offset."""
    begun: int
    """Where what it was reading begins."""
    opened: int | None
    """Where the innermost list or mapping with brackets begins that has not ended."""
    last: int | None
    """Where the value begins that was read last, in what has not ended."""


@dataclass(frozen=True, slots=True)
class _Said:
    start: int
    end: int
    message: str
    hint: str | None = None
    code: str = "RB101"
    related: tuple[int, str] | None = None
    """An offset, and what stands there."""


class _Case:
    """One error and the text around it."""

    def __init__(self, error: YamlError, text: str) -> None:
        self.problem, self.context = error.problem, error.context
        self.text = text
        self.at = min(error.at, len(text))
        self.begun = min(error.begun, len(text))
        self.opened, self.last = error.opened, error.last
        self.char = text[self.at : self.at + 1]
        self.before = text[self.line(self.at) : self.at]
        """What stands before it in its line."""

    def line(self, at: int) -> int:
        """Where the line begins in which `at` lies."""
        return max(self.text.rfind("\n", 0, at), self.text.rfind("\r", 0, at)) + 1

    def indent(self, at: int) -> int:
        """By how many spaces that line is indented."""
        found = re.compile(" *").match(self.text, self.line(at))
        return len(found.group()) if found else 0

    def one(self, message: str, hint: str | None = None, code: str = "RB101") -> _Said:
        """About the one character that the parser gave up at."""
        return _Said(self.at, min(self.at + 1, len(self.text)), message, hint, code)

    def line_from(self, start: int) -> int:
        """Where the line ends in which `start` lies."""
        found = re.compile(r"[^\n\r]*").match(self.text, start)
        return found.end() if found else start


_Explain: TypeAlias = Callable[[_Case], _Said | None]


def explain(error: YamlError, source: Source, report: Report) -> None:
    """Report a YAML error in our words."""
    case = _Case(error, source.text)
    said = next(filter(None, (each(case) for each in _IN_ORDER)), None) or _other(case)
    related: tuple[Related, ...] = ()
    if said.related is not None:
        at, message = said.related
        related = (Related(source.span(at, at + 1), message),)
    report.add(said.code, source.span(said.start, said.end), said.message, said.hint, related)


def _tab(case: _Case) -> _Said | None:
    if case.char == "\t" and "directive" not in case.context:
        return case.one("a tab cannot indent YAML", "indent with spaces")
    return None


def _quotes(case: _Case) -> _Said | None:
    if "quoted scalar" not in case.context:
        return None
    if "escape character" in case.problem:
        found = _ESCAPE.match(case.text, case.at)
        end = found.end() if found else case.at
        hint = "write `\\\\` for a backslash, or use single quotes, which know no escapes"
        return _Said(
            case.at, end, f"`{case.text[case.at : end]}` is not an escape that double quotes know", hint
        )
    if "hex" in case.problem or "escape code" in case.problem:
        start = max(case.text.rfind("\\", 0, case.at), 0)
        hint = "an escape is `\\x` and two hexadecimal digits, `\\u` and four, or `\\U` and eight"
        return _Said(start, case.at + 1, "the escape stands for no character", hint)
    return _Said(
        case.begun,
        case.begun + 1,
        f"what `{case.text[case.begun : case.begun + 1]}` opens here is not closed",
    )


def _brackets(case: _Case) -> _Said | None:
    """Inside of `[...]` or `{...}`."""
    if "unexpected ':'" in case.problem:
        return case.one("a `:` in brackets has a space behind it", _QUOTE_TEXT)
    if "flow" not in case.context or case.opened is None:
        return None
    opening = case.text[case.opened]
    same_line = not re.search(r"[\n\r]", case.text[case.opened : case.at])
    if case.char == ":" and not same_line and not case.before.strip():
        return case.one("this `:` stands in another line than its key", "write both in one line")
    cut = case.char and case.char in "[{?:" and "node content" not in case.problem
    if cut and (same_line or case.char != ":" or _TERNARY.search(case.before)):
        message = f"YAML ends the expression at `{case.char}` and reads the rest as its own punctuation"
        return case.one(message, _QUOTE, "RB113")
    left = not same_line and case.indent(case.at) <= case.indent(case.opened)
    if left or not case.char or case.text.startswith(("---", "..."), case.at):
        return _Said(case.opened, case.opened + 1, f"what `{opening}` opens here is not closed")
    if "node content" in case.problem and case.char == ":":
        return case.one("a value cannot begin with `:` here", _QUOTE_TEXT)
    if "node content" in case.problem:
        return case.one(f"a value is missing before this `{case.char}`", "quote what is text")
    missing = f"`,` or `{_CLOSES.get(opening, '')}`"
    behind_end = case.before.rstrip()[-1:] in ("]", "}")
    hint = "write `,` before it" if behind_end else "put all of a text that has quotes in it into quotes"
    said = case.one(f"{missing} is missing before this", hint)
    return replace(said, related=(case.opened, f"`{opening}` stands"))


def _mark(case: _Case) -> _Said | None:
    """What begins with `!`, `&` or `*`."""
    if "tag" in case.context or "tag handle" in case.problem:
        return _Said(case.begun, case.begun + 1, "YAML takes what begins with `!` for a tag", _QUOTE, "RB113")
    if case.context in ("while scanning an anchor", "while scanning an alias"):
        mark = case.text[case.begun : case.begun + 1]
        if case.text.startswith("&&", case.begun):
            return _Said(case.begun, case.begun + 2, "YAML takes `&` for an anchor", _QUOTE, "RB113")
        return _Said(case.begun, case.begun + 1, f"a value cannot begin with `{mark}`", _QUOTE_TEXT)
    return None


def _second_colon(case: _Case) -> _Said | None:
    if "mapping values are not allowed" not in case.problem:
        return None
    if _TERNARY.search(case.before):
        message = "YAML ends the expression at `:` and reads the rest as its own punctuation"
        return case.one(message, _QUOTE, "RB113")
    if re.search(r":\s", case.before):
        return case.one("a second `:` in one line", _quoted(case) or "quote a text that has `: ` in it")
    if case.before.startswith("---"):
        return case.one("a mapping cannot begin in the line of `---`", "begin it in the next line")
    name = case.before.strip()
    start = case.at - len(case.before.lstrip())
    hint = "a `:` is missing at the end of the line above, or this line is indented too far"
    return _Said(start, case.at + 1, f"`{shortened(name)}:` goes on with the text above it", hint)


def _quoted(case: _Case) -> str | None:
    """The line with its text in quotes."""
    found = _KEY_AND_TEXT.match(case.text, case.line(case.at))
    if found is None or len(found.group(2)) > _SHORT or set("\"'{[&*!|>%@`#") & set(found.group(2)):
        return None
    return f'quote the text: `{found.group(1)}: "{found.group(2)}"`'


def _block(case: _Case) -> _Said | None:
    """A line, or its rest, that belongs to nothing around it."""
    if "block mapping" not in case.context and "block collection" not in case.context:
        return None
    closed = case.before.rstrip()[-1:]
    if closed in ("'", '"'):
        hint = "put all of it into one pair of quotes; inside of single ones write `''` for `'`"
        said = case.one(f"the text ended at the `{closed}` before this", hint)
        begun = None if case.last is None else (case.last, "it begins")
        return replace(said, related=begun)
    if closed in ("]", "}"):
        return case.one(f"the value ended at the `{closed}` before this", _QUOTE_TEXT)
    if case.char == ":":
        return case.one("there is no key before this `:`")
    if case.char in ("]", "}"):
        return case.one(f"this `{case.char}` closes nothing", _QUOTE_TEXT)
    if case.context.endswith("mapping") and re.match(r"-(\s|$)", case.text[case.at : case.at + 2]):
        message = "a list begins here among the keys of a mapping"
    elif case.context.endswith("mapping"):
        message = "this line belongs to no mapping above it"
    else:
        message = "this line belongs neither to the list above it nor to one of its items"
    what = "the mapping begins" if case.context.endswith("mapping") else "the list begins"
    end = case.line_from(case.at)
    return _Said(case.at, end, message, _COLUMNS, related=(case.begun, what))


def _no_colon(case: _Case) -> _Said | None:
    if "simple key" not in case.context:
        return None
    end = case.line_from(case.begun)
    name = shortened(case.text[case.begun : end].strip())
    hint = f"write `{name}: ...`, or indent it further if it goes on with the text above"
    if (unspaced := _UNSPACED.fullmatch(name)) is not None:
        hint = f"write `{unspaced.group(1)}: {unspaced.group(2)}`: a space stands behind the `:`"
    return _Said(case.begun, end, f"`{name}` is a key without a `:`", hint)


def _beginning(case: _Case) -> _Said | None:
    """A value that begins with a character of YAML's own."""
    if "cannot start any token" in case.problem or (case.char and case.char in ",]}"):
        char = "a backtick" if case.char == "`" else f"`{case.char}`"
        return case.one(f"a value cannot begin with {char}", _QUOTE_TEXT)
    if "block sequence entries" in case.problem:
        hint = "begin it in the next line, or quote a text that begins with `- `"
        return case.one("a list cannot begin here", hint)
    if "mapping keys are not allowed" in case.problem:
        return case.one("a value cannot begin with `? `", _QUOTE_TEXT)
    if "block scalar" in case.context:
        mark = case.text[case.begun : case.begun + 1]
        message = f"behind `{mark}` there can be only `-` or `+`, a width from 1 to 9 and a comment"
        return case.one(message, "begin the text in the next line, indented")
    return None


def _document(case: _Case) -> _Said | None:
    if "<document start>" in case.problem and case.char:
        return case.one("a document begins here without its `---`", "write `---` in the line above")
    if "node content" in case.problem and case.text.startswith("...", case.at):
        return _Said(case.at, case.at + 3, "there is no document that this `...` could end", "delete it")
    if "duplicate %YAML" in case.problem:
        return case.one("a second `%YAML`", "delete it")
    return None


def _other(case: _Case) -> _Said:
    if not case.char:
        return case.one("the file ends too early")
    if "node content" in case.problem:
        return case.one("a value is missing before this")
    return case.one(f"{case.problem} {case.context}".strip())


_IN_ORDER: tuple[_Explain, ...] = (
    _tab,
    _quotes,
    _brackets,
    _mark,
    _second_colon,
    _block,
    _no_colon,
    _beginning,
    _document,
)
