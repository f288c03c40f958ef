"""How a command ends, and what it says then."""

from __future__ import annotations

import errno
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import click
import pytest

from stanch import errors
from stanch.cli import exits
from stanch.cli.main import stanch as group
from tests.cli.processes import STANCH, bare_environment, stanch

NOBODY = "127.0.0.1:1"
"""Nothing listens there."""


def ending(error: BaseException) -> click.Group:
    """A command line whose one command ends with `error`."""

    @click.command("end")
    def end() -> NoReturn:
        raise error

    return click.Group(commands=[end])


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (errors.InvalidInput("no"), 2),
        (errors.InvalidRunbook("no"), 1),
        (errors.IllegalDecision("no"), 1),
        (errors.ActionRefused("no"), 1),
        (errors.Unreachable("no"), 3),
        (errors.OutcomeUnknown("no"), 3),
        (errors.EngineUnavailable("no"), 3),
        (errors.EvaluationError("no"), 1),
    ],
)
def test_the_family_of_an_error_decides_the_status(
    error: errors.StanchError, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits.run(ending(error), ["end"]) == status
    assert capsys.readouterr() == ("", "error: no\n")


def test_every_family_has_a_status() -> None:
    def below(family: type[errors.StanchError]) -> list[type[errors.StanchError]]:
        return [family, *(found for child in family.__subclasses__() for found in below(child))]

    missing = [
        family.__name__
        for family in below(errors.StanchError)[1:]
        if not any(parent in exits.STATUS for parent in family.__mro__)
    ]
    assert missing == []


@pytest.mark.parametrize("error", [KeyboardInterrupt(), click.Abort()])
def test_an_interruption_ends_with_130(error: BaseException) -> None:
    assert exits.run(ending(error), ["end"]) == 130


def test_a_bug_shows_its_traceback_and_ends_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.run(ending(ZeroDivisionError("oops")), ["end"]) == 1
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert said.endswith("error: this is a bug in Stanch; please report the lines above\n")


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "/var/x")
    assert exits.run(ending(full), ["end"]) == 3
    assert capsys.readouterr().err == "error: No space left on device: `/var/x`\n"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["chck"], "error: no such command `chck`; did you mean `check`?\n"),
        (["runz"], "error: no such command `runz`; did you mean one of `run`, `runs`?\n"),
        (["zzz"], "error: no such command `zzz`; see `stanch --help`\n"),
        (["check", "--strickt"], "error: no such option `--strickt`; did you mean `--strict`?\n"),
        (["approve"], "error: missing argument `RUN`; see `stanch approve --help`"),
        (["deny", "x"], "error: missing option `--reason`; see `stanch deny --help`"),
        (["decide", "x", "approve", "--reason", "y"], "`approve` is not one of"),
        (["up", "--approve"], "needs `--demo`"),
        (["up", "--ssh-ports", "1,2"], "`1,2` is not three ports with commas between them"),
        (["up", "--ssh-ports", "1,2,x"], "`x` is not a port"),
        (["up", "--ui-port", "70000"], "`70000` is not a port"),
        (["run", "x", "--severity", "SEV9"], "`SEV9` is not one of"),
        (["check", "lost.yaml"], "error: there is no file or folder `lost.yaml`"),
        (["plan", "lost.yaml"], "error: there is no runbook file `lost.yaml`"),
        (["plan", "rollback-relase"], "did you mean `rollback-release`?"),
        (["run", "rollback-release", "-i", "service"], "`service` is not an input such as"),
        (["run", "rollback-release", "-i", "service=checkout"], "input `hosts` is missing"),
        (["run", "rollback-release", "-i", "servce=a"], "has no input `servce`"),
    ],
)
def test_wrong_usage_is_one_line_and_ends_with_2(
    arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exits.run(group, arguments) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert told.err.startswith("error: ")
    assert says in told.err
    assert told.err.count("\n") == 1


def test_no_command_at_all_shows_what_there_is(capsys: pytest.CaptureFixture[str]) -> None:
    assert exits.run(group, []) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "Answer what a run asks:" in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ["runs"],
        ["show", "x"],
        ["watch", "x"],
        ["approve", "x"],
        ["deny", "x", "--reason", "y"],
        ["decide", "x", "retry", "--reason", "y"],
        ["abort", "x", "--reason", "y"],
        ["run", "rollback-release", "-i", "service=checkout", "-i", "hosts=web1"],
    ],
)
def test_without_temporal_one_line_says_what_to_do_and_the_status_is_3(arguments: list[str]) -> None:
    ended = stanch(*arguments, STANCH_TEMPORAL_ADDRESS=NOBODY)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == (
        f"error: cannot reach Temporal at {NOBODY}; start it with `stanch up`, "
        "or name another with STANCH_TEMPORAL_ADDRESS\n"
    )


def test_a_configuration_that_does_not_fit_ends_with_2(tmp_path: Path) -> None:
    (tmp_path / "stanch.yaml").write_text("gatway: {}\n")
    ended = stanch("runs", cwd=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: the configuration `stanch.yaml` does not fit\n")
    assert "did you mean `gateway`?" in ended.stderr


def test_output_that_cannot_be_written_is_told_and_ends_with_3() -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [STANCH, "--version"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=bare_environment(),
        )
    assert ended.returncode == 3
    # Which write is the first to fail is up to Python.
    assert re.fullmatch(r"error: (cannot write the output: )?No space left on device\n", ended.stderr)


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """The pipe's other end is closed before the first line comes."""
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as nowhere:
        ended = subprocess.run(
            [STANCH, "check", "--json"],
            stdout=nowhere,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=bare_environment(),
        )
    assert "Traceback" not in ended.stderr
    assert "error" not in ended.stderr


def test_ctrl_c_ends_with_130_and_says_nothing_more() -> None:
    """While it waits for a Temporal that accepts the connection and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        address = f"127.0.0.1:{deaf.getsockname()[1]}"
        process = subprocess.Popen(
            [STANCH, "runs"],
            stderr=subprocess.PIPE,
            text=True,
            env=bare_environment(STANCH_TEMPORAL_ADDRESS=address),
        )
        deaf.settimeout(30)
        deaf.accept()[0].close()
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert (process.returncode, said.strip()) == (130, "")


def test_help_costs_no_heavy_import() -> None:
    """`temporalio` alone takes four times as long as all of `stanch --help`."""
    light = "import sys, stanch.cli.main; print(*sorted(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", light], check=True, capture_output=True, text=True).stdout
    heavy = {"asyncio", "httpx", "pydantic", "stanch.contract", "starlette", "temporalio", "yaml"}
    assert heavy & set(loaded.split()) == set()
