"""docs/operations.md lists every key of the configuration with its variable and default, and no others."""

from __future__ import annotations

import re
from typing import Any

import yaml

from stanch.config import (
    DEFAULT_LADDER,
    DEFAULT_SEVERITIES,
    Config,
    GatewayConfig,
    TemporalConfig,
    load_config,
)
from stanch.schemas import load_schema
from tests.project.checkout import ROOT
from tests.project.compose import SERVICES

PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ROWS: dict[str, tuple[str, str]] = {
    key: (variable, meaning)
    for key, variable, meaning in re.findall(
        r"^\| `([a-z_.]+)` \| `(STANCH_\w+)` \| (.+) \|$", PAGE, re.MULTILINE
    )
}


SAMPLES = {
    "policy.gateways": "[]",
    "policy.hours": '{zone: UTC, from: "09:00", to: "17:00"}',
}
"""Values of keys that do not take just any of their type."""


def keys() -> dict[str, Any]:
    """Every key that the schema knows, with its own schema."""
    found = {}
    for section, schema in load_schema("config.v1.json")["properties"].items():
        for key, inner in schema.get("properties", {"": schema}).items():
            found[f"{section}.{key}".rstrip(".")] = inner
    return found


def test_every_key_is_listed_and_no_other() -> None:
    assert list(ROWS) == list(keys())


def test_the_variable_beside_a_key_is_the_one_that_sets_it() -> None:
    for key, (variable, _) in ROWS.items():
        assert variable == "STANCH_" + key.replace(".", "_").upper()
        schema = keys()[key]
        sample = {"string": "x", "integer": "4321", "boolean": "true", "array": "[x]", "object": "{}"}
        usual = schema["enum"][-1] if "enum" in schema else sample[schema.get("type", "string")]
        value = SAMPLES.get(key, usual)
        assert load_config(environ={variable: value}) != Config() or value in ("{}", "[]"), variable


def test_the_defaults_are_the_real_ones() -> None:
    temporal, gateway = TemporalConfig(), GatewayConfig()
    for key, default in {
        "temporal.address": Config().address,
        "temporal.namespace": temporal.namespace,
        "temporal.ui": temporal.ui,
        "gateway.host": gateway.host,
        "gateway.port": gateway.port,
        "gateway.max_body": gateway.max_body,
        "evidence.path": Config().evidence.relative_to(ROOT),
        "evidence.max_item": Config().evidence_limit,
    }.items():
        assert re.search(rf"(?<![\w.]){re.escape(str(default))}(?!\w)", ROWS[key][1]), key
    assert (temporal.tls, Config().policy.self_approval) == (False, False)
    said = ROWS["policy.severities"][1]
    assert re.findall(r"`(\w+)`", said)[1:] == list(DEFAULT_SEVERITIES)
    for label, severity in DEFAULT_SEVERITIES.items():
        assert re.search(rf"`{label}`[^.]*?{severity}", said), label


def test_the_default_ladder_is_told_as_it_is() -> None:
    minutes = [(rung.page, rung.after / 60) for rung in DEFAULT_LADDER.rungs]
    ic, lead = "incident_commander", "technical_lead"
    assert minutes == [(ic, 0), (ic, 5), (lead, 10), (ic, 15)]
    assert (DEFAULT_LADDER.silence_after, DEFAULT_LADDER.silence_then) == (1800, "deny")
    told = (
        "the incident commander at once, after 5 and after 15 minutes, the technical lead after 10; after 30"
    )
    assert told in ROWS["policy.ladders"][1]


def test_every_published_port_is_on_the_page() -> None:
    published = {
        port.rpartition(":")[0] for service in SERVICES.values() for port in service.get("ports", ())
    }
    assert published <= set(re.findall(r"`(127\.0\.0\.1:\d+)`", PAGE))


def test_every_service_that_a_command_names_is_one() -> None:
    for line in re.findall(r"docker compose (?:exec|run|restart|logs)[^\n`]*", PAGE.replace("\\\n", " ")):
        words = re.sub(r"(?:-e|--entrypoint|--scale) \S+", "", line).split()[3:]
        named = [word for word in words if not word.startswith("-")]
        assert named[0] in SERVICES, line
        if words and line.split()[2] in ("restart", "logs"):
            assert set(named) <= set(SERVICES), line


def test_the_image_keeps_its_retention_as_told() -> None:
    days = re.search(r"Ended runs can be read for (\d+) days", PAGE)
    assert days
    assert SERVICES["temporal-namespace"]["environment"]["RETENTION"] == f"{days[1]}d"


def test_the_shipped_configuration_has_only_what_the_page_lists() -> None:
    shipped = yaml.safe_load((ROOT / "deploy" / "stanch.yaml").read_text())
    assert {f"{section}.{key}" for section, held in shipped.items() for key in held} <= set(ROWS)
