"""Everything that a pass breaks: Temporal with a database file, workers, the gateway, hosts with sshd."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from stanch.language.plan import Json
from tests.chaos import record
from tests.chaos.processes import Program, Programs, programs
from tests.chaos.scenarios import RUNBOOKS
from tests.chaos.schedule import HOSTS
from tests.project.checkout import ROOT
from tests.support.sshd import Farm, Host, start_sshd, unused_port
from tests.support.temporal import command

COMMANDER = "alice"
TOKEN = "t0ken-of-the-chaos"
_DISK = 512 * 1024
_RUNGS: Json = [{"after": "0s", "page": "incident_commander"}]
POLICY: Json = {
    "roles": {"incident_commander": [COMMANDER]},
    "named": True,
    "ladders": {
        "incident_commander": {
            "default": {"rungs": _RUNGS, "silence": {"after": "2h", "then": "deny"}},
            "SEV4": {"rungs": _RUNGS, "silence": {"after": "8s", "then": "deny"}},
        }
    },
}
"""Nobody answers a SEV4 in time in these tests; everything else waits for its commander."""


@dataclass(slots=True)
class Site:
    folder: Path
    farm: Farm
    records: Path
    temporal: Program
    gateway: Program
    workers: list[Program]
    address: str
    url: str
    """The gateway's."""
    full: set[str] = field(default_factory=set)
    """Hosts whose disk is full now."""
    away: set[str] = field(default_factory=set)
    """Hosts that cannot be reached now."""

    @property
    def programs(self) -> list[Program]:
        return [self.temporal, self.gateway, *self.workers]

    def host(self, victim: int) -> Host:
        return self.farm[HOSTS[victim % len(HOSTS)]]

    def revive(self) -> list[str]:
        """Start what has ended and is not to stay away, as a service manager does; their names."""
        ended = [each for each in self.programs if not each.down and not each.runs()]
        for program in ended:
            program.start()
        return [program.name for program in ended]

    def fill_disk(self, host: Host) -> None:
        """Take all that is left of the disk on which the host keeps markers."""
        self.full.add(host.name)
        ballast = _markers(host) / "ballast"
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as stream:
            while True:
                stream.write(bytes(4096))

    def free_disk(self, host: Host) -> None:
        (_markers(host) / "ballast").unlink(missing_ok=True)
        self.full.discard(host.name)

    def left_behind(self) -> int:
        """How many markers are still on the hosts."""
        return sum(each.is_dir() for host in self.farm.hosts.values() for each in _markers(host).iterdir())


def can_fill_disks() -> bool:
    """A host gets a disk of its own for its markers only from root."""
    return os.geteuid() == 0


@contextlib.contextmanager
def start_site(folder: Path, *, workers: int) -> Iterator[Site]:
    # The servers' account cannot look into pytest's folders.
    shared = Path(tempfile.mkdtemp(prefix="stanch-chaos-"))
    shared.chmod(0o755)
    try:
        records, bin_ = shared / "records", shared / "bin"
        records.mkdir()
        bin_.mkdir()
        record.install(bin_, records, HOSTS)
        with (
            start_sshd(folder, hosts=HOSTS, path=[bin_]) as farm,
            _disks(farm),
            programs() as started,
        ):
            site = _site(folder, farm, records, started, workers)
            for program in site.programs:
                program.start()
            yield site
    finally:
        shutil.rmtree(shared, ignore_errors=True)


def _site(folder: Path, farm: Farm, records: Path, started: Programs, workers: int) -> Site:
    port, gateway_port = unused_port(), unused_port()
    address = f"127.0.0.1:{port}"
    config = folder / "stanch.yaml"
    token = folder / "token"
    token.write_text(TOKEN)
    config.write_text(
        yaml.safe_dump(
            {
                "temporal": {"address": address},
                "gateway": {"port": gateway_port, "alert_token": {"secret": f"file/{token}"}},
                "runbooks": [str(RUNBOOKS)],
                "ssh": {"config_file": str(farm.config_file)},
                "evidence": {"path": "evidence"},
                "policy": POLICY,
            }
        )
    )
    # Of this checkout, whatever is installed.
    variables = {"STANCH_CONFIG": str(config), "PYTHONPATH": str(ROOT)}
    return Site(
        folder=folder,
        farm=farm,
        records=records,
        temporal=started.add(
            "temporal", command(port, database=folder / "temporal.db"), folder / "temporal.log"
        ),
        gateway=started.add(
            "gateway", [sys.executable, "-m", "stanch.gateway"], folder / "gateway.log", **variables
        ),
        workers=[
            started.add(
                f"worker{number}",
                [sys.executable, ROOT / "worker.py"],
                folder / f"worker{number}.log",
                **variables,
            )
            for number in range(workers)
        ],
        address=address,
        url=f"http://127.0.0.1:{gateway_port}",
    )


@contextlib.contextmanager
def _disks(farm: Farm) -> Iterator[None]:
    """Each host keeps its markers on a small disk of its own, which can be filled."""
    with contextlib.ExitStack() as mounted:
        for host in farm.hosts.values():
            _markers(host).mkdir()
            if can_fill_disks():
                who = pwd.getpwnam(host.user)
                options = f"size={_DISK},mode=700,uid={who.pw_uid},gid={who.pw_gid}"
                _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(_markers(host)))
                mounted.callback(_run, "umount", "--lazy", str(_markers(host)))
            else:
                _markers(host).chmod(0o700)
        yield


def _markers(host: Host) -> Path:
    return host.home / ".stanch"


def _run(*arguments: str) -> None:
    subprocess.run(arguments, check=True, timeout=20, capture_output=True)
