"""`stanch plan`: one Plan in four forms, with whatever is known of its inputs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from stanch.cli.exits import USAGE
from stanch.language.encode import digest
from stanch.schemas import load_schema
from tests.cli.processes import stanch

RUNBOOK = """
runbook: drain
title: Drain a host
kind: maintenance
owner: team
reviewed: 2026-11-01
symptoms: A host must be empty.
impact: Less room.
severities: [SEV1, SEV2]
inputs:
  host: {type: string}
  rounds: {type: integer, default: 3}
steps:
  - id: load
    title: How busy is it?
    prometheus:
      query: 'sum(load{host="${{ inputs.host }}"}) / ${{ inputs.rounds }}'
    until: result.value < 1.0
    within: 5m
  - id: drain
    title: Drain it
    approval: incident_commander
    ssh:
      hosts: ["${{ inputs.host }}"]
      run: [lb, drain]
    effect: change
    idempotent: true
    undo:
      ssh:
        run: [lb, fill]
"""
POLICY = """
prometheus: {url: https://prometheus.example.org}
policy:
  roles: {incident_commander: [dana, mona]}
  ladders:
    incident_commander:
      SEV1:
        rungs: [{after: 0s, page: incident_commander}, {after: 5m, page: technical_lead}]
        silence: {after: 20m, then: deny}
      default:
        rungs: [{after: 0s, page: incident_commander}]
        silence: {after: 1h, then: abort}
"""


@pytest.fixture
def runbook(tmp_path: Path) -> Path:
    path = tmp_path / "drain.yaml"
    path.write_text(RUNBOOK)
    return path


def test_the_guide_has_what_is_given_and_what_is_the_default(runbook: Path) -> None:
    made = stanch("plan", runbook, "--format", "markdown", "-i", "host=web1")
    assert made.returncode == 0, made.stderr
    assert "- `host` = `web1` (string)\n- `rounds` = `3` (integer)\n" in made.stdout
    assert '```promql\nsum(load{host="web1"}) / 3\n```' in made.stdout
    assert "```sh\nssh web1 -- lb drain\n```" in made.stdout


def test_a_guide_for_the_drawer_leaves_blanks(runbook: Path) -> None:
    made = stanch("plan", runbook, "--format", "markdown")
    assert made.returncode == 0, made.stderr
    assert "- `host` = ________ (string)\n" in made.stdout
    assert "ssh '<inputs.host>' -- lb drain" in made.stdout


def test_the_guide_climbs_the_ladders_of_the_configuration(runbook: Path) -> None:
    (runbook.parent / "stanch.yaml").write_text(POLICY)
    made = stanch("plan", "drain.yaml", "--format", "markdown", "-i", "host=web1", cwd=runbook.parent)
    assert made.returncode == 0, made.stderr
    ladder = made.stdout[made.stdout.index("## If nobody answers") :]
    assert (
        "**incident_commander** (dana, mona):\n\nAt SEV1:\n\n- at once: page incident_commander\n" in ladder
    )
    assert "- after 5m: page technical_lead\n- no answer after 20m: it is a no\n" in ladder
    assert "At SEV2:\n\n- at once: page incident_commander\n- no answer after 1h: stop here" in ladder
    assert "https://prometheus.example.org/api/v1/query" in made.stdout


def test_without_a_policy_no_ladder_is_made_up(runbook: Path) -> None:
    made = stanch("plan", "drain.yaml", "--format", "markdown", cwd=runbook.parent).stdout
    ladder = made[made.index("## If nobody answers") :]
    assert "- ask whoever holds the role now\n" in ladder
    assert "the team that owns this, team" in ladder


@pytest.mark.parametrize("form", ["text", "json", "mermaid", "markdown"])
@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("rounds=many", "input `rounds` must be a whole number, not text"),
        ("hots=web1", "`drain` has no input `hots`; did you mean `host`?"),
        ("web1", "`web1` is not an input such as `-i service=checkout`"),
    ],
)
def test_a_value_that_does_not_fit_is_refused_in_every_form(
    runbook: Path, form: str, given: str, says: str
) -> None:
    wrong = stanch("plan", runbook, "--format", form, "-i", given)
    assert (wrong.returncode, wrong.stdout) == (USAGE, "")
    assert says in wrong.stderr


def test_the_json_fits_the_published_schema_and_has_the_plan_s_own_digest(runbook: Path) -> None:
    made = json.loads(stanch("plan", runbook, "--json", "-i", "host=web1").stdout)
    Draft202012Validator(load_schema("plan.v1.json")).validate(made["plan"])
    assert digest(made["plan"]) == made["digest"]
    assert made["inputs"] == {"host": "web1", "rounds": 3}
    assert made["plan"]["severities"] == ["SEV1", "SEV2"]


@pytest.mark.parametrize("form", ["text", "markdown", "mermaid"])
def test_no_value_steers_the_terminal(runbook: Path, form: str) -> None:
    made = stanch("plan", runbook, "--format", form, "-i", "host=\x1b]0;owned\x07\u202e")
    assert made.returncode == 0, made.stderr
    assert {char for char in made.stdout if not char.isprintable()} == {"\n"}


def test_text_shows_what_the_plan_is_for(runbook: Path) -> None:
    made = stanch("plan", runbook, "-i", "host=web1").stdout
    assert made.splitlines()[0] == "drain: Drain a host"
    assert "symptoms A host must be empty.\nimpact Less room.\nonly at SEV1, SEV2\n" in made
    assert "ssh web1: lb drain" in made
