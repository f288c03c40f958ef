"""A real Alertmanager for tests: it groups, repeats, and delivers to a webhook."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from stanch.language.plan import Json
from tests.support.process import program, running
from tests.support.prometheus import answers
from tests.support.sshd import unused_port
from tests.support.until import until


@dataclass(frozen=True, slots=True)
class Alertmanager:
    url: str

    def alerts(self) -> list[Json]:
        """The alerts that have not resolved."""
        found: list[Json] = httpx.get(f"{self.url}/api/v2/alerts").raise_for_status().json()
        return found


@contextlib.contextmanager
def start_alertmanager(folder: Path, *, webhook: str, token: Path) -> Iterator[Alertmanager]:
    """Delivers to `webhook` with the bearer token in `token`, again and again while an alert fires."""
    folder.mkdir()
    address = f"127.0.0.1:{unused_port()}"
    authorization = {"credentials_file": str(token)}
    hook = {"url": webhook, "send_resolved": True, "http_config": {"authorization": authorization}}
    config = {
        "route": {
            "receiver": "stanch",
            "group_by": ["alertname", "service"],
            "group_wait": "1s",
            "group_interval": "1s",
            "repeat_interval": "1s",
        },
        "receivers": [{"name": "stanch", "webhook_configs": [hook]}],
    }
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(config))
    command = [program("prometheus-alertmanager", "alertmanager")]
    command += [f"--config.file={folder}/alertmanager.yml", f"--storage.path={folder}/data"]
    command += [f"--web.listen-address={address}", "--cluster.listen-address="]
    with running(command, folder / "log") as process:
        started = Alertmanager(f"http://{address}")
        until(lambda: answers(f"{started.url}/-/ready") or process.poll() is not None, "Alertmanager")
        assert process.poll() is None, (folder / "log").read_text()
        yield started
