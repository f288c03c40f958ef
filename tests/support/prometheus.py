"""A real Prometheus for tests: it scrapes, judges by a rule, and tells Alertmanager."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import yaml

from stanch.language.plan import Json
from tests.support.process import program, running
from tests.support.until import until


@dataclass(frozen=True, slots=True)
class Prometheus:
    url: str

    def value(self, query: str) -> float | None:
        """Value of the only series that `query` gives now; None when there is not one."""
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": query}).raise_for_status().json()
        found = answer["data"]["result"]
        return float(found[0]["value"][1]) if len(found) == 1 else None

    def alerts(self) -> list[Json]:
        """The alerts that are pending or firing."""
        found: list[Json] = httpx.get(f"{self.url}/api/v1/alerts").raise_for_status().json()["data"]["alerts"]
        return found


@contextlib.contextmanager
def start_prometheus(
    folder: Path, *, url: str, target: str, rules: list[Json], alertmanager: str
) -> Iterator[Prometheus]:
    """At `url`; scrapes the base URL `target` and evaluates `rules` once a second. `folder` is its own."""
    folder.mkdir()
    (folder / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "test", "rules": rules}]}))
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(folder / "rules.yml")],
        "scrape_configs": [{"job_name": "test", "static_configs": [{"targets": [_host(target)]}]}],
        "alerting": {"alertmanagers": [{"static_configs": [{"targets": [_host(alertmanager)]}]}]},
    }
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [program("prometheus"), f"--config.file={folder}/prometheus.yml"]
    command += [f"--storage.tsdb.path={folder}/data", f"--web.listen-address={_host(url)}"]
    with running(command, folder / "log") as process:
        started = Prometheus(url)
        until(lambda: answers(f"{started.url}/-/ready") or process.poll() is not None, "Prometheus")
        assert process.poll() is None, (folder / "log").read_text()
        yield started


def answers(url: str) -> bool:
    """Whether a GET of `url` gives 200."""
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def _host(url: str) -> str:
    return url.removeprefix("http://")
