"""A pool's budget on a real Temporal server: two runs, one pool, and a log that the actions keep."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import replace

import pytest
from temporalio.client import Client

from stanch.client import runs
from stanch.config import Config, Policy
from stanch.contract import ActionReport, ActionTask
from stanch.language.plan import Call, ForEach, Plan
from tests.support.plans import change, plan
from tests.support.temporal import TemporalServer
from tests.support.world import World, begin, handle_of

WEB = ("web1", "web2", "web3")
CONFIG = Config(policy=Policy(pools={"web": WEB}, budgets={"web": 1}))
OVERLAP = 0.3
"""Seconds that an action gives others to begin beside it."""


@pytest.fixture
async def client(temporal: TemporalServer) -> Client:
    return await temporal.client()


class Fleet:
    """Hosts that write down what happens to them."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.begun = asyncio.Event()
        self.stuck: set[str] = set()

    async def touch(self, task: ActionTask) -> ActionReport:
        (host,) = task.call.params["hosts"]
        self.log.append(f"begin {host}")
        self.begun.set()
        self.begun.clear()
        if host in self.stuck:
            self.stuck.remove(host)
            await asyncio.Event().wait()
        with suppress(TimeoutError):
            await asyncio.wait_for(self.begun.wait(), OVERLAP)
        self.log.append(f"end {host}")
        return ActionReport({"rc": 0})

    @property
    def at_once(self) -> int:
        """How many hosts were touched at the same time, at most; two runs on one host disrupt one."""
        now: list[str] = []
        most = 0
        for what, host in map(str.split, self.log):
            if what == "begin":
                now.append(host)
            else:
                now.remove(host)
            most = max(most, len(set(now)))
        return most


def rolling(*hosts: str) -> Plan:
    step = change(for_each=ForEach("host", list(hosts), (1,)), approval=None, unattended="a test", undo=None)
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["restart"]}, one=True)
    return plan(replace(step, call=call, irreversible="a restart is over"))


async def test_two_runs_of_one_pool_never_touch_more_hosts_at_once_than_its_budget(client: Client) -> None:
    fleet = Fleet()
    async with World(fleet.touch).worker(client):
        started = [
            await begin(client, rolling(*hosts), key, CONFIG)
            for key, hosts in (("pool-one", WEB), ("pool-two", WEB[::-1]))
        ]
        results = [await handle_of(client, run).result() for run in started]
        views = [await runs.view(handle_of(client, run)) for run in started]
    assert [each.outcome for each in results] == ["succeeded", "succeeded"]
    assert sorted(fleet.log) == sorted(f"{what} {host}" for what in ("begin", "end") for host in WEB * 2)
    assert fleet.at_once == 1, fleet.log
    told = [moment.text for view in views for moment in view.timeline if moment.kind == "lease"]
    assert any(text.startswith("waits for `pool/web` for web") for text in told)


async def test_the_fleet_would_tell_if_two_hosts_were_touched_at_once(client: Client) -> None:
    fleet = Fleet()
    async with World(fleet.touch).worker(client):
        started = [await begin(client, rolling(*WEB), key, Config()) for key in ("free-one", "free-two")]
        for run in started:
            assert (await handle_of(client, run).result()).outcome == "succeeded"
    assert fleet.at_once == 2


async def test_the_share_of_a_run_that_was_terminated_is_free_again(client: Client) -> None:
    fleet = Fleet()
    fleet.stuck.add("web1")
    async with World(fleet.touch).worker(client):
        dead = handle_of(client, await begin(client, rolling("web1"), "dead", CONFIG))
        while not fleet.log:
            await asyncio.sleep(0.02)
        alive = handle_of(client, await begin(client, rolling("web2"), "alive", CONFIG))
        while not any("waits for" in moment.text for moment in (await runs.view(alive)).timeline):
            await asyncio.sleep(0.02)
        await dead.terminate("its worker went mad")
        assert (await alive.result()).outcome == "succeeded"
    assert fleet.log == ["begin web1", "begin web2", "end web2"]
