"""Commands as another user of the host, through the real sudo.

The tests let the account of the hosts use it for as long as they run: with a file of their own in
/etc/sudoers.d, and a password for the account that they have made. Only root can do that; others who may use
sudo without a password run what needs none.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from activities.action import Context
from activities.file import File
from activities.ssh import SshAction
from activities.ssh.command import read_command
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown
from tests.activities.conftest import Beats
from tests.activities.held import HELD, is_held, let_go, log, markers, members, told, until, yes
from tests.support.sshd import ACCOUNT, Farm, Host

pytestmark = pytest.mark.xdist_group("sudo")

PASSWORD = f"it's \\a {secrets.token_hex(8)}"
RULES = Path("/etc/sudoers.d/stanch-tests")
BOTH = pytest.mark.parametrize("beats", [Beats(changes=False), Beats()], ids=["read", "change"])


def run(*words: str, given: str = "") -> None:
    subprocess.run(words, input=given, text=True, check=True, capture_output=True, timeout=30)


@pytest.fixture(scope="module")
def rules(farm: Farm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Path]]:
    """Lets the account do what is said, in the words of sudoers; gives the file in which sudo notes it."""
    if os.geteuid() != 0 or farm.user != ACCOUNT or shutil.which("visudo") is None:
        pytest.skip("needs root and sudo, to let an account of its own use that")
    note = tmp_path_factory.mktemp("sudo") / "log"

    def let(words: str) -> Path:
        note.write_text("")
        text = f"Defaults:{ACCOUNT} logfile={note}, !syslog, !mail_badpass\n{ACCOUNT} ALL={words}\n"
        run("visudo", "-c", "-f", "/dev/stdin", given=text)
        fresh = RULES.with_name(f"{RULES.name}.new")  # a name with a dot is passed over
        fresh.write_text(text)
        fresh.chmod(0o440)
        fresh.replace(RULES)
        return note

    with alone():
        run("chpasswd", given=f"{ACCOUNT}:{PASSWORD}\n")
        try:
            yield let
        finally:
            RULES.unlink(missing_ok=True)
            run("usermod", "--password", "*", ACCOUNT)


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """The account is the machine's, and somebody else may be running these tests."""
    with Path("/run/stanch-sudo-tests.lock").open("w") as file:
        deadline = time.monotonic() + 240
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                assert time.monotonic() < deadline, "other tests of sudo do not end"
                time.sleep(0.2)
            else:
                break
        yield


@pytest.fixture
def allowed(rules: Callable[[str], Path]) -> Path:
    return rules("(ALL:ALL) ALL")


def web(*, user: str = "root", password: str | None = PASSWORD, **params: Any) -> dict[str, Any]:
    sudo = {"user": user} | ({} if password is None else {"password": password})
    return {"hosts": ["web1"], "sudo": sudo, **params}


