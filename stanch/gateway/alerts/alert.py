"""An alert as every source gives it, and the error for a delivery that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from stanch.errors import InvalidInput
from stanch.language.plan import Json

Status: TypeAlias = Literal["firing", "resolved"]


class MalformedDelivery(InvalidInput):
    """The body is not what its source sends. `place` is a line and column, or a path such as
    `alerts[1].labels.alertname`; `problem` may quote what stands there."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert of one delivery; moments are seconds since the epoch.

    Whoever can make something fail can choose what stands in labels and annotations, so all of it is data
    that nobody has looked at. Only `fingerprint` has been made safe to be part of a name.
    """

    source: str
    status: Status
    fingerprint: str
    """The same for every delivery of the same alert: letters, digits and `.:_-`, at most 64 of them."""
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    started: float = 0.0
    """Names the episode: it changes when the alert fires again after it has resolved."""
    ended: float = 0.0
    """0.0 while the alert fires."""
    url: str = ""
    """Absolute, http or https; empty when the source names none."""

    def data(self) -> dict[str, Json]:
        """The value of `alert` in the expressions of a trigger: `schemas/alert.v1.json`."""
        return {
            "source": self.source,
            "status": self.status,
            "fingerprint": self.fingerprint,
            "labels": dict(self.labels),
            "annotations": dict(self.annotations),
            "started": self.started,
            "url": self.url,
        }
