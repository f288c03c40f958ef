"""The Plan: a compiled runbook as pure data.

It travels in the input of every run, so it is what a run promises to execute, readable in the history years
later. It holds no YAML, no places in a file and no documentation. Strings under `Json` values may hold
`${{ cel }}`; fields that are documented as CEL hold a bare expression. Times are seconds.

Fields that equal their default are left out when a Plan is written (`stanch.language.encode`), so adding a
field with a default keeps old Plans readable and their digests unchanged; changing a default does neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

FORMAT = 1
"""Version of this shape and of the meaning of expressions in it."""

Json: TypeAlias = Any
"""The user's own data: None, bool, int, float, str, and lists and string-keyed dicts of these."""

Effect: TypeAlias = Literal["read", "change"]
OnFailure: TypeAlias = Literal["stop", "continue", "ask", "undo"]


@dataclass(frozen=True, slots=True)
class Call:
    """One use of an action. `params` are its parameters, still with `${{ }}` in a Plan, plain in a task."""

    action: str
    params: Mapping[str, Json] = field(default_factory=dict)
    one: bool = False
    """The call names exactly one target, so `result` is one object and not a list of them."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Repeat a read until the CEL `until` holds, at most `within`, and keeps holding for `stable`."""

    until: str
    within: float
    every: float = 5.0
    stable: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """A question to the outside: `done` (is the change in place?) or `verify` (did it help?)."""

    call: Call
    poll: Poll


@dataclass(frozen=True, slots=True)
class Require:
    """A precondition: CEL `that`; `message` (with `${{ }}`) is what a person reads when it does not hold."""

    that: str
    message: str
    after: bool = False
    """It reads the step's own `result`, so it is checked after the action and not before."""


@dataclass(frozen=True, slots=True)
class Silence:
    """What ends a request nobody answers: never an approval."""

    after: float
    then: Literal["deny", "abort"] = "deny"


@dataclass(frozen=True, slots=True)
class Approval:
    """Who must agree before a step changes anything."""

    roles: tuple[str, ...]
    confirm: str | None = None
    quorum: int = 1
    silence: Silence | None = None


@dataclass(frozen=True, slots=True)
class ForEach:
    """Fan out over a list. `batches` are sizes: numbers or percentages of all items; the last one repeats."""

    name: str
    items: Json
    batches: tuple[int | str, ...] = ()
    pause: float = 0.0
    max_failures: int = 0
    empty_ok: bool = False


@dataclass(frozen=True, slots=True)
class Retry:
    times: int
    every: float = 5.0


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a `call`, a `wait`, a block of `steps`, or none of them (it only computes)."""

    id: str
    title: str = ""
    effect: Effect = "read"
    call: Call | None = None
    wait: str | None = None
    """A duration such as `30s`, or a string with `${{ }}` that becomes one."""
    steps: tuple[Step, ...] = ()
    when: str | None = None
    require: tuple[Require, ...] = ()
    for_each: ForEach | None = None
    approval: Approval | None = None
    unattended: str | None = None
    poll: Poll | None = None
    done: Check | None = None
    undo: Call | None = None
    verify: Check | None = None
    irreversible: str | None = None
    idempotent: bool = False
    outputs: Mapping[str, str] = field(default_factory=dict)
    on_failure: OnFailure = "stop"
    retry: Retry | None = None
    timeout: float = 60.0


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Plan:
    runbook: str
    title: str
    kind: str
    owner: str
    steps: tuple[Step, ...]
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Input name to its JSON Schema."""
    require: tuple[Require, ...] = ()
    locks: tuple[str, ...] = ()
    outputs: Mapping[str, str] = field(default_factory=dict)
    links: tuple[Link, ...] = ()
    format: int = FORMAT


def all_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Every step in document order, a block before the steps inside it."""
    return tuple(found for step in steps for found in (step, *all_steps(step.steps)))
