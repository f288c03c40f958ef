"""What kind of document a file holds, told by its first key."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["runbook", "rehearsal"]

_HEAD = re.compile(
    rb"""
    (?:\xef\xbb\xbf)?                                                 # a BOM
    (?:[ \t]*(?:---)?[ \t]*(?:\#[^\r\n]*)?(?:\r\n|[\r\n]))*          # nothing, comments, a `---`
    [ \t]*\{?[ \t]*["']?(\w+)
    """,
    re.VERBOSE,
)


def kind_of(content: bytes) -> Kind:
    """The kind of the file's first document. What is nothing known is a runbook: the compiler says what it
    lacks, so that no file goes unread because its first line is misspelt."""
    return "rehearsal" if first_key(content) == "rehearsal" else "runbook"


def first_key(content: bytes) -> str:
    """The word that the file's first document begins with; empty when it begins with none."""
    found = _HEAD.match(content)
    return "" if found is None else found.group(1).decode()
