"""How a host is reached, recognised and logged in to; how long a connection lives."""

from __future__ import annotations

import asyncio
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from paramiko import HostKeys

from activities.action import Context
from activities.ssh import SshAction
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from tests.activities.conftest import Beats
from tests.support.sshd import Farm, start_sshd, unused_port

WHERE = {"script": 'echo "$STANCH_HOST"'}
HOSTS = ["web1", "web2", "web3"]


@pytest.fixture
async def ssh(farm: Farm) -> AsyncIterator[SshAction]:
    action = SshAction(farm.config_file)
    yield action
    await action.close()


def to(*hosts: str, **params: Any) -> dict[str, Any]:
    return {"hosts": list(hosts), **(params or WHERE)}


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def shell(command: str) -> None:
    subprocess.run(["/bin/sh", "-c", command], check=True, capture_output=True, timeout=20)


# --- is it the host we know? -------------------------------------------------------------------------------

BASE = """\
Host web1
    HostName 127.0.0.1
    Port {port1}
    User {user}
    IdentityFile {key}
    IdentitiesOnly yes
    GlobalKnownHostsFile none
"""


async def test_an_unknown_host_key_is_refused_and_never_added(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    known = tmp_path / "known"
    known.write_text("")
    logins = farm["web1"].logins()
    with pytest.raises(ActionRefused) as raised:
        await configured(f"{BASE}    StrictHostKeyChecking no\n    UserKnownHostsFile {known}\n").perform(
            to("web1"), context
        )
    said = str(raised.value)
    assert said.startswith(
        f"nothing was executed: `web1` (127.0.0.1:{farm['web1'].port}): its host key is unknown"
    )
    command = said.split("`")[-2]
    assert command == f"ssh-keyscan -p {farm['web1'].port} 127.0.0.1 >> {known}"
    assert known.read_text() == ""
    assert farm["web1"].logins() == logins

    # What the error says to do helps, without a new worker.
    shell(command)
    action = configured(f"{BASE}    UserKnownHostsFile {known}\n")
    assert (await action.perform(to("web1"), context))[0]["rc"] == 0


async def test_a_changed_host_key_is_refused_with_the_line_that_disagrees(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    known = tmp_path / "known"
    other = (farm["web2"].folder / "host_key.pub").read_text()
    known.write_text(f"# ours\n[127.0.0.1]:{farm['web1'].port} {other}")
    with pytest.raises(ActionRefused, match="its host key has CHANGED") as raised:
        await configured(f"{BASE}    UserKnownHostsFile {known}\n").perform(to("web1"), context)
    assert f"{known}:2 has SHA256:" in str(raised.value)


@pytest.mark.parametrize("hashes", [False, True])
async def test_a_new_host_is_accepted_once_where_the_configuration_says_so(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context, *, hashes: bool
) -> None:
    known = tmp_path / "folder" / "known"
    policy = (
        f"    StrictHostKeyChecking accept-new\n    HashKnownHosts {'yes' if hashes else 'no'}\n"
        f"    UserKnownHostsFile {known}\n"
    )
    for _ in range(2):
        results = await configured(f"{BASE}{policy}").perform(to("web1"), context)
        assert results[0]["stdout"] == "web1\n"
    (line,) = known.read_text().splitlines()
    assert line.startswith("|1|" if hashes else f"[127.0.0.1]:{farm['web1'].port} ")
    # OpenSSH reads it too.
    shell(f"ssh-keygen -F '[127.0.0.1]:{farm['web1'].port}' -f {known} | grep -q ssh-ed25519")

    # Another key of a host that is known is never accepted, nor one that was withdrawn.
    name = f"[127.0.0.1]:{farm['web1'].port}"
    key, other = ((farm[host].folder / "host_key.pub").read_text().strip() for host in ("web1", "web2"))
    for text, says in ((f"{name} {other}\n", "has CHANGED"), (f"@revoked * {key}\n", "`@revoked`")):
        known.write_text(text)
        with pytest.raises(ActionRefused, match=says):
            await configured(f"{BASE}{policy}").perform(to("web1"), context)
        assert known.read_text() == text


async def test_a_new_host_that_cannot_be_kept_is_refused(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    (tmp_path / "file").write_text("")
    policy = f"    StrictHostKeyChecking accept-new\n    UserKnownHostsFile {tmp_path}/file/known\n"
    with pytest.raises((ActionRefused, InvalidInput), match="Not a directory"):
        await configured(f"{BASE}{policy}").perform(to("web1"), context)


@pytest.mark.parametrize(
    "line",
    [
        "[127.0.0.1]:{port} {key}",
        "[127.0.0.*]:{port} {key}",
        "other.example.org,[127.0.0.1]:{port} {key}",
        "{hashed} {key}",
        "other.example.org,{hashed} {key}",
        "|1|broken|!!! {other}\n|1|||| {other}\n{hashed} {key}",
        "[127.0.0.1]:{port} {other}\n[127.0.0.1]:{port} {key}",
        "not a line\n[127.0.0.1]:{port} ssh-ed25519 !!!\n[127.0.0.1]:{port} {key}",
    ],
)
async def test_known_hosts_is_read_as_openssh_reads_it(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context, line: str
) -> None:
    known = tmp_path / "known"
    name = f"[127.0.0.1]:{farm['web1'].port}"
    key, other = ((farm[host].folder / "host_key.pub").read_text().strip() for host in ("web1", "web2"))
    known.write_text(
        line.format(port=farm["web1"].port, key=key, other=other, hashed=HostKeys.hash_host(name)) + "\n"
    )
    results = await configured(f"{BASE}    UserKnownHostsFile {known}\n").perform(to("web1"), context)
    assert results[0]["stdout"] == "web1\n"


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("[127.0.0.1]:{port} {key}\n@revoked * {key}", "@revoked"),
        ("[127.0.0.1]:{port} {key}\n@revoked {hashed} {key}", "@revoked"),
        ("[127.0.0.1]:{port} {key}\n@revoked [127.0.0.1]:{port} {key}", "@revoked"),
        ("@cert-authority * {key}", "unknown"),
        ("!*,[127.0.0.1]:{port} {key}", "unknown"),
        ("127.0.0.1 {key}", "unknown"),
    ],
)
async def test_a_key_that_openssh_would_not_take_is_refused(
    farm: Farm,
    configured: Callable[[str], SshAction],
    tmp_path: Path,
    context: Context,
    line: str,
    says: str,
) -> None:
    known = tmp_path / "known"
    key = (farm["web1"].folder / "host_key.pub").read_text().strip()
    port = farm["web1"].port
    known.write_text(line.format(port=port, key=key, hashed=HostKeys.hash_host(f"[127.0.0.1]:{port}")) + "\n")
    with pytest.raises(ActionRefused, match=says):
        await configured(f"{BASE}    UserKnownHostsFile {known}\n").perform(to("web1"), context)


async def test_a_known_hosts_file_that_was_mended_counts_at_once(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    known, port = tmp_path / "known", farm["web1"].port
    wrong, right = ((farm[host].folder / "host_key.pub").read_text() for host in ("web2", "web1"))
    action = configured(f"{BASE}    UserKnownHostsFile {known}\n")
    known.write_text(f"[127.0.0.1]:{port} {wrong}")
    with pytest.raises(ActionRefused, match="CHANGED"):
        await action.perform(to("web1"), context)
    known.write_text(f"[127.0.0.1]:{port} {right}")
    assert (await action.perform(to("web1"), context))[0]["rc"] == 0


async def test_a_host_is_known_under_its_alias(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    known = tmp_path / "known"
    known.write_text(f"first {(farm['web1'].folder / 'host_key.pub').read_text()}")
    config = f"{BASE}    HostKeyAlias first\n    UserKnownHostsFile {tmp_path}/none {known}\n"
    assert (await configured(config).perform(to("web1"), context))[0]["rc"] == 0


# --- is it there? ------------------------------------------------------------------------------------------


async def test_a_refused_port_is_unreachable_and_nothing_runs_anywhere(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    port = unused_port()
    action = configured(f"Host down\n    HostName 127.0.0.1\n    Port {port}\nInclude {farm.config_file}\n")
    with pytest.raises(Unreachable) as raised:
        await action.perform(to("web1", "down", "web2", script='touch "$HOME/was-here"'), context)
    assert str(raised.value) == (
        f"nothing was executed, because of 1 of 3 hosts: `down` (127.0.0.1:{port}): it refused the connection"
    )
    assert not any((farm[host].home / "was-here").exists() for host in HOSTS)


async def test_trying_again_is_left_out_if_it_cannot_help_with_every_host(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    action = configured(
        f"Host down\n    HostName 127.0.0.1\n    Port {unused_port()}\n"
        f"Host web2\n    UserKnownHostsFile none\nInclude {farm.config_file}\n"
    )
    with pytest.raises(ActionRefused, match="because of 2 of 2 hosts"):
        await action.perform(to("down", "web2"), context)


async def test_a_name_that_leads_nowhere_is_unreachable(ssh: SshAction, context: Context) -> None:
    with pytest.raises(Unreachable, match=r"the name `nowhere\.invalid` is not known"):
        await ssh.perform(to("nowhere.invalid"), context)


async def test_a_host_that_says_nothing_is_given_up(
    configured: Callable[[str], SshAction], context: Context
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        action = configured(f"Host mute\n    HostName 127.0.0.1\n    Port {port}\n    ConnectTimeout 1\n")
        before = time.monotonic()
        with pytest.raises(Unreachable, match=r"`mute` \(127.0.0.1:\d+\): it broke off while connecting"):
            await action.perform(to("mute"), context)
        assert time.monotonic() - before < 8


async def test_cancelling_while_connecting_sends_nothing(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        action = configured(
            f"Host mute\n    HostName 127.0.0.1\n    Port {port}\nInclude {farm.config_file}\n"
        )
        params = to("web1", "mute", script='touch "$HOME/cancelled"')
        logins = farm["web1"].logins()
        running = asyncio.create_task(action.perform(params, context))
        accepted, _ = await asyncio.to_thread(silent.accept)
        await until(lambda: farm["web1"].logins() > logins)
        with accepted:
            before = time.monotonic()
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            assert time.monotonic() - before < 8
    assert not (farm["web1"].home / "cancelled").exists()


# --- the configuration -------------------------------------------------------------------------------------


async def test_included_files_count_and_the_block_around_goes_on(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    (tmp_path / "part1.conf").write_text(f"Host first\n  Port {farm['web1'].port}\nHost second\n  Port 1\n")
    (tmp_path / "part2.conf").write_text(f"Host third\n  Port={farm['web3'].port}\n")
    action = configured(
        f"""
        Include {tmp_path}/part*.conf
        HostName 127.0.0.1
        Host *
            User {{user}}
            IdentityFile "{{key}}"
            UserKnownHostsFile {{known_hosts}}
        """
    )
    results = await action.perform(to("first", "third"), context)
    assert [each["stdout"] for each in results] == ["web1\n", "web3\n"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Host web1\n    Port twenty\n", "host `web1`: invalid literal"),
        ("nonsense\n", "Unparsable line nonsense"),
        ("Include {}/config\n", "include one another"),
        ("Host web1\n    ProxyJump a\nHost a\n    ProxyJump b\nHost b\n    ProxyJump a\n", "in a circle"),
    ],
)
async def test_a_configuration_that_makes_no_sense_is_named(
    configured: Callable[[str], SshAction], tmp_path: Path, context: Context, text: str, says: str
) -> None:
    with pytest.raises(InvalidInput, match=f"^SSH configuration {tmp_path}/config: ") as raised:
        await configured(text.replace("{}", str(tmp_path))).perform(to("web1"), context)
    assert says in str(raised.value)


async def test_a_configuration_that_is_not_there_is_named(tmp_path: Path, context: Context) -> None:
    action = SshAction(tmp_path / "none")
    with pytest.raises(InvalidInput, match=f"SSH configuration {tmp_path}/none: "):
        await action.perform(to("web1"), context)
    await action.close()


# --- round about -------------------------------------------------------------------------------------------


async def test_a_jump_host_is_logged_in_to_once_for_all_behind_it(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    # `Host *` covers the jump host too, which must not jump through itself.
    action = configured(f"Host *\n    ProxyJump web3\nInclude {farm.config_file}\n")
    before = farm["web3"].logins()
    results = await action.perform(to("web1", "web2"), context)
    assert [each["stdout"] for each in results] == ["web1\n", "web2\n"]
    await action.perform(to("web1", "web2", "web3"), context)
    assert farm["web3"].logins() == before + 1


async def test_jump_hosts_make_a_chain(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    # The address of web1 as seen from web3; the hops are written in full.
    action = configured(
        f"Host far\n    HostName 127.0.0.1\n    Port {{port1}}\n"
        f"    ProxyJump {farm.user}@web2,ssh://{farm.user}@127.0.0.1:{{port3}}\nInclude {farm.config_file}\n"
    )
    before = [farm[host].logins() for host in ("web2", "web3")]
    assert (await action.perform(to("far"), context))[0]["stdout"] == "web1\n"
    assert [farm[host].logins() for host in ("web2", "web3")] == [count + 1 for count in before]


@pytest.mark.parametrize(
    ("hop", "fault", "says"),
    [
        ("web2", "    Port {closed}\n", "`web2` (127.0.0.1:{closed}): it refused the connection"),
        ("web3", "    User nobody-here\n", "`web3` (127.0.0.1:{port3}): cannot log in as `nobody-here`"),
        ("web3", "    UserKnownHostsFile none\n", "`web3` (127.0.0.1:{port3}): its host key is unknown"),
    ],
)
async def test_the_jump_host_that_fails_is_named(
    farm: Farm, configured: Callable[[str], SshAction], context: Context, hop: str, fault: str, says: str
) -> None:
    values = {"closed": unused_port(), "port3": farm["web3"].port}
    action = configured(
        f"Host {hop}\n{fault.format(**values)}"
        f"Host web1\n    ProxyJump web2,web3\nInclude {farm.config_file}\n"
    )
    with pytest.raises((Unreachable, ActionRefused)) as raised:
        await action.perform(to("web1"), context)
    place = f"`web1` (127.0.0.1:{farm['web1'].port}): on the way there, at its jump host "
    assert str(raised.value).startswith(f"nothing was executed: {place}")
    assert says.format(**values) in str(raised.value)


async def test_what_a_jump_host_cannot_reach_is_unreachable(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    port = unused_port()
    action = configured(
        f"Host far\n    HostName 127.0.0.1\n    Port {port}\n    ProxyJump web3\nInclude {farm.config_file}\n"
    )
    with pytest.raises(Unreachable, match=r"`far` \(127.*\): the jump host `web3` \(127.*\) cannot reach it"):
        await action.perform(to("far"), context)


async def test_a_jump_host_that_was_restarted_is_reached_anew(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    action = configured(f"Host web1\n    ProxyJump web3\nInclude {farm.config_file}\n")
    await action.perform(to("web1"), context)
    farm["web3"].cut()
    assert (await action.perform(to("web1"), context))[0]["stdout"] == "web1\n"


RELAY = """\
import socket, sys, threading
host, port = sys.argv[1], int(sys.argv[2])
far = socket.create_connection((host, port))
def copy():
    while data := far.recv(65536):
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
threading.Thread(target=copy, daemon=True).start()
while data := sys.stdin.buffer.raw.read(65536):
    far.sendall(data)
"""


async def test_a_proxy_command_is_the_connection(
    farm: Farm, configured: Callable[[str], SshAction], tmp_path: Path, context: Context
) -> None:
    (tmp_path / "relay.py").write_text(RELAY)
    relay = shlex.join([sys.executable, str(tmp_path / "relay.py")])
    action = configured(f"Host web1\n    ProxyCommand {relay} %h %p\nInclude {farm.config_file}\n")
    assert (await action.perform(to("web1"), context))[0]["stdout"] == "web1\n"
    assert (await action.perform(to("web1"), context))[0]["stdout"] == "web1\n"


async def test_a_proxy_command_that_ends_is_unreachable(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    action = configured(f"Host web1\n    ProxyCommand exit 1\nInclude {farm.config_file}\n")
    before = time.monotonic()
    with pytest.raises(Unreachable, match="it broke off while connecting"):
        await action.perform(to("web1"), context)
    assert time.monotonic() - before < 8


# --- how long a connection lives ---------------------------------------------------------------------------


async def test_a_connection_is_kept_between_steps(ssh: SshAction, farm: Farm, context: Context) -> None:
    before = [farm[host].logins() for host in HOSTS]
    for _ in range(3):
        await ssh.perform(to(*HOSTS), context)
    assert [farm[host].logins() for host in HOSTS] == [count + 1 for count in before]


async def test_steps_at_once_share_a_connection(ssh: SshAction, farm: Farm, beats: Beats) -> None:
    before = farm["web1"].logins()
    results = await asyncio.gather(
        *(ssh.perform(to("web1", run=["echo", str(n)]), beats.context(one=True)) for n in range(8))
    )
    assert [each["stdout"] for each in results] == [f"{n}\n" for n in range(8)]
    assert farm["web1"].logins() == before + 1


async def test_more_steps_at_once_than_a_server_allows_on_one_connection(
    ssh: SshAction, farm: Farm, beats: Beats
) -> None:
    # OpenSSH's MaxSessions is 10.
    results = await asyncio.gather(
        *(ssh.perform(to("web1", script=f"sleep 1; echo {n}"), beats.context(one=True)) for n in range(14))
    )
    assert [each["stdout"] for each in results] == [f"{n}\n" for n in range(14)]


async def test_a_connection_that_the_server_dropped_is_made_anew_in_silence(
    ssh: SshAction, farm: Farm, context: Context
) -> None:
    await ssh.perform(to("web1"), context)
    farm["web1"].cut()
    assert (await ssh.perform(to("web1"), context))[0]["stdout"] == "web1\n"


async def test_an_unused_connection_is_closed(farm: Farm, context: Context) -> None:
    others = set(farm["web1"].sessions())  # of earlier tests, whose end the server has not seen yet
    action = SshAction(farm.config_file, idle=0.4)
    await action.perform(to("web1"), context)
    await until(lambda: set(farm["web1"].sessions()) <= others)
    assert (await action.perform(to("web1"), context))[0]["rc"] == 0
    await action.close()
    await until(lambda: set(farm["web1"].sessions()) <= others)


async def test_a_server_that_goes_away_while_it_is_asked_ends_the_step(
    farm: Farm, configured: Callable[[str], SshAction], context: Context
) -> None:
    """It greets, and hangs up in the middle of the key exchange."""
    with socket.create_server(("127.0.0.1", 0)) as rude:
        port = rude.getsockname()[1]

        def hang_up() -> None:
            connection, _ = rude.accept()
            with connection:
                connection.sendall(b"SSH-2.0-Rude\r\n")
                connection.recv(1000)

        thread = threading.Thread(target=hang_up)
        thread.start()
        action = configured(f"Host rude\n    HostName 127.0.0.1\n    Port {port}\n")
        with pytest.raises(Unreachable, match=r"`rude` \(127.0.0.1:\d+\): it broke off while connecting: "):
            await action.perform(to("rude"), context)
        thread.join()


async def test_forty_hosts_at_once(tmp_path: Path, beats: Beats) -> None:
    names = [f"node{number:02}" for number in range(40)]
    with start_sshd(tmp_path, hosts=names) as many:
        action = SshAction(many.config_file)
        for most in (60.0, 20.0):  # with and without the logins, on a busy machine
            before = time.monotonic()
            results = await action.perform(to(*names), beats.context())
            assert [each["stdout"] for each in results] == [f"{name}\n" for name in names]
            assert time.monotonic() - before < most
        assert sum(many[name].logins() for name in names) == 40
        await action.close()
