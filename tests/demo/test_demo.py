"""`stanch up --demo`, for real: what a stranger sees after one command, and what is left of it."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from tests.cli.processes import STANCH, bare_environment, stanch

pytestmark = [pytest.mark.timeout(300), pytest.mark.xdist_group("demo")]

CHECKOUT = Path(__file__).resolve().parents[2]
FREE = [
    "--temporal-port",
    "0",
    "--ui-port",
    "0",
    "--gateway-port",
    "0",
    "--demo-port",
    "0",
    "--ssh-ports",
    "0",
]
HOSTS = ("web1", "web2", "web3")
MARK = "STANCH_TEST_DEMO"
"""In the environment of everything that one `up` starts, however deep."""


def marked(value: str) -> list[psutil.Process]:
    """The processes, zombies aside, that were started with `MARK=value`."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == value and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def none_left(value: str) -> bool:
    deadline = time.monotonic() + 20
    while (left := marked(value)) and time.monotonic() < deadline:
        time.sleep(0.1)
    return left == []


def deploys(state: Path) -> dict[str, list[str]]:
    """By host: the commands that switched its release."""
    logs = {host: state / "demo" / "hosts" / host / "deploys.log" for host in HOSTS}
    return {
        host: [json.loads(line)["command"] for line in log.read_text().splitlines()] if log.exists() else []
        for host, log in logs.items()
    }


class Up:
    """A `stanch up` that goes on; `until` reads what it says on stdout."""

    def __init__(self, *arguments: str, state: Path, **environment: str) -> None:
        self.mark = f"{state}-{time.monotonic_ns()}"
        self.lines: list[str] = []
        self.errors = (state.parent / f"{state.name}.stderr").open("w+")
        self.process = subprocess.Popen(
            [STANCH, "up", *FREE, "--state", state, *arguments],
            cwd=CHECKOUT,
            env=bare_environment(**{MARK: self.mark}, **environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.errors,
            text=True,
        )

    def until(self, holds: Callable[[str], object]) -> str:
        """The first line for which it holds."""
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))
            if holds(self.lines[-1]):
                return self.lines[-1]
        raise AssertionError(f"it ended: {self.said()}\n" + "\n".join(self.lines))

    def end(self, number: signal.Signals) -> int:
        self.process.send_signal(number)
        return self.process.wait(60)

    def said(self) -> str:
        self.errors.seek(0)
        return self.errors.read()


@contextlib.contextmanager
def running(*arguments: str, state: Path, **environment: str) -> Iterator[Up]:
    up = Up(*arguments, state=state, **environment)
    try:
        yield up
    finally:
        up.process.kill()
        up.process.wait()
        if up.process.stdout:
            up.process.stdout.close()
        up.errors.close()
        assert none_left(up.mark)


def test_the_unattended_demo_rolls_every_host_back_once_also_the_second_time(tmp_path: Path) -> None:
    state = tmp_path / "state"
    for turn in ("first", "second"):
        ended = stanch(
            "up",
            "--demo",
            "--approve",
            *FREE,
            "--state",
            state,
            cwd=CHECKOUT,
            seconds=200,
            **{MARK: f"{state}"},
        )
        assert ended.returncode == 0, f"{turn}: {ended.stdout}\n{ended.stderr}"
        assert {host: len(commands) for host, commands in deploys(state).items()} == dict.fromkeys(HOSTS, 1)
        assert all("rollback" in commands[0] for commands in deploys(state).values())
        told = ended.stdout
        assert told.index("== ANSWER NEEDED ==") < told.index("approve by demo") < told.index("✓ succeeded")
        for said in ("deploy rollback checkout", "way back: deploy redeploy checkout 2026.11.2"):
            assert said in told
        assert re.search(r"^  automation +\d", told, re.MULTILINE)
        assert re.search(r"^  waiting for a person +\d", told, re.MULTILINE)
        assert "0% of the requests to checkout fail now" in ended.stderr
        assert none_left(f"{state}")


def test_the_printed_command_approves_when_it_is_pasted_into_another_terminal(tmp_path: Path) -> None:
    """Then everything stays up to be looked at, until Ctrl-C."""
    state = tmp_path / "state"
    with running("--demo", state=state) as up:
        printed = up.until(lambda line: re.search(r"^  .*stanch approve ", line)).strip()
        assert printed.startswith("STANCH_TEMPORAL_ADDRESS=127.0.0.1:")
        assert ".venv/bin/stanch approve rollback-release/" in printed
        assert deploys(state) == {host: [] for host in HOSTS}
        pasted = subprocess.run(
            ["sh", "-c", printed],
            cwd=CHECKOUT,
            env=bare_environment(),
            check=False,
            capture_output=True,
            text=True,
        )
        assert pasted.returncode == 0, pasted.stderr
        up.until(lambda line: line == "✓ succeeded")
        ui = next(line.split()[-1] for line in up.lines if line.startswith("Temporal Web UI"))
        assert httpx.get(ui, trust_env=False).status_code == 200
        assert up.process.poll() is None
        assert up.end(signal.SIGINT) == 130
        assert none_left(up.mark)
        assert "Traceback" not in up.said()


