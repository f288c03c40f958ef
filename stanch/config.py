"""Configuration: one file `stanch.yaml`, each key overridable by `STANCH_...`; safe defaults without it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal, get_args

from stanch.contract import Ladder, PublicKey, Rung, RunPolicy, Severity, Shift
from stanch.duty import Hours, reachable, read_hours, read_ladder, read_people, read_schedules
from stanch.keyring import read_keys
from stanch.language.duration import parse_duration
from stanch.language.people import IC
from stanch.language.plan import Json
from stanch.pools import read_budgets, read_pools
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
    deployment: str = ""
    """Name under which workers tell Temporal their build; empty means that they tell none."""
    build: str = ""
    """Which build this is, such as the image's tag; the release's version when empty."""


@dataclass(frozen=True, slots=True)
class GatewayConfig:
    host: str = "127.0.0.1"
    port: int = 8484
    alert_token: Json = ""
    max_body: int = 1 << 20
    signing_key: Json = ""
    people: Mapping[str, Json] = field(default_factory=dict)
    """Person to the bearer token that they show."""


@dataclass(frozen=True, slots=True)
class CommandConfig:
    """What the action `command` may run here, and how."""

    programs: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    directory: Path | None = None


@dataclass(frozen=True, slots=True)
class Flap:
    """How often is too often: so many runs of one runbook for one alert within so many seconds."""

    runs: int = 3
    within: float = 1800.0


@dataclass(frozen=True, slots=True)
class Policy:
    self_approval: bool = False
    roles: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    severities: Mapping[str, Severity] = field(default_factory=lambda: dict(DEFAULT_SEVERITIES))
    ladders: Mapping[str, Mapping[str, Ladder]] = field(default_factory=dict)
    flap: Flap = field(default_factory=Flap)
    lease_limit: float = 3600.0
    """Seconds after which whoever commands is told that their run still holds a lease."""
    unsigned: Literal["accept", "refuse"] = "accept"
    keys: tuple[PublicKey, ...] = ()
    groups: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    schedules: Mapping[str, tuple[Shift, ...]] = field(default_factory=dict)
    acting: str = ""
    hours: Hours | None = None
    named: bool = False
    pools: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    budgets: Mapping[str, int] = field(default_factory=dict)
    """Pool to how many of its targets may be disrupted at once."""
    on_resolved: Literal["ask", "withdraw"] = "ask"
    people: tuple[str, ...] = ()
    """Those who have an entry of their own under `people`."""

    def for_run(self, roles: tuple[str, ...], severity: Severity, at: float | None = None) -> RunPolicy:
        """What a run that asks `roles` at `severity` pins at its start: at the moment `at`, or now."""
        ladders = {role: self._ladder(role, severity) for role in roles}
        others = {other: self._others(ladders, other) for other in get_args(Severity) if other != severity}
        by_severity = {other: differing for other, differing in others.items() if differing}
        rungs = [
            rung
            for held in (ladders, *by_severity.values())
            for ladder in held.values()
            for rung in ladder.rungs
        ]
        asked = {IC, *roles, *(rung.page for rung in rungs)}
        used = reachable(asked, self.groups, self.roles) | {self.acting}
        hours = self.hours if any(rung.hours for rung in rungs) else None
        known = self.known() if self.named else set()
        nobody = asked - known - {IC, *self.roles, *self.groups, *self.schedules} if self.named else set()
        return RunPolicy(
            ladders=ladders,
            by_severity=by_severity,
            roles={role: people for role, people in self.roles.items() if role in asked}
            | dict.fromkeys(sorted(nobody), ()),
            groups={name: people for name, people in self.groups.items() if name in used},
            schedules={name: shifts for name, shifts in self.schedules.items() if name in used},
            acting=self.acting,
            hours=hours.ahead(time.time() if at is None else at) if hours else (),
            named=self.named,
            people=tuple(sorted(known)),
            pools=self.pools,
            budgets=self.budgets,
            lease_limit=self.lease_limit,
            on_resolved=self.on_resolved,
            self_approval=self.self_approval,
            unsigned=self.unsigned,
            keys=self.keys,
        )

    def known(self) -> set[str]:
        """Everybody whom the policy names."""
        held = (name for people in (*self.roles.values(), *self.groups.values()) for name in people)
        on_call = (shift.person for shifts in self.schedules.values() for shift in shifts)
        return {*self.people, *held, *on_call} - set(self.groups) - set(self.schedules)

    def severity_of(self, label: str) -> Severity:
        """The severity that an alert's label stands for: `SEV1`..`SEV4` itself, or by `severities`."""
        for severity in get_args(Severity):
            if label.upper() == severity:
                return severity  # type: ignore[no-any-return]
        return self.severities.get(label.lower(), "SEV3")

    def _ladder(self, role: str, severity: Severity) -> Ladder:
        """A role without a ladder of its own climbs as the commander does; but where somebody holds it, they
        are the first to be paged, since nobody else may answer."""
        by_severity = self.ladders.get(role) or self.ladders.get(IC) or {}
        ladder = by_severity.get(severity) or by_severity.get("default") or DEFAULT_LADDER
        held = self.named or role in {*self.roles, *self.groups, *self.schedules}
        if role == IC or role in self.ladders or not held:
            return ladder
        later = (rung for rung in ladder.rungs if rung.after > 0)
        return replace(ladder, rungs=(replace(ladder.rungs[0], after=0.0, page=role), *later))

    def _others(self, ladders: Mapping[str, Ladder], severity: Severity) -> Mapping[str, Ladder]:
        """The ladders of another severity that differ from these."""
        other = {role: self._ladder(role, severity) for role in ladders}
        return {role: ladder for role, ladder in other.items() if ladder != ladders[role]}


