"""Ansible in mid-play when its worker dies or a connection breaks: what is known of each host, and where the
next attempt goes on if its step says that twice is the same as once. The hosts keep count."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

from activities.action import Context
from activities.ansible.action import AnsibleAction
from activities.ansible.job import read_job
from stanch.contract import ActionTask, TargetEnd
from stanch.errors import OutcomeUnknown
from stanch.language.plan import Call, Json
from tests.activities.bench import Bench
from tests.activities.conftest import Beats
from tests.activities.held import until
from tests.support.sshd import Farm, Host

ROOT = Path(__file__).resolve().parents[2]
HOLD = "here=$(cat ~/turn); while [ -e ~/hold$here ]; do : >~/held$here; sleep 0.05; done"
"""Each test has files of its own: what an earlier one has left behind on a host must not be taken for its."""
ROLL: list[Json] = [
    {
        "hosts": "all",
        "gather_facts": False,
        "serial": 1,
        "tasks": [
            {"name": "restart", "shell": f"echo restarted >>~/ran; {HOLD}"},
            {"name": "look", "command": "echo fine", "changed_when": False},
        ],
    }
]
HOSTS = ["web1", "web2", "web3"]


@pytest.fixture(autouse=True)
def _hosts(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("ANSIBLE_SSH_USETTY", "False")
    turn = uuid4().hex
    for name in HOSTS:
        (farm[name].home / "ran").unlink(missing_ok=True)
        (farm[name].home / "turn").write_text(turn)
        (farm[name].home / "turn").chmod(0o644)
    yield
    for name in HOSTS:
        (farm[name].home / f"hold{turn}").unlink(missing_ok=True)


@pytest.fixture
def ansible(farm: Farm, monkeypatch: pytest.MonkeyPatch) -> Iterator[AnsibleAction]:
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield AnsibleAction(None, farm.config_file)


class Told:
    """What an action has told of how it stands, and contexts for its attempts."""

    def __init__(self) -> None:
        self.ends: tuple[TargetEnd, ...] = ()
        self.part: Json = None

    def take(self, ends: tuple[TargetEnd, ...], part: Json) -> None:
        self.ends, self.part = ends, part

    def context(self, beats: Beats) -> Context:
        return replace(beats.context(), so_far=self.take, earlier=self.part)

    def states(self) -> dict[str, str]:
        return {end.target: end.state for end in self.ends}


@pytest.fixture
def told() -> Told:
    return Told()


def ran(host: Host) -> int:
    file = host.home / "ran"
    return len(file.read_text().splitlines()) if file.exists() else 0


def file(host: Host, name: str) -> Path:
    """Of this test."""
    return host.home / f"{name}{(host.home / 'turn').read_text()}"


def hold(host: Host) -> None:
    file(host, "hold").touch()


def is_held(host: Host) -> Callable[[], bool]:
    return file(host, "held").exists


def let_go(host: Host) -> None:
    file(host, "hold").unlink()


async def broken_off(ansible: AnsibleAction, farm: Farm, told: Told, beats: Beats) -> OutcomeUnknown:
    """The connection to web2 breaks while web1 is done and web3 is still to come."""
    hold(farm["web2"])
    running = asyncio.create_task(ansible.perform({"playbook": ROLL, "hosts": HOSTS}, told.context(beats)))
    await until(lambda: is_held(farm["web2"])() or running.done())
    farm["web2"].cut()
    with pytest.raises(OutcomeUnknown) as raised:
        await running
    let_go(farm["web2"])
    return raised.value


async def test_a_run_that_broke_off_is_gone_on_with_where_it_is_not_known_to_have_ended_well(
    ansible: AnsibleAction, farm: Farm, told: Told, beats: Beats
) -> None:
    error = await broken_off(ansible, farm, told, beats)
    assert [(end.target, end.state) for end in error.ends] == [
        ("web1", "done"),
        ("web2", "unknown"),
        ("web3", "not_started"),
    ]
    assert error.ends[1].note == "in `restart`"
    assert list(told.part) == ["web1"]
    result = await ansible.perform({"playbook": ROLL, "hosts": HOSTS}, told.context(beats))
    assert [(host["host"], host["status"], host["changed"]) for host in result["hosts"]] == [
        ("web1", "ok", 1),
        ("web2", "ok", 1),
        ("web3", "ok", 1),
    ]
    assert (result["rc"], result["changed"]) == (0, True)
    assert [ran(farm[name]) for name in HOSTS] == [1, 2, 1]


async def test_an_attempt_that_has_ended_everywhere_is_not_run_again(
    ansible: AnsibleAction, farm: Farm, told: Told, beats: Beats
) -> None:
    params: dict[str, Json] = {"playbook": ROLL, "hosts": HOSTS}
    first = await ansible.perform(params, told.context(beats))
    second = await ansible.perform(params, told.context(beats))
    assert second["hosts"] == first["hosts"]
    by_pattern = {**params, "hosts": "all", "inventory": {"web": {"hosts": dict.fromkeys(HOSTS)}}}
    third = await ansible.perform(by_pattern, told.context(beats))
    assert third["hosts"] == first["hosts"]
    assert [ran(farm[name]) for name in HOSTS] == [1, 1, 1]


WORKER = """\
import asyncio, json, sys
from pathlib import Path
from activities.action import Context
from activities.ansible.action import AnsibleAction

