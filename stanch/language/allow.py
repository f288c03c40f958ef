"""`# stanch: allow RB306 <reason>`: advice that somebody read and decided not to follow.

At the end of a line it is for that line, on a line of its own for the next one that is not a comment, and
before the first key of the file for all of it. Only advice can be allowed: an error is what would hurt at
night, and no comment makes it hurt less.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypeAlias

from stanch.language.diagnostics import CODES, Report, Severity
from stanch.language.source import Source, Span, split_lines
from stanch.language.tree import Mapping, Node, Scalar
from stanch.language.words import did_you_mean

_COMMENT = re.compile(r"(?<![^ \t\n\r])#[^\n\r]*")
_ADDRESSED = re.compile(r"#\s*stanch:\s*([a-z]+)")
_HEADER = re.compile(r"[|>][^\n\r]*")
_CODE = re.compile(r"(\s*,\s*|\s+)([A-Za-z]{1,4}\d\w*)")
_REASON = re.compile(r"\w")
_FORM = "write `# stanch: allow RB306 <reason>`, and a comma between several codes"
_UNUSED = "RB218"


_For: TypeAlias = tuple[str, int | None]
"""A code, and the line of the diagnostics that are allowed; None for the whole file."""


def may_allow(code: str) -> bool:
    """Whether a comment can silence `code`: all advice, but for that on the comments themselves."""
    return CODES[code].severity is Severity.WARNING and code != _UNUSED


def heed_allows(source: Source, roots: Sequence[Node], report: Report) -> None:
    """Take out of `report` what comments allow, and add what is wrong with the comments.

    `roots` are the trees of the file's documents, in order; `report` has all that was found in them.
    """
    if not _ADDRESSED.search(source.text):
        return
    allowed: dict[_For, list[Span]] = {}
    for key, span in _read(source, roots, report):
        allowed.setdefault(key, []).append(span)
    used: set[_For] = set()
    kept = []
    for diagnostic in report.found:
        here: set[_For] = {(diagnostic.code, diagnostic.span.line), (diagnostic.code, None)}
        if needed := here & allowed.keys():
            used |= needed
        else:
            kept.append(diagnostic)
    report.found[:] = kept
    if report.failed:
        return  # what an error keeps from being looked at may be what a comment is for
    for code, line in allowed.keys() - used:
        where = "in this file" if line is None else f"on line {line}"
        hint = "take the comment away, or put it where the advice points"
        for span in allowed[code, line]:
            report.add(_UNUSED, span, f"there is no `{code}` {where} to allow", hint)


def _read(source: Source, roots: Sequence[Node], report: Report) -> Iterator[tuple[_For, Span]]:
    """What the comments allow, and the place of each code in them; what is wrong with them is reported."""
    lines = split_lines(source.text)
    following: list[int] = []
    for comment in _comments(source.text, roots):
        line = source.span(comment.start(), comment.end()).line
        target: int | None = line
        if roots and comment.start() < roots[0].start:
            target = None
        elif not lines[line - 1].partition("#")[0].strip():
            following = following or _following(lines)
            target = following[line - 1]
        for code, span in _codes(source, comment, report):
            yield (code, target), span


def _following(lines: Sequence[str]) -> list[int]:
    """For each line the number of the next one that is more than a comment; its own when there is none."""
    found, last = [], 0
    for number in range(len(lines), 0, -1):
        found.append(last or number)
        line = lines[number - 1].strip()
        if line and not line.startswith("#"):
            last = number
    return found[::-1]


def _comments(text: str, roots: Sequence[Node]) -> Iterator[re.Match[str]]:
    """The comments that begin with `stanch:`. A `#` inside a scalar begins none."""
    places = sorted(_scalars(text, roots))
    at, place = 0, 0
    while (found := _COMMENT.search(text, at)) is not None:
        while place < len(places) and places[place][1] <= found.start():
            place += 1
        if place < len(places) and places[place][0] <= found.start():
            at = places[place][1]
            continue
        if _ADDRESSED.match(found.group()):
            yield found
        at = found.end()


def _scalars(text: str, roots: Sequence[Node]) -> Iterator[tuple[int, int]]:
    """Where scalars begin and end in the file, keys among them. Aliases lead to a list or mapping twice."""
    left, seen = list(roots), set()
    while left:
        node = left.pop()
        if isinstance(node, Scalar):
            header = _HEADER.match(text, node.start) if node.style in ("literal", "folded") else None
            yield header.end() if header else node.start, node.end  # a header may end in a comment
        elif id(node) not in seen:
            seen.add(id(node))
            if isinstance(node, Mapping):
                left += [part for entry in node.entries for part in (entry.key, entry.value)]
            else:
                left += node.items


def _codes(source: Source, comment: re.Match[str], report: Report) -> Iterator[tuple[str, Span]]:
    """The codes that a comment allows. One that lacks only its reason, or a comma, is still heeded."""
    text, start = comment.group().rstrip(), comment.start()
    verb = _ADDRESSED.match(text)
    if verb is None:
        return
    if verb.group(1) != "allow":
        if _CODE.match(text, verb.end()) and (hint := did_you_mean(verb.group(1), ["allow"])):
            span = source.span(start + verb.start(1), start + verb.end(1))
            report.add("RB217", span, f"`{verb.group(1)}` is not understood", hint)
        return
    whole = source.span(start, start + len(text))
    at, codes, sound = verb.end(), 0, True
    while (named := _CODE.match(text, at)) is not None:
        separator, code = named.groups()
        span = source.span(start + named.start(2), start + named.end())
        if codes and "," not in separator:
            if code not in CODES:
                break  # a word of the reason
            report.add("RB217", span, f"there is no comma before `{code}`", _FORM)
            sound = False
        if _can_allow(code, span, report):
            yield code, span
        else:
            sound = False
        codes, at = codes + 1, named.end()
    if codes == 0:
        report.add("RB217", whole, "the comment names no code to allow", _FORM)
    elif sound and not _REASON.search(text, at):
        hint = "say behind the code why the advice is not followed"
        report.add("RB216", whole, "the comment does not say why this is allowed", hint)


def _can_allow(code: str, span: Span, report: Report) -> bool:
    """Whether a comment may name `code`; if not, that is reported."""
    if code not in CODES:
        meant = code.replace("O", "0")
        hint = did_you_mean(meant, [known for known in CODES if may_allow(known)])
        report.add("RB217", span, f"there is no diagnostic `{code}`", hint)
        return False
    if not may_allow(code):
        message = f"`{code}` cannot be allowed: {CODES[code].meaning}"
        report.add("RB215", span, message, "only advice can be allowed; correct what the code points at")
        return False
    return True
