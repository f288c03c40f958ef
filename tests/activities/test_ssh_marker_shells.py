"""A marker in each shell that a host may have."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from activities.action import Context
from activities.ssh import SshAction
from activities.ssh.marker import Marker
from stanch.contract import TargetEnd
from stanch.errors import OutcomeUnknown
from tests.activities.conftest import Beats
from tests.activities.held import (
    HELD,
    THE_RESULT,
    clear,
    held,
    is_held,
    let_go,
    log,
    markers,
    members,
    told,
    until,
)
from tests.support.sshd import Farm, Host, start_sshd

# --- shells ------------------------------------------------------------------------------------------------

TOOLS = (
    "sh",
    "cat",
    "dd",
    "id",
    "mkdir",
    "mkfifo",
    "mv",
    "nohup",
    "rm",
    "rmdir",
    "setsid",
    "sleep",
    "sync",
    "wc",
)
without_busybox = shutil.which("busybox") is None and sys.platform != "linux"
SHELLS = [
    "dash",
    "bash",
    pytest.param("busybox", marks=pytest.mark.skipif(without_busybox, reason="busybox is of Linux")),
    "no setsid",
]


@pytest.fixture(scope="module")
def farms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Farm]]:
    """Hosts with another `/bin/sh`, and other programs, each."""
    with contextlib.ExitStack() as stack:
        made: dict[str, Farm] = {}

        def make(shell: str) -> Farm:
            if shell not in made:
                folder = tmp_path_factory.mktemp(shell.replace(" ", ""))
                made[shell] = stack.enter_context(start_sshd(folder, hosts=["web1"]))
                if shell == "busybox":
                    program = shutil.which("busybox")
                    assert program, "the program `busybox` is missing; `make system` installs it"
                    for tool in TOOLS:
                        (made[shell].bin / tool).symlink_to(program)
            return made[shell]

        yield make


@pytest.fixture(params=SHELLS)
async def spoken(
    request: pytest.FixtureRequest, farms: Callable[[str], Farm], monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[SshAction, Host]]:
    farm, line = farms(request.param), Marker.line
    shell = {"busybox": f"{farm.bin}/sh", "no setsid": "/bin/sh"}.get(request.param) or shutil.which(
        request.param
    )
    assert shell

    def spoken_line(self: Marker, mode: Any) -> str:
        text = line(self, mode).replace("/bin/sh", shell)
        return text.replace("command -v setsid", "false") if request.param == "no setsid" else text

    monkeypatch.setattr(Marker, "line", spoken_line)
    clear(farm["web1"])
    action = SshAction(farm.config_file)
    yield action, farm["web1"]
    await action.close()


Spoken = tuple[SshAction, Host]


async def test_every_shell_keeps_what_a_command_says(spoken: Spoken, one: Context) -> None:
    action, host = spoken
    stdin = "it's\\n \0 \\c grün\n\n" * 5000
    script = "cat; seq 1 100000 >&2; exit 7"
    result = await action.perform(
        {"hosts": ["web1"], "script": script, "stdin": stdin, "output": "lines"}, one
    )
    assert result["rc"] == 7
    assert "\n".join(result["lines"]) + "\n" == stdin.replace("\0", "\ufffd")
    assert result["stderr"].startswith("1\n2\n")
    assert result["stderr"].endswith("\n99999\n100000\n")
    await action.release({"hosts": ["web1"], "script": script}, one)
    assert not (host.home / ".stanch").exists()


async def test_every_shell_survives_its_connection(spoken: Spoken, one: Context) -> None:
    action, host = spoken
    running = asyncio.create_task(action.perform(held(), one))
    await until(lambda: is_held(host) or running.done())
    host.cut()
    let_go(host)
    assert told(await running) == THE_RESULT
    assert log(host) == ["started", "ended"]


async def test_every_shell_stops_what_it_started(spoken: Spoken, beats: Beats) -> None:
    action, host = spoken
    script = "trap '' TERM\n" + HELD
    with pytest.raises(OutcomeUnknown, match="it was stopped with SIGKILL") as raised:
        await action.perform(held(script=script), beats.context(timeout=2))
    assert raised.value.ends == (TargetEnd("web1", "stopped"),)
    assert log(host) == ["started"]
    group = int((markers(host)[0] / "begun").read_text().splitlines()[1].split()[2])
    assert members(group) == []


async def test_the_command_has_the_surroundings_that_it_has_without_a_marker(
    spoken: Spoken, beats: Beats, one: Context
) -> None:
    action, _ = spoken
    params = {"hosts": ["web1"], "script": "env; umask; pwd; ulimit -a; trap", "output": "lines"}
    plain = await action.perform(params, replace(one, key=""))
    under = await action.perform(params, one)
    ours = ("SHLVL=", "_=", "SSH_C", "OLDPWD=")
    assert {line for line in under["lines"] if not line.startswith(ours)} == {
        line for line in plain["lines"] if not line.startswith(ours)
    }


async def test_signals_reach_the_command_as_they_do_without_a_marker(spoken: Spoken, one: Context) -> None:
    action, _ = spoken
    ask = "import signal; print([int(s) for s in signal.Signals if signal.getsignal(s) == signal.SIG_IGN])"
    params = {"hosts": ["web1"], "run": ["python3", "-c", ask]}
    plain = await action.perform(params, replace(one, key=""))
    under = await action.perform(params, one)
    assert set(json.loads(under["stdout"])) - {1} == set(json.loads(plain["stdout"]))
