"""Workflow commands of GitHub Actions, read back as its runner reads them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.language.diagnostics import CODES, Diagnostic, Related
from stanch.language.render.github import render_github
from stanch.language.source import Span

DATA = [("%0D", "\r"), ("%0A", "\n"), ("%25", "%")]
PROPERTY = [("%3A", ":"), ("%2C", ","), *DATA]
HERE = Span(3, 4, 3, 9)


def command(line: str) -> tuple[str, dict[str, str], str]:
    """Name, properties and message: the message begins behind the second `::`, `,` ends a property."""
    empty, rest, *data = line.split("::", 2)
    name, _, properties = rest.partition(" ")
    assert empty == ""
    pairs = (pair.split("=", 1) for pair in properties.split(","))
    return (
        name,
        {key: unescaped(value, PROPERTY) for key, value in pairs},
        unescaped("::".join(data), DATA),
    )


def unescaped(text: str, escapes: list[tuple[str, str]]) -> str:
    for written, meant in escapes:
        text = text.replace(written, meant)
    return text


def said(
    message: str = "it is wrong", path: str = "a.yaml", span: Span = HERE, code: str = "RB501"
) -> Diagnostic:
    return Diagnostic(code, CODES[code].severity, message, path, span)


def test_a_diagnostic_is_one_command_with_its_place() -> None:
    assert render_github([said(), said(code="RB306")]) == (
        "::error file=a.yaml,line=3,endLine=3,col=4,endColumn=9,title=RB501::it is wrong\n"
        "::warning file=a.yaml,line=3,endLine=3,col=4,endColumn=9,title=RB306::it is wrong\n"
    )


@pytest.mark.parametrize(
    "path", ["a b.yaml", "a,b:c.yaml", "100%25.yaml", "x::y.yaml", "a=b.yaml", "a\r\nb.yaml"]
)
def test_a_path_comes_out_of_the_escapes_as_it_was(path: str) -> None:
    (line,) = render_github([said(path=path)]).splitlines()
    assert command(line)[1]["file"] == path


@pytest.mark.parametrize("message", ["100 %", "%0A", "%250A", "a::b", "::error::x", "a, b: c", "`${{ x }}`"])
def test_a_message_comes_out_of_the_escapes_as_it_was(message: str) -> None:
    (line,) = render_github([said(message)]).splitlines()
    assert command(line)[2] == message


def test_hint_and_explaining_places_are_lines_of_the_message() -> None:
    found = Diagnostic(
        "RB302",
        CODES["RB302"].severity,
        "later",
        "a.yaml",
        HERE,
        (Related(Span(8, 1, 8, 2), "it is"),),
        "move it",
    )
    (line,) = render_github([found]).splitlines()
    assert command(line)[2] == "later\nit is at line 8\nhint: move it"


def test_several_lines_have_no_columns() -> None:
    """The runner drops columns between different lines."""
    (line,) = render_github([said(span=Span(3, 4, 5, 9))]).splitlines()
    assert command(line)[1] == {"file": "a.yaml", "line": "3", "endLine": "5", "title": "RB501"}


def test_a_message_cannot_begin_a_command_of_its_own() -> None:
    rendered = render_github([said("x\n::set-env name=PATH::y\r::stop-commands::z\x85\u2028::w\x1b[2J")])
    assert rendered.count("\n") == 1
    assert all(char.isprintable() for char in rendered.rstrip("\n"))


def test_nothing_wrong_is_no_command() -> None:
    assert render_github([]) == ""


def test_a_hint_of_several_lines_keeps_them() -> None:
    found = replace(said(), hint="write\n  steps:")
    assert command(render_github([found]).rstrip("\n"))[2] == "it is wrong\nhint: write\n  steps:"