@BOTH
async def test_a_command_runs_as_root_with_all_that_it_was_given(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    script = 'id -un; pwd; echo "$WORD"; cat; exit 7'
    env, stdin = {"WORD": "it's $HOME"}, "first\n\nthird, no end"
    result = await ssh.perform(web(script=script, env=env, stdin=stdin), beats.context(one=True))
    assert told(result) == (7, f"root\n/root\nit's $HOME\n{stdin}")
    assert result["stderr"] == ""
    assert allowed.read_text().count("COMMAND=") == 2  # the password is tried on nothing first


@BOTH
async def test_a_command_runs_as_somebody_else(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    params = web(user="nobody", run=["id", "-un"], env={"A": "b"})
    assert told(await ssh.perform(params, beats.context(one=True))) == (0, "nobody\n")


@BOTH
async def test_nothing_is_read_where_nothing_is_given(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    assert told(await ssh.perform(web(run=["cat"]), beats.context(one=True))) == (0, "")


@BOTH
async def test_a_wrong_password_executes_nothing_and_is_tried_once(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    params = web(password="wrong", script=f"echo x >>{web1.home}/log", stdin=f"{PASSWORD}\n" * 5)
    with pytest.raises(
        ActionRefused, match=r"nothing was executed; sudo does not take this password for `root`"
    ) as raised:
        await ssh.perform(params, beats.context(one=True))
    assert [end.state for end in raised.value.ends] == ["not_started"]
    assert log(web1) == []
    assert "1 incorrect password attempt " in " ".join(allowed.read_text().split()) + " "


async def test_a_password_that_is_not_given_and_a_user_that_is_not_allowed_are_told_apart(
    ssh: SshAction, web1: Host, one: Context, rules: Callable[[str], Path]
) -> None:
    rules("(nobody) ALL")
    with pytest.raises(ActionRefused, match="sudo wants a password to become `nobody`, and the step gives"):
        await ssh.perform(web(user="nobody", password=None, run=["true"]), one)
    with pytest.raises(ActionRefused, match=r"sudo does not let it become `root`: .*not allowed to execute"):
        await ssh.perform(web(run=["true"]), replace(one, key=f"{one.key}/2"))
    with pytest.raises(ActionRefused, match=r"sudo does not let it become `no-such`: .*unknown user"):
        await ssh.perform(web(user="no-such", run=["true"]), replace(one, key=f"{one.key}/3"))


@BOTH
async def test_a_password_that_sudo_does_not_ask_for_is_not_for_the_command(
    ssh: SshAction, web1: Host, beats: Beats, rules: Callable[[str], Path]
) -> None:
    rules("(ALL) NOPASSWD: ALL")
    result = await ssh.perform(web(run=["cat"], stdin="given\n"), beats.context(one=True))
    assert told(result) == (0, "given\n")
    result = await ssh.perform({**web(run=["cat"], stdin="given\n"), "sudo": True}, beats.context(one=True))
    assert told(result) == (0, "given\n")


@BOTH
async def test_the_password_is_nowhere_that_even_root_can_see(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    # The pattern itself comes by stdin, as it would be found in a command line.
    places = "/proc/[0-9]*/cmdline /proc/[0-9]*/environ"
    script = f"""\
pattern=$(cat)
look() {{ printf '%s\\n' "$pattern" | grep "$@"; }}
look -alF -f - {places} /proc/$$/stat "$1"/probe
look -rlF -f - "$1"/.stanch
echo looked
"""
    probe = web1.home / "probe"
    probe.write_text(PASSWORD)  # that it would be found
    params = web(script=f"set -- {web1.home}\n{script}", stdin=PASSWORD)
    result = await ssh.perform(params, beats.context(one=True))
    probe.unlink()
    assert result["stdout"] == f"{probe}\nlooked\n"
    assert PASSWORD not in result["stderr"]
    for each in markers(web1):
        assert not any(PASSWORD.encode() in file.read_bytes() for file in each.iterdir() if file.is_file())
    assert PASSWORD not in repr(read_command(params).sudo)


async def test_a_change_by_sudo_survives_its_connection_and_its_worker(
    ssh: SshAction, other: SshAction, web1: Host, one: Context, allowed: Path
) -> None:
    params = web(script=f"HOME={web1.home}\nid -un >>$HOME/log\n{HELD}")
    running = asyncio.create_task(ssh.perform(params, replace(one, leave=yes)))
    await until(lambda: is_held(web1) or running.done())
    web1.cut()
    await until(lambda: bool(web1.commands()))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    following = asyncio.create_task(other.perform(params, replace(one, again=True)))
    await until(lambda: bool(web1.commands()))
    let_go(web1)
    assert told(await following) == (3, "before\nafter\n")
    assert log(web1) == ["root", "started", "ended"]
    await other.release(params, one)
    assert markers(web1) == []


@BOTH
@pytest.mark.parametrize("ignores", [False, True])
async def test_what_runs_by_sudo_can_be_stopped(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path, *, ignores: bool
) -> None:
    trap = "trap '' TERM; " if ignores else ""
    script = f"HOME={web1.home}; ps -o pgid= -p $$ >>$HOME/log; {trap}{HELD}"
    running = asyncio.create_task(ssh.perform(web(script=script), beats.context(one=True)))
    await until(lambda: is_held(web1) or running.done())
    group = int(log(web1)[0])
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert beats.ends[-1:] == [TargetEnd("web1", "stopped")]
    await until(lambda: members(group) == [])
    assert log(web1)[1:] == ["started"]


async def test_what_outlives_its_time_is_stopped(
    ssh: SshAction, web1: Host, beats: Beats, allowed: Path
) -> None:
    with pytest.raises(OutcomeUnknown, match="it was stopped with SIG"):
        await ssh.perform(web(run=["sleep", "300"]), beats.context(one=True, timeout=3))


async def test_nobody_stands_by_when_it_has_ended(
    ssh: SshAction, web1: Host, one: Context, allowed: Path
) -> None:
    result = await ssh.perform(web(script="ps -o pgid= -p $$"), one)
    group = int(result["stdout"])
    await until(lambda: members(group) == [])


async def test_a_file_of_root_is_written_by_sudo_and_keeps_its_owner(
    ssh: SshAction, web1: Host, one: Context, allowed: Path
) -> None:
    path = web1.home / "of-root"
    path.write_text("old")
    path.chmod(0o600)
    os.chown(path, 65534, 0)
    file = File(ssh)
    params = {"hosts": ["web1"], "path": str(path), "sudo": {"password": PASSWORD}}
    try:
        with pytest.raises(ActionRefused, match="Permission denied"):
            await file.perform({**params, "sudo": False}, one)
        assert (await file.perform(params, one))["content"] == "old"
        assert (await file.perform({**params, "content": "it's\nnew"}, one))["changed"]
        assert path.read_text() == "it's\nnew"
        assert (path.stat().st_uid, path.stat().st_gid, path.stat().st_mode & 0o777) == (65534, 0, 0o600)
        with pytest.raises(ActionRefused, match="sudo does not take this password"):
            await file.perform({**params, "content": "never", "sudo": {"password": "wrong"}}, one)
        assert path.read_text() == "it's\nnew"
    finally:
        path.unlink()


@pytest.mark.parametrize(
    ("sudo", "says"),
    [
        ("root", "`sudo` is `true`, or a map"),
        ({"user": "-l"}, "`sudo.user` is `-l`"),
        ({"password": "two\nlines"}, "`sudo.password` must be one line"),
    ],
)
def test_what_sudo_cannot_be_is_named(sudo: Any, says: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_command({"hosts": ["web1"], "run": ["true"], "sudo": sudo})
    assert says in str(raised.value)


@pytest.mark.skipif(os.geteuid() == 0, reason="root lets another account use sudo, above")
async def test_who_may_use_sudo_without_a_password_needs_none(ssh: SshAction, one: Context) -> None:
    try:
        await asyncio.to_thread(run, "sudo", "-n", "true")
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this account may not use sudo without a password")
    result = await ssh.perform({"hosts": ["web1"], "run": ["id", "-un"], "sudo": True}, one)
    assert told(result) == (0, "root\n")
