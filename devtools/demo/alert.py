"""The delivery that Alertmanager makes when the demo's error rate is too high.

The shape is that of its webhook, version 4, as captured from a real Alertmanager; the numbers and
names are those that the demo's own Prometheus rule would give.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Literal, TypedDict

ALERT_NAME: Final = "HighErrorRate"

_FNV_OFFSET: Final = 0xCBF29CE484222325
_FNV_PRIME: Final = 0x100000001B3
_SEPARATOR: Final = b"\xff"
_NEVER: Final = "0001-01-01T00:00:00Z"
_GROUPED_BY: Final = ("alertname", "service")

Status = Literal["firing", "resolved"]


class Alert(TypedDict):
    """Times are RFC 3339 in UTC; `endsAt` is in year 1 while the alert fires."""

    status: Status
    labels: dict[str, str]
    annotations: dict[str, str]
    startsAt: str
    endsAt: str
    generatorURL: str
    fingerprint: str


class Webhook(TypedDict):
    """One delivery: a group of alerts that share `groupLabels`."""

    receiver: str
    status: Status
    alerts: list[Alert]
    groupLabels: dict[str, str]
    commonLabels: dict[str, str]
    commonAnnotations: dict[str, str]
    externalURL: str
    version: str
    groupKey: str
    truncatedAlerts: int


def webhook(
    starts_at: datetime,
    ends_at: datetime | None = None,
    *,
    service: str = "checkout",
    hosts: Sequence[str] = ("web1", "web2", "web3"),
) -> Webhook:
    """The delivery for an alert that began at `starts_at`: firing, or resolved once there is an `ends_at`.

    Both times need a zone; ValueError without one.
    """
    status: Status = "resolved" if ends_at else "firing"
    labels = {"alertname": ALERT_NAME, "service": service, "severity": "critical"}
    annotations = {
        "hosts": ",".join(hosts),
        "summary": f"more than 5 % of the requests to {service} fail",
    }
    group = {name: labels[name] for name in _GROUPED_BY}
    return {
        "receiver": "stanch",
        "status": status,
        "alerts": [
            {
                "status": status,
                "labels": labels,
                "annotations": annotations,
                "startsAt": _rfc3339(starts_at),
                "endsAt": _rfc3339(ends_at) if ends_at else _NEVER,
                "generatorURL": "http://127.0.0.1:9090/alerts",
                "fingerprint": fingerprint(labels),
            }
        ],
        "groupLabels": group,
        "commonLabels": labels,
        "commonAnnotations": annotations,
        "externalURL": "http://127.0.0.1:9093",
        "version": "4",
        "groupKey": _group_key(group),
        "truncatedAlerts": 0,
    }


def fingerprint(labels: Mapping[str, str]) -> str:
    """What Alertmanager knows an alert by: its labels, and nothing that changes while it fires.

    64-bit FNV-1a over the labels sorted by name, each name and each value ended by a byte that UTF-8
    never has (`LabelSet.Fingerprint` in github.com/prometheus/common); 16 hexadecimal digits.
    """
    total = _FNV_OFFSET
    for name in sorted(labels):
        for byte in name.encode() + _SEPARATOR + labels[name].encode() + _SEPARATOR:
            total = (total ^ byte) * _FNV_PRIME % 2**64
    return f"{total:016x}"


def _group_key(group: Mapping[str, str]) -> str:
    matchers = ", ".join(f"{name}={json.dumps(group[name])}" for name in sorted(group))
    return f"{{}}:{{{matchers}}}"


def _rfc3339(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
