"""docs/cli.md shows every command with the help that it really prints.

`UPDATE_GOLDEN=1 pytest tests/cli/test_docs.py` puts today's help into the page.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import click
import pytest

from stanch.cli.exits import DONE, INTERRUPTED, NO, UNREACHABLE, USAGE
from stanch.cli.main import COMMANDS, stanch
from tests.cli.processes import stanch as run_stanch

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cli.md"
SECTION = re.compile(r"^## `stanch ([^`]+)`\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
HELP = re.compile(r"^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def leaves(commands: Iterable[click.Command]) -> Iterator[tuple[str, click.Command]]:
    """Every command that does something, by the words that name it: `incident hold` and not `incident`."""
    for command in commands:
        if isinstance(command, click.Group):
            yield from ((f"{command.name} {name}", each) for name, each in leaves(command.commands.values()))
        else:
            yield str(command.name), command


LEAVES = dict(leaves(COMMANDS))
named = pytest.mark.parametrize("name", LEAVES)


def help_of(name: str) -> str:
    """As a terminal of 80 columns shows it; that of the whole program for no name."""
    context = click.Context(stanch, info_name="stanch", terminal_width=78, **stanch.context_settings)
    command: click.Command = stanch
    for word in name.split():
        assert isinstance(command, click.Group)
        command = command.commands[word]
        context = click.Context(command, info_name=word, parent=context)
    return command.get_help(context) + "\n"


def sections() -> dict[str, str]:
    return dict(SECTION.findall(PAGE.read_text(encoding="utf-8")))


def test_the_page_has_a_section_for_each_command_in_the_order_of_the_help() -> None:
    assert list(sections()) == list(LEAVES)
    assert [command.name for command in COMMANDS] == stanch.list_commands(click.Context(stanch))


@named
def test_a_section_shows_the_help_that_its_command_prints(name: str) -> None:
    page = PAGE.read_text(encoding="utf-8")
    section = SECTION.search(page, page.index(f"## `stanch {name}`"))
    assert section
    shown = HELP.search(section.group(2))
    assert shown, "no ```text block with its help"
    if os.environ.get("UPDATE_GOLDEN"):
        begin = section.start(2)
        page = page[: begin + shown.start(1)] + help_of(name) + page[begin + shown.end(1) :]
        PAGE.write_text(page, encoding="utf-8")
    assert HELP.findall(sections()[name])[0] == help_of(name)


def test_the_help_lists_each_command_once_under_what_one_wants_to_do() -> None:
    listed = re.findall(r"^  ([a-z]+)  +[A-Z]", help_of(""), re.MULTILINE)
    assert listed == [command.name for command in COMMANDS]
    parts = re.split(r"^(\S.*):$", help_of(""), flags=re.MULTILINE)
    held = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert "  approve " in held["Answer what a run asks"]
    assert "  pause " in held["Stop a run, or turn it"]
    assert "  undo " in held["Stop a run, or turn it"]


@named
def test_whatever_is_signed_can_be_signed_with_a_printed_code(name: str) -> None:
    unsigned = {"check", "fmt", "plan", "rehearse", "up", "run", "runs", "show", "watch", "leases"}
    unsigned |= {"incident list", "incident show"}
    takes = "--code" in {word for one in LEAVES[name].params for word in one.opts}
    assert takes == (name not in {*unsigned, "key", "codes", "trust", "incident trust"})


@pytest.mark.parametrize("name", ["", "incident", *LEAVES])
def test_help_fits_a_narrow_terminal(name: str) -> None:
    assert max(map(len, help_of(name).splitlines())) <= 80


def test_the_program_itself_prints_the_same_help() -> None:
    assert run_stanch("check", "--help", COLUMNS="80").stdout == help_of("check")


@pytest.mark.parametrize("command", [*COMMANDS, *LEAVES.values()], ids=lambda command: command.name)
def test_every_command_says_what_it_does_in_a_sentence_that_the_list_shows_whole(
    command: click.Command,
) -> None:
    assert not command.get_short_help_str(62).endswith("...")


@named
def test_every_option_is_explained(name: str) -> None:
    silent = [one.name for one in LEAVES[name].params if isinstance(one, click.Option) and not one.help]
    assert silent == []


@named
def test_every_command_can_print_json(name: str) -> None:
    assert "--json" in {word for one in LEAVES[name].params for word in one.opts}


def test_the_page_has_each_exit_status() -> None:
    table = re.findall(r"^\| (\d+) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert [int(status) for status in table] == [DONE, NO, USAGE, UNREACHABLE, INTERRUPTED]
