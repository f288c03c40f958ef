"""Diagnostics as workflow commands of GitHub Actions, which become annotations beside the lines.

The escapes are those of the runner (`src/Runner.Common/ActionCommand.cs` of github:actions/runner). It takes
columns only where an annotation begins and ends in one line.
"""

from __future__ import annotations

from collections.abc import Iterable

from stanch.language.diagnostics import Diagnostic
from stanch.language.render.columns import safe

_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = _DATA | str.maketrans({":": "%3A", ",": "%2C"})


def render_github(diagnostics: Iterable[Diagnostic]) -> str:
    """A line a diagnostic: `::error file=F,line=1,endLine=1,col=2,endColumn=3,title=CODE::message`."""
    return "".join(f"{_command(diagnostic)}\n" for diagnostic in diagnostics)


def _command(diagnostic: Diagnostic) -> str:
    span = diagnostic.span
    properties = {"file": diagnostic.path, "line": span.line, "endLine": span.end_line}
    if span.line == span.end_line:
        properties |= {"col": span.column, "endColumn": span.end_column}
    properties["title"] = diagnostic.code
    said = [diagnostic.message]
    said += [f"{related.message} at line {related.span.line}" for related in diagnostic.related]
    said += f"hint: {diagnostic.hint}".split("\n") if diagnostic.hint else []
    written = ",".join(f"{name}={str(value).translate(_PROPERTY)}" for name, value in properties.items())
    message = "\n".join(map(safe, said)).translate(_DATA)
    return f"::{diagnostic.severity.value} {written}::{message}"
