"""The alert that the demo posts, held against what a real Alertmanager delivered."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from devtools.demo.alert import Webhook, fingerprint, webhook
from devtools.demo.process import CHECKOUT

CAPTURED = Path(__file__).parents[1] / "data" / "alertmanager"
BEGAN = datetime(2026, 11, 23, 4, 38, 30, 632_000, tzinfo=UTC)
ENDED = BEGAN + timedelta(minutes=7)

# Names in these are the user's own; the shape is that of any string-to-string map.
FREE = {"labels", "annotations", "groupLabels", "commonLabels", "commonAnnotations"}


def captured(status: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((CAPTURED / f"captured_am-0.25.0_{status}.body.json").read_text())
    return body


def shape(value: object, name: str = "") -> object:
    """Keys in their order, and the types of values, with free-form maps reduced to the types in them."""
    if isinstance(value, dict) and name in FREE:
        return {"*": sorted({type(inner).__name__ for inner in value.values()})}
    if isinstance(value, dict):
        return [(key, shape(inner, key)) for key, inner in value.items()]
    if isinstance(value, list):
        return [shape(inner) for inner in value]
    return type(value).__name__


def body(status: str) -> Webhook:
    return webhook(BEGAN, ENDED if status == "resolved" else None)


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_it_has_the_shape_of_a_captured_delivery(status: str) -> None:
    assert shape(json.loads(json.dumps(body(status)))) == shape(captured(status))


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_what_is_alertmanagers_own_is_as_captured(status: str) -> None:
    ours, theirs = body(status), captured(status)
    assert (ours["status"], ours["version"]) == (theirs["status"], theirs["version"])
    assert ours["alerts"][0]["status"] == theirs["alerts"][0]["status"]
    assert ours["alerts"][0]["startsAt"] == theirs["alerts"][0]["startsAt"]
    assert ours["groupKey"] == theirs["groupKey"].replace("CheckoutErrors", "HighErrorRate")


def test_a_firing_alert_ends_in_year_one_as_captured() -> None:
    assert body("firing")["alerts"][0]["endsAt"] == captured("firing")["alerts"][0]["endsAt"]
    assert body("resolved")["alerts"][0]["endsAt"] == "2026-11-23T04:45:30.632Z"


@pytest.mark.parametrize("status", ["firing", "resolved"])
def test_the_fingerprint_is_the_one_that_alertmanager_computes(status: str) -> None:
    alert = captured(status)["alerts"][0]
    assert fingerprint(alert["labels"]) == alert["fingerprint"]


def test_the_fingerprint_stays_while_the_alert_changes_and_differs_between_services() -> None:
    firing, resolved = body("firing")["alerts"][0], body("resolved")["alerts"][0]
    assert firing["fingerprint"] == resolved["fingerprint"]
    assert webhook(BEGAN, service="payments")["alerts"][0]["fingerprint"] != firing["fingerprint"]


def test_it_carries_what_the_runbooks_trigger_reads() -> None:
    alert = webhook(BEGAN, hosts=("web1", "web3"))["alerts"][0]
    assert alert["labels"] == {"alertname": "HighErrorRate", "service": "checkout", "severity": "critical"}
    assert alert["annotations"]["hosts"].split(",") == ["web1", "web3"]


def test_a_time_is_written_in_utc_and_one_without_a_zone_is_refused() -> None:
    moved = BEGAN.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert webhook(moved) == webhook(BEGAN)
    with pytest.raises(ValueError, match="no time zone"):
        webhook(BEGAN.replace(tzinfo=None))


def printed(*options: str) -> dict[str, Any]:
    argv = [sys.executable, "-m", "devtools.demo", "alert", *options]
    ended = subprocess.run(argv, cwd=CHECKOUT, capture_output=True, text=True, timeout=30, check=True)
    body: dict[str, Any] = json.loads(ended.stdout)
    return body


def test_the_command_prints_it() -> None:
    said = printed("--status", "resolved", "--service", "payments", "--starts-at", "2026-11-23T04:38:30.632Z")
    ends_at = datetime.fromisoformat(said["alerts"][0]["endsAt"])
    assert said == webhook(BEGAN, ends_at, service="payments")
    assert printed()["status"] == "firing"
