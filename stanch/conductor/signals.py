"""What a Signal carries: whatever somebody typed into a form, or another program sent. Never raises."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from stanch.contract import Choice, Decision
from stanch.language.plan import Json


def decision_from_signal(choice: Choice, answer: Json) -> Decision:
    """The decision in `answer`; what is missing or of the wrong type becomes empty and is refused later."""
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
        via="signal",
    )


def alert_from_signal(change: Json) -> Literal["firing", "resolved"] | None:
    """The status in `change`, an `AlertChanged` as data; None when it is none."""
    match change:
        case {"status": "firing" | "resolved" as status}:
            return "firing" if status == "firing" else "resolved"
    return None
