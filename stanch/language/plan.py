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

FORMAT = 2
"""Version of this shape and of the meaning of expressions in it, as this release compiles them; each version
reads the ones before. What each brought is in `docs/functions.md`."""

Json: TypeAlias = Any
"""The user's own data: None, bool, int, float, str, and lists and string-keyed dicts of these."""

Effect: TypeAlias = Literal["read", "change"]
OnFailure: TypeAlias = Literal["stop", "continue", "ask", "undo"]
Verdict: TypeAlias = Literal["confirmed", "suspect", "cleared", "unknown"]
RevertAt: TypeAlias = Literal["end_of_block", "end_of_run", "after", "when", "ask"]

MANUAL = "manual"
"""The action that a person carries out."""


@dataclass(frozen=True, slots=True)
class Call:
    """One use of an action. `params` are its parameters, still with `${{ }}` in a Plan, plain in a task."""

    action: str
    params: Mapping[str, Json] = field(default_factory=dict)
    one: bool = False
    """The call names exactly one target, so `result` is one object and not a list of them."""
    knows: bool = False
    """The action tells by itself whether its change is in place, so nobody writes a `done` for it."""
    zone: str = ""
    """Only a worker of this zone carries it out; any that serves none when empty."""


@dataclass(frozen=True, slots=True)
class Poll:
    """Repeat a read until the CEL `until` holds, at most `within`, and keeps holding for `stable`."""

    until: str
    within: float
    """0 in a `revert`, whose own `at_most` is the limit."""
    every: float = 5.0
    stable: float = 0.0
    worse: str = ""
    """CEL that ends the repeating at once, as a failure; never when empty."""


@dataclass(frozen=True, slots=True)
class Check:
    """A question to the outside: `done` (is the change in place?) or `verify` (did it help?)."""

    call: Call
    poll: Poll
    each_round: bool = False
    """A `verify` that reads the item of its step's loop: it is asked in each round, not once behind all."""
    each_batch: bool = False
    """A `verify` that is asked behind each batch of its step's loop, before the next one begins."""
    after_only: bool = False
    """A `done` that is not asked before: what it would say then is no reason not to act."""
    names: Mapping[str, Json] = field(default_factory=dict)
    """Names that its condition reads, fixed when it was made: beside those of its step, and before them."""


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
    """How many different people must agree."""
    silence: Silence | None = None
    of_roles: int = 1
    """On behalf of how many of the roles, each by a different person."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A value or a choice from a person: one answer, by anybody who holds one of the roles."""

    roles: tuple[str, ...]
    fields: Mapping[str, Json]
    """Field name to its JSON Schema; an `enum` may be a string with `${{ }}` that becomes a list."""
    show: str = ""
    """What the person needs to know, with `${{ }}`."""
    show_findings: bool = False
    silence: Silence | None = None


@dataclass(frozen=True, slots=True)
class ForEach:
    """Repeat a step or a block for every item of a list, each in a round of its own."""

    name: str
    items: Json
    batches: tuple[int | str, ...] = ()
    """Sizes: numbers, or percentages of all items; the last one repeats. Without any, all rounds at once."""
    pause: float = 0.0
    max_failures: int | str = 0
    """A number, or a percentage of all items."""
    empty_ok: bool = False
    most: int = 0
    """How many items there may be; 0 means that nobody said."""


@dataclass(frozen=True, slots=True)
class Retry:
    times: int
    every: float = 5.0


@dataclass(frozen=True, slots=True)
class Child:
    """Another runbook, carried out inside this run. Its Plan is among the `children` of the outermost one."""

    runbook: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Templates."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A runbook that a finding suggests; nothing starts it but a person."""

    runbook: str
    inputs: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a diagnosis says when the CEL `when` holds."""

    when: str
    verdict: Verdict
    text: str
    suggest: Suggestion | None = None


@dataclass(frozen=True, slots=True)
class Revert:
    """When a borrowed change comes back. Durations are texts, and may hold `${{ }}`."""

    at: RevertAt
    after: str | None = None
    when: Check | None = None
    not_before: str | None = None
    at_most: str | None = None
    roles: tuple[str, ...] = ()
    """Who is asked before it comes back; nobody when it is empty."""


@dataclass(frozen=True, slots=True)
class Link:
    title: str
    url: str


@dataclass(frozen=True, slots=True)
class Step:
    """One step: a `call`, a `wait`, an `ask`, a `child`, a block of `steps`, or none (it only computes)."""

    id: str
    title: str = ""
    effect: Effect = "read"
    call: Call | None = None
    wait: str | None = None
    """A duration such as `30s`, or a string with `${{ }}` that becomes one."""
    steps: tuple[Step, ...] = ()
    ask: Ask | None = None
    child: Child | None = None
    parallel: bool = False
    """The steps of the block run at once."""
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
    revert: Revert | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Name to CEL. In a loop they are made in each round, and `results` holds them all."""
    findings: tuple[Finding, ...] = ()
    keep: Mapping[str, str] = field(default_factory=dict)
    """Label to CEL: evidence that is stored beside the history."""
    on_failure: OnFailure = "stop"
    retry: Retry | None = None
    timeout: float = 60.0
    """Of the action, or the time that a person has for a `manual` one."""
    limit: float = 0.0
    """Of a block, a child or a loop as a whole; 0 means as long as what is in it takes."""
    links: tuple[Link, ...] = ()
    most_targets: int = 0
    """How many targets the action may have; 0 means that nobody said."""


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
    format: int = 1
    symptoms: str = ""
    impact: str = ""
    severities: tuple[str, ...] = ()
    """At which it may run; at all of them when empty."""
    children: Mapping[str, Plan] = field(default_factory=dict)
    """Every runbook that this one calls, directly or not, by name; empty in those themselves."""


def all_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
    """Every step in document order, a block before the steps inside it."""
    return tuple(found for step in steps for found in (step, *all_steps(step.steps)))