@dataclass(frozen=True, slots=True)
class Config:
    temporal: TemporalConfig = field(default_factory=TemporalConfig)
    gateway: GatewayConfig = field(default_factory=GatewayConfig)
    runbooks: tuple[Path, ...] = (CHECKOUT / "runbooks",)
    ssh_config_file: Path | None = None
    ssh_pass_phrases: Mapping[Path, Json] = field(default_factory=dict)
    """By key file, references to the secrets that open them."""
    ansible_project: Path | None = None
    command: CommandConfig = field(default_factory=CommandConfig)
    prometheus_url: str = ""
    systems: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)
    """By the name under which runbooks know it: `kind`, where it is, and references to its secrets."""
    evidence_path: Path | None = None
    evidence_limit: int = EVIDENCE_LIMIT
    policy: Policy = field(default_factory=Policy)
    pagers: Mapping[str, tuple[Json, ...]] = field(default_factory=dict)
    key: Path | None = None
    """File with the private key of whoever gives the commands."""

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
    ssh = data.get("ssh", {})
    project = data.get("ansible", {}).get("project")
    evidence = data.get("evidence", {})
    return Config(
        temporal=TemporalConfig(**data.get("temporal", {})),
        gateway=GatewayConfig(**data.get("gateway", {})),
        runbooks=tuple(place(p) for p in data["runbooks"])
        if "runbooks" in data
        else (CHECKOUT / "runbooks",),
        ssh_config_file=place(ssh["config_file"]) if ssh.get("config_file") else None,
        ssh_pass_phrases={Path(key).expanduser(): held for key, held in ssh.get("pass_phrases", {}).items()},
        ansible_project=place(project) if project else None,
        command=_command(data.get("command", {}), place),
        prometheus_url=data.get("prometheus", {}).get("url", ""),
        systems=data.get("systems", {}),
        evidence_path=place(evidence["path"]) if "path" in evidence else None,
        evidence_limit=evidence.get("max_item", EVIDENCE_LIMIT),
        policy=Policy(
            self_approval=policy.get("self_approval", False),
            roles=read_people(policy.get("roles", {})),
            groups=read_people(policy.get("groups", {})),
            schedules=read_schedules(policy.get("schedules", {})),
            acting=policy.get("acting", ""),
            hours=read_hours(policy.get("hours")),
            named=policy.get("named", False),
            pools=read_pools(policy.get("pools", {})),
            budgets=read_budgets(policy.get("pools", {})),
            on_resolved=policy.get("on_resolved", "ask"),
            people=tuple(policy.get("people", {})),
            flap=_flap(policy.get("flap", {})),
            lease_limit=parse_duration(policy.get("leases", {}).get("limit", "1h")),
            unsigned=policy.get("unsigned_decisions", "accept"),
            keys=read_keys(policy),
            severities={**DEFAULT_SEVERITIES, **policy.get("severities", {})},
            ladders={
                role: {severity: read_ladder(spec) for severity, spec in ladders.items()}
                for role, ladders in policy.get("ladders", {}).items()
            },
        ),
        pagers={name: tuple(urls) for name, urls in data.get("pagers", {}).items()},
        key=place(data["key"]) if data.get("key") else None,
    )


def _command(spec: Json, place: Callable[[str], Path]) -> CommandConfig:
    return CommandConfig(
        programs=tuple(spec.get("programs", ())),
        environment=tuple(spec.get("environment", ())),
        directory=place(spec["directory"]) if "directory" in spec else None,
    )


def _flap(spec: Json) -> Flap:
    usual = Flap()
    within = parse_duration(spec["within"]) if "within" in spec else usual.within
    return Flap(spec.get("runs", usual.runs), within)