def test_a_run_that_an_earlier_demo_left_open_is_ended_by_the_next(tmp_path: Path) -> None:
    state = tmp_path / "state"
    runs = []
    for _ in range(2):
        with running("--demo", "--json", state=state) as up:
            asked = json.loads(up.until(lambda line: '"event": "request"' in line))
            assert asked["id"] == "roll_back"
            runs.append(asked["opened"])
            assert up.end(signal.SIGTERM) == 0
            assert none_left(up.mark)
    assert "which an earlier demo had left open" in (tmp_path / "state.stderr").read_text()
    assert runs[1] > runs[0]


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("up") / "state"


def up_event(up: Up) -> Any:
    return json.loads(up.until(lambda line: '"event": "up"' in line))


def test_without_the_demo_it_says_where_everything_is_and_stays(state: Path) -> None:
    with running("--json", state=state) as up:
        where = up_event(up)
        assert httpx.get(f"{where['gateway']}/readyz", trust_env=False).status_code == 200
        listed = stanch("runs", "--json", STANCH_TEMPORAL_ADDRESS=where["temporal"])
        assert (listed.returncode, json.loads(listed.stdout)) == (0, [])
        assert up.end(signal.SIGHUP) == 0
        assert none_left(up.mark)


def test_nothing_is_left_when_it_is_killed_without_a_chance_to_clean_up(state: Path) -> None:
    with running("--json", state=state) as up:
        up_event(up)
        assert len(marked(up.mark)) >= 4, "up, guard, temporal, worker"
        assert up.end(signal.SIGKILL) == -signal.SIGKILL
        assert none_left(up.mark)


def test_ctrl_c_while_it_starts_leaves_nothing(state: Path) -> None:
    with running("--json", state=state) as up:
        deadline = time.monotonic() + 30
        while len(marked(up.mark)) < 2:
            assert time.monotonic() < deadline
        assert up.end(signal.SIGINT) == 130
        assert none_left(up.mark)
        assert "Traceback" not in up.said()


def test_a_configured_temporal_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    ended = stanch("up", *FREE, "--state", tmp_path, STANCH_TEMPORAL_ADDRESS="127.0.0.1:1")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: cannot reach Temporal at 127.0.0.1:1; ")


def test_a_child_that_dies_takes_everything_down_with_its_last_words(state: Path) -> None:
    with running("--json", state=state) as up:
        up_event(up)
        worker = next(one for one in marked(up.mark) if any("worker.py" in word for word in one.cmdline()))
        worker.kill()
        assert up.process.wait(60) == 3
        last = up.said().splitlines()[-1]
        assert re.fullmatch(r"error: the worker was killed by signal 9: .* \(log: .*worker\.log\)", last)
        assert none_left(up.mark)


def test_a_second_one_on_the_same_state_is_refused(state: Path) -> None:
    with running("--json", state=state) as up:
        up_event(up)
        second = stanch("up", *FREE, "--state", state)
        assert (second.returncode, second.stdout) == (3, "")
        assert second.stderr == (
            f"error: `stanch up` already runs on `{state}` (process {up.process.pid}); stop it, "
            "or choose another folder with `--state`\n"
        )


@pytest.mark.parametrize(
    ("option", "arguments"),
    [
        ("--temporal-port", ["--temporal-port", "{port}"]),
        ("--ui-port", ["--ui-port", "{port}"]),
        ("--gateway-port", ["--gateway-port", "{port}"]),
        ("--demo-port", ["--demo", "--demo-port", "{port}"]),
        ("--ssh-ports", ["--demo", "--ssh-ports", "0,{port},0"]),
    ],
)
def test_a_taken_port_is_one_line_that_names_its_option(
    option: str, arguments: list[str], tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        chosen = [argument.format(port=port) for argument in arguments]
        ended = stanch("up", *FREE, *chosen, "--state", tmp_path)
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr == f"error: port {port} is taken on 127.0.0.1, choose another with `{option}`\n"


def test_a_missing_temporal_is_one_line(tmp_path: Path) -> None:
    ended = stanch("up", *FREE, "--state", tmp_path, STANCH_TEMPORAL_CLI="/nowhere/temporal")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.splitlines()[-1] == (
        "error: STANCH_TEMPORAL_CLI names `/nowhere/temporal`, and there is no such program"
    )


def test_a_checkout_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    ended = stanch("up", *FREE, "--state", tmp_path, STANCH_HOME=str(tmp_path))
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: cannot find worker.py (STANCH_HOME names ")


def test_a_state_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    ended = stanch("up", *FREE, "--state", tmp_path / "file" / "state")
    assert (ended.returncode, ended.stdout) == (3, "")
    assert ended.stderr.startswith("error: cannot keep state in ")


def test_a_broken_runbook_is_named_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text("runbook: x\n")
    ended = stanch("up", *FREE, "--state", tmp_path / "state", STANCH_RUNBOOKS=json.dumps([str(tmp_path)]))
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr == f"error: `{tmp_path / 'x.yaml'}` has errors; see `stanch check`\n"
    assert not (tmp_path / "state" / "log").exists()


def test_where_a_working_temporal_is_configured_none_is_embedded(state: Path, tmp_path: Path) -> None:
    with running("--json", state=state) as first:
        where = up_event(first)
        with running("--json", state=tmp_path / "other", STANCH_TEMPORAL_ADDRESS=where["temporal"]) as second:
            assert up_event(second)["temporal"] == where["temporal"]
            started = [word for one in marked(second.mark) for word in one.cmdline()]
            assert any("worker.py" in word for word in started)
            assert not any(Path(word).name == "temporal" for word in started)
