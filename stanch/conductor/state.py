"""A run's state. Invariants:

1. A node is one execution of a step (or one item of its `for_each`); its path names it for ever.
2. While the run has not ended, something is awaited: an action, a timer, or both beside an open request. Or
   the run is paused, or something is parked because it is on hold or has no lease.
3. Every open request has exactly one timer: the next rung of its ladder, or its end; none while it is paused.
   A block, child or loop with a limit has one more while it runs and nothing in it is kept back.
4. A key is used once: in `awaited` while it is open, never again afterwards.
5. The ledger only grows; an entry is only ever marked as undone.
6. After the outcome is set nothing changes but the timeline, and the name of a run that was left behind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from stanch.conductor.claims.claimed import Claimed
from stanch.conductor.events import Internal
from stanch.contract import (
    ActionTask,
    Decision,
    Effected,
    Found,
    Kept,
    Moment,
    Outcome,
    PublicKey,
    Request,
    RunInput,
    Spent,
    TargetEnd,
)
from stanch.language.plan import Call, Json

ROOT = ""
"""Path of the node whose children are the runbook's top-level steps."""


DEEPEST = 8
"""Children inside of children; a runbook may call itself."""


class Phase(StrEnum):
    """A node's life."""

    PENDING = "pending"
    ASKING = "asking"
    """A request is open."""
    READY = "ready"
    RUNNING = "running"
    """Its children are under way."""
    ACTING = "acting"
    PAUSING = "pausing"
    DOUBTING = "doubting"
    """Its outcome is unknown, and its `done` check is asked."""
    VERIFYING = "verifying"
    UNDOING = "undoing"
    STOPPING = "stopping"
    """The run is being aborted; the end of its action is awaited, so that it can be told."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    REFUSED = "refused"
    """A precondition did not hold."""
    DENIED = "denied"
    IN_DOUBT = "in_doubt"
    ABORTED = "aborted"

    @property
    def final(self) -> bool:
        return self in FINAL


FINAL = frozenset(
    {
        Phase.SUCCEEDED,
        Phase.FAILED,
        Phase.SKIPPED,
        Phase.REFUSED,
        Phase.DENIED,
        Phase.IN_DOUBT,
        Phase.ABORTED,
    }
)


@dataclass(frozen=True, slots=True)
class Node:
    path: str
    step: str
    """The step's id; empty for the root."""
    parent: str | None
    runbook: str = ""
    """Whose step it is: a child's name, or empty for the run's own runbook."""
    frame: str = ""
    """Path of the call that it is inside of, which has the inputs that are read here."""
    phase: Phase = Phase.PENDING
    item: int | None = None
    """Which item of its step's `for_each` this node is; None for the step itself."""
    names: Mapping[str, Json] = field(default_factory=dict)
    """The `for_each` names that are visible here."""
    covered: bool = False
    """An approval given further up covers it."""
    free: bool = False
    """A block around it is `unattended`: nobody has to be asked, unless its own step says so."""
    approved: bool = False
    items: tuple[Json, ...] = ()
    tasks: tuple[ActionTask, ...] = ()
    """What will be executed, rendered and frozen before anybody is asked: one, or one an item."""
    opened: int = 0
    """How many steps of a block have been reached."""
    todo: tuple[int, ...] = ()
    """Items of a fan-out whose turn is still to come, in order."""
    batch: int = 0
    attempt: int = 1
    verifying: bool = False
    """What failed, if something did, was its `verify` and not its action."""
    key: str = ""
    """Of the action or timer it waits for."""
    undo_queue: tuple[int, ...] = ()
    """Positions in the ledger that are still to be undone, in that order."""
    end: Phase | None = None
    """How it ends as soon as what was borrowed inside of it has been put back."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Of the child that this node calls."""
    result: Json = None
    outputs: Mapping[str, Json] = field(default_factory=dict)
    """What it has given: what `steps.<id>` says of it, of one round in a loop."""
    limit: str = ""
    """Key of the timer that ends it, while one runs."""
    halting: str = ""
    """Why what is in it is being stopped, while the ends of its actions are awaited."""
    assumed: bool = False
    """It is in place, but not by an answer of its own: `done` held, or a person said so. `result` is what the
    check gave, or nothing."""
    doubted: bool = False
    """Nobody knows how an attempt at it, or at taking it back, ended, and nothing has settled that since."""
    title: str = ""
    """Its step's title, when there was something to fill in."""
    note: str = ""
    started: float = 0.0
    ended: float = 0.0
    begun: float = 0.0
    """When nothing stood in its way any more: a decision about it can be withdrawn until then."""
    due: float = 0.0
    """When its limit is reached. While the run is paused, or a hold keeps a part of it back, no timer runs
    for that."""
    stood: float = 0.0
    """Since when its limit stands still, while it does."""
    executed: bool = False
    """Its change was made, whatever was wrong with what it gave."""
    looking: bool = False
    """Before anybody is told what to do by hand, it is looked whether that is there already."""
    waived: str = ""
    """By whom and why its read or its verification, which is being stopped, is not waited for."""
    asks_anew: bool = False
    """It was approved as a part of what is around it; before it is done again it is asked about by itself."""
    anew: str = ""
    """Why it begins as if its turn had just come; whoever is asked about it once more is told."""
    undo_next: bool = False
    """As soon as all in it has been stopped, what it changed is taken back."""
    sent: float = 0.0
    """When its action was let loose."""
    strayed: bool = False
    """An attempt at it was lost once: what is found in place later is its work, whatever `done` has said."""
    ends: tuple[TargetEnd, ...] = ()
    """How an attempt of which nobody knows ended on each target, as far as that was told."""
    evidence: tuple[str, ...] = ()
    """What is known of that attempt, a line each."""
    back: Call | None = None
    """The way back that its action has told, with what was there before."""
    back_lost: str = ""
    """Why nobody knows how the way back that was gone last ended, while its check is being asked."""
    locks: tuple[str, ...] = ()
    """Of the run, or of a child that is called here: the leases that its runbook holds, in order."""

    @property
    def prefix(self) -> str:
        """What the paths of its steps begin with. Blocks add nothing (ids are unique), rounds do."""
        return f"{self.path}." if self.item is not None else folder(self.path)


