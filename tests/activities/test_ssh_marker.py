"""A change over SSH happens once, whatever breaks: connection, worker, host. The host keeps count."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from activities.action import Context
from activities.output import WHOLE
from activities.ssh import SshAction
from activities.ssh.marker import KEPT_FOR, Marker, marker
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from tests.activities.conftest import Beats
from tests.activities.held import (
    HELD,
    THE_RESULT,
    held,
    is_held,
    left,
    let_go,
    log,
    markers,
    members,
    own,
    told,
    until,
)
from tests.support.sshd import Farm, Host, start_sshd

# --- what breaks -------------------------------------------------------------------------------------------


async def test_a_connection_that_is_cut_in_mid_command_is_replaced(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    running = asyncio.create_task(ssh.perform(held(), one))
    await until(lambda: is_held(web1))
    for _ in range(3):
        await until(lambda: bool(web1.sessions()))
        web1.cut()
    let_go(web1)
    assert told(await running) == THE_RESULT
    assert log(web1) == ["started", "ended"]


async def test_a_host_that_does_not_come_back_is_unknown(ssh: SshAction, web1: Host, beats: Beats) -> None:
    running = asyncio.create_task(ssh.perform(held(), beats.context(timeout=4)))
    await until(lambda: is_held(web1) or running.done())
    web1.stop()
    try:
        with pytest.raises(OutcomeUnknown, match=r"the connection was lost .* and no other could be made"):
            await running
    finally:
        web1.start()
        let_go(web1)


async def test_a_worker_that_is_killed_is_followed_by_another(
    ssh: SshAction, farm: Farm, web1: Host, one: Context, tmp_path: Path
) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import asyncio, json, pathlib, sys\n"
        "from activities.action import Context\n"
        "from activities.ssh import SshAction\n"
        "config, key, params = sys.argv[1:]\n"
        "context = Context(key=key, timeout=30, one=True, beat=lambda _: None)\n"
        "asyncio.run(SshAction(pathlib.Path(config)).perform(json.loads(params), context))\n"
    )
    words = [sys.executable, str(program), str(farm.config_file), one.key, json.dumps(held())]
    folder = Path(__file__).parents[2]
    first = await asyncio.create_subprocess_exec(*words, cwd=folder, env={**os.environ, "PYTHONPATH": "."})
    await until(lambda: is_held(web1) or first.returncode is not None)
    first.kill()
    await first.wait()
    following = asyncio.create_task(ssh.perform(held(), one))
    await until(lambda: bool(web1.commands()))
    let_go(web1)
    assert told(await following) == THE_RESULT
    assert log(web1) == ["started", "ended"]


async def test_a_command_that_ended_while_nobody_was_there_gives_its_result(
    ssh: SshAction, other: SshAction, web1: Host, one: Context
) -> None:
    await left(ssh, web1, one)
    let_go(web1)
    await until(lambda: any((each / "status").exists() for each in markers(web1)))
    for _ in range(2):
        assert told(await other.perform(held(), replace(one, again=True))) == THE_RESULT
    assert log(web1) == ["started", "ended"]


async def test_of_two_workers_that_come_at_once_one_starts_it(
    ssh: SshAction, other: SshAction, web1: Host, one: Context
) -> None:
    both = [asyncio.create_task(action.perform(held(), one)) for action in (ssh, other, ssh, other)]
    await until(lambda: is_held(web1))
    await until(lambda: len(web1.commands()) >= 4)
    let_go(web1)
    assert [told(each) for each in await asyncio.gather(*both)] == [THE_RESULT] * 4
    assert log(web1) == ["started", "ended"]


async def test_however_close_they_come_one_starts_it(
    ssh: SshAction, other: SshAction, web1: Host, beats: Beats
) -> None:
    params = held(script='echo x >>"$HOME/log"')
    for _ in range(10):
        context = beats.context(one=True)
        await asyncio.gather(*(action.perform(params, context) for action in (ssh, other) * 4))
    assert log(web1) == ["x"] * 10


async def test_it_is_known_whether_a_command_was_ever_started(
    ssh: SshAction, other: SshAction, web1: Host, one: Context, farm: Farm
) -> None:
    assert not await other.begun(held(), one)
    await left(ssh, web1, one)
    assert await other.begun(held(), one)
    assert await other.begun(held(hosts=["web2", "web1"]), replace(one, one=False))
    farm["web2"].stop()
    try:
        with pytest.raises(Unreachable):
            await other.begun(held(hosts=["web2"]), one)
    finally:
        farm["web2"].start()


async def test_a_command_that_was_never_started_is_started_by_the_next(
    ssh: SshAction, other: SshAction, web1: Host, one: Context
) -> None:
    await left(ssh, web1, one)
    let_go(web1)
    elsewhere = replace(one, key=f"{one.key}/2", again=True)
    result = await other.perform({"hosts": ["web1"], "script": "echo now"}, elsewhere)
    assert told(result) == (0, "now\n")


async def test_what_is_known_to_have_ended_is_never_begun_again(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    with pytest.raises(OutcomeUnknown, match="the command had ended, and its result is gone"):
        await ssh.perform(held(), replace(one, again=True, ended_before=True))
    assert log(web1) == []


async def test_hosts_that_cannot_be_reached_again_are_in_doubt(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    web1.stop()
    try:
        with pytest.raises(OutcomeUnknown, match="it may have been executed, and how it ended cannot be"):
            await ssh.perform(held(), replace(one, again=True, timeout=2))
    finally:
        web1.start()


async def test_another_worker_waits_for_a_host_that_is_away_for_a_moment(
    ssh: SshAction, other: SshAction, web1: Host, one: Context
) -> None:
    await left(ssh, web1, one)
    let_go(web1)
    await until(lambda: any((each / "status").exists() for each in markers(web1)))
    web1.stop()
    try:
        following = asyncio.create_task(other.perform(held(), replace(one, again=True)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(following), 1)
    finally:
        web1.start()
    assert told(await following) == THE_RESULT
    assert log(web1) == ["started", "ended"]


@pytest.mark.parametrize("ends", [False, True])
async def test_a_host_that_was_restarted_in_between_is_in_doubt(
    ssh: SshAction, other: SshAction, web1: Host, one: Context, *, ends: bool
) -> None:
    await left(ssh, web1, one)
    if ends:
        let_go(web1)
        await until(lambda: any((each / "status").exists() for each in markers(web1)))
    begun = markers(web1)[0] / "begun"
    _, *rest = begun.read_text().splitlines(keepends=True)
    begun.write_text("".join(["another boot\n", *rest]))
    said = r"restarted after the command had begun; it had ended with status 3$" if ends else r"had begun$"
    with pytest.raises(OutcomeUnknown, match=said):
        await other.perform(held(), replace(one, again=True))
    assert log(web1)[:1] == ["started"]
    assert log(web1).count("started") == 1


async def test_a_command_that_something_else_has_ended_is_in_doubt(
    ssh: SshAction, other: SshAction, web1: Host, one: Context
) -> None:
    await left(ssh, web1, one)
    pid = int((markers(web1)[0] / "begun").read_text().splitlines()[1].split()[0])
    os.killpg(pid, 9)
    with pytest.raises(OutcomeUnknown, match="gone without an exit status: something else ended it"):
        await other.perform(held(), replace(one, again=True))
    assert log(web1) == ["started"]


async def test_a_marker_whose_command_may_be_about_to_begin_is_in_doubt(
    ssh: SshAction, farm: Farm, web1: Host, one: Context
) -> None:
    base = web1.home / ".stanch"
    (base / marker(one.key, "web1", (0, 0)).id).mkdir(parents=True)
    own(base, farm.user)
    with pytest.raises(OutcomeUnknown, match="nothing shows whether they did"):
        await ssh.perform(held(), replace(one, again=True))
    assert log(web1) == []


async def test_without_a_marker_a_change_is_a_plain_command_line(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    params = held(script='tr "\\0" " " </proc/$PPID/cmdline; ls -A "$HOME"', reattach=False)
    assert not ssh.reattaches(params)
    result = await ssh.perform(params, one)
    assert ".stanch" not in result["stdout"]
    assert "_begun" not in result["stdout"]


# --- what is left on the host ------------------------------------------------------------------------------


async def test_nothing_is_left_behind(ssh: SshAction, web1: Host, one: Context) -> None:
    params = {"hosts": ["web1"], "script": "echo x; seq 1 200000"}
    before = sorted(web1.home.iterdir())
    await ssh.perform(params, one)
    assert len(markers(web1)) == 1
    await ssh.release(params, one)
    assert sorted(web1.home.iterdir()) == before
    await ssh.release(params, one)  # a second time does no harm


async def test_commands_that_come_and_go_at_once_do_not_disturb_each_other(
    ssh: SshAction, web1: Host, beats: Beats
) -> None:
    params = held(script='echo x >>"$HOME/log"')

    async def come_and_go() -> None:
        for _ in range(12):
            context = beats.context(one=True)
            assert (await ssh.perform(params, context))["rc"] == 0
            await ssh.release(params, context)

    await asyncio.gather(*(come_and_go() for _ in range(4)))
    assert log(web1) == ["x"] * 48
    assert not (web1.home / ".stanch").exists()


async def test_a_running_command_is_not_let_go(ssh: SshAction, web1: Host, one: Context) -> None:
    await left(ssh, web1, one)
    await ssh.release(held(), one)
    assert len(markers(web1)) == 1


async def test_what_the_command_is_given_is_in_no_file_and_nobody_else_may_look(
    ssh: SshAction, farm: Farm, web1: Host, one: Context
) -> None:
    secret = f"s3cr3t-{uuid4()}"
    params = held(env={"TOKEN": secret}, stdin=f"{secret}\n")
    running = asyncio.create_task(ssh.perform(params, one))
    await until(lambda: is_held(web1))
    folder = markers(web1)[0]
    await until(lambda: b"before\n" in contents(folder))
    kept = contents(folder)
    assert not any(secret.encode() in each or b"TOKEN" in each for each in kept)
    assert folder.stat().st_mode & 0o077 == folder.parent.stat().st_mode & 0o077 == 0
    let_go(web1)
    await running


def contents(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.iterdir() if path.is_file()]


async def test_the_output_takes_little_room_however_long_it_is(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    script = "head -c 60000000 /dev/zero | tr '\\0' x; echo end\n" + HELD
    running = asyncio.create_task(ssh.perform(held(script=script), one))
    await until(lambda: is_held(web1))
    await until(lambda: any(b"before" in each.read_bytes() for each in markers(web1)[0].glob("out.[abc]")))
    # Three pieces of the output in turn, and a few small files.
    assert sum(each.stat().st_size for each in markers(web1)[0].iterdir()) < 3 * WHOLE + 64 * 1024
    let_go(web1)
    result = await running
    assert result["stdout"].startswith("xxx")
    assert result["stdout"].endswith("xend\nbefore\nafter\n")
    whole = 60_000_000 + len("end\nbefore\nafter\n")
    assert f"\n[... {whole - 64 * 1024} bytes cut ...]\n" in result["stdout"]


async def test_leftovers_of_the_dead_are_swept_when_they_are_old(
    ssh: SshAction, other: SshAction, web1: Host, one: Context, beats: Beats
) -> None:
    await left(ssh, web1, one)
    alive = markers(web1)[0]
    boot, process, _ = (alive / "begun").read_text().splitlines()
    number, _, group = process.split()
    long_ago = int(time.time()) - KEPT_FOR - 3600
    for name, started, when in (
        ("old", f"{number} 1 {group}", long_ago),
        ("young", f"{number} 1 {group}", int(time.time())),
    ):
        folder = alive.with_name(name)
        folder.mkdir()
        (folder / "begun").write_text(f"{boot}\n{started}\n{when} 0\n")
    (alive / "begun").write_text(f"{boot}\n{process}\n{long_ago} 0\n")
    own(alive.parent, web1.user)
    short = {"hosts": ["web1"], "run": ["true"]}
    another = beats.context(one=True)
    await other.perform(short, another)
    await other.release(short, another)
    assert sorted(each.name for each in markers(web1)) == sorted([alive.name, "young"])


async def test_a_daemon_that_holds_the_output_is_not_hurt(ssh: SshAction, web1: Host, one: Context) -> None:
    script = '{ sleep 1; echo late; echo alive >>"$HOME/log"; } & echo early'
    result = await ssh.perform(held(script=script), one)
    await ssh.release(held(script=script), one)
    assert told(result)[0] == 0
    await until(lambda: log(web1) == ["alive"])


# --- stopping ----------------------------------------------------------------------------------------------

TREE = """\
echo started >>"$HOME/log"
(sleep 300; echo never >>"$HOME/log") &
sleep 300 | cat
"""


async def test_what_is_stopped_is_gone_with_its_whole_group(ssh: SshAction, web1: Host, beats: Beats) -> None:
    context = beats.context(one=True)
    running = asyncio.create_task(ssh.perform(held(script=TREE), context))
    await until(lambda: web1.executes("sleep"))
    group = os.getpgid(next(each.pid for each in web1.commands() if each.name() == "sleep"))
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert beats.ends == [TargetEnd("web1", "stopped")]
    assert members(group) == []
    with pytest.raises(OutcomeUnknown, match=r"it was stopped with SIGTERM$") as raised:
        await ssh.perform(held(script=TREE), replace(context, again=True))
    assert raised.value.ends == (TargetEnd("web1", "stopped"),)
    assert log(web1) == ["started"]


async def test_the_last_thing_that_a_stopped_command_said_is_told(
    ssh: SshAction, web1: Host, beats: Beats
) -> None:
    script = "echo step one; echo 'step two' >&2; sleep 300"
    with pytest.raises(OutcomeUnknown, match=r"\(it printed last: step two\); it was stopped with SIGTERM$"):
        await ssh.perform(held(script=script), beats.context(timeout=2))


async def test_a_command_on_a_connection_that_hangs_is_stopped_over_another(
    ssh: SshAction, web1: Host, beats: Beats
) -> None:
    running = asyncio.create_task(ssh.perform(held(), beats.context(timeout=2)))
    await until(lambda: is_held(web1))
    frozen = web1.freeze()
    try:
        with pytest.raises(OutcomeUnknown, match=r"it was stopped with SIGTERM$"):
            await running
    finally:
        web1.thaw(frozen)
    assert log(web1) == ["started"]


async def test_what_was_stopped_before_it_began_does_not_begin(
    ssh: SshAction, farm: Farm, web1: Host, one: Context
) -> None:
    on_the_host(farm, marker(one.key, "web1", (0, 0)), "stop")
    with pytest.raises(ActionRefused, match="nothing was executed; it was stopped before it began"):
        await ssh.perform(held(), one)
    assert log(web1) == []


def on_the_host(farm: Farm, of: Marker, mode: Any, order: bytes = b"") -> bytes:
    words = ["ssh", "-F", str(farm.config_file), "web1", of.line(mode)]
    return subprocess.run(words, input=order, capture_output=True, check=True, timeout=30).stdout


async def test_an_order_that_does_not_arrive_whole_is_not_carried_out(farm: Farm, web1: Host) -> None:
    of = marker(str(uuid4()), "web1", (0, 0))
    answer = on_the_host(farm, of, "start", b"_command='echo x >>\"$HOME/log\"'\n_input=''\n")
    assert b"refused the command did not arrive whole" in answer
    assert log(web1) == []
    assert markers(web1) == []


async def test_a_key_that_allows_one_command_only_is_told_apart(tmp_path: Path, one: Context) -> None:
    with start_sshd(tmp_path, hosts=["web1"], config="ForceCommand echo forced\n") as farm:
        action = SshAction(farm.config_file)
        try:
            with pytest.raises(
                OutcomeUnknown, match=r"`forced`, which no marker says.*may have been executed"
            ):
                await action.perform({"hosts": ["web1"], "run": ["true"]}, one)
        finally:
            await action.close()
