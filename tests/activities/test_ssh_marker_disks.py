"""A change over SSH on a host whose disk is full, or will not take what a marker needs."""

from __future__ import annotations

import contextlib
import os
import pwd
import subprocess
from collections.abc import Iterator

import pytest

from activities.action import Context
from activities.ssh import SshAction
from stanch.errors import ActionRefused
from tests.activities.held import held, log, markers
from tests.support.sshd import Host

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a disk of its own")


# --- disks -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def disk(host: Host, size: str) -> Iterator[None]:
    """Markers are on a disk of this size."""
    base = host.home / ".stanch"
    base.mkdir(exist_ok=True)
    who = pwd.getpwnam(host.user)
    options = f"size={size},mode=700,uid={who.pw_uid},gid={who.pw_gid}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(base)], check=True, timeout=20)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(base)], check=True, timeout=20)
        base.rmdir()


@as_root
async def test_on_a_full_disk_nothing_is_executed_and_it_says_so(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    with disk(web1, "4k"):
        with pytest.raises(ActionRefused, match=r"nothing was executed.*No space left on device") as raised:
            await ssh.perform(held(), one)
        assert "`web1` (127.0.0.1:" in str(raised.value)
        assert log(web1) == []
        assert markers(web1) == []
        assert not await ssh.begun(held(), one)


@as_root
async def test_a_disk_that_fills_while_it_runs_costs_output_and_nothing_else(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    script = 'set -e; seq 1 100000; echo done >>"$HOME/log"; exit 4'
    with disk(web1, "64k"):
        result = await ssh.perform(held(script=script), one)
    assert result["rc"] == 4
    assert result["truncated"] is True
    assert result["stdout"].startswith("1\n2\n3\n")
    assert log(web1) == ["done"]


async def test_a_folder_that_cannot_be_made_executes_nothing(
    ssh: SshAction, web1: Host, one: Context
) -> None:
    (web1.home / ".stanch").write_text("no folder")
    try:
        with pytest.raises(ActionRefused, match=r"nothing was executed, .*\.stanch"):
            await ssh.perform(held(), one)
    finally:
        (web1.home / ".stanch").unlink()
    assert log(web1) == []


@as_root
async def test_a_folder_of_somebody_else_is_not_used(ssh: SshAction, web1: Host, one: Context) -> None:
    (web1.home / ".stanch").mkdir()
    try:
        with pytest.raises(ActionRefused, match="belongs to somebody else"):
            await ssh.perform(held(), one)
    finally:
        (web1.home / ".stanch").rmdir()
    assert log(web1) == []
