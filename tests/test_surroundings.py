"""What is known around a file of runbooks that is compiled."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.cli.runbooks import compile_files, load_plan
from stanch.errors import InvalidRunbook
from stanch.language.compile import Compiled, parse_file
from stanch.schemas import load_catalogue
from stanch.surroundings import Surroundings, surroundings

HEAD = "runbook: {name}\ntitle: A test\nkind: maintenance\nowner: team\n"
LOOK = 'steps:\n  - {id: look, http: {url: "http://web1/"}}\n'
CHANGE = """\
steps:
  - {id: out, ssh: {hosts: [web1], run: [x]}, effect: change, idempotent: true, irreversible: a test}
"""


def write(folder: Path, name: str, rest: str = LOOK, file: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{file or name}.yaml"
    path.write_text(HEAD.format(name=name) + rest)
    return path


def calling(name: str, more: str = "") -> str:
    return f"steps:\n  - {{id: call, runbook: {name}{more}}}\n"


def compiled(path: Path, *folders: Path) -> Compiled:
    (file,) = compile_files([path], folders)
    return file.compiled


def codes(path: Path, *folders: Path) -> list[str]:
    return [each.code for each in compiled(path, *folders).diagnostics if each.code != "RB213"]


def around(path: Path, *folders: Path) -> Surroundings:
    catalogue = load_catalogue()
    file = parse_file(str(path), path.read_bytes(), catalogue)
    return surroundings({path: file}, folders, catalogue)


def known(path: Path, *folders: Path) -> list[str]:
    return sorted(Path(file.path).stem for file in around(path, *folders).known)


def test_a_runbook_calls_those_of_its_folder_and_of_the_configured_ones(tmp_path: Path) -> None:
    path = write(tmp_path / "mine", "a", calling("b") + "  - {id: other, runbook: c}\n")
    write(tmp_path / "mine", "b", calling("d"))
    write(tmp_path / "ours" / "deep", "c")
    write(tmp_path / "ours", "d", file="05-d")
    assert codes(path) == ["RB311"]
    assert codes(path, tmp_path / "ours") == []
    plan = compiled(path, tmp_path / "ours").plan
    assert plan is not None
    assert set(plan.children) == {"b", "c", "d"}


def test_what_is_wrong_with_other_files_is_not_reported(tmp_path: Path) -> None:
    path = write(tmp_path, "a", calling("b"))
    write(tmp_path, "b", "steps: 7\n")
    write(tmp_path, "c", calling("a") + "titel: x\n")
    found = compiled(path)
    assert [(each.code, each.path) for each in found.diagnostics if each.code != "RB213"] == [
        ("RB313", str(path))
    ]


def test_who_calls_a_runbook_may_approve_what_it_changes(tmp_path: Path) -> None:
    path = write(tmp_path / "mine", "a", CHANGE)
    assert codes(path) == ["RB501"]
    write(tmp_path / "ours", "b", calling("a", ", approval: incident_commander"))
    assert codes(path, tmp_path / "ours") == []


def test_of_a_large_library_only_what_matters_is_parsed(tmp_path: Path) -> None:
    path = write(tmp_path, "a", calling("b"))
    for number in range(30):
        write(tmp_path, f"other-{number}", calling(f"other-{(number + 1) % 30}", ", when: run.id == ''"))
    write(tmp_path, "b")
    write(tmp_path, "top", calling("a"))
    assert known(path) == ["b", "top"]
    assert around(path).unread == {f"other-{number}" for number in range(30)}


def test_a_name_that_is_there_and_was_not_parsed_is_suggested(tmp_path: Path) -> None:
    path = write(tmp_path, "a", calling("drain-nodes"))
    write(tmp_path, "drain-node")
    (found,) = [each for each in compiled(path).diagnostics if each.code == "RB311"]
    assert found.hint == "did you mean `drain-node`?"


def test_a_runbook_that_only_another_file_can_call_is_said_to_be_there(tmp_path: Path) -> None:
    path = write(tmp_path, "a", calling("c"))
    inner = HEAD.format(name="c") + LOOK
    write(tmp_path, "b", f"{calling('c')}---\n{inner}")
    (found,) = [each for each in compiled(path).diagnostics if each.code == "RB311"]
    assert "b.yaml" in found.message


def test_locks_that_a_runbook_elsewhere_takes_in_another_order_are_found(tmp_path: Path) -> None:
    path = write(tmp_path, "a", "locks: [shop]\n" + calling("b"))
    write(tmp_path, "b", "locks: [db]\n" + LOOK)
    write(tmp_path, "c", "locks: [db]\n" + calling("d"))
    write(tmp_path, "d", calling("e"))
    assert codes(path) == []
    write(tmp_path, "e", "locks: [shop]\n" + LOOK)
    assert codes(path) == ["RB517"]


def test_a_copy_elsewhere_is_no_second_runbook(tmp_path: Path) -> None:
    write(tmp_path / "ours", "a", calling("b"))
    write(tmp_path / "ours", "b", CHANGE)
    path = write(tmp_path / "mine", "a", calling("b"))
    write(tmp_path / "mine", "a", file="a-old")
    write(tmp_path / "mine", "b")
    assert codes(path, tmp_path / "ours") == []


def test_two_configured_runbooks_of_one_name_are_an_error_when_one_is_checked(tmp_path: Path) -> None:
    write(tmp_path / "ours" / "x", "a")
    path = write(tmp_path / "ours" / "y", "a")
    assert codes(path, tmp_path / "ours") == ["RB318"]
    assert codes(path) == []


def test_other_files_of_a_folder_are_no_runbooks(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    (tmp_path / "rehearsal-of-a.yaml").write_text("rehearsal: it works\nrunbook: a\n")
    (tmp_path / "compose.yaml").write_text("services: {}\n")
    (tmp_path / "large.yaml").write_text("runbook: a\n#" + "x" * 1_100_000)
    (tmp_path / "folder.yaml").mkdir()
    (tmp_path / "gone.yaml").symlink_to(tmp_path / "nowhere.yaml")
    assert around(path) == Surroundings((), frozenset())


def test_folders_that_do_not_exist_have_no_runbooks(tmp_path: Path) -> None:
    path = write(tmp_path, "a")
    assert codes(path, tmp_path / "none") == []


def test_a_plan_that_is_loaded_holds_what_it_calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "ours", "a", calling("b"), file="05-a")
    write(tmp_path / "ours", "b")
    monkeypatch.chdir(tmp_path)
    assert set(load_plan("a", [tmp_path / "ours"]).children) == {"b"}
    (tmp_path / "ours" / "b.yaml").unlink()
    with pytest.raises(InvalidRunbook):
        load_plan("a", [tmp_path / "ours"])
