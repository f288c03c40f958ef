"""How the demo comes up, why it may not, and that nothing of it is left afterwards."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from devtools.demo.process import CHECKOUT, Demo, DidNotStart, command, running_demo
from devtools.demo.release import BAD, GOOD
from tests.devtools.support import alive, connect, run_on, until
from tests.support.process import ending


def refused(state: Path, *options: str, under: tuple[str, ...] = ()) -> str:
    """What a demo that cannot start says; it has to exit with 3 and keep stdout to itself."""
    ended = subprocess.run(
        [*under, *command(state, *options)],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (3, "")
    return ended.stderr


def no_room(state: Path, reason: str) -> str:
    return f"the demo cannot keep its state in `{state}`: {reason}; choose another directory with --state\n"


@pytest.fixture
def taken() -> Iterator[tuple[int, int]]:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        yield one.getsockname()[1], two.getsockname()[1]


def test_the_ready_line_tells_where_everything_really_is(demo: Demo) -> None:
    assert demo.hosts == ("web1", "web2", "web3")
    assert demo.service == "checkout"
    assert demo.ssh_config == demo.state / "ssh_config"
    assert httpx.get(f"{demo.http}/health").status_code == 200
    for port in demo.ssh_ports:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            assert connection.recv(8) == b"SSH-2.0-"


def test_the_private_key_is_for_its_owner_only(demo: Demo) -> None:
    assert (demo.state / "id_ed25519").stat().st_mode & 0o777 == 0o600


def test_every_taken_port_is_named_with_the_option_that_changes_it(
    tmp_path: Path, taken: tuple[int, int]
) -> None:
    http, ssh = taken
    said = refused(tmp_path / "state", "--http-port", str(http), "--ssh-ports", f"0,{ssh},0")
    assert said == (
        f"port {http} is taken on 127.0.0.1; choose another with --http-port\n"
        f"port {ssh} is taken on 127.0.0.1; choose another with --ssh-ports\n"
    )


def test_one_taken_port_is_one_line(tmp_path: Path, taken: tuple[int, int]) -> None:
    said = refused(tmp_path / "state", "--http-port", str(taken[0]))
    assert said == f"port {taken[0]} is taken on 127.0.0.1; choose another with --http-port\n"


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    state = tmp_path / "file" / "state"
    assert refused(state) == no_room(state, "Not a directory")


def test_a_disk_that_takes_nothing_is_one_line(tmp_path: Path) -> None:
    state = tmp_path / "state"
    said = refused(state, under=("/bin/sh", "-c", 'ulimit -f 0; exec "$@"', "sh"))
    assert said == no_room(state, "File too large")


def test_two_demos_never_share_a_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with running_demo(state, "--load", "0"):
        pass
    with running_demo(state, "--load", "0") as demo:
        assert refused(state) == (
            f"a demo already runs on `{state}` (process {demo.process.pid}); "
            "stop it or choose another directory with --state\n"
        )
        assert httpx.get(f"{demo.http}/health").status_code == 200


def test_a_host_whose_state_is_broken_is_named(tmp_path: Path) -> None:
    state = tmp_path / "state"
    current = state / "hosts/web2/current"
    current.parent.mkdir(parents=True)
    current.write_text("2026")
    assert refused(state) == f"`{current}` does not say which release runs; start again with --fresh\n"
    with running_demo(state, "--load", "0", "--fresh"):
        assert json.loads(current.read_text())["release"] == BAD


@pytest.mark.parametrize(
    "options",
    [
        ("--ssh-ports", "1,2"),
        ("--ssh-ports", "1,2,x"),
        ("--ssh-ports", "1,2,65536"),
        ("--service", "Check out"),
        ("--service", "health"),
        ("--window", "0"),
    ],
)
def test_wrong_usage_is_told_from_what_the_machine_refuses(tmp_path: Path, options: tuple[str, str]) -> None:
    expected = pytest.raises(DidNotStart, match=f"Invalid value for '{options[0]}'")
    with expected, running_demo(tmp_path / "state", *options):
        pass


def test_what_runs_and_the_keys_outlive_a_restart_unless_it_is_fresh(tmp_path: Path) -> None:
    state = tmp_path / "state"
    keys = [state / "id_ed25519", state / "hosts/web1/ssh_host_ed25519_key"]
    with running_demo(state, "--load", "0") as first:
        run_on(first, "web1", "deploy rollback checkout")
        made = [key.read_bytes() for key in keys]
    with running_demo(state, "--load", "0") as second:
        assert json.loads(run_on(second, "web1", "deploy current checkout --json").stdout)["release"] == GOOD
        assert [key.read_bytes() for key in keys] == made
    with running_demo(state, "--load", "0", "--fresh") as third:
        assert json.loads(run_on(third, "web1", "deploy current checkout --json").stdout)["previous"] == GOOD
        assert not (state / "hosts/web1/deploys.log").exists()
        assert [key.read_bytes() for key in keys] == made


def test_the_same_ports_can_be_had_again_at_once(tmp_path: Path) -> None:
    with running_demo(tmp_path / "state") as first:
        until(lambda: httpx.get(f"{first.http}/health").json()["requests"] > 0)
        http = first.http.rpartition(":")[2]
        ssh = ",".join(map(str, first.ssh_ports))
        run_on(first, "web1", "true")
    with running_demo(tmp_path / "state", "--http-port", http, "--ssh-ports", ssh) as second:
        assert (second.http, second.ssh_ports) == (first.http, first.ssh_ports)


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, "stdin"])
def test_it_stops_promptly_and_leaves_no_process(tmp_path: Path, how: signal.Signals | str) -> None:
    with running_demo(tmp_path / "state") as demo, connect(demo, "web1") as client:
        # The hard cases: one command that will not end when asked, one that has left its process group.
        _, deaf, _ = client.exec_command("trap '' TERM; echo $$; while :; do sleep 1; done")
        leave = "import os, time; os.setsid(); print(os.getpid(), flush=True); time.sleep(600)"
        _, left, _ = client.exec_command(f"({sys.executable} -c '{leave}' & wait)")
        processes = [int(deaf.readline()), int(left.readline())]
        assert all(alive(process) for process in processes)

        told = time.monotonic()
        if isinstance(how, signal.Signals):
            demo.process.send_signal(how)
        else:
            assert demo.process.stdin is not None
            demo.process.stdin.close()
        assert demo.process.wait(60) == 0
        assert time.monotonic() - told < 10
        until(lambda: not any(alive(process) for process in processes), within=1)


def test_without_the_option_the_end_of_stdin_means_nothing(tmp_path: Path) -> None:
    with ending(
        subprocess.Popen(
            command(tmp_path / "state", "--load", "0"),
            cwd=CHECKOUT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
    ) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["http"]
        assert httpx.get(f"{url}/health").status_code == 200
        process.terminate()
        assert process.wait(5) == 0