def folder(path: str) -> str:
    """Everything of a node's path before its own name: up to the last `.` of a round or `/` of a child."""
    return path[: max(path.rfind("."), path.rfind("/")) + 1]


def folders(prefix: str, shortest: int) -> Iterator[str]:
    """The beginnings of `prefix` in which names may stand, from the outside in: none is shorter than
    `shortest`."""
    if not shortest:
        yield ""
    for at, char in enumerate(prefix, 1):
        if char in "./" and at >= shortest:
            yield prefix[:at]


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """A request with the answers it has so far and the place of its ladder."""

    request: Request
    node: str
    timer: str
    rung: int
    """How many rungs of the ladder have been paged."""
    given: tuple[Decision, ...] = ()
    closed: str = ""
    """How it ended, in words; empty while it is open."""
    reminders: int = 0
    """How often the newest rung has been paged again."""
    quiet_until: float = 0.0
    """Nobody is paged before: somebody has acknowledged it."""
    bound: Mapping[str, Json] = field(default_factory=dict)
    """What its digest covers: compared when something may have changed under it."""
    moment: float = 0.0
    """When it was put: for its expressions it stays that moment."""
    put_off: float = 0.0
    """By how many seconds the acknowledgement has set its ladder back."""
    lasts: float = 0.0
    """Seconds that its step gives it; 0 when its ladder says how long it is open."""
    since: float = 0.0
    """The moment from which its ladder counts: when it was put or handed over, or later by what it stood
    still."""
    reached: tuple[int, ...] = ()
    """Which rungs of the ladder have been paged, in that order."""
    paged_at: float = 0.0
    """When somebody was last paged about it."""
    due: float = 0.0
    """The moment of its timer."""
    frozen: float = 0.0
    """Since when it stands still, because the run is paused; 0.0 while it does not."""
    spoke: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Who has approved to the roles for which they answered then."""
    shifts_at: float = 0.0
    """The moment for whose shifts it is asked: who answers for it since another one began is still to be
    paged."""


@dataclass(frozen=True, slots=True)
class Parked:
    """A node whose turn has come, and what it was to be told."""

    path: str
    event: Internal


@dataclass(frozen=True, slots=True)
class State:
    run: str
    """The run's id."""
    given: RunInput
    """As it was started; inputs and severity as they have been changed since."""
    clock: float = 0.0
    started: float = 0.0
    ended: float = 0.0
    nodes: Mapping[str, Node] = field(default_factory=dict)
    inside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By node path: its children's paths, in the order in which they were opened."""
    tally: Mapping[tuple[str, Phase], int] = field(default_factory=dict)
    """By node path and phase: how many of its children are in that phase."""
    live: Mapping[str, None] = field(default_factory=dict)
    """Paths of the nodes that have not ended: what an event costs does not grow with what has."""
    values: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By node path: what `steps.<id>` may read of it."""
    awaited: Mapping[str, str] = field(default_factory=dict)
    """Key of every open action and timer to the node it belongs to."""
    requests: Mapping[str, OpenRequest] = field(default_factory=dict)
    ledger: tuple[Effected, ...] = ()
    timeline: tuple[Moment, ...] = ()
    found: tuple[Found, ...] = ()
    kept: tuple[Kept, ...] = ()
    spent: Spent = field(default_factory=Spent)
    issued: int = 0
    """How many keys have been given out."""
    changing: bool = False
    """A change has been started."""
    aborting: str = ""
    """Why the run is being aborted."""
    edited: bool = False
    """Inputs of the run were changed since it began."""
    back_to: int | None = None
    """Position in the ledger down to which all is taken back as soon as nothing is under way any more."""
    taking_back: bool = False
    """The run is over but for what is being taken or put back."""
    paused: str = ""
    """By whom and why nothing new begins; empty while it may."""
    paused_at: float = 0.0
    full: str = ""
    """How full its history is, if that is why nothing new begins; empty while it may."""
    held: str = ""
    """By whom and why no change begins, while reads go on; empty while it may."""
    holds: Mapping[str, str] = field(default_factory=dict)
    """What `held` says, by the incident for which it was ordered; empty is this run's own."""
    parked: tuple[Parked, ...] = ()
    """What a pause, a hold or a lease keeps back, in the order in which it came."""
    claims: Mapping[str, Claimed] = field(default_factory=dict)
    """What the run holds, waits for, or has lost because somebody broke it, in the order in which it was
    taken."""
    waited: tuple[str, ...] = ()
    """Leases for whose sake whoever commands was paged, because the run had to wait."""
    to_skip: Mapping[str, str] = field(default_factory=dict)
    """Path of a step that is to be skipped as soon as its turn comes, and by whom and why."""
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Role to who holds it since it was handed over."""
    handed: Mapping[str, str] = field(default_factory=dict)
    """Role to how it was handed over, in words."""
    keys: tuple[PublicKey, ...] = ()
    """Keys that are believed since the start, beside those of the policy."""
    used: Mapping[str, float] = field(default_factory=dict)
    """Nonces of proofs that were taken, and the ids of keys that sign once, to when they may be forgotten."""
    resolved: float = 0.0
    """When the alert resolved; 0.0 while it fires."""
    mitigated: float = 0.0
    agenda: tuple[str, ...] = ()
    starter: str = ""
    """How sure it is who has started it; empty where nobody has a key."""
    starters: tuple[str, ...] = ()
    """Whose key has signed the start, whoever `started_by` says it was."""
    outcome: Outcome | None = None
    reason: str = ""
    outputs: Mapping[str, Json] = field(default_factory=dict)
