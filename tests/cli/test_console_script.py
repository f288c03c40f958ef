"""`check` and `plan` on the shipped runbook, as programs run them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.cli.processes import stanch

CHECKOUT = Path(__file__).resolve().parents[2]
SHIPPED = "runbooks/rollback/rollback-release.yaml"


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """The shipped runbook with a change that nobody approves."""
    text = (CHECKOUT / SHIPPED).read_text()
    path = tmp_path / "rollback-release.yaml"
    path.write_text(text.replace("    approval: incident_commander\n", ""))
    return path


@pytest.fixture
def stale(tmp_path: Path) -> Path:
    """The shipped runbook, reviewed years ago: a warning."""
    text = (CHECKOUT / SHIPPED).read_text()
    path = tmp_path / "rollback-release.yaml"
    path.write_text(re.sub(r"(?m)^reviewed: .*$", "reviewed: 2020-01-01", text))
    return path


def test_the_shipped_runbooks_have_no_errors() -> None:
    ended = stanch("check", cwd=CHECKOUT)
    assert ended.returncode == 0, ended.stdout
    assert ": 0 errors," in ended.stderr


def test_what_is_checked_without_a_path_does_not_depend_on_where_one_stands(tmp_path: Path) -> None:
    assert stanch("check", cwd=tmp_path).stderr == stanch("check", cwd=CHECKOUT).stderr


def test_an_error_is_shown_at_its_place_and_the_status_is_1(broken: Path) -> None:
    ended = stanch("check", broken)
    assert ended.returncode == 1
    assert ended.stdout.startswith("error[RB501]: ")
    assert f"--> {broken}:" in ended.stdout
    assert ended.stderr == "1 runbook: 1 error, 0 warnings\n"


def test_a_warning_is_shown_and_counts_only_when_asked_to(stale: Path) -> None:
    told = stanch("check", stale)
    assert (told.returncode, told.stdout.split(":")[0]) == (0, "warning[RB213]")
    assert stanch("check", "--strict", stale).returncode == 1


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"]])
def test_diagnostics_as_json_are_a_list_with_places(form: list[str], broken: Path) -> None:
    ended = stanch("check", *form, broken)
    (found,) = json.loads(ended.stdout)
    assert (ended.returncode, found["code"], found["path"]) == (1, "RB501", str(broken))
    assert found["line"] > 1


def test_no_diagnostics_as_json_are_an_empty_list() -> None:
    assert json.loads(stanch("check", "--json", SHIPPED, cwd=CHECKOUT).stdout) == []


def test_a_folder_without_runbooks_is_wrong_usage(tmp_path: Path) -> None:
    ended = stanch("check", tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == f"error: there is no runbook (`*.yaml`) below `{tmp_path}`\n"


def test_a_file_that_is_named_twice_is_checked_once() -> None:
    several = len(list((CHECKOUT / SHIPPED).parent.glob("*.yaml")))
    said = stanch("check", SHIPPED, "runbooks/rollback", cwd=CHECKOUT).stderr
    assert said.startswith(f"{several} runbooks: ")


def test_two_runbooks_of_one_name_are_an_error(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "rollback-release.yaml").write_bytes((CHECKOUT / SHIPPED).read_bytes())
    ended = stanch("check", ".", cwd=tmp_path)
    assert ended.returncode == 1
    heads = [line for line in ended.stdout.splitlines() if line.startswith("error")]
    said = "error[RB318]: there are two runbooks called `rollback-release`, and the other one stands in"
    assert heads == [f"{said} `{folder}/rollback-release.yaml:2`" for folder in ("b", "a")]
    assert ended.stderr == "2 runbooks: 2 errors, 0 warnings\n"


def test_a_plan_says_what_would_run() -> None:
    ended = stanch("plan", "rollback-release", cwd=CHECKOUT)
    assert ended.returncode == 0, ended.stderr
    assert "Put the previous release back" in ended.stdout
    assert "incident_commander" in ended.stdout


def test_a_plan_by_name_and_by_path_is_the_same() -> None:
    by_name, by_path = (
        stanch("plan", name, "--json", cwd=CHECKOUT) for name in ("rollback-release", SHIPPED)
    )
    assert by_name.stdout == by_path.stdout


def test_a_plan_as_json_has_its_digest_and_the_inputs() -> None:
    ended = stanch(
        "plan", "rollback-release", "-i", "service=checkout", "-i", "hosts=web1,web2", "--json", cwd=CHECKOUT
    )
    told = json.loads(ended.stdout)
    assert len(told["digest"]) == 64
    assert told["plan"]["runbook"] == "rollback-release"
    assert told["inputs"]["hosts"] == ["web1", "web2"]


def test_a_plan_as_mermaid_is_a_graph() -> None:
    assert stanch("plan", "rollback-release", "--format", "mermaid", cwd=CHECKOUT).stdout.startswith(
        "flowchart "
    )


def test_inputs_that_do_not_fit_are_wrong_usage() -> None:
    ended = stanch("plan", "rollback-release", "-i", "service=Checkout", cwd=CHECKOUT)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "`service`" in ended.stderr


def test_a_broken_runbook_has_no_plan(broken: Path) -> None:
    ended = stanch("plan", broken)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "error[RB501]: " in ended.stderr
    assert ended.stderr.endswith(f"error: the runbook `{broken}` has errors, nothing was started\n")
