"""Whoever sends the alerts: like Alertmanager, again and again until the gateway says that it has one."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from stanch.language.plan import Json
from tests.chaos.moments import Moments
from tests.chaos.schedule import Case
from tests.chaos.site import TOKEN

_PATIENCE = 6.0
_PAUSE = 0.7


@dataclass(slots=True)
class Senders:
    url: str
    moments: Moments
    accepted: dict[str, int] = field(default_factory=dict)
    """Fingerprint to how often the gateway has said 202."""
    sent: int = 0

    async def send(self, case: Case) -> None:
        """Each delivery, in its time, until it has been accepted."""
        await self.moments.until(case.at)
        body = _body(case)
        async with asyncio.TaskGroup() as group:
            for number in range(case.deliveries):
                # The second while the first may still be under way, the third when its run may have ended.
                group.create_task(self._deliver(case, body, after=number * number * 3.0 * case.thinking))

    async def _deliver(self, case: Case, body: Json, *, after: float) -> None:
        await asyncio.sleep(after)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with httpx.AsyncClient(timeout=_PATIENCE, headers=headers) as client:
            while not await self._posted(client, case, body):
                await asyncio.sleep(_PAUSE)

    async def _posted(self, client: httpx.AsyncClient, case: Case, body: Json) -> bool:
        self.sent += 1
        try:
            answer = await client.post(f"{self.url}/alerts/alertmanager", json=body)
        except httpx.TransportError:
            return False
        if answer.status_code != 202:
            assert answer.status_code == 503, answer.text
            return False
        said = answer.json()
        assert [touched["run"] for touched in said["runs"]] == [case.run], said
        self.accepted[case.fingerprint] = self.accepted.get(case.fingerprint, 0) + 1
        self.moments.note(f"alert {case.fingerprint} accepted: {said['runs'][0]['state']}", "alert")
        return True


def _body(case: Case) -> Json:
    return {
        "version": "4",
        "status": "firing",
        "receiver": "stanch",
        "groupLabels": {},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "",
        "alerts": [
            {
                "status": "firing",
                "labels": {
                    "alertname": case.scenario.runbook,
                    "severity": "info" if case.answer == "silence" else "critical",
                },
                "annotations": {"hosts": ",".join(case.hosts), "seconds": str(case.seconds)},
                "startsAt": datetime.fromtimestamp(time.time(), UTC).isoformat().replace("+00:00", "Z"),
                "endsAt": "0001-01-01T00:00:00Z",
                "generatorURL": "",
                "fingerprint": case.fingerprint,
            }
        ],
    }
