"""Markdown that outside text cannot leave: it is read on a phone, on paper, and by whoever pastes from it.

CommonMark with the tables of GitHub. Blocks stand at the left margin, never inside of a list: a code block
that is indented with its list is no longer what is pasted.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from urllib.parse import quote

_STEERING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_MARKUP = frozenset("\\`*_[]|<~&$")
_ADDRESS = re.compile(r"https?://[^\s]+")
_LONGEST = 2000
"""Characters of one piece of outside text in a sentence."""


def visible(text: str) -> str:
    """`text` with what would steer a terminal, hide or turn around text written out: `\\x1b`, `\\u202e`."""
    return "".join(map(_visible, text))


def steers(char: str) -> bool:
    """Whether the character does something instead of being seen. A line break and a tab do no harm."""
    return char not in "\n\t" and not char.isprintable() and unicodedata.category(char) in _STEERING


def _visible(char: str) -> str:
    return char.encode("unicode_escape", "replace").decode("ascii") if steers(char) else char


def prose(text: str) -> str:
    """Outside text in a sentence: one line, no markup."""
    flat = visible(" ".join(text.split()))
    cut = flat if len(flat) <= _LONGEST else f"{flat[:_LONGEST]}..."
    escaped = "".join(f"\\{char}" if char in _MARKUP else char for char in cut)
    # Inside of a word a `_` is none, and roles and names are full of them.
    escaped = re.sub(r"(?<=[^\W_])\\_(?=[^\W_])", "_", escaped)
    # At the beginning of a line these would make a heading, a list, a quotation or a rule.
    return re.sub(r"^(\d+)([.)])", r"\1\\\2", re.sub(r"^([-+#>=])", r"\\\1", escaped))


def code(text: str) -> str:
    """Outside text as a code span."""
    flat = visible(" ".join(text.split())) or " "
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", flat)), default=0))
    pad = " " if flat[0] == "`" or flat[-1] == "`" or (flat[0] == flat[-1] == " " and flat.strip()) else ""
    return f"{fence}{pad}{flat}{pad}{fence}"


def cell(markdown: str) -> str:
    """Markdown of ours inside a table. A bar ends a cell even in code."""
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", " ".join(markdown.split()))


def block(text: str, language: str = "") -> str:
    """Lines to copy. Nothing in them is changed, but what steers a terminal."""
    safe = "".join(map(_visible, text.rstrip("\n")))
    fence = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", safe)), default=0))
    return f"{fence}{language}\n{safe}\n{fence}"


def heading(level: int, text: str) -> str:
    """`text` is Markdown already; there are six levels."""
    return f"{'#' * min(level, 6)} {text}"


def bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def ticks(lines: Iterable[str]) -> str:
    """Lines to tick off."""
    return "\n".join(f"- [ ] {line}" for line in lines)


def quoted(text: str) -> str:
    """Outside text of several lines, each kept."""
    lines = text.strip().splitlines()
    return "\n".join(f"> {prose(line)}  " if line.strip() else ">" for line in lines).rstrip()


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(cell, line))} |" for line in lines)


def address(url: str) -> str:
    """A link that can be read on paper too; what is no address is only shown."""
    if not _ADDRESS.fullmatch(url) or "<" in url or any(map(steers, url)):
        return code(url)
    return f"<{quote(url, safe=_IN_ADDRESS)}>"


_IN_ADDRESS = ":/?#[]@!$&'()*+,;=%-._~"
