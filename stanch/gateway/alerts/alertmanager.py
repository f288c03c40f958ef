"""The webhook of Prometheus Alertmanager, format version 4, and of what speaks it (Grafana, vmalert).

Described in Alertmanager's documentation under `webhook_config`. Every delivery is a group of alerts; each
carries its own status. While an alert fires, its `endsAt` is missing, in the year 1, or in the future.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from urllib.parse import urlsplit

from stanch.gateway.alerts.alert import Alert, Status
from stanch.gateway.alerts.document import Node, read

SOURCE = "alertmanager"

_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)", re.ASCII)
_LAST = datetime(9999, 12, 31, tzinfo=UTC).timestamp()
"""Beyond it a moment has no name in UTC, which expressions would stumble over."""
_FINGERPRINT = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
_FNV_OFFSET, _FNV_PRIME, _64_BITS = 0xCBF29CE484222325, 0x100000001B3, (1 << 64) - 1


def parse(body: bytes) -> tuple[Alert, ...]:
    """The alerts of one delivery, in its order. Raises MalformedDelivery with the place; keys that are not
    known are not looked at."""
    document = read(body)
    external = _web_address(document.get("externalURL"))
    return tuple(_alert(node, external) for node in document.get("alerts").items())


def _alert(node: Node, external: str) -> Alert:
    labels = node.get("labels").texts()
    status: Status = node.get("status").one_of("firing", "resolved")
    return Alert(
        source=SOURCE,
        status=status,
        fingerprint=_fingerprint(node.get("fingerprint"), labels),
        labels=labels,
        annotations=node.get("annotations").texts(),
        started=_moment(node.get("startsAt")),
        ended=_moment(node.get("endsAt")) if status == "resolved" else 0.0,
        # Prometheus without an external URL writes a relative one, which leads nowhere from here.
        url=_web_address(node.get("generatorURL")) or external,
    )


def _moment(node: Node) -> float:
    """Seconds since the epoch; 0.0 for Alertmanager's "never", the year 1."""
    text = node.text()
    if not _MOMENT.fullmatch(text):
        raise node.expected('a moment such as "2026-11-23T04:38:30.632Z"')
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise node.expected("a moment that exists") from error
    seconds = (moment - datetime.fromtimestamp(0, UTC)).total_seconds()
    if seconds > _LAST:
        raise node.expected("a moment before the year 10000")
    return max(0.0, seconds)


def _web_address(node: Node) -> str:
    """An absolute http(s) URL, else nothing: links are shown to people, and nobody has looked at this one."""
    if node.value is None:
        return ""
    text = node.text()
    try:
        split = urlsplit(text)
    except ValueError:
        return ""
    # `urlsplit` passes over line ends within it.
    shown = text.isprintable() and " " not in text
    return text if shown and split.scheme in ("http", "https") and split.netloc else ""


def _fingerprint(node: Node, labels: Mapping[str, str]) -> str:
    given = "" if node.value is None else node.text()
    if not given:
        return label_fingerprint(labels)
    if _FINGERPRINT.fullmatch(given):
        return given
    # It becomes part of a run's id and of addresses, so what is no plain word is replaced by its hash.
    return hashlib.sha256(given.encode()).hexdigest()[:16]


def label_fingerprint(labels: Mapping[str, str]) -> str:
    """What Alertmanager itself calls the alert with these labels: FNV-1a, 64 bits, over the sorted labels,
    each name and each value followed by the byte 255 (`LabelSet.Fingerprint` of prometheus/common)."""
    total = _FNV_OFFSET
    for name in sorted(labels):
        for byte in b"%b\xff%b\xff" % (name.encode(), labels[name].encode()):
            total = ((total ^ byte) * _FNV_PRIME) & _64_BITS
    return f"{total:016x}"
