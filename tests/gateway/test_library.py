"""A folder of runbooks, read from disk."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from stanch.errors import InvalidInput
from stanch.language.diagnostics import is_error
from stanch.library import load_library

TODAY = date(2026, 11, 23)
TEXT = (Path(__file__).parent / "runbooks" / "checkout-errors.yaml").read_text()


def write(path: Path, text: str = TEXT) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_runbooks_are_found_at_any_depth_with_their_triggers(tmp_path: Path) -> None:
    write(tmp_path / "a" / "b" / "checkout-errors.yaml")
    write(tmp_path / "other.yaml", TEXT.replace("checkout-errors", "other"))
    write(tmp_path / "README.md", "not a runbook")
    write(tmp_path / "rehearsal.yaml", "rehearsal: it works\nrunbook: other\n")
    library = load_library([tmp_path], TODAY)
    assert sorted(library.plans) == ["checkout-errors", "other"]
    assert [held.plan.runbook for held in library.triggers] == ["checkout-errors", "other"]
    assert library.broken == ()


def test_a_runbook_that_does_not_compile_is_reported_and_the_others_are_there(tmp_path: Path) -> None:
    write(tmp_path / "checkout-errors.yaml")
    broken = write(tmp_path / "broken.yaml", "runbook: broken\n")
    write(tmp_path / "latin.yaml").write_bytes(b"runbook: \xe9\n")
    library = load_library([tmp_path], TODAY)
    assert list(library.plans) == ["checkout-errors"]
    assert library.broken == (str(broken), str(tmp_path / "latin.yaml"))
    assert {found.path for found in library.diagnostics if is_error(found)} == set(library.broken)


def test_two_runbooks_with_one_name_are_refused_with_both_places(tmp_path: Path) -> None:
    first = write(tmp_path / "a" / "checkout-errors.yaml")
    second = write(tmp_path / "b" / "checkout-errors.yaml")
    with pytest.raises(InvalidInput, match="`checkout-errors`") as error:
        load_library([tmp_path], TODAY)
    assert str(first) in str(error.value)
    assert str(second) in str(error.value)


def test_a_file_that_two_folders_hold_is_one_runbook(tmp_path: Path) -> None:
    write(tmp_path / "a" / "checkout-errors.yaml")
    assert len(load_library([tmp_path, tmp_path / "a"], TODAY).files) == 1


def test_a_missing_folder_is_one_line_that_says_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"there is no folder of runbooks at .* STANCH_RUNBOOKS"):
        load_library([tmp_path / "none"], TODAY)


def test_paths_below_the_working_directory_are_shown_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "mine" / "checkout-errors.yaml")
    monkeypatch.chdir(tmp_path)
    assert [file.path for file in load_library([Path("mine")], TODAY).files] == ["mine/checkout-errors.yaml"]


HEAD = "title: A test\nkind: maintenance\nowner: team\nreviewed: 2026-11-01\n"
TRIGGER = "triggers: [{source: alertmanager, when: alert.status == 'firing' && alert.labels.a == 'b'}]\n"
CHANGE = """\
steps:
  - {id: out, ssh: {hosts: [web1], run: [x]}, effect: change, idempotent: true, irreversible: a test}
"""


def test_runbooks_of_several_files_and_of_one_call_each_other(tmp_path: Path) -> None:
    asked = "steps: [{id: call, approval: incident_commander, runbook: inner}]\n"
    inner = f"runbook: inner\n{HEAD}steps: [{{id: call, runbook: changing}}]\n"
    write(tmp_path / "05-outer.yaml", f"runbook: outer\n{HEAD}{asked}---\n{inner}")
    write(tmp_path / "deep" / "changing.yaml", f"runbook: changing\n{HEAD}{CHANGE}")
    library = load_library([tmp_path], TODAY)
    assert library.diagnostics == ()
    assert sorted(library.plans) == ["changing", "outer"]
    assert set(library.plans["outer"].children) == {"inner", "changing"}
    assert [list(file.compiled.private) for file in library.files] == [["inner"], []]


def test_no_trigger_starts_a_runbook_that_leaves_its_approvals_to_its_callers(tmp_path: Path) -> None:
    asked = f"runbook: outer\n{HEAD}steps: [{{id: call, approval: incident_commander, runbook: changing}}]\n"
    write(tmp_path / "outer.yaml", asked)
    changing = write(tmp_path / "changing.yaml", f"runbook: changing\n{HEAD}{CHANGE}")
    assert load_library([tmp_path], TODAY).broken == ()
    write(changing, f"runbook: changing\n{HEAD}{TRIGGER}{CHANGE}")
    library = load_library([tmp_path], TODAY)
    assert "changing" not in library.plans
    assert library.triggers == ()
    assert [found.code for found in library.diagnostics] == ["RB501", "RB313"]


def test_a_runbook_that_only_its_file_calls_has_no_name_of_another(tmp_path: Path) -> None:
    write(tmp_path / "checkout-errors.yaml")
    asked = f"runbook: a\n{HEAD}steps: [{{id: call, runbook: checkout-errors}}]\n"
    write(tmp_path / "a.yaml", f"{asked}---\nrunbook: checkout-errors\n{HEAD}steps: [{{id: w, wait: 1s}}]\n")
    with pytest.raises(InvalidInput, match="two runbooks are called `checkout-errors`"):
        load_library([tmp_path], TODAY)
