"""A real PostgreSQL with a standby, kept by Patroni and etcd, on loopback.

with start_patroni(tmp) as cluster:
    ... the REST API of each node at cluster.api(name) ...
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg

from tests.support.postgres import PASSWORD, program
from tests.support.process import program as any_program
from tests.support.sshd import account, identity, unused_port
from tests.support.until import until

API_PASSWORD = "words-for-the-api"


@dataclass(slots=True)
class Node:
    name: str
    api: int
    postgres: int
    process: subprocess.Popen[bytes] | None = None


@dataclass(slots=True)
class Cluster:
    folder: Path
    user: str
    nodes: dict[str, Node] = field(default_factory=dict)
    etcd: subprocess.Popen[bytes] | None = None
    etcd_port: int = 0

    @property
    def url(self) -> str:
        return ",".join(f"http://127.0.0.1:{node.api}" for node in self.nodes.values())

    def members(self) -> dict[str, dict[str, Any]]:
        """Name to what the first node that answers says of it."""
        for node in self.nodes.values():
            with contextlib.suppress(httpx.HTTPError):
                found = httpx.get(f"http://127.0.0.1:{node.api}/cluster", timeout=2).json()["members"]
                return {each["name"]: each for each in found}
        return {}

    def leader(self) -> str:
        return next((name for name, each in self.members().items() if each["role"] == "leader"), "")

    def settled(self) -> bool:
        """There is a leader, and every node that lives streams from it."""
        members = self.members()
        alive = {name for name, node in self.nodes.items() if node.process and node.process.poll() is None}
        states = [members[name]["state"] for name in alive if name in members]
        return bool(self.leader() in alive) and sorted(states) == sorted(
            ["running", *["streaming"] * (len(alive) - 1)]
        )

    def connect(self, name: str) -> psycopg.Connection:
        url = f"postgresql://127.0.0.1:{self.nodes[name].postgres}/postgres"
        return psycopg.connect(url, user="postgres", password=PASSWORD, autocommit=True, connect_timeout=3)

    def start(self, name: str) -> None:
        node = self.nodes[name]
        with (self.folder / name / "log").open("ab") as log:
            node.process = subprocess.Popen(
                [_python(), "-m", "patroni", str(self.folder / name / "patroni.json")],
                cwd=self.folder,
                env={"PYTHONPATH": str(self.folder / "python"), "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
                stdout=log,
                stderr=log,
                **identity(self.user),
            )

    def kill_host(self, name: str) -> None:
        """Everything of a node at once, as when its host loses its power."""
        process = self.nodes[name].process
        assert process is not None
        data = str(self.folder / name)
        process.kill()
        for each in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if data in " ".join(each.cmdline()) or each.cwd().startswith(data):
                    each.kill()
        process.wait()
        (self.folder / name / "data" / "postmaster.pid").unlink(missing_ok=True)


def _python() -> str:
    """A Python of this version that another account may run: root's own may lie where only root may look."""
    shared = f"/usr/bin/python3.{sys.version_info.minor}"
    return shared if Path(shared).exists() else sys.executable


@contextlib.contextmanager
def start_patroni(*, names: tuple[str, ...] = ("pg1", "pg2"), ttl: int = 20) -> Iterator[Cluster]:
    user = account()
    cluster = Cluster(Path(tempfile.mkdtemp(prefix="stanch-pat-")), user)
    cluster.folder.chmod(0o755)
    try:
        _take_along("patroni", cluster.folder / "python")
        cluster.etcd_port, peer = unused_port(), unused_port()
        (cluster.folder / "etcd").mkdir()
        for name in names:
            _write(cluster, name, ttl)
        if identity(user):
            for path in (cluster.folder, *cluster.folder.rglob("*")):
                shutil.chown(path, user, identity(user)["group"])
        client, peers = f"http://127.0.0.1:{cluster.etcd_port}", f"http://127.0.0.1:{peer}"
        command = [any_program("etcd"), f"--data-dir={cluster.folder}/etcd/data", "--log-level=error"]
        command += [f"--listen-client-urls={client}", f"--advertise-client-urls={client}"]
        command += [f"--listen-peer-urls={peers}", f"--initial-advertise-peer-urls={peers}"]
        command += [f"--initial-cluster=default={peers}"]
        with (cluster.folder / "etcd" / "log").open("wb") as log:
            cluster.etcd = subprocess.Popen(
                command, cwd=cluster.folder, stdout=log, stderr=log, **identity(user)
            )
        for name in names:
            cluster.start(name)
        until(cluster.settled, "Patroni to have a leader and a standby", within=90)
        yield cluster
    finally:
        for name, node in cluster.nodes.items():
            if node.process is not None:
                cluster.kill_host(name)
        if cluster.etcd is not None:
            cluster.etcd.kill()
            cluster.etcd.wait()
        shutil.rmtree(cluster.folder, ignore_errors=True)


def _write(cluster: Cluster, name: str, ttl: int) -> None:
    node = cluster.nodes[name] = Node(name, unused_port(), unused_port())
    folder = cluster.folder / name
    folder.mkdir()
    login = {"username": "postgres", "password": PASSWORD}
    local = ["local all all trust", "host all all 127.0.0.1/32 scram-sha-256"]
    timing = {"ttl": ttl, "loop_wait": 2, "retry_timeout": 4, "maximum_lag_on_failover": 1048576}
    parameters = {"fsync": "off", "unix_socket_directories": str(folder), "max_connections": 30}
    config = {
        "scope": "main",
        "name": name,
        "restapi": {
            "listen": f"127.0.0.1:{node.api}",
            "connect_address": f"127.0.0.1:{node.api}",
            "authentication": {"username": "patroni", "password": API_PASSWORD},
        },
        "etcd3": {"host": f"127.0.0.1:{cluster.etcd_port}"},
        "bootstrap": {
            "dcs": {**timing, "postgresql": {"use_pg_rewind": True, "parameters": parameters}},
            "initdb": [{"encoding": "UTF8"}, "data-checksums"],
        },
        "postgresql": {
            "listen": f"127.0.0.1:{node.postgres}",
            "connect_address": f"127.0.0.1:{node.postgres}",
            "data_dir": str(folder / "data"),
            "bin_dir": str(Path(program("postgres")).parent),
            "pgpass": str(folder / "pgpass"),
            "authentication": {"superuser": login, "replication": {**login, "username": "replicator"}},
            "pg_hba": [*local, "host replication replicator 127.0.0.1/32 scram-sha-256"],
            "parameters": {"unix_socket_directories": str(folder)},
        },
    }
    (folder / "patroni.json").write_text(json.dumps(config))


def _take_along(name: str, to: Path, seen: set[str] | None = None) -> None:
    """Copy a package with what it needs to where the account can read it."""
    seen = set() if seen is None else seen
    if name in seen:
        return
    seen.add(name)
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        found = importlib.metadata.distribution(name)
        for file in found.files or ():
            source = Path(str(found.locate_file(file)))
            if ".." not in file.parts and source.is_file() and source.suffix != ".pyc":
                (to / file).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, to / file)
        for requirement in found.requires or ():
            if "extra ==" not in requirement or 'extra == "etcd3"' in requirement:
                _take_along(re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0], to, seen)
        if name == "patroni":
            for own in ("psycopg", "psycopg-binary"):
                _take_along(own, to, seen)
