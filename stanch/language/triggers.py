"""Triggers: which alerts start a runbook. An alert's status is a part of every one of them."""

from __future__ import annotations

from stanch.language.chains import chains

SOURCES = ("alertmanager",)
"""Where alerts are taken from, by the names that triggers use."""
FIRING = 'alert.status == "firing"'


def says_status(when: str) -> bool:
    """Whether the condition asks for the alert's status at all."""
    return any(chain.parts[:2] == ("alert", "status") for chain in chains(when))


def with_status(when: str) -> str:
    """The condition, for a firing alert only when it does not ask for the status itself."""
    return when if says_status(when) else f"{FIRING} && ({when})"
