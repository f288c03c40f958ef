"""A command on a host that keeps count and waits, and what its marker looks like from outside."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from activities.action import Context
from activities.ssh import SshAction
from stanch.language.plan import Json
from tests.support.sshd import Host

HELD = """\
echo started >>"$HOME/log"
echo before
: >"$HOME/held"
while [ -e "$HOME/held" ]; do sleep 0.05; done
echo after
echo ended >>"$HOME/log"
exit 3
"""
"""Goes on when the file `held` is removed."""


def clear(host: Host) -> None:
    while processes := alive(host):
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()
    for name in ("log", "held"):
        (host.home / name).unlink(missing_ok=True)
    shutil.rmtree(host.home / ".stanch", ignore_errors=True)


def alive(host: Host) -> list[psutil.Process]:
    """What any command has left running there."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get("HOME") == str(host.home) and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def held(**params: Any) -> dict[str, Any]:
    return {"hosts": ["web1"], "script": HELD, **params}


def log(host: Host) -> list[str]:
    file = host.home / "log"
    return file.read_text().split() if file.exists() else []


def is_held(host: Host) -> bool:
    return (host.home / "held").exists()


def let_go(host: Host) -> None:
    (host.home / "held").unlink()


def markers(host: Host) -> list[Path]:
    return [path for path in (host.home / ".stanch").glob("*") if path.is_dir()]


async def until(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


async def yes() -> bool:
    return True


async def left(action: SshAction, host: Host, context: Context) -> None:
    """The command runs on the host, and the worker that began it is not there any more."""
    running = asyncio.create_task(action.perform(held(), replace(context, leave=yes)))
    await until(lambda: is_held(host) or running.done())
    assert not running.done(), running.exception()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running


THE_RESULT = (3, "before\nafter\n")


def told(result: Json) -> tuple[int, str]:
    return result["rc"], result["stdout"]


def members(group: int) -> list[str]:
    found = []
    for each in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(each.pid) == group and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each.name())
    return found


def own(path: Path, user: str) -> None:
    if os.geteuid() == 0:
        for each in [path, *path.rglob("*")]:
            os.chown(each, pwd.getpwnam(user).pw_uid, pwd.getpwnam(user).pw_gid)
