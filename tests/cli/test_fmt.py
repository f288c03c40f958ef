"""`stanch fmt` as people and editors run it, and what becomes of a file on a full disk or after Ctrl-C."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stanch.cli.overwrite import overwrite
from stanch.errors import InvalidInput
from stanch.language.format.house import format_runbook
from tests.cli.processes import STANCH, bare_environment, stanch

CHECKOUT = Path(__file__).resolve().parents[2]
OLD = "# a comment\nkind: diagnosis\nrunbook: example # beside\nsteps: [{id: a}]\n"
NEW = "# a comment\nrunbook: example  # beside\nkind: diagnosis\nsteps:\n  - id: a\n"
BROKEN = "kind: [\n"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    path = tmp_path / "example.yaml"
    path.write_text(OLD)
    return path


def piped(text: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """`stanch fmt - ARGUMENT...` with `text` on stdin."""
    return subprocess.run(
        [STANCH, "fmt", "-", *arguments],
        env=bare_environment(LC_ALL="C", PYTHONUTF8="0"),
        check=False,
        capture_output=True,
        input=text.encode(),
        timeout=60,
    )


def folder_of(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.iterdir())


# --- what it does -----------------------------------------------------------------------------------------


def test_a_file_is_rewritten_and_said_so(old: Path) -> None:
    ended = stanch("fmt", old)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == f"rewrote `{old}`\n1 file: 1 rewritten\n"
    assert old.read_text() == NEW
    assert folder_of(old) == ["example.yaml"]


def test_a_file_in_the_house_form_is_not_written_again(old: Path) -> None:
    old.write_text(NEW)
    before = old.stat()
    ended = stanch("fmt", old)
    assert (ended.returncode, ended.stderr) == (0, "1 file: 1 in the house form\n")
    assert (old.stat().st_ino, old.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_a_folder_is_rewritten_with_all_below_it(old: Path) -> None:
    (old.parent / "below").mkdir()
    below = old.parent / "below" / "other.yaml"
    below.write_text(OLD)
    assert stanch("fmt", old.parent).returncode == 0
    assert (old.read_text(), below.read_text()) == (NEW, NEW)


def test_check_names_what_would_change_and_changes_nothing(old: Path) -> None:
    fine = old.with_name("fine.yaml")
    fine.write_text(NEW)
    ended = stanch("fmt", "--check", old.parent)
    assert (ended.returncode, ended.stdout) == (1, f"{old}\n")
    assert ended.stderr == "2 files: 1 to rewrite, 1 in the house form\n"
    assert old.read_text() == OLD
    assert stanch("fmt", "--check", fine).returncode == 0


def test_a_diff_can_be_applied_with_patch(old: Path) -> None:
    old.write_bytes(b"\xef\xbb\xbf" + OLD.replace("\n", "\r\n").encode() + b"owner: t")
    wanted = format_runbook("x", old.read_bytes()).text
    assert wanted is not None
    ended = subprocess.run(
        [STANCH, "fmt", "--diff", old.name],
        cwd=old.parent,
        env=bare_environment(),
        check=False,
        capture_output=True,
        timeout=60,
    )
    assert ended.returncode == 0
    assert ended.stdout.startswith(b"--- example.yaml\n+++ example.yaml\n")
    assert old.read_bytes().startswith(b"\xef\xbb\xbf")
    subprocess.run(
        ["git", "apply", "--unsafe-paths", "-p0", "-"],
        cwd=old.parent,
        input=ended.stdout,
        check=True,
        timeout=60,
    )
    assert old.read_text() == wanted


def test_a_diff_with_check_has_the_status_of_a_check(old: Path) -> None:
    assert stanch("fmt", "--diff", old).returncode == 0
    ended = stanch("fmt", "--diff", "--check", old)
    assert (ended.returncode, ended.stdout.splitlines()[0]) == (1, f"--- {old}")
    assert old.read_text() == OLD


def test_a_pipe_gets_the_runbook_and_nothing_else() -> None:
    ended = piped(OLD + "title: Zürich ✓\n")
    assert (ended.returncode, ended.stderr) == (0, b"")
    assert ended.stdout.decode() == NEW.replace("kind", "title: Zürich ✓\nkind")


def test_a_pipe_with_a_broken_runbook_gets_nothing() -> None:
    ended = piped(BROKEN)
    assert (ended.returncode, ended.stdout) == (1, b"")
    assert b"--> <stdin>:" in ended.stderr


def test_a_pipe_can_be_checked() -> None:
    ended = piped(OLD, "--check")
    assert (ended.returncode, ended.stdout) == (1, b"<stdin>\n")
    assert piped(NEW, "--check").returncode == 0


@pytest.mark.parametrize("arguments", [["x.yaml"], ["--json"]])
def test_stdin_stands_alone(arguments: list[str]) -> None:
    assert piped(OLD, *arguments).returncode == 2


def test_a_file_that_cannot_be_read_is_not_touched_and_the_others_are(old: Path) -> None:
    broken = old.with_name("broken.yaml")
    broken.write_text(BROKEN)
    ended = stanch("fmt", broken, old)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error[RB101]: ")
    assert f"--> {broken}:1:7" in ended.stderr
    assert ended.stderr.endswith("2 files: 1 rewritten, 1 not touched\n")
    assert (broken.read_text(), old.read_text()) == (BROKEN, NEW)


def test_json_tells_what_became_of_each_file(old: Path) -> None:
    broken = old.with_name("broken.yaml")
    broken.write_text(BROKEN)
    checked = json.loads(stanch("fmt", "--json", "--check", "--diff", old, broken).stdout)
    assert [(each["path"], each["status"]) for each in checked] == [
        (str(old), "unformatted"),
        (str(broken), "refused"),
    ]
    assert checked[0]["diff"].startswith("--- ")
    assert checked[1]["diagnostics"][0]["code"] == "RB101"
    (told,) = json.loads(stanch("fmt", "--json", old).stdout)
    assert told == {"path": str(old), "status": "rewritten", "diagnostics": []}


def test_the_configured_runbooks_are_those_without_a_path(old: Path) -> None:
    (old.parent / "stanch.yaml").write_text("runbooks: [books]\n")
    (old.parent / "books").mkdir()
    moved = old.rename(old.parent / "books" / "example.yaml")
    assert stanch("fmt", cwd=old.parent).returncode == 0
    assert moved.read_text() == NEW


def test_the_shipped_runbooks_pass_the_check() -> None:
    ended = stanch("fmt", "--check", "runbooks", cwd=CHECKOUT)
    assert (ended.returncode, ended.stdout) == (0, "")


def test_what_does_not_exist_or_is_no_file_is_wrong_usage(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert stanch("fmt", tmp_path / "none.yaml").returncode == 2
    ended = stanch("fmt", tmp_path / "pipe")
    assert (ended.returncode, "use `-`" in ended.stderr) == (2, True)


# --- the file itself --------------------------------------------------------------------------------------


def test_the_mode_stays(old: Path) -> None:
    old.chmod(0o640)
    assert stanch("fmt", old).returncode == 0
    assert old.stat().st_mode & 0o7777 == 0o640
    assert old.read_text() == NEW


def test_a_symbolic_link_stays_and_what_it_leads_to_is_rewritten(old: Path, tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    real = old.rename(tmp_path / "real" / "target.yaml")
    old.symlink_to(real)
    assert stanch("fmt", old).returncode == 0
    assert old.is_symlink()
    assert real.read_text() == NEW
    assert folder_of(real) == ["target.yaml"]


def test_a_file_that_somebody_else_changed_meanwhile_is_left_to_them(old: Path) -> None:
    with pytest.raises(InvalidInput, match="changed meanwhile"):
        overwrite(old, b"what was read", b"what would be written")
    assert old.read_text() == OLD
    assert folder_of(old) == ["example.yaml"]


def test_a_full_disk_leaves_the_file_as_it_was(old: Path) -> None:
    """A limit of no bytes a file is what a full disk is to whoever writes."""
    ended = subprocess.run(
        ["bash", "-c", 'ulimit -f 0; exec "$@"', "bash", str(STANCH), "fmt", str(old)],
        env=bare_environment(PYTHONDONTWRITEBYTECODE="1"),
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 3
    assert ended.stderr.startswith(f"error: cannot write `{old}`: ")
    assert ended.stderr.endswith("; it is left as it was\n")
    assert old.read_text() == OLD
    assert folder_of(old) == ["example.yaml"]


@pytest.fixture
def many(tmp_path: Path) -> Iterator[list[Path]]:
    paths = [tmp_path / "many" / f"{at:04}.yaml" for at in range(1500)]
    paths[0].parent.mkdir()
    for path in paths:
        path.write_text(OLD)
    yield paths
    shutil.rmtree(paths[0].parent)


def test_ctrl_c_leaves_every_file_either_old_or_new(many: list[Path]) -> None:
    process = subprocess.Popen(
        [STANCH, "fmt", many[0].parent], env=bare_environment(), stderr=subprocess.PIPE, text=True
    )
    deadline = time.monotonic() + 60
    while many[5].read_text() == OLD and time.monotonic() < deadline:
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    assert {path.read_text() for path in many} == {OLD, NEW}
    assert folder_of(many[0]) == [path.name for path in many]
