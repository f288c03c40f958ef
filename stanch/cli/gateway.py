"""The gateway as `stanch up` meets it: is it ready, and here is an alert."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import httpx

from stanch.config import GatewayConfig
from stanch.errors import ActionRefused, Unreachable
from stanch.gateway.access import read_token
from stanch.language.plan import Json

_ANYWHERE = {"", "0.0.0.0", "::"}  # noqa: S104 - what it listens on, not what is opened here


@dataclass(frozen=True, slots=True)
class Gateway:
    config: GatewayConfig

    @property
    def url(self) -> str:
        host = "127.0.0.1" if self.config.host in _ANYWHERE else self.config.host
        return f"http://[{host}]:{self.config.port}" if ":" in host else f"http://{host}:{self.config.port}"

    async def ready(self, patience: float) -> None:
        """Returns when it can take an alert. Raises Unreachable with its reasons after `patience` seconds."""
        deadline = time.monotonic() + patience
        reason = "it does not answer"
        async with self._client() as client:
            while time.monotonic() < deadline:
                try:
                    answer = await client.get("/readyz")
                except httpx.HTTPError:
                    await asyncio.sleep(0.05)
                    continue
                if answer.status_code == 200:
                    return
                reason = "; ".join(answer.json().get("reasons", [answer.text]))
                await asyncio.sleep(0.1)
        raise Unreachable(f"the gateway at {self.url} does not get ready: {reason}")

    async def deliver(self, delivery: Json) -> Json:
        """Post a delivery as Alertmanager would; its receipt. Raises ActionRefused and Unreachable."""
        token = read_token(self.config.alert_token)
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with self._client() as client:
                answer = await client.post("/alerts/alertmanager", json=delivery, headers=headers)
        except httpx.HTTPError as error:
            raise Unreachable(f"the gateway at {self.url} did not take the alert: {error}") from error
        if answer.status_code != 202:
            raise ActionRefused(
                f"the gateway answered the alert with {answer.status_code}: {answer.text[:300]}"
            )
        return answer.json()

    def _client(self) -> httpx.AsyncClient:
        # No proxy of the environment stands between two processes of one machine.
        return httpx.AsyncClient(base_url=self.url, timeout=10.0, trust_env=False)
