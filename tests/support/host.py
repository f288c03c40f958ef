"""A host for the conductor without Temporal: it keeps what was commanded and answers when a test says so."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from stanch.conductor import describe
from stanch.conductor.commands import (
    CancelAction,
    CancelTimer,
    Command,
    FinishRun,
    Page,
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
    OrderGiven,
    RunStarted,
    TimerFired,
)
from stanch.conductor.machine import Conductor
from stanch.contract import Choice, Decision, Order, PageTask, Request, RunInput, Verb


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

    def fail(self, reason: str = "exit status 1") -> Host:
        key = next(iter(self.actions))
        del self.actions[key]
        return self.feed(ActionFailed(self.now, key, reason))

    def lose(self, reason: str = "its worker went silent") -> Host:
        key = next(iter(self.actions))
        del self.actions[key]
        return self.feed(ActionLost(self.now, key, reason))

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
