"""What the tests of the formatter share."""

from __future__ import annotations

from textwrap import dedent

from stanch.language.format.house import format_runbook


def formatted(text: str | bytes) -> str:
    found = format_runbook("example.yaml", text)
    assert found.text is not None, found.diagnostics
    return found.text


def in_house_form(text: str) -> str:
    """The example `text`, indented as it stands in a test."""
    return formatted(dedent(text))
