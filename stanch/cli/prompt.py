"""Questions at the terminal itself: values field by field, a text to confirm with, a checklist."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from stanch.cli.console import say
from stanch.cli.safe import one_line
from stanch.cli.values import describe_field, read_value
from stanch.language.evaluate import show
from stanch.language.inputs import check_values
from stanch.language.plan import Json


def at_a_terminal() -> bool:
    """Whether somebody is there to be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def typed(question: str, *, unseen: bool = False) -> str:
    """One line; Ctrl-C and Ctrl-D end the command."""
    import click

    line: str = click.prompt(question, default="", show_default=False, err=True, hide_input=unseen)
    return line


def all_true() -> bool:
    """Whether the whole checklist that was just shown is."""
    import click

    return click.confirm("Is every line of the checklist true?", default=False, err=True)


def ask_values(fields: Mapping[str, Json]) -> dict[str, Json]:
    """A value for each field, asked until it fits. One with a default may be left empty."""
    values: dict[str, Json] = {}
    for name, schema in fields.items():
        found = _asked(name, schema)
        if found is not None:
            values[name] = found.value
    return values


class _Typed:
    """A value, which may itself be None."""

    def __init__(self, value: Json) -> None:
        self.value = value


def _asked(name: str, schema: Json) -> _Typed | None:
    say("")
    say(f"{one_line(name)}: {one_line(describe_field(schema))}")
    choices = schema.get("enum")
    for number, choice in enumerate(choices or (), 1):
        say(f"  {number}) {one_line(show(choice))}")
    while True:
        line = typed(one_line(name))
        if not line and "default" in schema:
            return None
        value = _picked(schema, line)
        wrong = check_values("field", {name: schema}, {name: value})
        if not wrong:
            return _Typed(value)
        say("; ".join(map(one_line, wrong)))


def _picked(schema: Json, line: str) -> Json:
    """The value of the line; where there are choices, their number does as well, unless it is one of them."""
    value = read_value(schema, line)
    choices = schema.get("enum")
    if (
        choices
        and value not in choices
        and line.isascii()
        and line.isdigit()
        and 0 < int(line) <= len(choices)
    ):
        return choices[int(line) - 1]
    return value
