"""What Alertmanager sends: captured deliveries, with alerts of the test's own in them."""

from __future__ import annotations

import copy
import json
import secrets
from pathlib import Path

from stanch.language.plan import Json

CAPTURED = Path(__file__).parents[1] / "data" / "alertmanager"
FIRING: Json = json.loads((CAPTURED / "captured_am-0.25.0_firing.body.json").read_text())
RESOLVED: Json = json.loads((CAPTURED / "captured_am-0.25.0_resolved.body.json").read_text())
STARTED = 1795408710.632
"""`startsAt` of the captured alert."""


def fresh() -> str:
    """A fingerprint that no other test uses."""
    return secrets.token_hex(8)


def alert(fingerprint: str, /, *, status: str = "firing", **changes: Json) -> Json:
    """The captured alert as another one; `labels` and `annotations` are merged, None takes one away."""
    made = copy.deepcopy((FIRING if status == "firing" else RESOLVED)["alerts"][0])
    made["fingerprint"] = fingerprint
    for key, value in changes.items():
        if key in ("labels", "annotations"):
            merged = {**made[key], **value}
            made[key] = {name: held for name, held in merged.items() if held is not None}
        else:
            made[key] = value
    return made


def delivery(*alerts: Json) -> bytes:
    """One delivery with these alerts; its own status is Alertmanager's: firing if any of them is."""
    status = "firing" if any(held.get("status") == "firing" for held in alerts) else "resolved"
    return json.dumps({**copy.deepcopy(FIRING), "status": status, "alerts": list(alerts)}).encode()
