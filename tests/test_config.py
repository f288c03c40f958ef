"""One configuration file, overridable from the environment, with clear words for what does not fit."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.config import CHECKOUT, DEFAULT_LADDER, CommandConfig, Config, Policy, load_config
from stanch.contract import Ladder, Rung
from stanch.errors import InvalidInput

TEXT = """\
temporal:
  address: temporal.internal:7233
  tls: true
gateway:
  port: 9000
  alert_token:
    secret: env/ALERTS
runbooks: [ours, ../theirs]
ssh:
  config_file: ssh_config
policy:
  roles:
    incident_commander: [alice, bob]
  severities:
    page: SEV1
  ladders:
    incident_commander:
      SEV1:
        rungs:
          - {after: 2m, page: technical_lead}
          - {after: 0s, page: incident_commander}
        silence: {after: 10m, then: abort}
pagers:
  incident_commander: ["json://127.0.0.1:1"]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "stanch.yaml"
    path.write_text(TEXT)
    return path


def test_without_a_file_the_defaults_are_safe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    config = load_config(environ={})
    assert config == Config()
    assert (config.gateway.host, config.policy.self_approval) == ("127.0.0.1", False)


def test_a_file_is_read_with_its_paths_relative_to_itself(file: Path) -> None:
    config = load_config(file, {})
    assert (config.address, config.temporal.tls, config.gateway.port) == (
        "temporal.internal:7233",
        True,
        9000,
    )
    assert config.gateway.alert_token == {"secret": "env/ALERTS"}
    assert config.runbooks == (file.parent / "ours", file.parent.parent / "theirs")
    assert config.ssh_config_file == file.parent / "ssh_config"


def test_evidence_has_a_folder_in_any_case(file: Path) -> None:
    assert Config().evidence == CHECKOUT / ".stanch" / "evidence"
    assert load_config(file, {"STANCH_EVIDENCE_PATH": "kept"}).evidence == file.parent / "kept"
    assert load_config(file, {"STANCH_EVIDENCE_MAX_ITEM": "2048"}).evidence_limit == 2048


def test_programs_may_run_only_where_they_are_listed(file: Path) -> None:
    assert load_config(file, {}).command == CommandConfig()
    file.write_text("command: {programs: [gcloud, /opt/x/deploy], environment: [HOME], directory: work}\n")
    programs = ("gcloud", "/opt/x/deploy")
    assert load_config(file, {}).command == CommandConfig(programs, ("HOME",), file.parent / "work")
    for wrong in ("bin/deploy", "/opt/x/", ""):
        with pytest.raises(InvalidInput, match="a program's name or absolute path"):
            load_config(file, {"STANCH_COMMAND_PROGRAMS": f"['{wrong}']"})


def test_the_environment_wins_over_the_file(file: Path) -> None:
    environ = {
        "STANCH_CONFIG": str(file),
        "STANCH_TEMPORAL_ADDRESS": "other:1",
        "STANCH_TEMPORAL_TLS": "false",
        "STANCH_GATEWAY_PORT": "9001",
        "STANCH_GATEWAY_ALERT_TOKEN": "123",
        "STANCH_RUNBOOKS": '["elsewhere"]',
    }
    config = load_config(environ=environ)
    assert (config.address, config.temporal.tls, config.gateway.port) == ("other:1", False, 9001)
    assert config.gateway.alert_token == "123"
    assert config.runbooks == (file.parent / "elsewhere",)


def test_every_mistake_in_the_file_is_shown_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "stanch.yaml"
    path.write_text("temporal: {adress: x}\ngateway:\n  port: 99999\n")
    with pytest.raises(InvalidInput) as raised:
        load_config(path, {})
    assert "`adress` is not a word of `temporal`" in str(raised.value)
    assert "did you mean `address`?" in str(raised.value)
    assert f"{path}:3:9" in str(raised.value)


def test_a_mistake_in_the_policy_is_shown_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "stanch.yaml"
    ladder = "rungs: [{after: soon, page: bob}]\n        silence: {after: 10m, then: deny}\n"
    path.write_text(f"policy:\n  ladders:\n    technical_lead:\n      default:\n        {ladder}")
    with pytest.raises(InvalidInput) as raised:
        load_config(path, {})
    assert str(raised.value).count("error[") == 1
    assert "`after` must be a duration such as `30s`" in str(raised.value)
    assert f"{path}:5:25" in str(raised.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("- a list", "must be a mapping"),
        ("a: 1\na: 2", "a"),
        ("gateway: {port: [", "RB1"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "stanch.yaml"
    path.write_text(text)
    with pytest.raises(InvalidInput, match="does not fit") as raised:
        load_config(path, {})
    assert says in str(raised.value)


def test_an_empty_file_is_a_configuration_of_defaults(tmp_path: Path) -> None:
    path = tmp_path / "stanch.yaml"
    path.write_text("# nothing yet\n")
    assert load_config(path, {}).gateway == Config().gateway


def test_a_named_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"cannot read the configuration .*none\.yaml"):
        load_config(tmp_path / "none.yaml", {})


def test_a_variable_that_does_not_fit_is_named() -> None:
    with pytest.raises(InvalidInput, match="STANCH_GATEWAY_PORT: `x` must be a whole number"):
        load_config(environ={"STANCH_GATEWAY_PORT": "x"})


def test_a_whole_ladder_fits_into_a_variable() -> None:
    text = "{incident_commander: {SEV1: {rungs: [{after: 1m, page: bob}], silence: {after: 5m, then: deny}}}}"
    policy = load_config(environ={"STANCH_POLICY_LADDERS": text}).policy
    assert policy.ladders == {"incident_commander": {"SEV1": Ladder((Rung(60, "bob"),), 300, "deny")}}
    with pytest.raises(InvalidInput, match="must be a duration"):
        load_config(environ={"STANCH_POLICY_LADDERS": text.replace("1m", "soon")})


def test_a_ladder_is_the_one_of_the_role_and_the_severity(file: Path) -> None:
    policy = load_config(file, {}).policy
    steep = Ladder((Rung(0, "incident_commander"), Rung(120, "technical_lead")), 600, "abort")
    assert policy.for_run(("incident_commander",), "SEV1").ladders == {"incident_commander": steep}
    assert policy.for_run(("technical_lead",), "SEV1").ladders == {"technical_lead": steep}
    assert policy.for_run(("incident_commander",), "SEV3").ladders == {"incident_commander": DEFAULT_LADDER}
    assert policy.for_run(("incident_commander",), "SEV1").roles == {"incident_commander": ("alice", "bob")}


@pytest.mark.parametrize(
    ("label", "severity"),
    [("critical", "SEV2"), ("WARNING", "SEV3"), ("sev1", "SEV1"), ("", "SEV3"), ("odd", "SEV3")],
)
def test_a_label_stands_for_a_severity(label: str, severity: str) -> None:
    assert Policy().severity_of(label) == severity


def test_a_run_pins_how_long_it_may_hold_a_lease(tmp_path: Path) -> None:
    path = tmp_path / "stanch.yaml"
    path.write_text("policy:\n  leases:\n    limit: 30m\n")
    for found, limit in ((load_config(path, {}), 1800.0), (load_config(environ={}), 3600.0)):
        assert found.policy.for_run(("incident_commander",), "SEV2").lease_limit == limit
