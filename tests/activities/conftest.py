from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest

from activities.action import Context
from activities.http import Http
from activities.ssh import SshAction
from stanch.contract import TargetEnd
from tests.activities.bench import Bench
from tests.activities.held import clear
from tests.activities.served import Scripted, scripted
from tests.support.sshd import Farm, Host, start_sshd


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Three hosts: web1, web2, web3."""
    with start_sshd(tmp_path_factory.mktemp("sshd"), hosts=["web1", "web2", "web3"]) as started:
        yield started


@pytest.fixture
def web1(farm: Farm) -> Host:
    """One of them, on which nobody has done anything yet."""
    clear(farm["web1"])
    return farm["web1"]


@pytest.fixture
async def ssh(farm: Farm) -> AsyncIterator[SshAction]:
    action = SshAction(farm.config_file)
    yield action
    await action.close()


@pytest.fixture
async def other(farm: Farm) -> AsyncIterator[SshAction]:
    """Another worker's."""
    action = SshAction(farm.config_file)
    yield action
    await action.close()


@dataclass
class Beats:
    """Makes contexts and remembers what was said to Temporal."""

    notes: list[str] = field(default_factory=list)
    ends: list[TargetEnd] = field(default_factory=list)
    changes: bool = True
    """Each context is of a change, with a key of its own; else of a read."""

    def context(self, *, one: bool = False, timeout: float = 30.0) -> Context:
        key = f"run/step/{uuid4()}" if self.changes else ""
        return Context(key=key, timeout=timeout, one=one, beat=self.notes.append, ended=self.ends.extend)


@pytest.fixture
def beats() -> Beats:
    return Beats()


@pytest.fixture
def context(beats: Beats) -> Context:
    return beats.context()


@pytest.fixture
def one(beats: Beats) -> Context:
    return beats.context(one=True)


@pytest.fixture
def site() -> Iterator[Scripted]:
    """A server that answers as the test tells it to."""
    with scripted() as script:
        yield script


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    """The activity round `http`, run without a Temporal server."""
    action = Http()
    yield Bench(action)
    await action.close()


@pytest.fixture
async def configured(farm: Farm, tmp_path: Path) -> AsyncIterator[Callable[[str], SshAction]]:
    """An action whose configuration is the given text, with `{known_hosts}`, `{key}`, `{user}`, `{portN}`."""
    made: list[SshAction] = []
    values = {f"port{place}": farm[f"web{place}"].port for place in (1, 2, 3)}

    def make(text: str) -> SshAction:
        file = tmp_path / "config"
        file.write_text(text.format(known_hosts=farm.known_hosts, key=farm.key, user=farm.user, **values))
        made.append(SshAction(file))
        return made[-1]

    yield make
    for action in made:
        await action.close()
