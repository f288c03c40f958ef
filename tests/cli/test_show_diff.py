"""`stanch show RUN --diff`: what a run executes, against its runbook as it is today."""

from __future__ import annotations

import json

import pytest

from tests.cli.live import RUNBOOK
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.xdist_group("cli-live")


def test_a_run_says_whether_its_runbook_is_still_what_it_executes(terminal: Terminal) -> None:
    file = terminal.folder / "switch-off.yaml"
    run = terminal.start()
    terminal.asked(run)
    same = terminal("show", run, "--diff")
    assert same.returncode == 0, same.stderr
    assert "that is what switch-off.yaml says today" in same.stdout

    file.write_text(RUNBOOK.replace("within: 2s", "within: 3s").replace("Switch it off", "Turn it off"))
    other = terminal("show", run, "--diff")
    assert other.returncode == 1
    told = other.stdout.splitlines()
    assert "-  2. switch_off (change): Switch it off" in told
    assert "+  2. switch_off (change): Turn it off" in told
    assert any(line.startswith("+") and "within 3s" in line for line in told)
    assert not any(line.startswith(("-", "+")) and "look" in line for line in told)

    found = json.loads(terminal("show", run, "--diff", "--json").stdout)
    assert (found["same"], found["file"], found["why"]) == (False, "switch-off.yaml", "")
    assert found["pinned"] != found["today"]
    assert found["diff"][0] == "--- pinned by the run"

    # Whatever the file says, the run does what it was started with.
    assert terminal("approve", run).returncode == 0
    assert terminal.ended(run).outcome == "succeeded"
    assert "that is what" not in terminal("show", run, "--diff").stdout


def test_a_runbook_that_is_gone_or_broken_is_said_so(terminal: Terminal) -> None:
    file = terminal.folder / "switch-off.yaml"
    run = terminal.start()
    terminal.asked(run)
    file.write_text(RUNBOOK.replace("effect: change", "effect: chnge"))
    broken = terminal("show", run, "--diff")
    assert broken.returncode == 1
    assert "`switch-off.yaml` has errors (`stanch check switch-off.yaml`)" in broken.stdout
    file.unlink()
    gone = terminal("show", run, "--diff")
    assert gone.returncode == 1
    assert "the runbook `switch-off` is gone" in gone.stdout
    assert json.loads(terminal("show", run, "--diff", "--json").stdout)["today"] is None
    assert terminal("abort", run, "--reason", "enough").returncode == 0
