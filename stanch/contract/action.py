"""What an activity gets and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract.words import Severity
from stanch.language.plan import Call, Check, Json, Poll


@dataclass(frozen=True, slots=True)
class ActionTask:
    """One action to carry out: rendered, complete, and all that the activity is told."""

    step: str
    """Path of the step in its run, such as `roll_back[1]`."""
    call: Call
    effect: Literal["read", "change"] = "read"
    timeout: float = 60.0
    """Seconds for the action itself; waiting for `poll` or `done` has its own `within`."""
    poll: Poll | None = None
    """Repeat the (reading) call until this holds."""
    done: Check | None = None
    """Ask before: if it holds, nothing is executed (`already`). Ask after, until it holds."""
    scope: Mapping[str, Json] = field(default_factory=dict)
    """The names that `poll.until` and `done.poll.until` may read beside `result`."""
    key: str = ""
    """Names this execution for ever (run, step, attempt): the idempotency key of a change."""
    keep: Mapping[str, str] = field(default_factory=dict)
    """Label to CEL over `result` and `scope`: what is stored as evidence, and not in the history."""
    look: bool = False
    """Change nothing; only wait until the action says that this change is in place."""
    again: Literal["never", "unless_done", "always"] = "never"
    """Whether an attempt may follow one that failed or was lost, beyond those that nobody was reached by. Of
    a change: only where `done` says that it is not in place, or always, as twice is the same as once."""
    drill: bool = False
    """It belongs to a drill, and whoever is told of it has to see that."""
    room: int = 0
    """Bytes of JSON that its result may have, where many are under way at once; 0 is the usual limit."""


@dataclass(frozen=True, slots=True)
class TargetEnd:
    """How an action that was cut short ended on one of its targets."""

    target: str
    state: Literal["done", "not_started", "stopped", "running", "unknown"]
    """`stopped`: it was begun, and is certainly over; `running`: it could not be ended."""
    note: str = ""
    output: str = ""
    """The last lines of what it printed there."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A piece of evidence that was stored beside the history."""

    name: str
    """A label such as `controller.log`."""
    step: str = ""
    """Path of the step that kept it."""
    digest: str = ""
    """SHA-256 of what is stored, in hex."""
    size: int = 0
    """Bytes stored."""
    truncated: bool = False
    path: str = ""
    """Below the folder of evidence."""
    error: str = ""
    """Why it was not stored."""


@dataclass(frozen=True, slots=True)
class ActionReport:
    """What an action gave. A failure is raised instead, as one of the families of `stanch.errors`."""

    result: Json = None
    already: bool = False
    """`done` held before anything was executed, so nothing was."""
    kept: tuple[Kept, ...] = ()
    ends: tuple[TargetEnd, ...] = ()
    """Of an action that did not end well: how it ended on each target."""
    found: bool = False
    """`already`, and it was an earlier attempt at this very execution that made it."""
    undo: Call | None = None
    """The way back of a change, from an action that knows it: with the value that was there before."""
    ran: bool = False
    """Of a change that did not end well: it was executed all the same, on some of its targets or on all."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Heartbeat detail: how far an action is; `acting` is the only phase in which its outcome is unknown."""

    phase: Literal["checking", "acting", "waiting"]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PageTask:
    """Tell somebody that they are needed."""

    run: str
    request: str
    to: str
    """A role, a group, a schedule or a person."""
    rung: int
    severity: Severity
    text: str
    url: str = ""
    people: tuple[str, ...] = ()
    """Who that is now, if it is somebody in particular."""
    handed: bool = False
    """`to` is a role that was handed over: where its pages usually go, somebody else may sleep."""
