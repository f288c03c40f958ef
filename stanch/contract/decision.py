"""What people say to a run, and how they prove that it was them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from stanch.contract.policy import PublicKey
from stanch.contract.words import Choice, Verb
from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class Proof:
    """That the named person has said exactly this, to this run: an Ed25519 signature (`stanch.proof`)."""

    key: str
    """Id of the key that signed."""
    issued: float
    expires: float
    nonce: str
    signature: str
    """64 bytes as base64url without padding."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A person's answer. A denial, and every choice on a failed step, needs a reason."""

    request: str
    choice: Choice
    by: str
    digest: str = ""
    reason: str = ""
    confirm: str = ""
    via: str = "cli"
    values: Mapping[str, Json] = field(default_factory=dict)
    """Of an `answer`: a value for each field."""
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Abort:
    by: str
    reason: str
    via: str = "cli"
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """What a person orders a run to do. All but `resume`, `release`, `acknowledge`, `tick` and `trust` need a
    reason."""

    verb: Verb
    by: str
    reason: str = ""
    request: str = ""
    """Of `withdraw`, `acknowledge`, `tick`: which request; may be empty while only one is open."""
    step: str = ""
    """Of `skip` and `retry`: path of the step. Of `undo`: back to before this step; everything when empty."""
    inputs: Mapping[str, Json] = field(default_factory=dict)
    """Of `retry`: inputs of the run that are others from now on."""
    role: str = ""
    """Of `handover`: which role."""
    to: str = ""
    """Of `handover`: the person who holds it from now on. Of `severity`: the new one."""
    items: tuple[int, ...] = ()
    """Of `tick`: lines of the checklist, counted from 0."""
    key: PublicKey | None = None
    """Of `trust`: a key that is believed from now on; signed with one that is believed already."""
    incident: str = ""
    """Of `hold` and `release`: given for a whole incident, this one."""
    lease: str = ""
    """Of `break`: which lease."""
    via: str = "cli"
    proof: Proof | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """The answer of the Updates: what was recorded, in words."""

    message: str
    request: str = ""
    choice: str = ""
    run: str = ""
    """Of an `undo` of a run that has ended: the run that was started for it."""


@dataclass(frozen=True, slots=True)
class AlertChanged:
    """An alert of this run was delivered again: still firing, or resolved."""

    status: Literal["firing", "resolved"]
    fingerprint: str
    at: float = 0.0
