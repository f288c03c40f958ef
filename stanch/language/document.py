"""The document: what a runbook says, word by word, each with its place. No rule has judged it yet.

A word that was written and could not be understood is absent here and named in `lost`, so that a rule does
not call it missing a second time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

from stanch.language.catalogue import ActionSpec
from stanch.language.plan import MANUAL, Effect, OnFailure, RevertAt, Verdict
from stanch.language.record import record
from stanch.language.source import Source, Span
from stanch.language.tree import Entry, Mapping, Node, Scalar


@record
class Expression:
    """Bare CEL, and where it stands: from `offset` in the text of `scalar`."""

    cel: str
    scalar: Scalar
    offset: int = 0


@record
class CallDoc:
    action: str
    word: Scalar
    """The action's name where it stands."""
    spec: ActionSpec | None
    """None when no such action is known."""
    params: tuple[Entry, ...] = ()
    """With `script`, wherever it was written."""
    inherited: tuple[Entry, ...] = ()
    """Parameters taken over from the step's own call: its targets."""
    one: bool = False
    """It names exactly one target, so its result is one object."""
    lost: frozenset[str] = frozenset()
    """Parameters that were not understood."""
    zone: str = ""
    """Of the step that it stands in, or of the block round that."""

    @property
    def name(self) -> Span:
        return self.word.span

    @property
    def by_hand(self) -> bool:
        """Whether a person carries it out."""
        return self.action == MANUAL

    @property
    def fans_out(self) -> bool:
        """Whether `result` is a list."""
        return self.spec is not None and self.spec.per_target and not self.one

    def param(self, name: str) -> Node | None:
        for entry in self.all_params:
            if entry.name == name:
                return entry.value
        return None

    @property
    def all_params(self) -> tuple[Entry, ...]:
        return (*self.inherited, *self.params) if self.inherited else self.params


class _Keyed:
    """What stands behind a word; the word's span is worked out when somebody asks for it."""

    __slots__ = ()
    word: Scalar

    @property
    def key(self) -> Span:
        return self.word.span


@record
class PollDoc(_Keyed):
    word: Scalar
    """`until`."""
    until: Expression
    every: float | None = None
    within: float | None = None
    stable: float | None = None
    worse: Expression | None = None


@record
class CheckDoc(_Keyed):
    """`done` or `verify`: an inline call, or the id of an earlier step in `step`."""

    word: Scalar
    call: CallDoc | None
    step: Scalar | None
    poll: PollDoc | None
    broken: bool = False
    """Something in it was not understood."""
    says_read: bool = False
    after: Scalar | None = None
    """Of a `verify` in a loop: behind which part of it, `batch` or `all`."""


@record
class RequireDoc:
    that: Expression
    message: Scalar


@record
class SilenceDoc:
    after: float
    then: Literal["deny", "abort"]


@record
class ApprovalDoc(_Keyed):
    word: Scalar
    roles: tuple[str, ...]
    any: Scalar | None = None
    confirm: Scalar | None = None
    quorum: Scalar | None = None
    silence: SilenceDoc | None = None

    @property
    def of_roles(self) -> int:
        """How many of the roles must agree."""
        said = None if self.any is None else self.any.value
        return said if isinstance(said, int) else max(len(self.roles), 1)

    @property
    def people(self) -> int:
        """How many different people must agree, as far as that is said."""
        said = None if self.quorum is None else self.quorum.value
        return said if isinstance(said, int) else 1


@record
class FieldDoc:
    """A value with a JSON Schema: an input of a runbook, or what a person is asked for."""

    name: Scalar
    node: Mapping

    @property
    def late_choices(self) -> tuple[Scalar, ...]:
        """The `enum` that a run fills in: of the field, or of the items of a list."""
        items = self.node.get("items")
        holders = (self.node, items) if isinstance(items, Mapping) else (self.node,)
        found = (each.get("enum") for each in holders)
        return tuple(each for each in found if isinstance(each, Scalar))


@record
class AskDoc(_Keyed):
    word: Scalar
    roles: tuple[str, ...]
    fields: tuple[FieldDoc, ...]
    show: Scalar | None = None
    silence: SilenceDoc | None = None


@record
class ChildDoc:
    """Another runbook that is called, or that a finding suggests."""

    runbook: Scalar
    inputs: tuple[Entry, ...] = ()


@record
class FindingDoc:
    when: Expression
    verdict: Verdict
    text: Scalar
    suggest: ChildDoc | None = None


@record
class RevertDoc(_Keyed):
    word: Scalar
    at: RevertAt
    after: Scalar | None = None
    when: CheckDoc | None = None
    not_before: Scalar | None = None
    at_most: Scalar | None = None
    roles: tuple[str, ...] | None = None
    """Who is asked before it comes back; None when that is not said."""

    @property
    def times(self) -> tuple[Scalar, ...]:
        return tuple(each for each in (self.after, self.not_before, self.at_most) if each is not None)


