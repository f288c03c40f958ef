"""The hosts' SSH servers, spoken to by a client that knows nothing of how they are made."""

from __future__ import annotations

import threading
from pathlib import Path

import paramiko
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from devtools.demo.process import Demo
from tests.devtools.support import Outcome, alive, connect, run, until

MEGABYTES_5 = 5_000_000


def session(client: paramiko.SSHClient) -> paramiko.Channel:
    transport = client.get_transport()
    assert transport is not None
    return transport.open_session(timeout=10)


def test_each_host_shows_the_key_that_known_hosts_has_for_it(hosts: Demo) -> None:
    known = paramiko.HostKeys(str(hosts.state / "known_hosts"))
    shown = set()
    for name, port in zip(hosts.hosts, hosts.ssh_ports, strict=True):
        with connect(hosts, name) as client:
            transport = client.get_transport()
            assert transport is not None
            key = transport.get_remote_server_key()
            assert key.get_name() == "ssh-ed25519"
            assert known.check(f"[127.0.0.1]:{port}", key)
            shown.add(key.get_base64())
    assert len(shown) == 3


def test_a_client_that_expects_another_host_key_turns_away(hosts: Demo) -> None:
    port, other = hosts.ssh_ports[:2]
    known = paramiko.HostKeys(str(hosts.state / "known_hosts"))
    with paramiko.SSHClient() as client:
        client.get_host_keys().add(
            f"[127.0.0.1]:{port}", "ssh-ed25519", known[f"[127.0.0.1]:{other}"]["ssh-ed25519"]
        )
        with pytest.raises(paramiko.BadHostKeyException):
            client.connect("127.0.0.1", port, "demo", key_filename=str(hosts.state / "id_ed25519"))


def test_a_wrong_key_is_refused(hosts: Demo, tmp_path: Path) -> None:
    stranger = tmp_path / "id_ed25519"
    stranger.write_bytes(
        Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    )
    with pytest.raises(paramiko.AuthenticationException):
        connect(hosts, "web1", key=stranger)


def test_a_hosts_own_key_does_not_log_in(hosts: Demo) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(hosts, "web1", key=hosts.state / "hosts/web1/ssh_host_ed25519_key")


def test_another_user_is_refused_even_with_the_right_key(hosts: Demo) -> None:
    with pytest.raises(paramiko.AuthenticationException):
        connect(hosts, "web1", user="root")


def test_a_password_is_not_even_asked_for(hosts: Demo) -> None:
    with paramiko.SSHClient() as client:
        client.load_host_keys(str(hosts.state / "known_hosts"))
        with pytest.raises(paramiko.BadAuthenticationType) as refused:
            client.connect(
                "127.0.0.1",
                hosts.ssh_ports[0],
                "demo",
                password="demo",
                allow_agent=False,
                look_for_keys=False,
            )
    assert refused.value.allowed_types == ["publickey"]


def test_stdin_stdout_and_stderr_are_three_streams(web1: paramiko.SSHClient) -> None:
    assert run(web1, "cat; echo wrong >&2", b"in\0put") == Outcome(0, b"in\0put", b"wrong\n")


@pytest.mark.parametrize(
    ("command", "status"),
    [("true", 0), ("exit 1", 1), ("exit 255", 255), ("no-such-program", 127), ("kill -9 $$", 137)],
)
def test_the_exit_status_arrives(web1: paramiko.SSHClient, command: str, status: int) -> None:
    assert run(web1, command).status == status


def test_a_command_that_cannot_be_started_says_so(web1: paramiko.SSHClient) -> None:
    outcome = run(web1, "echo \0")
    assert (outcome.status, outcome.stderr) == (
        126,
        b"the command cannot be started: embedded null byte\n",
    )


def test_commands_that_end_at_once_are_all_heard(web1: paramiko.SSHClient) -> None:
    # A command with a zero byte is the quickest there is: it ends before a process was made for it.
    assert {run(web1, "\0").status for _ in range(100)} == {126}
    assert [run(web1, f"exit {number}").status for number in range(40)] == list(range(40))


