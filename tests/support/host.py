"""A host for the conductor without Temporal: it keeps what was commanded and answers when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from stanch.conductor import describe
from stanch.conductor.commands import (
    AskLease,
    CancelAction,
    CancelTimer,
    Command,
    FinishRun,
    Page,
    RingLease,
    RunAction,
    StartTimer,
)
from stanch.conductor.events import (
    AbortRequested,
    ActionFailed,
    ActionLost,
    ActionSucceeded,
    DecisionGiven,
    Event,
    LeaseAnswered,
    LeaseRung,
    OrderGiven,
    RunStarted,
    TimerFired,
)
from stanch.conductor.machine import Conductor
from stanch.contract import Choice, Claim, Decision, LeaseAnswer, Order, PageTask, Request, RunInput, Verb


class Host:
    """Runs one run. `actions` and `timers` are what is open, in the order in which it was commanded."""

    def __init__(self, given: RunInput, run: str = "run/rollback-release/abc") -> None:
        self.conductor = Conductor(given)
        self.state = self.conductor.begin(run, given)
        self.now = 1000.0
        self.commands: list[Command] = []
        self.actions: dict[str, RunAction] = {}
        self.timers: dict[str, StartTimer] = {}
        self.cancelled: list[str] = []
        self.executed: list[RunAction] = []
        self.pages: list[str] = []
        self.paged: list[PageTask] = []
        self.asked: dict[str, AskLease] = {}
        self.rung: list[str] = []
        self.finished: FinishRun | None = None

    def start(self) -> Host:
        return self.feed(RunStarted(self.now))

    def feed(self, event: Event) -> Host:
        self.state, commands = self.conductor.step(self.state, event)
        self.take(commands)
        return self

    def take(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.commands.append(command)
            match command:
                case RunAction(key=key):
                    self.actions[key] = command
                    self.executed.append(command)
                case StartTimer(key=key):
                    self.timers[key] = command
                case CancelTimer(key=key):
                    del self.timers[key]
                case CancelAction(key=key):
                    self.cancelled.append(key)
                case Page(task=task):
                    self.pages.append(task.to)
                    self.paged.append(task)
                case AskLease(key=key):
                    self.asked[key] = command
                case RingLease(name=name):
                    self.rung.append(name)
                case FinishRun():
                    self.finished = command

    def after(self, seconds: float) -> Host:
        self.now += seconds
        return self

    # --- the outside world --------------------------------------------------------------------------------

    def succeed(self, result: Any = None, *, already: bool = False) -> Host:
        key = next(iter(self.actions))
        del self.actions[key]
        return self.feed(ActionSucceeded(self.now, key, result, already))

    def fail(self, reason: str = "exit status 1", **fields: Any) -> Host:
        key = next(iter(self.actions))
        del self.actions[key]
        return self.feed(ActionFailed(self.now, key, reason, **fields))

    def lose(self, reason: str = "its worker went silent", **fields: Any) -> Host:
        key = next(iter(self.actions))
        del self.actions[key]
        return self.feed(ActionLost(self.now, key, reason, **fields))

    def fire(self) -> Host:
        """Let the oldest timer fire, at its time."""
        key = next(iter(self.timers))
        timer = self.timers.pop(key)
        self.now += timer.seconds
        return self.feed(TimerFired(self.now, key))

    def decide(self, choice: Choice, by: str = "alice", reason: str = "because", **fields: Any) -> Host:
        return self.feed(DecisionGiven(self.now, self.decision(choice, by, reason, **fields)))

    def decision(self, choice: Choice, by: str = "alice", reason: str = "because", **fields: Any) -> Decision:
        fields.setdefault("request", self.request.id)
        fields.setdefault("digest", self.request.digest)
        return Decision(choice=choice, by=by, reason=reason, **fields)

    def order(self, verb: Verb, by: str = "alice", reason: str = "because", **fields: Any) -> Host:
        return self.feed(OrderGiven(self.now, Order(verb, by, reason, **fields)))

    def refusal(self, verb: Verb, by: str = "alice", reason: str = "because", **fields: Any) -> str:
        """Why such an order would be refused now."""
        return self.conductor.order_refusal(self.state, Order(verb, by, reason, **fields), self.now)

    def abort(self) -> Host:
        return self.feed(AbortRequested(self.now, "alice", "wrong runbook"))

    def through(self, answer: Callable[[RunAction], Any]) -> Host:
        """Answer every action and fire every timer until a person is needed or the run has ended."""
        while self.finished is None and not describe.open_requests(self.state):
            if self.actions:
                self.succeed(answer(next(iter(self.actions.values()))))
            else:
                self.fire()
        return self

    # --- leases -------------------------------------------------------------------------------------------

    def grant(self, *waiting: Claim) -> Host:
        """Answer the oldest question to a lease: it is held."""
        return self.answer(LeaseAnswer("e1", held=True, since=self.now, waiting=waiting))

    def make_wait(self, *holders: Claim, ahead: int = 0) -> Host:
        return self.answer(LeaseAnswer("e1", ahead=ahead, holders=holders))

    def answer(self, answer: LeaseAnswer) -> Host:
        key = next(iter(self.asked))
        return self.feed(LeaseAnswered(self.now, self.asked.pop(key).task.name, key, answer))

    def ring(self, name: str) -> Host:
        return self.feed(LeaseRung(self.now, name))

    @property
    def asks(self) -> list[str]:
        """Names of the leases that are asked now."""
        return [each.task.name for each in self.asked.values()]

    @property
    def holds(self) -> list[str]:
        return [each.name for each in describe.wanted(self.state) if each.state == "held"]

    # --- what a test asks ---------------------------------------------------------------------------------

    @property
    def request(self) -> Request:
        (request,) = describe.open_requests(self.state)
        return request

    @property
    def outcome(self) -> str | None:
        return self.state.outcome

    def told(self, kind: str) -> list[str]:
        return [moment.text for moment in self.state.timeline if moment.kind == kind]