@record
class LinkDoc:
    title: Scalar
    url: Scalar


@record
class LoopDoc(_Keyed):
    word: Scalar
    name: Scalar
    items: Node
    parallel: bool = False
    max_items: int | None = None
    batches: tuple[int | str, ...] = ()
    pause: float = 0.0
    max_failures: int | str = 0
    empty_ok: bool = False


@record
class RetryDoc(_Keyed):
    word: Scalar
    times: int
    every: float | None = None


@record
class OutputDoc:
    name: Scalar
    value: Expression


StepKind: TypeAlias = Literal["action", "block", "child", "ask", "wait", "compute", "broken"]
"""A broken step says what it does, and nobody understood it; that was reported."""


@record
class StepDoc:
    node: Mapping
    kind: StepKind
    id: str
    effect: Effect | None
    """Whether the step's own action changes anything; None when that cannot be known."""
    named: Node
    """What to point at for it: the id, or the step's first word when it has none."""
    title: Scalar | None = None
    call: CallDoc | None = None
    wait: Scalar | None = None
    ask: AskDoc | None = None
    child: ChildDoc | None = None
    steps: tuple[StepDoc, ...] = ()
    parallel: bool = False
    said_effect: Effect | None = None
    when: Expression | None = None
    require: tuple[RequireDoc, ...] = ()
    loop: LoopDoc | None = None
    approval: ApprovalDoc | None = None
    unattended: Scalar | None = None
    poll: PollDoc | None = None
    within: float | None = None
    """Of a `manual` step: the time that the person has."""
    max_items: int | None = None
    done: CheckDoc | None = None
    undo: CallDoc | None = None
    verify: CheckDoc | None = None
    irreversible: Scalar | None = None
    idempotent: bool = False
    revert: RevertDoc | None = None
    outputs: tuple[OutputDoc, ...] = ()
    findings: tuple[FindingDoc, ...] = ()
    keep: tuple[OutputDoc, ...] = ()
    links: tuple[LinkDoc, ...] = ()
    on_failure: OnFailure | None = None
    retry: RetryDoc | None = None
    timeout: float | None = None
    lost: frozenset[str] = frozenset()

    @property
    def name(self) -> Span:
        return self.named.span

    def key(self, word: str) -> Span:
        """The place of `word` in the step; of the step's id when it is not there."""
        entry = self.node.entry(word)
        return self.name if entry is None else entry.key.span

    def says(self, word: str) -> bool:
        """Whether the author wrote `word`, understood or not."""
        return self.node.entry(word) is not None or word in self.lost

    @property
    def polls(self) -> tuple[PollDoc, ...]:
        """What is waited for: by the step itself, and by its checks."""
        own = () if self.poll is None else (self.poll,)
        return own + tuple([check.poll for _, check in self.checks if check.poll is not None])

    @property
    def checks(self) -> tuple[tuple[str, CheckDoc], ...]:
        """The reads that ask the outside, each with its word."""
        if self.done is None and self.verify is None and self.revert is None:
            return ()  # nearly all steps
        when = None if self.revert is None else self.revert.when
        named = (("done", self.done), ("verify", self.verify), ("when", when))
        return tuple((word, check) for word, check in named if check is not None)

    @property
    def calls(self) -> tuple[CallDoc, ...]:
        """Every call in the step: its own, the way back, and those of its checks."""
        if self.undo is None and self.done is None and self.verify is None and self.revert is None:
            return () if self.call is None else (self.call,)
        found = (self.call, self.undo, *(check.call for _, check in self.checks))
        return tuple(call for call in found if call is not None)


@record
class TriggerDoc:
    node: Mapping
    source: str
    when: Expression
    inputs: tuple[Entry, ...]


@record
class Document:
    source: Source
    written: Mapping
    """All that stands in the file."""
    node: Mapping
    """What of it was understood."""
    runbook: str
    title: str
    kind: str
    owner: str
    reviewed: Scalar | None
    steps: tuple[StepDoc, ...]
    symptoms: str = ""
    impact: str = ""
    severities: tuple[str, ...] = ()
    inputs: tuple[FieldDoc, ...] = ()
    triggers: tuple[TriggerDoc, ...] = ()
    require: tuple[RequireDoc, ...] = ()
    locks: tuple[Scalar, ...] = ()
    outputs: tuple[OutputDoc, ...] = ()
    links: tuple[LinkDoc, ...] = ()
    lost: frozenset[str] = frozenset()

    def key(self, word: str) -> Span:
        """The place of a top-level word; of the first key when it is not there."""
        entry = self.node.entry(word)
        return self.node.span.first(1) if entry is None else entry.key.span


def walk(steps: tuple[StepDoc, ...]) -> Iterator[StepDoc]:
    """Every step in the order of the file, a block before the steps inside it."""
    for step in steps:
        yield step
        if step.steps:
            yield from walk(step.steps)
