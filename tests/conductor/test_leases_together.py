"""Several runs and the same leases, in any order of events: nobody shares a lock, and everybody ends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

from hypothesis import given as each_of
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor import describe
from stanch.conductor.events import LeaseAnswered, LeaseRung
from stanch.contract import Claim, LeaseView
from stanch.language.plan import Child, Plan, Step
from stanch.lease import queue
from tests.support.host import Host
from tests.support.plans import change, given, plan

NAMES = ("a", "b", "c")


@dataclass
class Town:
    """Runs, and leases that look at them as their workflows do: what counts is what a run says of itself."""

    hosts: list[Host]
    leases: dict[str, LeaseView] = field(default_factory=lambda: {name: LeaseView(name) for name in NAMES})

    seen: dict[str, int] = field(default_factory=dict)
    """By run, how many of its actions have been looked at."""

    def step(self, number: int) -> bool:
        """Let one of the things happen that can; whether there was any."""
        able = [*self._answers(), *self._ends()]
        if not able:
            return False
        able[number % len(able)]()
        self.look()
        return True

    def _answers(self) -> list[Callable[[], object]]:
        return [partial(self._ask, host) for host in self.hosts if host.asked]

    def _ends(self) -> list[Callable[[], object]]:
        return [partial(host.succeed, {}) for host in self.hosts if host.actions]

    def _ask(self, host: Host) -> None:
        key, command = next(iter(host.asked.items()))
        del host.asked[key]
        name = command.task.name
        claim = replace(command.task.claim, run=host.state.run, execution="e")
        self._become(queue.asked(self.leases[name], claim, 1.0), told=claim)
        host.feed(LeaseAnswered(host.now, name, key, queue.answer(self.leases[name], claim)))

    def look(self) -> None:
        """A bell was rung at all of them."""
        for name, state in self.leases.items():
            gone = [claim for claim in (*state.holders, *state.queue) if not self._wanted(name, claim)]
            self._become(queue.freed(state, gone, 1.0))

    def _wanted(self, name: str, claim: Claim) -> bool:
        (host,) = (each for each in self.hosts if each.state.run == claim.run)
        return any((each.name, each.id) == (name, claim.id) for each in describe.wanted(host.state))

    def _become(self, state: LeaseView, told: Claim | None = None) -> None:
        before, self.leases[state.name] = self.leases[state.name], state
        for claim in queue.granted(before, state):
            if told is None or not queue.same(claim, told):
                (host,) = (each for each in self.hosts if each.state.run == claim.run)
                host.feed(LeaseRung(host.now, state.name))

    def held(self) -> dict[str, list[str]]:
        return {name: [host.state.run for host in self.hosts if name in host.holds] for name in NAMES}


def run(number: int, own: tuple[str, ...], inner: tuple[str, ...]) -> Host:
    """A change, and a child with one, which takes locks that come after those of its caller."""
    made = change("fix", approval=None, unattended="a test", on_failure="stop")
    child = Plan("inner", "Inner", "recovery", "sre", (made,), locks=inner)
    call = Step(id="call", title="Call", child=Child("inner"))
    which = plan(made, call, locks=own, children={"inner": child})
    return Host(given(which), run=f"run/town/{number}").start()


_WHAT = [*["go"] * 9, "break", "break", "release", "undo", "abort"]
_LOCKS = st.tuples(
    st.lists(st.sampled_from("ab"), max_size=2).map(tuple),
    st.lists(st.sampled_from("bc"), max_size=2).map(tuple),
)


@settings(max_examples=150, deadline=None)
@each_of(
    st.lists(_LOCKS, min_size=2, max_size=3),
    st.lists(st.tuples(st.integers(0, 9), st.sampled_from(_WHAT)), max_size=40),
    st.integers(0, 5),
)
def test_nobody_shares_a_lock_and_everybody_ends(
    locks: list[tuple[tuple[str, ...], tuple[str, ...]]], moves: list[tuple[int, str]], last: int
) -> None:
    town = Town([run(number, *each) for number, each in enumerate(locks)])
    for number, what in moves:
        host = town.hosts[number % len(town.hosts)]
        _move(town, host, number, what)
        town.look()
        _no_change_without_its_locks(town)
    for _ in range(400):
        for host in town.hosts:
            if not host.refusal("release"):
                host.order("release")
        town.look()
        _no_change_without_its_locks(town)
        if not town.step(last):
            break
    assert [host.outcome for host in town.hosts if host.outcome is None] == []
    assert all(not state.holders and not state.queue for state in town.leases.values())


def _move(town: Town, host: Host, number: int, what: str) -> None:
    if what == "go":
        town.step(number)
    elif what == "abort":
        if not host.conductor.abort_refusal(host.state, None):
            host.abort()
    elif what == "break":
        lease = next(iter(host.holds), "")
        if lease and not host.refusal("break", lease=lease):
            host.order("break", lease=lease)
    elif what == "undo":
        if not host.refusal("undo"):
            host.order("undo")
    elif not host.refusal("release"):
        host.order("release")


def _no_change_without_its_locks(town: Town) -> None:
    for name, runs in town.held().items():
        assert len(runs) <= 1, f"`{name}` is held by {runs}"
        holders = [claim.run for claim in town.leases[name].holders]
        assert set(runs) <= set(holders), f"`{name}` is believed to be held by {runs}, and is by {holders}"
    for host in town.hosts:
        of = host.state.given.plan
        for action in host.executed[town.seen.get(host.state.run, 0) :]:
            inner = of.children["inner"].locks if action.task.step.startswith("call/") else ()
            lacking = {*of.locks, *inner} - set(host.holds)
            assert not lacking or host.outcome, f"`{action.task.step}` began without {lacking}"
        town.seen[host.state.run] = len(host.executed)