def tell(ends, part):
    line = json.dumps([[[end.target, end.state] for end in ends], part])
    Path(sys.argv[2]).with_suffix(".new").write_text(line)
    Path(sys.argv[2]).with_suffix(".new").replace(sys.argv[2])

context = Context(key="k", timeout=60, one=False, beat=lambda note: None, so_far=tell)
asyncio.run(AnsibleAction(None, Path(sys.argv[1])).perform(json.loads(sys.argv[3]), context))
"""


async def test_a_worker_that_is_killed_has_told_which_hosts_were_done_with(
    ansible: AnsibleAction, farm: Farm, told: Told, beats: Beats, tmp_path: Path
) -> None:
    params: dict[str, Json] = {"playbook": ROLL, "hosts": HOSTS}
    said = tmp_path / "said"
    hold(farm["web2"])
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", WORKER, str(farm.config_file), str(said), json.dumps(params)],
        cwd=ROOT,
        env={**os.environ, "TMPDIR": tempfile.gettempdir()},
        stderr=subprocess.DEVNULL,
    ) as worker:
        await until(is_held(farm["web2"]))
        await until(lambda: "web1" in json.loads(said.read_text())[1])
        os.kill(worker.pid, signal.SIGKILL)
    states, part = json.loads(said.read_text())
    assert states == [["web1", "done"], ["web2", "unknown"], ["web3", "not_started"]]
    let_go(farm["web2"])
    told.part = part
    result = await ansible.perform(params, told.context(beats))
    assert [host["status"] for host in result["hosts"]] == ["ok", "ok", "ok"]
    assert [ran(farm[name]) for name in HOSTS] == [1, 2, 1]


@pytest.mark.parametrize(("again", "counts"), [("always", [1, 2, 1]), ("never", [1, 1, 0])])
async def test_only_a_step_that_says_so_is_gone_on_with(
    ansible: AnsibleAction, farm: Farm, again: Any, counts: list[int]
) -> None:
    bench = Bench(ansible)
    call = Call("ansible", {"playbook": ROLL, "hosts": HOSTS})
    task = ActionTask("roll", call, effect="change", timeout=60.0, key="run/roll#1", again=again)
    hold(farm["web2"])
    first = asyncio.create_task(bench.error(task))
    await until(lambda: is_held(farm["web2"])() or first.done())
    farm["web2"].cut()
    error = await first
    let_go(farm["web2"])
    assert (error.type, error.non_retryable) == ("OutcomeUnknown", again == "never")
    bench.attempt(2, bench.last_memory())
    if again == "always":
        assert [host["host"] for host in (await bench.run(task)).result["hosts"]] == HOSTS
    else:
        assert (await bench.error(task)).type == "OutcomeUnknown"
    assert [ran(farm[name]) for name in HOSTS] == counts


# --- where nothing can be told of a host ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("plays", "count"),
    [
        ([{"hosts": "all"}, {"hosts": "web"}], 2),
        ([{"hosts": "all"}, {"import_playbook": "other.yml"}], 0),
        ([{"hosts": "all"}, {"ansible.builtin.import_playbook": "other.yml"}], 0),
    ],
)
def test_the_plays_are_counted_unless_others_are_imported(
    plays: list[Json], count: int, tmp_path: Path
) -> None:
    (tmp_path / "site.yml").write_text(yaml.safe_dump(plays))
    (tmp_path / "other.yml").write_text("[{hosts: all}]")
    job = read_job({"playbook": "site.yml", "hosts": ["web1"]}, tmp_path)
    assert job.plays_in_all == count


def test_tags_of_ansibles_own_do_not_keep_the_plays_from_being_counted(tmp_path: Path) -> None:
    (tmp_path / "site.yml").write_text("- hosts: all\n  vars: {a: !unsafe '{{ b }}', c: !vault x}\n")
    assert read_job({"playbook": "site.yml", "hosts": ["web1"]}, tmp_path).plays_in_all == 1


def test_hosts_that_are_left_out_are_named_in_the_way_of_the_pattern() -> None:
    inventory = {"inventory": {"a": {"hosts": {"x": None, "y": None}}}}
    names = read_job({"module": "ping", "hosts": ["x", "y"]}, None)
    groups = read_job({"module": "ping", "hosts": "a:b", **inventory}, None)
    assert names.without(["x"]).pattern == "x,y,!x"
    assert groups.without(["x", "y"]).pattern == "a:b:!x:!y"
