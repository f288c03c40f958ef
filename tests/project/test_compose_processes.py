"""What docker-compose.yml runs, run: from the files that the image has, with the configuration that is
mounted, against a real Temporal. What Docker would settle (names, places of files) is translated."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from activities.ssh.config import ClientConfig
from devtools.demo.alert import webhook
from stanch.config import load_config
from stanch.gateway.alerts import alertmanager
from stanch.gateway.routing import route
from stanch.library import load_library
from tests.project.checkout import ROOT
from tests.project.compose import OURS, SERVICES, image, mounts, outside
from tests.support.temporal import TemporalServer, binary, free_port

pytestmark = pytest.mark.xdist_group("compose")

PATIENCE = 60.0
TOKEN = "t0ken-of-the-test"
NAMESPACE = "compose"


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the image has in its WORKDIR."""
    return image(tmp_path_factory.mktemp("image"))


@pytest.fixture(scope="module")
def mounted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`deploy/stanch.yaml` with the places of its mounted files as they are on this machine."""
    folder = tmp_path_factory.mktemp("mounted")
    (folder / "alert_token").write_text(f"{TOKEN}\n")
    text = (ROOT / "deploy" / "stanch.yaml").read_text(encoding="utf-8")
    places = {f"file/{mount.target}" for mount in mounts() if mount.target.startswith("/run/secrets/")}
    for place in places:
        text = text.replace(place, f"file/{folder / Path(place).name}")
    assert "/run/secrets/alert_token" not in text
    (folder / "stanch.yaml").write_text(text)
    return folder


def translated(service: str, mounted: Path, **settings: str) -> dict[str, str]:
    """The environment of `service`: files where they are here, and `settings` in place of Docker's names."""
    found = {}
    for name, value in SERVICES[service]["environment"].items():
        place = outside(service, value) if value.startswith("/") else None
        found[name] = str(place) if place else value
    assert Path(found["STANCH_CONFIG"]) == ROOT / "deploy" / "stanch.yaml"
    return {**found, "STANCH_CONFIG": str(mounted / "stanch.yaml"), **settings}


def command(service: str) -> list[str]:
    program, *arguments = SERVICES[service]["command"]
    assert program == "python"
    return [sys.executable, *arguments]


