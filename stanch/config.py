"""Configuration: one file `stanch.yaml`, each key overridable by `STANCH_...`; safe defaults without it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from stanch.contract import Ladder, Rung, RunPolicy, Severity
from stanch.language.duration import parse_duration
from stanch.language.plan import Json
from stanch.schemas import load_schema

DEFAULT_LADDER = Ladder(
    rungs=(
        Rung(0, "incident_commander"),
        Rung(300, "incident_commander"),
        Rung(600, "technical_lead"),
        Rung(900, "incident_commander"),
    ),
    silence_after=1800,
    silence_then="deny",
)
DEFAULT_SEVERITIES: Mapping[str, Severity] = {
    "critical": "SEV2",
    "error": "SEV3",
    "warning": "SEV3",
    "info": "SEV4",
}
EVIDENCE_LIMIT = 1 << 20
"""Bytes of one item."""
CHECKOUT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class TemporalConfig:
    address: str = ""
    """host:port; empty means: embed a server (`stanch up`) on the default port."""
    namespace: str = "default"
    ui: str = "http://127.0.0.1:8233"
    tls: bool = False
    api_key: Json = ""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    host: str = "127.0.0.1"
    port: int = 8484
    alert_token: Json = ""
    max_body: int = 1 << 20


@dataclass(frozen=True, slots=True)
class Policy:
    self_approval: bool = False
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=lambda: dict(DEFAULT_SEVERITIES))
    ladders: Mapping[str, Mapping[str, Ladder]] = field(default_factory=dict)

    def for_run(self, roles: tuple[str, ...], severity: Severity) -> RunPolicy:
        """What a run that asks `roles` at `severity` pins at its start."""
        return RunPolicy(
            ladders={role: self._ladder(role, severity) for role in roles},
            roles={role: people for role, people in self.roles.items() if role in roles},
            self_approval=self.self_approval,
        )

    def severity_of(self, label: str) -> Severity:
        """The severity that an alert's label stands for: `SEV1`..`SEV4` itself, or by `severities`."""
        for severity in get_args(Severity):
            if label.upper() == severity:
                return severity  # type: ignore[no-any-return]
        return self.severities.get(label.lower(), "SEV3")

    def _ladder(self, role: str, severity: Severity) -> Ladder:
        by_severity = self.ladders.get(role) or self.ladders.get("incident_commander") or {}
        return by_severity.get(severity) or by_severity.get("default") or DEFAULT_LADDER


@dataclass(frozen=True, slots=True)
class Config:
    temporal: TemporalConfig = field(default_factory=TemporalConfig)
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    runbooks: tuple[Path, ...] = (CHECKOUT / "runbooks",)
    ssh_config_file: Path | None = None
    ansible_project: Path | None = None
    prometheus_url: str = ""
    evidence_path: Path | None = None
    evidence_limit: int = EVIDENCE_LIMIT
    policy: Policy = field(default_factory=Policy)
    pagers: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return self.temporal.address or "127.0.0.1:7233"

    @property
    def evidence(self) -> Path:
        """The folder for what steps keep: unless another is named, in the state of `stanch up`."""
        return self.evidence_path or CHECKOUT / ".stanch" / "evidence"


def load_config(path: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The configuration in `path`, else in `$STANCH_CONFIG`, else in `./stanch.yaml` when it exists.

    Raises InvalidInput with every diagnostic, as `stanch check` would print them.
    """
    environ = os.environ if environ is None else environ
    named = path or (Path(environ["STANCH_CONFIG"]) if environ.get("STANCH_CONFIG") else None)
    file = named or Path("stanch.yaml")
    schema = load_schema("config.v1.json")
    data: dict[str, Json] = {}
    chosen = overrides(schema, environ)
    if named or file.exists() or chosen:
        # What validates costs 150 ms to import, and most commands of most people have nothing to validate.
        from stanch import config_file  # noqa: PLC0415

        data = config_file.read_file(file, schema) if named or file.exists() else {}
        config_file.override(data, schema, chosen, environ)
    return _build(data, file.resolve().parent)


def overrides(schema: Json, environ: Mapping[str, str]) -> dict[str, tuple[str, str]]:
    """The variables that are set, each with its section and key; a section without keys has the key ``."""
    known = {
        "_".join(part.upper() for part in ("STANCH", section, key) if part): (section, key)
        for section, inner in schema["properties"].items()
        for key in inner.get("properties", {"": None})
    }
    return {name: place for name, place in known.items() if name in environ}


def _build(data: Json, base: Path) -> Config:
    def place(text: str) -> Path:
        return (base / Path(text).expanduser()).resolve()

    policy = data.get("policy", {})
    ssh_file = data.get("ssh", {}).get("config_file")
    project = data.get("ansible", {}).get("project")
    evidence = data.get("evidence", {})
    return Config(
        temporal=TemporalConfig(**data.get("temporal", {})),
        gateway=GatewayConfig(**data.get("gateway", {})),
        runbooks=tuple(place(p) for p in data["runbooks"])
        if "runbooks" in data
        else (CHECKOUT / "runbooks",),
        ssh_config_file=place(ssh_file) if ssh_file else None,
        ansible_project=place(project) if project else None,
        prometheus_url=data.get("prometheus", {}).get("url", ""),
        evidence_path=place(evidence["path"]) if "path" in evidence else None,
        evidence_limit=evidence.get("max_item", EVIDENCE_LIMIT),
        policy=Policy(
            self_approval=policy.get("self_approval", False),
            roles={role: tuple(people) for role, people in policy.get("roles", {}).items()},
            severities={**DEFAULT_SEVERITIES, **policy.get("severities", {})},
            ladders={
                role: {severity: _ladder(spec) for severity, spec in ladders.items()}
                for role, ladders in policy.get("ladders", {}).items()
            },
        ),
        pagers={name: tuple(urls) for name, urls in data.get("pagers", {}).items()},
    )


def _ladder(spec: Json) -> Ladder:
    rungs = [Rung(parse_duration(rung["after"]), rung["page"]) for rung in spec["rungs"]]
    return Ladder(
        rungs=tuple(sorted(rungs, key=lambda rung: rung.after)),
        silence_after=parse_duration(spec["silence"]["after"]),
        silence_then=spec["silence"]["then"],
    )
