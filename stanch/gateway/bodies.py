"""Bodies of `/api/v1` that are the gateway's own; the others are those of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.contract import Proof, PublicKey, Severity
from stanch.language.plan import Json


@dataclass(frozen=True, slots=True)
class RunWanted:
    """Body of `POST /api/v1/runs`. The same `key` again, while the run is open, is the same run."""

    runbook: str
    by: str
    inputs: Mapping[str, Json] = field(default_factory=dict)
    severity: Severity = "SEV3"
    key: str = ""
    incident: str = ""
    """The incident that it belongs to, and is held with."""


@dataclass(frozen=True, slots=True)
class IncidentWanted:
    """Body of `POST /api/v1/incidents/{incident}/hold`, `/release` and `/trust`."""

    by: str
    reason: str = ""
    key: PublicKey | None = None
    """Of `trust`: what is believed from now on."""
    via: str = "api"
    proof: Proof | None = None