def bare(folder: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """As little as a container has."""
    return {"PATH": os.environ["PATH"], "HOME": str(folder), "PYTHONUNBUFFERED": "1", **environment}


@contextmanager
def running(service: str, app: Path, environment: Mapping[str, str], log: Path) -> Iterator[None]:
    """The service's own command in the image's WORKDIR; told to stop at the end, as Docker does."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            command(service), cwd=app, env=bare(log.parent, environment), stdout=output, stderr=output
        )
        try:
            yield
            assert process.poll() is None, log.read_text()
            process.terminate()
            assert process.wait(30) == 0, log.read_text()
        finally:
            process.kill()
            process.wait()


def eventually(ask: Callable[[], Any], what: str, log: Path) -> Any:
    """The first answer of `ask` that is not None."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = ask()
        except httpx.TransportError:
            answer = None
        if answer is not None:
            return answer
        assert time.monotonic() < deadline, f"{what}: {log.read_text()}"
        time.sleep(0.1)


def namespace(server: TemporalServer) -> subprocess.CompletedProcess[str]:
    """The job that makes the namespace, in its own words."""
    (script,) = SERVICES["temporal-namespace"]["command"]
    path = outside("temporal-namespace", script)
    assert path is not None
    environment = {
        **SERVICES["temporal-namespace"]["environment"],
        "TEMPORAL_ADDRESS": server.address,
        "TEMPORAL_NAMESPACE": NAMESPACE,
        "PATH": f"{binary('temporal').parent}:{os.environ['PATH']}",
    }
    return subprocess.run(
        ["sh", str(path)], env=environment, check=False, capture_output=True, text=True, timeout=120
    )


def test_worker_and_gateway_get_ready_and_an_alert_becomes_a_run(
    app: Path, mounted: Path, temporal: TemporalServer, tmp_path: Path
) -> None:
    for _ in range(2):
        made = namespace(temporal)
        assert made.returncode == 0, made.stdout + made.stderr
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    here = {"STANCH_TEMPORAL_ADDRESS": temporal.address, "STANCH_TEMPORAL_NAMESPACE": NAMESPACE}
    serving = {**here, "STANCH_GATEWAY_HOST": "127.0.0.1", "STANCH_GATEWAY_PORT": str(port)}
    log = tmp_path / "gateway.log"
    with (
        running("worker", app, translated("worker", mounted, **here), tmp_path / "worker.log"),
        running("gateway", app, translated("gateway", mounted, **serving), log),
        httpx.Client(base_url=url, trust_env=False) as http,
    ):
        ready = eventually(lambda: answered(http, "/readyz"), "not ready", log)
        assert ready["runbooks"] > 0
        healthy = [sys.executable, *SERVICES["gateway"]["healthcheck"]["test"][2:]]
        check = [word.replace(":8484/", f":{port}/") for word in healthy]
        subprocess.run(check, check=True, env=bare(tmp_path, {}))

        delivery = webhook(now())
        assert http.post("/alerts/alertmanager", json=delivery).status_code == 401
        shown = {"Authorization": f"Bearer {TOKEN}"}
        answer = http.post("/alerts/alertmanager", json=delivery, headers=shown)
        assert answer.status_code == 202
        (run,) = answer.json()["runs"]
        # Only a worker can answer the query behind this.
        view = eventually(lambda: answered(http, f"/api/v1/runs/{run['run']}"), "no worker", log)
        assert view["runbook"] == "rollback-release"


def answered(http: httpx.Client, path: str) -> Any:
    answer = http.get(path)
    return answer.json() if answer.status_code == 200 else None


def now() -> datetime:
    return datetime.now(UTC)


def test_the_image_lacks_nothing_that_its_programs_import(app: Path, tmp_path: Path) -> None:
    """This checkout is importable too, so what was found there and not in the image would go unnoticed."""
    script = (
        "import json, sys, worker, stanch.gateway.__main__, stanch.cli.main, activities.ansible.process\n"
        "print(json.dumps([getattr(m, '__file__', None) for m in list(sys.modules.values())]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=app,
        env=bare(tmp_path, {}),
        check=True,
        capture_output=True,
        text=True,
    )
    loaded = [Path(file) for file in json.loads(done.stdout) if file]
    ours = [file for file in loaded if file.is_relative_to(ROOT) and "site-packages" not in file.parts]
    assert ours == []
    assert app / "worker.py" in loaded


@pytest.mark.parametrize(
    "arguments", [["worker.py", "--help"], ["-m", "stanch.cli", "--help"], ["-m", "stanch.cli", "check"]]
)
def test_the_image_can_say_how_it_is_used_and_check_its_runbooks(
    arguments: list[str], app: Path, tmp_path: Path
) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=app,
        env=bare(tmp_path, {}),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_the_word_stanch_works_in_the_image_from_any_folder(app: Path, tmp_path: Path) -> None:
    """The Dockerfile writes it; here its WORKDIR and its Python are these."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    found = re.search(r"printf '(.*)' > /usr/local/bin/stanch", text)
    assert found
    program = tmp_path / "stanch"
    words = found.group(1).replace("/app", shlex.quote(str(app))).replace("python ", f"{sys.executable} ")
    program.write_text(words.replace("\\n", "\n"))
    program.chmod(0o755)
    done = subprocess.run(
        [program, "plan", "rollback-release"],
        cwd=tmp_path,
        env=bare(tmp_path, {}),
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Put the previous release back" in done.stdout


@pytest.mark.parametrize("service", sorted(OURS))
def test_the_mounted_configuration_is_taken_with_the_environment_of_its_service(
    service: str, mounted: Path
) -> None:
    config = load_config(environ=translated(service, mounted))
    assert config.address == "temporal:7233"
    assert config.gateway.port == 8484
    assert "incident_commander" in config.policy.ladders


def test_the_mounted_ssh_configuration_is_one_for_stanch_and_for_openssh() -> None:
    path = outside("worker", SERVICES["worker"]["environment"]["STANCH_SSH_CONFIG_FILE"])
    assert path is not None
    target = ClientConfig(path, {}).target("web1.example.org")
    assert (target.user, target.agent) == ("deploy", None)
    said = subprocess.run(
        ["ssh", "-F", str(path), "-G", "web1.example.org"], check=True, capture_output=True, text=True
    ).stdout
    for files, option in ((target.known_hosts, "userknownhostsfile"), (target.keys, "identityfile")):
        assert f"{option} {files[0]}" in said.splitlines()
        found = outside("worker", str(files[0]))
        assert found is not None
        # The key is the reader's own.
        assert found.is_file() or option == "identityfile"


def test_the_example_rule_fires_what_starts_the_rollback(tmp_path: Path) -> None:
    """Prometheus' own test of rules says what the alert carries; the gateway's routing what that starts."""
    labels = {"service": "checkout", "hosts": "web1,web2", "severity": "critical"}
    annotations = {
        "summary": "20% of the requests to checkout fail.",
        "hosts": "web1,web2",
    }
    of = '{service="checkout", hosts="web1,web2"}'
    case = {
        "rule_files": [str(ROOT / "deploy/rules/services.yml")],
        "evaluation_interval": "15s",
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    {"series": f"http_requests_total{of}", "values": "0+100x20"},
                    {"series": f"http_errors_total{of}", "values": "0+20x20"},
                ],
                "alert_rule_test": [
                    {
                        "eval_time": "5m",
                        "alertname": "HighErrorRate",
                        "exp_alerts": [{"exp_labels": labels, "exp_annotations": annotations}],
                    }
                ],
            }
        ],
    }
    (tmp_path / "case.yml").write_text(yaml.safe_dump(case))
    promtool = shutil.which("promtool")
    assert promtool, "promtool is missing; `make system` brings it"
    done = subprocess.run(
        [promtool, "test", "rules", str(tmp_path / "case.yml")], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr

    delivery = webhook(now())
    delivery["alerts"][0]["labels"] = {"alertname": "HighErrorRate", **labels}
    delivery["alerts"][0]["annotations"] = annotations
    (alert,) = alertmanager.parse(json.dumps(delivery).encode())
    routed = route(alert, load_library([ROOT / "runbooks"], now().date()).triggers)
    assert routed.problems == ()
    (match,) = routed.matches
    assert match.inputs["service"] == "checkout"
    assert match.inputs["hosts"] == ["web1", "web2"]
