"""Leases as they are typed: who holds what is listed, and who commands takes one away."""

from __future__ import annotations

import json
import shlex
import uuid
from pathlib import Path

import pytest

from stanch.cli.exits import DONE, NO
from tests.cli.live import RUNBOOK
from tests.cli.terminal import Said, Terminal

pytestmark = pytest.mark.xdist_group("cli-live")


def done(said: Said) -> str:
    assert said.returncode == DONE, said.stderr
    return said.stdout.strip()


@pytest.fixture
def lock(tmp_path: Path) -> str:
    """That of the runbook `locked`, which is `switch-off` with a lock."""
    name = f"service/{uuid.uuid4().hex[:8]}"
    head = RUNBOOK.replace("runbook: switch-off", "runbook: locked")
    (tmp_path / "locked.yaml").write_text(head.replace("steps:\n", f"locks: [{name}]\nsteps:\n", 1))
    return name


def test_the_holder_and_the_queue_are_shown_and_the_lease_is_broken(terminal: Terminal, lock: str) -> None:
    first = terminal.start("locked.yaml")
    terminal.asked(first)
    second = terminal.start("locked.yaml")
    terminal.until(second, lambda view: view.phase == "queuing")
    assert f"holds {lock} since " in terminal("show", first).stdout
    shown = terminal("show", second).stdout
    text = " ".join(shown.split())
    assert text.startswith(f"WAITS for {lock}: held by {first} (SEV3, started by rob) since ")
    listed = next(each for each in json.loads(done(terminal("leases", "--json"))) if each["name"] == lock)
    assert [[claim["run"] for claim in listed[part]] for part in ("holders", "queue")] == [[first], [second]]
    table = done(terminal("leases")).splitlines()
    at = table.index(lock)
    assert table[at + 1].startswith(f"  holds  {first} (SEV3, started by rob), for ")
    assert table[at + 2].startswith(f"  1. waits  {second} (SEV3, started by rob), for ")
    refused = terminal("break", second, lock, "--reason", "it is late")
    assert (refused.returncode, f"`stanch break {first} {lock} --reason WHY`" in refused.stderr) == (NO, True)
    # As it is printed, it can be pasted, but for the reason.
    line = next(line for line in shown.splitlines() if " break " in line)
    words = [word.replace("WHY", "the failover leads") for word in shlex.split(line)[1:]]
    said = done(terminal(*words))
    short = first.removeprefix("run/")
    assert said.startswith(f"{short} does not hold `{lock}` any more, and changes nothing")
    terminal.asked(second)
    done(terminal("approve", first))
    terminal.until(first, lambda view: view.parked)
    shown = terminal("show", first).stdout
    text = " ".join(shown.split())
    assert text.startswith(f"LEASE BROKEN, no change begins: {lock}: dana broke it at ")
    assert terminal.switch.on
    said = done(terminal("release", first))
    assert said == f"{first.removeprefix('run/')} queues for `{lock}`, and goes on with it"
    done(terminal("deny", second, "--reason", "not needed"))
    assert terminal.ended(first).outcome == "succeeded"
    assert not terminal.switch.on


def test_a_list_of_no_leases_is_an_empty_one(terminal: Terminal) -> None:
    assert json.loads(done(terminal("leases", "--json"))) is not None
