"""The shipped runbook `disk-full` on a host whose disk is a small one of its own, and full."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from stanch.language.plan import Json
from tests.e2e.stage import Stage, start_stage
from tests.project.checkout import ROOT
from tests.support.until import until

pytestmark = [
    pytest.mark.xdist_group("e2e"),
    pytest.mark.timeout(300),
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a disk of its own"),
]

MIB = 1024 * 1024
LONG_AGO = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Disk:
    """8 MiB: 5 of logs, old ones and one of today, 1 of data, and 1.5 that are deleted and held open."""

    folder: Path

    @property
    def logs(self) -> Path:
        return self.folder / "log"

    def names(self) -> set[str]:
        return {path.name for path in self.folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with start_stage(tmp_path_factory.mktemp("stage")) as stage:
        config = yaml.safe_load(stage.worker.config.read_text())
        config["runbooks"] = [str(ROOT / "runbooks")]
        stage.worker.config.write_text(yaml.safe_dump(config))
        stage.worker.stop()
        stage.worker.start()
        yield stage


@pytest.fixture
def disk(stage: Stage) -> Iterator[Disk]:
    folder = Path(tempfile.mkdtemp(prefix="stanch-disk-"))
    user = stage.hosts.farm.user
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m,mode=755", "tmpfs", str(folder)]
    subprocess.run(mount, check=True, timeout=30)
    try:
        disk = Disk(folder)
        disk.logs.mkdir()
        for name, size in (("a.log.1", 2), ("b.log.1", 2), ("a.log", 1)):
            (disk.logs / name).write_bytes(b"x" * size * MIB)
        (folder / "orders.db").write_bytes(b"x" * MIB)
        for path in (disk.logs / "a.log.1", disk.logs / "b.log.1", folder / "orders.db"):
            os.utime(path, (LONG_AGO, LONG_AGO))
        subprocess.run(["chown", "-R", user, str(folder)], check=True, timeout=30)
        with holding(disk, user):
            yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True, timeout=30)
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def holding(disk: Disk, user: str) -> Iterator[None]:
    """A program of the account has a file open that nobody sees any more."""
    script = 'exec 3>"$0"; head -c 1572864 /dev/zero >&3; rm "$0"; exec sleep 290'
    held = disk.folder / "held.log"
    who = ["setpriv", "--reuid", user, "--regid", user, "--clear-groups"]
    with subprocess.Popen([*who, "sh", "-c", script, str(held)], stdin=subprocess.DEVNULL) as process:
        try:
            until(lambda: _left(disk) < MIB and not held.exists(), "the disk to be full")
            yield
        finally:
            process.kill()


def _left(disk: Disk) -> int:
    return shutil.disk_usage(disk.folder).free


def start(stage: Stage, disk: Disk) -> str:
    inputs = {"host": "web1", "disk": disk.folder, "folders": json.dumps([str(disk.logs)])}
    given = [word for name, value in inputs.items() for word in ("-i", f"{name}={value}")]
    return str(json.loads(stage.stanch("run", "disk-full", *given, "--json", by="bob"))["run"])


def answer(stage: Stage, run: str, verb: str) -> Json:
    request = stage.asked(run)
    stage.stanch(verb, run, "--digest", request["digest"], "--reason", "nobody reads them")
    return request


def test_old_logs_go_and_nothing_else(stage: Stage, disk: Disk) -> None:
    run = start(stage, disk)
    request = answer(stage, run, "approve")
    assert request["question"] == "Delete the 2 files for good?"
    evidence = "\n".join(request["evidence"])
    assert "a.log.1" in evidence
    assert "KiB, sleep (" in evidence
    assert "held.log (deleted)" in evidence
    view = stage.ended(run)
    assert view["outcome"] == "succeeded", view["reason"]
    assert disk.names() == {"a.log", "orders.db"}
    assert view["outputs"]["before"] > 90 > view["outputs"]["after"]
    assert view["outputs"]["deleted"] == 2
    (effect,) = view["ledger"]
    assert effect["irreversible"] == "deleted files are gone, unless a backup has them"


def test_a_denial_deletes_nothing(stage: Stage, disk: Disk) -> None:
    before = disk.names()
    run = start(stage, disk)
    answer(stage, run, "deny")
    assert stage.ended(run)["outcome"] == "denied"
    assert disk.names() == before
