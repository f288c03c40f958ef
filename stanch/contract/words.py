"""Words with few values, as they stand in payloads."""

from __future__ import annotations

from typing import Literal, TypeAlias

Severity: TypeAlias = Literal["SEV1", "SEV2", "SEV3", "SEV4"]
Mode: TypeAlias = Literal["live", "drill", "dry_run"]
Outcome: TypeAlias = Literal["succeeded", "failed", "refused", "denied", "aborted", "in_doubt"]
Choice: TypeAlias = Literal["approve", "deny", "retry", "skip", "undo", "abort", "done", "answer", "fail"]
Verb: TypeAlias = Literal[
    "pause",
    "resume",
    "hold",
    "release",
    "break",
    "skip",
    "retry",
    "undo",
    "withdraw",
    "acknowledge",
    "tick",
    "handover",
    "severity",
    "trust",
]
"""What a person may order at any moment, beside answering a request and aborting the run."""

REVISION = 2
"""Which revision of the conductor's rules a new run follows, so that a history of an earlier one replays. In
revision 1 a request's digest covers the work and not the people, and nothing outlives the run."""
