"""What people may do to a question, in any order and at any moment: data, to be played on either host."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from hypothesis import strategies as st

from stanch.conductor.events import TimerFired
from stanch.contract import Choice, Decision, Ladder, Order, Request, Rung, RunInput, RunPolicy, Shift, Verb
from stanch.language.plan import Approval, Plan
from tests.support.host import Host
from tests.support.plans import change, plan

IC, LEAD = "incident_commander", "technical_lead"
CALM = Ladder(
    (Rung(0.0, IC, remind=170.0), Rung(400.0, LEAD), Rung(900.0, "primary")), 2000.0, patience=500.0
)
STEEP = Ladder((Rung(0.0, IC), Rung(110.0, LEAD), Rung(230.0, "sre")), 800.0, "abort", patience=100.0)
PEOPLE = ("alice", "bob", "carol", "dave", "erin")


@dataclass(frozen=True, slots=True)
class Move:
    """After `wait` seconds a person does something."""

    wait: float
    verb: Verb | Literal["approve", "deny"]
    by: str
    role: str = ""
    to: str = ""

    @property
    def order(self) -> Order | None:
        if self.verb == "approve" or self.verb == "deny":  # noqa: PLR1714 (mypy narrows by these)
            return None
        return Order(self.verb, self.by, "why", role=self.role, to=self.to)

    def decision(self, request: Request) -> Decision:
        choice: Choice = "approve" if self.verb == "approve" else "deny"
        return Decision(request.id, choice, self.by, request.digest, "why")


Moves: TypeAlias = list[Move]

_verbs = ["approve", "approve", "deny", "acknowledge", "acknowledge", "handover", "handover", "severity"]


@st.composite
def _move(draw: st.DrawFn) -> Move:
    verb: Any = draw(st.sampled_from([*_verbs, "pause", "resume"]))
    # Mostly people who may: the deep states lie behind several right answers.
    by = draw(st.sampled_from(PEOPLE))
    wait = float(draw(st.integers(11, 700)))
    if verb == "handover":
        return Move(wait, verb, by, draw(st.sampled_from([IC, IC, LEAD])), draw(st.sampled_from(PEOPLE)))
    return Move(wait, verb, by, to=draw(st.sampled_from(["SEV1", "SEV3"])) if verb == "severity" else "")


moves = st.lists(_move(), max_size=8)


def policy(started: float, commander: tuple[str, ...]) -> RunPolicy:
    """A policy in which everything moves: shifts end, nobody may have the command, severities differ."""
    return RunPolicy(
        ladders={IC: CALM},
        by_severity={"SEV1": {IC: STEEP}},
        roles={IC: commander, LEAD: ()},
        groups={"sre": ("carol", "primary")},
        schedules={"primary": (Shift("dave", end=started + 1000.5), Shift("erin", started + 1000.5))},
        acting="primary",
        named=True,
    )


def question(quorum: int, of_roles: int) -> Plan:
    roles = (IC, LEAD) if of_roles > 1 else (IC,)
    return plan(change(approval=Approval(roles, quorum=quorum, of_roles=of_roles)))


class Clockwork(Host):
    """A host whose timers fire by themselves when time passes."""

    def __init__(self, given: RunInput) -> None:
        super().__init__(given)
        self.due: dict[str, float] = {}
        self.fired: list[float] = []
        """When a timer has."""
        self.moved: list[float] = []
        """When somebody has done something."""

    def take(self, commands: Any) -> None:
        known = set(self.timers)
        super().take(commands)
        self.due |= {key: self.now + self.timers[key].seconds for key in self.timers if key not in known}

    def wait(self, seconds: float) -> None:
        """Let so much time pass; for ever, until the run has ended, when it is infinite."""
        end = self.now + seconds
        while self.timers and self.finished is None:
            key = min(self.timers, key=lambda each: self.due[each])
            if self.due[key] > end:
                break
            self.now = max(self.now, self.due[key])
            del self.timers[key]
            self.fired.append(self.now)
            self.feed(TimerFired(self.now, key))
        if end != float("inf"):
            self.now = end

    def play(self, move: Move) -> str:
        """Let the time before it pass, and do it; why it was refused, if it was."""
        self.wait(move.wait)
        self.moved.append(self.now)
        order = move.order
        if order is not None:
            refused = self.conductor.order_refusal(self.state, order, self.now)
            if not refused:
                self.order(order.verb, order.by, order.reason, role=order.role, to=order.to)
            return refused
        opened = [each for each in self.state.requests.values() if not each.closed]
        if not opened:
            return "nothing is asked"
        decision = move.decision(opened[0].request)
        refused = self.conductor.refusal(self.state, decision, self.now)
        if not refused:
            self.decide(decision.choice, decision.by, decision.reason)
        return refused
