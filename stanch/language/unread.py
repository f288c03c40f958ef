"""What YAML can say and a runbook must not: directives, tags, merge keys, and keys that are no names."""

from __future__ import annotations

import re

from stanch.language.diagnostics import Related, Report
from stanch.language.source import Source, Span, shortened
from stanch.language.tree import Entry, Mapping, Node, Scalar

LONGEST_KEY = 1024
"""Characters: YAML's own limit (section 8.2.2), which it does not set for keys that begin with `? `."""
_LINE = re.compile(r"%(?<![^\n\r]%)")
"""A `%` at the beginning of a line; the pattern begins with it so that the search is quick."""
_DIRECTIVE = re.compile(r"(?:^|(?<=[\n\r]))%(?!YAML[ \t]+1\.2[ \t]*(?:[\n\r#]|$))[^\n\r#]*")


def has_directive(source: Source, report: Report) -> bool:
    """Whether there is a directive other than `%YAML 1.2`; it is reported.

    Directives change what tags and scalars mean, and many of them cost the parser the square of their number.
    """
    text = source.text
    if _LINE.search(text) is None or (found := _DIRECTIVE.search(text)) is None:
        return False
    written = found.group().rstrip()
    span = source.span(found.start(), found.start() + len(written))
    hint = "delete the line: runbooks are YAML 1.2, and a text does not begin a line with `%`"
    report.add("RB114", span, f"the directive `{shortened(written)}` is not followed", hint)
    return True


def report_tag(tag: str, text: str | None, span: Span, report: Report) -> None:
    """`text` is what stands behind the tag when that is a scalar."""
    tag = shortened(tag.replace("tag:yaml.org,2002:", "!!"))
    if text is None or tag == "!" or not tag.startswith("!") or tag.startswith("!!"):
        report.add("RB106", span, f"the YAML tag `{tag}` is not read", "leave the tag away")
        return
    hint = f"quote the expression: `'{tag} {shortened(text)}".rstrip() + "'`"
    report.add("RB113", span, f"YAML takes `{tag}` for a tag, not for a part of the expression", hint)


def is_name(key: Scalar, source: Source) -> bool:
    """Whether a key of text is a name, and nothing that YAML has another use for."""
    if len(key.text) > LONGEST_KEY:
        return False
    if key.text != "<<" and source.text[key.start - 1] != "?":
        return True  # all but a few
    return not _is_merge(key) and not _is_marked(key, source)


def _is_merge(key: Scalar) -> bool:
    return key.text == "<<" and key.style == "plain"


def _is_marked(key: Scalar, source: Source) -> bool:
    """Whether a `?` touches it: inside of brackets the parser takes that away, and YAML 1.2 does not."""
    return key.end > key.start > 0 and source.text[key.start - 1] == "?"


def report_key(key: Node, first: Entry | None, source: Source, report: Report) -> bool:
    """Say why `key` cannot be one; `first` is the entry that already has its name.

    The answer is whether what it stands in was meant as text, and not as a mapping.
    """
    if not isinstance(key, Scalar):
        return _report_structure(key, source, report)
    name = shortened(key.text)
    if first is not None:
        related = (Related(first.key.span, "first here"),)
        report.add("RB105", key.span, f"`{name}` stands twice in this mapping", None, related)
    elif _is_merge(key):
        hint = "write the keys out, or move the step into a runbook of its own"
        report.add("RB108", key.span, "the merge key `<<` is not read", hint)
    elif _is_marked(key, source):
        span = source.span(key.start - 1, key.start)
        report.add(
            "RB113", span, "YAML takes `?` for the mark of a key", "put what begins with `?` into quotes"
        )
    elif len(key.text) > LONGEST_KEY:
        report.add("RB112", key.span, f"a key has at most {LONGEST_KEY:,} characters")
    elif not key.text:
        report.add("RB112", key.span, "a key is missing here")
    elif not key.refused:
        report.add("RB112", key.span, f"the key `{name}` is not text", f'quote it: `"{name}"`')
    return _is_marked(key, source)


def _report_structure(key: Node, source: Source, report: Report) -> bool:
    template = isinstance(key, Mapping) and source.text.endswith("{", 0, key.start)
    if template:
        span = source.span(key.start - 1, key.start + 1)
        report.add("RB113", span, "YAML takes `{{` for two mappings", 'write `"${{ ... }}"`, in quotes')
    else:
        report.add("RB112", key.span.first(1), "a key is text, not a list or a mapping")
    return template
