"""What docker-compose.yml says is true of this project, as far as that can be seen without Docker.

That every key is one of the Compose Specification is checked against the part of it that is used here,
written down below: no other key passes, so a misspelt one does not either.
"""

from __future__ import annotations

import re
import subprocess
import tomllib
from typing import Any

import jsonschema
import pytest
import yaml

from stanch.config import GatewayConfig, TemporalConfig
from stanch.contract import SEARCH_BOOLS, SEARCH_KEYWORDS, TASK_QUEUE
from stanch.gateway.alerts import SOURCES
from stanch.gateway.metrics import Metrics
from stanch.schemas import load_schema
from tests.project.checkout import ROOT, files
from tests.project.compose import (
    COMPOSE,
    OURS,
    SERVICES,
    copies,
    dockerfile,
    ignored_by_docker,
    mounts,
    outside,
)
from tests.support.temporal import binary

# --- the file itself --------------------------------------------------------------------------------------

DURATION = {"type": "string", "pattern": "^[0-9]+(s|m|h)$"}
WORDS = {"type": "array", "items": {"type": "string"}, "minItems": 1}
# A number or a boolean that YAML reads is not what the container gets; Compose warns, we refuse.
TEXTS = {"type": "object", "additionalProperties": {"type": "string"}}


def closed(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": properties}


SERVICE = closed(
    build={"const": "."},
    image={"type": "string"},
    command=WORDS,
    entrypoint=WORDS,
    environment=TEXTS,
    ports={"type": "array", "items": {"type": "string"}},
    volumes={"type": "array", "items": {"type": "string", "pattern": "^[^:]+:/[^:]+(:ro)?$"}},
    secrets=WORDS,
    depends_on={
        "type": "object",
        "additionalProperties": closed(
            condition={"enum": ["service_healthy", "service_completed_successfully"]}
        ),
    },
    healthcheck=closed(
        test=WORDS, interval=DURATION, timeout=DURATION, retries={"type": "integer"}, start_period=DURATION
    ),
    restart={"type": "string", "pattern": "^(unless-stopped|on-failure:[0-9]+)$"},
    logging=closed(driver={"const": "json-file"}, options=TEXTS),
    security_opt=WORDS,
    cap_drop=WORDS,
    tmpfs=WORDS,
    read_only={"type": "boolean"},
    init={"type": "boolean"},
    shm_size={"type": "string", "pattern": "^[0-9]+m$"},
    stop_grace_period=DURATION,
)
SERVICE["required"] = ["image", "restart"]
WHOLE = closed(
    name={"type": "string"},
    services={"type": "object", "additionalProperties": SERVICE},
    volumes={"type": "object", "additionalProperties": {"type": "null"}},
    secrets={"type": "object", "additionalProperties": closed(file={"type": "string"})},
)
WHOLE["patternProperties"] = {"^x-": {}}


def test_every_key_is_one_that_compose_knows() -> None:
    errors = jsonschema.Draft202012Validator(WHOLE).iter_errors(COMPOSE)
    assert [f"{'.'.join(map(str, error.absolute_path))}: {error.message}" for error in errors] == []


def test_what_a_service_waits_for_can_come_true() -> None:
    for name, service in SERVICES.items():
        for other, how in service.get("depends_on", {}).items():
            waited = SERVICES[other]
            if how["condition"] == "service_healthy":
                assert "healthcheck" in waited, f"{name} waits for the health of {other}, which has no check"
            else:
                assert waited["restart"] != "unless-stopped", f"{name} waits for the end of {other}"


def test_images_are_public_names_with_a_tag() -> None:
    public = re.compile(r"(?:[a-z0-9]+/)?[a-z][a-z0-9-]*:(?!latest$)[\w.-]+")
    images = {service["image"] for service in SERVICES.values()}
    images |= {instruction.rest for instruction in dockerfile() if instruction.word == "FROM"}
    assert [image for image in images if not public.fullmatch(image)] == []


def test_our_image_has_the_version_of_the_project() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert {service["image"] for service in OURS.values()} == {f"stanch:{version}"}


def test_temporal_is_the_one_that_the_tests_run_against() -> None:
    said = subprocess.run(
        [binary("temporal"), "--version"], check=True, capture_output=True, text=True
    ).stdout
    found = re.search(r"Server ([\d.]+), UI ([\d.]+)", said)
    assert found
    images = {service["image"] for service in SERVICES.values() if "temporalio/" in service["image"]}
    assert images == {
        f"temporalio/server:{found[1]}",
        f"temporalio/admin-tools:{found[1]}",
        f"temporalio/ui:{found[2]}",
    }


# --- files --------------------------------------------------------------------------------------------------


def test_every_mounted_file_is_in_the_checkout_and_cannot_be_written() -> None:
    for mount in mounts():
        if mount.named:
            assert mount.source in COMPOSE["volumes"]
        elif not mount.target.startswith("/run/secrets/"):
            assert mount.options == "ro"
            path = mount.source.removeprefix("./")
            assert any(f"{name}/".startswith(f"{path}/") for name in files()), f"there is no {mount.source}"


def test_every_volume_and_secret_that_is_declared_is_used() -> None:
    assert {mount.source for mount in mounts() if mount.named} == set(COMPOSE["volumes"])
    assert {secret for service in SERVICES.values() for secret in service.get("secrets", ())} == set(
        COMPOSE["secrets"]
    )


@pytest.mark.parametrize("path", [".env", "deploy/secrets/alert_token", "deploy/ssh/id_ed25519"])
def test_what_is_secret_gets_neither_into_git_nor_into_the_image(path: str) -> None:
    checked = subprocess.run(["git", "check-ignore", "--quiet", "--no-index", path], cwd=ROOT, check=False)
    assert checked.returncode == 0
    assert ignored_by_docker(path)


def test_every_secret_file_is_one_of_the_checked_places() -> None:
    assert {secret["file"] for secret in COMPOSE["secrets"].values()} == {"./deploy/secrets/alert_token"}
    assert "deploy/secrets/.gitignore" in files()


def test_passwords_come_from_outside() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    wanted = set(re.findall(r"\$\{(\w+)", text))
    example = dict(re.findall(r"^(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert wanted == set(example)
    assert set(example.values()) == {""}
    for service in SERVICES.values():
        for name, value in service.get("environment", {}).items():
            if re.search("PASSWORD|PWD|TOKEN|KEY", name):
                assert value.startswith("${"), name


def test_everything_that_the_image_copies_exists_and_is_not_ignored() -> None:
    sources = [source for source, _ in copies()]
    assert len(sources) == len(set(sources)) > 5
    for source in sources:
        assert not ignored_by_docker(source.rstrip("/")), source
        if source.endswith("/"):
            assert (ROOT / source).is_dir(), source
        else:
            assert (ROOT / source).is_file(), source


def test_the_image_has_what_runs_and_its_user_is_nobody_special() -> None:
    words = [instruction.word for instruction in dockerfile()]
    text = "\n".join(f"{instruction.word} {instruction.rest}" for instruction in dockerfile())
    assert "--require-hashes -r requirements/runtime.txt" in text
    assert "requirements/dev.txt" not in text
    assert "openssh-client" in text
    assert words.index("USER") > max(place for place, word in enumerate(words) if word in ("COPY", "RUN"))
    (user,) = [instruction.rest for instruction in dockerfile() if instruction.word == "USER"]
    assert re.search(rf"useradd --uid [1-9]\d{{3,}} --create-home {user}\b", text)


def test_what_steps_keep_outlives_the_container_in_a_folder_that_its_user_may_write() -> None:
    path = SERVICES["worker"]["environment"]["STANCH_EVIDENCE_PATH"]
    (mount,) = [each for each in mounts() if each.service == "worker" and each.target == path]
    assert (mount.named, mount.options) == (True, "")
    (user,) = [instruction.rest for instruction in dockerfile() if instruction.word == "USER"]
    made = f"install --directory --owner={user} --mode=700 {path}"
    assert [each for each in dockerfile() if each.word == "RUN" and made in each.rest]


def test_every_script_that_a_container_runs_is_mounted_and_is_a_script() -> None:
    scripts = {
        script: outside(name, script)
        for name, service in SERVICES.items()
        if service.get("entrypoint") == ["/bin/sh"]
        for script in service["command"]
    }
    assert len(scripts) == 2
    for script, path in scripts.items():
        assert path is not None, script
        subprocess.run(["sh", "-n", str(path)], check=True)


# --- ports and names ----------------------------------------------------------------------------------------

LISTENS = {
    "postgres": {5432},
    "temporal": {7233, 8000},
    "temporal-ui": {8080},
    "gateway": {GatewayConfig().port},
    "prometheus": {9090},
    "alertmanager": {9093},
}
"""Where each service listens: by its image's default, but for those that the environment settles (below)."""


def test_the_ports_that_the_environment_settles_are_these() -> None:
    assert SERVICES["gateway"]["environment"]["STANCH_GATEWAY_PORT"] == str(GatewayConfig().port)
    assert SERVICES["gateway"]["environment"]["STANCH_GATEWAY_HOST"] == "0.0.0.0"
    assert SERVICES["temporal"]["environment"]["PROMETHEUS_ENDPOINT"] == "0.0.0.0:8000"
    assert SERVICES["temporal"]["environment"]["BIND_ON_IP"] == "0.0.0.0"


def mentioned() -> dict[str, set[tuple[str, int]]]:
    """`service:port` wherever one is mentioned, by the place."""
    texts = {path: (ROOT / path).read_text() for path in files() if path.startswith("deploy/")}
    for name, service in SERVICES.items():
        texts[name] = yaml.safe_dump(service.get("environment", {}))
    names = "|".join(SERVICES)
    return {
        place: {(name, int(port)) for name, port in re.findall(rf"\b({names}):(\d+)\b", text)}
        for place, text in texts.items()
    }


def test_every_address_between_services_is_one_where_somebody_listens() -> None:
    found = mentioned()
    assert found["deploy/alertmanager.yml"] == {("gateway", 8484)}
    assert ("alertmanager", 9093) in found["deploy/prometheus.yml"]
    assert ("temporal", 7233) in found["worker"] & found["gateway"] & found["temporal-ui"]
    for place, addresses in found.items():
        for name, port in addresses:
            assert port in LISTENS[name], f"{place}: {name}:{port}"
    server, schema = (SERVICES[name]["environment"] for name in ("temporal", "temporal-schema"))
    assert (server["POSTGRES_SEEDS"], server["DB_PORT"]) == ("postgres", "5432")
    assert (schema["SQL_HOST"], schema["SQL_PORT"]) == ("postgres", "5432")


def test_ports_are_published_on_loopback_only_and_lead_to_where_somebody_listens() -> None:
    taken = set()
    for name, service in SERVICES.items():
        for port in service.get("ports", ()):
            found = re.fullmatch(r"127\.0\.0\.1:(\d+):(\d+)", port)
            assert found, f"{name}: {port}"
            assert int(found[2]) in LISTENS[name]
            assert found[1] not in taken
            taken.add(found[1])


def test_the_web_ui_is_where_links_lead() -> None:
    (port,) = SERVICES["temporal-ui"]["ports"]
    for service in OURS.values():
        assert service["environment"]["STANCH_TEMPORAL_UI"] == f"http://127.0.0.1:{port.split(':')[1]}"
    assert TemporalConfig().ui == SERVICES["worker"]["environment"]["STANCH_TEMPORAL_UI"]


def known_variables() -> set[str]:
    """What `stanch.config` reads."""
    known = {"STANCH_CONFIG"}
    for section, schema in load_schema("config.v1.json")["properties"].items():
        keys = [f"_{key}" for key in schema.get("properties", ())] or [""]
        known |= {f"STANCH_{section}{key}".upper() for key in keys}
    return known


def test_every_variable_of_ours_is_one_that_the_configuration_knows() -> None:
    for name, service in SERVICES.items():
        used = {variable for variable in service.get("environment", {}) if variable.startswith("STANCH_")}
        assert used <= known_variables()
        assert bool(used) == (name in OURS)


# --- what is mounted into the others ------------------------------------------------------------------------


def test_alertmanager_takes_its_configuration() -> None:
    subprocess.run(["amtool", "check-config", "deploy/alertmanager.yml"], cwd=ROOT, check=True)
    config = yaml.safe_load((ROOT / "deploy/alertmanager.yml").read_text())
    (webhook,) = next(each["webhook_configs"] for each in config["receivers"] if "webhook_configs" in each)
    assert webhook["url"].endswith(f"/alerts/{next(iter(SOURCES))}")
    token = webhook["http_config"]["authorization"]["credentials_file"]
    assert outside("alertmanager", token) == outside("gateway", token) is not None
    assert yaml.safe_load((ROOT / "deploy/stanch.yaml").read_text())["gateway"]["alert_token"] == {
        "secret": f"file/{token}"
    }


def test_prometheus_takes_its_configuration_and_rules() -> None:
    done = subprocess.run(
        ["promtool", "check", "config", "deploy/prometheus.yml"],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    rules = [name for name in files() if name.startswith("deploy/rules/")]
    assert f"{len(rules)} rule files found" in done.stdout


def test_the_rules_about_stanch_ask_for_metrics_that_it_has() -> None:
    text = (ROOT / "deploy/rules/stanch.yml").read_text()
    asked = set(re.findall(r"\bstanch_gateway_\w+", text))
    exposed = Metrics().exposition().decode()
    assert asked
    assert [name for name in asked if f"# TYPE {name} " not in exposed] == []
    assert f'taskqueue="{TASK_QUEUE}"' in text
    jobs = {
        job["job_name"]
        for job in yaml.safe_load((ROOT / "deploy/prometheus.yml").read_text())["scrape_configs"]
    }
    assert set(re.findall(r'job="([\w-]+)"', text)) <= jobs


def test_temporal_is_tuned_as_the_embedded_one_is() -> None:
    (path,) = {outside("temporal", SERVICES["temporal"]["environment"]["DYNAMIC_CONFIG_FILE_PATH"])}
    assert path is not None
    embedded = (ROOT / "stanch/client/embedded.py").read_text()
    tuned = dict(re.findall(r'"--dynamic-config-value", "([\w.]+)=(\d+)"', embedded))
    assert {name: str(held[0]["value"]) for name, held in yaml.safe_load(path.read_text()).items()} == tuned


def test_the_namespace_gets_every_search_attribute() -> None:
    script = (ROOT / "deploy/temporal/namespace.sh").read_text()
    lists = dict(re.findall(r'^(KEYWORDS|BOOLS)="(.*)"$', script, re.MULTILINE))
    assert set(lists["KEYWORDS"].split()) == set(SEARCH_KEYWORDS)
    assert set(lists["BOOLS"].split()) == set(SEARCH_BOOLS)
