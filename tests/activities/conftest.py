from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest

from activities.action import Context
from activities.http import Http
from stanch.contract import TargetEnd
from tests.activities.bench import Bench
from tests.activities.served import Scripted, scripted
from tests.support.sshd import Farm, start_sshd


@pytest.fixture(scope="session")
def farm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Farm]:
    """Three hosts: web1, web2, web3."""
    with start_sshd(tmp_path_factory.mktemp("sshd"), hosts=["web1", "web2", "web3"]) as started:
        yield started


@dataclass
class Beats:
    """Makes contexts and remembers what was said to Temporal."""

    notes: list[str] = field(default_factory=list)
    ends: list[TargetEnd] = field(default_factory=list)

    def context(self, *, one: bool = False, timeout: float = 30.0) -> Context:
        return Context(
            key="run/step/1", timeout=timeout, one=one, beat=self.notes.append, ended=self.ends.extend
        )


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
