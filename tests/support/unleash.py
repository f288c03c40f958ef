"""A real Unleash for tests: its own server on loopback, with a PostgreSQL of its own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from stanch.language.plan import Json
from tests.support.postgres import PASSWORD, start_postgres
from tests.support.process import program, running
from tests.support.prometheus import answers
from tests.support.sshd import unused_port
from tests.support.until import until

_SERVER = Path(__file__).parents[1] / "npm" / "node_modules" / "unleash-server" / "dist" / "server.js"
ENVIRONMENT = "production"


@dataclass(frozen=True, slots=True)
class Unleash:
    url: str
    token: str = "*:*.an-administrators-token-of-the-tests"
    reader: str = f"*:{ENVIRONMENT}.a-frontend-token-of-the-tests"
    """Is told what users are told."""

    def system(self, **more: Json) -> dict[str, Json]:
        """As `systems` of the configuration has it."""
        return {"kind": "unleash", "url": self.url, "token": self.token, "reader": self.reader, **more}

    def create(self, flag: str, *strategies: Json, on: bool) -> None:
        made = {"name": flag, "type": "kill-switch"}
        self.ask("POST", "/api/admin/projects/default/features", made)
        for each in strategies:
            self.ask("POST", f"{self.place(flag)}/strategies", each)
        if on:
            self.ask("POST", f"{self.place(flag)}/on")

    def place(self, flag: str) -> str:
        return f"/api/admin/projects/default/features/{flag}/environments/{ENVIRONMENT}"

    def events(self, flag: str) -> list[str]:
        """What was done to it, the oldest first."""
        found: Json = self.ask("GET", f"/api/admin/events/{flag}")
        return [each["type"] for each in reversed(found["events"])]

    def ask(self, method: str, path: str, body: Json = None) -> Json:
        answer = httpx.request(
            method, f"{self.url}{path}", json=body, headers={"authorization": self.token}, timeout=30
        )
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content.startswith((b"{", b"[")) else None


@contextlib.contextmanager
def start_unleash(folder: Path) -> Iterator[Unleash]:
    """Without a flag, and with the tokens of `Unleash`. It asks nobody for newer versions."""
    folder.mkdir()
    assert _SERVER.exists(), "unleash-server is missing; `make system` installs it"
    with start_postgres() as postgres:
        port = unused_port()
        started = Unleash(f"http://127.0.0.1:{port}")
        settings = {
            "DATABASE_HOST": "127.0.0.1",
            "DATABASE_PORT": str(postgres.port),
            "DATABASE_NAME": "postgres",
            "DATABASE_USERNAME": "postgres",
            "DATABASE_PASSWORD": PASSWORD,
            "DATABASE_SSL": "false",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": str(port),
            "INIT_ADMIN_API_TOKENS": started.token,
            "INIT_FRONTEND_API_TOKENS": started.reader,
            "CHECK_VERSION": "false",
            "SEND_TELEMETRY": "false",
            "LOG_LEVEL": "warn",
        }
        command = [
            "env",
            *(f"{name}={value}" for name, value in settings.items()),
            program("node"),
            str(_SERVER),
        ]
        with running(command, folder / "log") as process:
            until(lambda: answers(f"{started.url}/health") or process.poll() is not None, "Unleash")
            assert process.poll() is None, (folder / "log").read_text()
            yield started
