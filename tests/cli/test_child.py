"""Programs that are started and taken away again, and the guard that does so when nobody else can."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import psutil
import pytest

from stanch.client import guard
from stanch.client.child import Child, Command, start
from stanch.errors import Unreachable

DEAF = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "print('deaf', flush=True); time.sleep(600)"
)


def python(code: str, tmp_path: Path) -> Command:
    return Command("the child", [sys.executable, "-c", code], tmp_path / "log" / "child.log")


@contextlib.asynccontextmanager
async def started(command: Command) -> AsyncIterator[Child]:
    child = await start(command)
    try:
        yield child
    finally:
        await child.stop(grace=1.0)


def within(seconds: float, holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.02)
    return holds()


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def test_what_it_says_is_kept_in_the_log_and_its_first_line_is_known(tmp_path: Path) -> None:
    async with started(
        python("import sys; print('one'); print('two'); print('three', file=sys.stderr)", tmp_path)
    ) as child:
        assert await child.first_line == "one"
        assert await child.wait() == 0
    assert sorted((tmp_path / "log" / "child.log").read_text().split()) == ["one", "three", "two"]


async def test_its_end_is_told_with_the_last_thing_it_said(tmp_path: Path) -> None:
    async with started(python(r"import sys; sys.exit('\x1b[31mno such table\x1b[0m')", tmp_path)) as child:
        assert await child.wait() == 1
        assert child.epitaph() == f"the child ended with status 1: no such table (log: {child.log})"


async def test_an_end_by_a_signal_is_told_as_such(tmp_path: Path) -> None:
    async with started(python("import os; os.abort()", tmp_path)) as child:
        await child.wait()
        assert child.epitaph().startswith(
            f"the child was killed by signal {signal.SIGABRT:d}: it said nothing"
        )


async def test_one_that_is_deaf_to_the_request_is_killed(tmp_path: Path) -> None:
    child = await start(python(DEAF, tmp_path))
    await child.first_line
    await child.stop(grace=0.2)
    assert not alive(child.pid)


async def test_its_helpers_end_with_it(tmp_path: Path) -> None:
    """The helper outlives its parent and holds the pipes open."""
    code = (
        f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {DEAF!r}]).pid, flush=True)"
    )
    child = await start(python(code, tmp_path))
    helper = int(await child.first_line)
    await child.stop(grace=1.0)
    assert within(5, lambda: not alive(helper))


async def test_a_log_that_cannot_be_written_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "log").write_text("a file where the folder should be")
    async with started(python("print('still here')", tmp_path)) as child:
        assert await child.first_line == "still here"


async def test_a_log_on_a_full_disk_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "log").mkdir()
    (tmp_path / "log" / "child.log").symlink_to("/dev/full")
    async with started(python("print('one'); print('two')", tmp_path)) as child:
        await child.wait()
        assert child.last_lines() == ["one", "two"]


async def test_a_program_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"cannot start the child .* No such file or directory"):
        await start(Command("the child", [str(tmp_path / "lost")], tmp_path / "log"))


GUARD = [sys.executable, "-I", "-S", guard.__file__]


def guarded(code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*GUARD, sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


@pytest.mark.parametrize(("code", "status"), [("raise SystemExit(7)", 7), ("import os; os.abort()", 134)])
def test_a_guard_ends_as_its_program_does(code: str, status: int) -> None:
    with guarded(code) as process:
        assert process.wait(30) == status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_guard_that_is_asked_to_end_asks_its_program(number: signal.Signals) -> None:
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    with guarded(code) as process:
        assert process.stdout
        program = int(process.stdout.readline())
        process.send_signal(number)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert not alive(program)


def test_a_program_ends_when_whoever_started_its_guard_is_killed() -> None:
    """The parent starts a guard, says the program's id, and is killed without a chance to clean up."""
    code = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"
    arguments = [*GUARD, sys.executable, "-c", code]
    parent = (
        "import subprocess, sys, time; "
        f"subprocess.Popen({arguments!r}, stdin=subprocess.PIPE, start_new_session=True); "
        "time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        program = int(process.stdout.readline())
        guardian = psutil.Process(program).ppid()
        process.kill()
        process.wait(30)
        assert within(10, lambda: not alive(program) and not alive(guardian))


async def test_the_guard_is_quick_to_start() -> None:
    """It stands beside every embedded server."""
    best = 9.9
    for _ in range(3):
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*GUARD, "true", stdin=asyncio.subprocess.PIPE)
        assert await process.wait() == 0
        best = min(best, time.perf_counter() - began)
    assert best < 5.0
