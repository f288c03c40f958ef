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
