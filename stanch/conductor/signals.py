"""What a Signal carries: whatever somebody typed into a form, or another program sent. Never raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stanch.contract import Choice, Decision, Proof
from stanch.language.plan import Json

_LATEST = 1e12
"""No moment is later; an integer of a Signal may be as large as it likes."""


def decision_from_signal(choice: Choice, answer: Json) -> Decision:
    """The decision in `answer`; what is missing or of the wrong type becomes empty and is refused later.

    A proof may be in it, made for a decision with the `via` that is in it too (`signal` when it is not said).
    """
    held = answer if isinstance(answer, Mapping) else {}

    def text(name: str) -> str:
        value = held.get(name)
        return value[:1000] if isinstance(value, str) else ""

    return Decision(
        request=text("request"),
        choice=choice,
        by=text("by"),
        digest=text("digest"),
        reason=text("reason"),
        confirm=text("confirm"),
        via=text("via") if "proof" in held and text("via") else "signal",
        proof=_proof(held.get("proof")),
    )


def _proof(held: Json) -> Proof | None:
    """None for what is no proof at all; one with holes is refused for them."""
    if not isinstance(held, Mapping):
        return None

    def text(name: str) -> str:
        value = held.get(name)
        return value[:200] if isinstance(value, str) else ""

    def moment(name: str) -> float:
        value = held.get(name)
        return float(value) if isinstance(value, float | int) and abs(value) < _LATEST else 0.0

    return Proof(text("key"), moment("issued"), moment("expires"), text("nonce"), text("signature"))


def alert_from_signal(change: Json) -> Literal["firing", "resolved"] | None:
    """The status in `change`, an `AlertChanged` as data; None when it is none."""
    match change:
        case {"status": "firing" | "resolved" as status}:
            return "firing" if status == "firing" else "resolved"
    return None
