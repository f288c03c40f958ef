"""docs/cli.md shows every command with the help that it really prints.

`UPDATE_GOLDEN=1 pytest tests/cli/test_docs.py` puts today's help into the page.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
import pytest

from stanch.cli.exits import DONE, INTERRUPTED, NO, UNREACHABLE, USAGE
from stanch.cli.main import COMMANDS, stanch
from tests.cli.processes import stanch as run_stanch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
SECTION = re.compile(r"^## `stanch (\S+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
HELP = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def help_of(command: click.Command) -> str:
    """As a terminal of 80 columns shows it."""
    group = click.Context(stanch, info_name="stanch", terminal_width=78, **stanch.context_settings)
    if command is stanch:
        return group.get_help() + "\n"
    return click.Context(command, info_name=command.name, parent=group).get_help() + "\n"


def sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def test_the_page_has_a_section_for_each_command_in_the_order_of_the_help() -> None:
    assert list(sections()) == [command.name for command in COMMANDS]
    assert [command.name for command in COMMANDS] == stanch.list_commands(click.Context(stanch))


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_section_shows_the_help_that_its_command_prints(command: click.Command) -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = SECTION.search(page, page.index(f"## `stanch {command.name}`"))
    assert section
    shown = HELP.search(section.group(2))
    assert shown, "no ```text block with its help"
    if os.environ.get("UPDATE_GOLDEN"):
        begin = section.start(2)
        page = page[: begin + shown.start(1)] + help_of(command) + page[begin + shown.end(1) :]
        PAGE.write_text(page, encoding="utf-8")
    assert HELP.findall(sections()[str(command.name)])[0] == help_of(command)


@pytest.mark.parametrize("command", [stanch, *COMMANDS], ids=lambda command: command.name)
def test_help_fits_a_narrow_terminal(command: click.Command) -> None:
    assert max(map(len, help_of(command).splitlines())) <= 80


def test_the_program_itself_prints_the_same_help() -> None:
    assert run_stanch("check", "--help", COLUMNS="80").stdout == help_of(COMMANDS[0])


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_says_what_it_does_in_a_sentence_that_the_list_shows_whole(
    command: click.Command,
) -> None:
    assert not command.get_short_help_str(62).endswith("...")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_option_is_explained(command: click.Command) -> None:
    silent = [one.name for one in command.params if isinstance(one, click.Option) and not one.help]
    assert silent == []


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_every_command_can_print_json(command: click.Command) -> None:
    assert "--json" in {name for one in command.params for name in one.opts}


def test_the_page_has_each_exit_status() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(status) for status in table] == [DONE, NO, USAGE, UNREACHABLE, INTERRUPTED]