def test_five_megabytes_out_on_both_streams_and_five_in_do_not_jam(web1: paramiko.SSHClient) -> None:
    command = f"head -c {MEGABYTES_5} /dev/zero >&2 & head -c {MEGABYTES_5} /dev/zero & wc -c; wait"
    outcome = run(web1, f"exec 3<&0; ({command}) <&3", bytes(MEGABYTES_5))
    assert outcome.status == 0
    assert outcome.stderr.count(0) == MEGABYTES_5
    assert outcome.stdout.count(0) == MEGABYTES_5
    assert outcome.stdout.replace(b"\0", b"").strip() == str(MEGABYTES_5).encode()


def test_input_that_the_command_does_not_read_holds_nothing_up(web1: paramiko.SSHClient) -> None:
    # This client writes everything before it reads anything, as simple ones do.
    with session(web1) as channel:
        channel.settimeout(10)
        channel.exec_command(f"exec <&-; head -c {MEGABYTES_5} /dev/zero; exit 4")
        channel.sendall(bytes(MEGABYTES_5))
        channel.shutdown_write()
        assert sum(map(len, iter(lambda: channel.recv(65536), b""))) == MEGABYTES_5
        assert channel.recv_exit_status() == 4


def test_commands_on_one_connection_run_at_the_same_time(web1: paramiko.SSHClient) -> None:
    # Each waits for the file that the next one makes: run one after another, the first would wait for ever.
    commands = [
        f"rm -f {number}.here; touch {number}.there; "
        f"until [ -e {(number + 1) % 4}.there ]; do sleep 0.02; done; echo {number}"
        for number in range(4)
    ]
    outcomes: dict[int, Outcome] = {}

    def note(number: int) -> None:
        outcomes[number] = run(web1, commands[number])

    threads = [threading.Thread(target=note, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {number: outcome.stdout for number, outcome in outcomes.items()} == {
        number: f"{number}\n".encode() for number in range(4)
    }


@pytest.mark.parametrize("deaf", ["", "trap '' TERM HUP INT; "], ids=["obedient", "deaf"])
@pytest.mark.parametrize("hang_up", ["channel", "connection"])
def test_a_client_that_hangs_up_ends_the_whole_process_group(hosts: Demo, deaf: str, hang_up: str) -> None:
    with connect(hosts, "web1") as client:
        channel = session(client)
        channel.settimeout(10)
        channel.exec_command(f"{deaf}sleep 600 & echo $$ $!; wait; wait")
        processes = [int(word) for word in channel.makefile().readline().split()]
        assert all(alive(process) for process in processes)
        if hang_up == "channel":
            channel.close()
            until(lambda: not any(alive(process) for process in processes))
    until(lambda: not any(alive(process) for process in processes))


def test_a_command_knows_its_host_and_starts_at_that_hosts_home(hosts: Demo) -> None:
    for name in hosts.hosts:
        with connect(hosts, name) as client:
            outcome = run(client, "echo $STANCH_DEMO_HOST; echo $STANCH_DEMO_STATE; pwd; echo $HOME")
        home = hosts.state / "hosts" / name / "home"
        assert outcome.stdout.decode().splitlines() == [name, str(hosts.state), str(home), str(home)]


def test_a_shell_a_terminal_and_a_subsystem_are_refused(web1: paramiko.SSHClient) -> None:
    for ask in (
        paramiko.Channel.invoke_shell,
        paramiko.Channel.get_pty,
        lambda channel: channel.invoke_subsystem("sftp"),
    ):
        with session(web1) as channel, pytest.raises(paramiko.SSHException):
            ask(channel)


def test_one_channel_runs_one_command(web1: paramiko.SSHClient) -> None:
    with session(web1) as channel:
        channel.exec_command("sleep 600")
        with pytest.raises(paramiko.SSHException):
            channel.exec_command("true")
