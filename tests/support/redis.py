"""A real Redis for tests: a master, two replicas and three sentinels, on loopback.

with start_redis(tmp) as redis:
    ... Sentinels at redis.sentinels, the master is called `main` ...
"""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import redis
import redis.exceptions

from tests.support.process import program
from tests.support.sshd import unused_port
from tests.support.until import until

PASSWORD = "not-so-secret-word"


@dataclass(slots=True)
class Redis:
    folder: Path
    nodes: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)
    """By port."""
    watchers: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        return "sentinel://" + ",".join(f"127.0.0.1:{port}" for port in self.watchers) + "/main"

    def node(self, port: int) -> Any:
        return redis.Redis("127.0.0.1", port, password=PASSWORD, socket_timeout=2, decode_responses=True)

    def watcher(self) -> Any:
        port = next(port for port, process in self.watchers.items() if process.poll() is None)
        return redis.Redis("127.0.0.1", port, socket_timeout=2, decode_responses=True)

    def master(self) -> int:
        """The port of the master, as the sentinels see it."""
        return int(self.watcher().execute_command("SENTINEL GET-MASTER-ADDR-BY-NAME", "main")[1])

    def settled(self) -> bool:
        """Every node that lives is a master with replicas or a replica of it, and the sentinels know."""
        try:
            alive = [port for port, process in self.nodes.items() if process.poll() is None]
            info = {port: self.node(port).info("replication") for port in alive}
            state = self.watcher().sentinel_master("main")
        except redis.exceptions.RedisError:
            return False
        master = int(state["port"])
        others = [held for port, held in info.items() if port != master]
        linked = all(held["role"] == "slave" and held["master_port"] == master for held in others)
        up = all(held.get("master_link_status") == "up" for held in others)
        known = state["num-slaves"] >= len(others) and state["num-other-sentinels"] == len(self.watchers) - 1
        calm = state["flags"] == "master" and all(map(_sees_all_up, self.watchers))
        return bool(info[master]["role"] == "master" and linked and up and known and calm)

    def restart(self, port: int) -> None:
        """A node that was killed comes back, and is told by the sentinels whom to follow."""
        self.nodes[port].wait()
        self.nodes[port] = _run(self.folder / str(port), "redis")


def _sees_all_up(port: int) -> bool:
    """One sentinel's view of the replicas; each looks for itself, and not in the same second."""
    watcher = redis.Redis("127.0.0.1", port, socket_timeout=2, decode_responses=True)
    try:
        return all(each["flags"] == "slave" for each in watcher.sentinel_slaves("main"))
    except redis.exceptions.RedisError:
        return False


@contextlib.contextmanager
def start_redis(folder: Path) -> Iterator[Redis]:
    started = Redis(folder)
    try:
        ports = [unused_port() for _ in range(3)]
        for port in ports:
            lines = ["save ''", "appendonly no", f"requirepass {PASSWORD}", f"masterauth {PASSWORD}"]
            lines += ["repl-diskless-sync-delay 0", "enable-debug-command yes"]
            if port != ports[0]:
                lines.append(f"replicaof 127.0.0.1 {ports[0]}")
            started.nodes[port] = _start(folder, port, lines, "redis")
        for port in [unused_port() for _ in range(3)]:
            lines = [f"sentinel monitor main 127.0.0.1 {ports[0]} 2", f"sentinel auth-pass main {PASSWORD}"]
            lines += ["sentinel down-after-milliseconds main 1000", "sentinel failover-timeout main 6000"]
            started.watchers[port] = _start(folder, port, lines, "sentinel")
        until(started.settled, "Redis and its sentinels to know each other", within=60)
        yield started
    finally:
        for process in (*started.nodes.values(), *started.watchers.values()):
            process.kill()
            process.wait()


def _start(folder: Path, port: int, lines: list[str], kind: str) -> subprocess.Popen[bytes]:
    own = folder / str(port)
    own.mkdir()
    common = [f"port {port}", "bind 127.0.0.1", f"dir {own}", f"logfile {own / 'log'}", "protected-mode no"]
    (own / "conf").write_text("\n".join([*common, *lines]) + "\n")
    return _run(own, kind)


def _run(own: Path, kind: str) -> subprocess.Popen[bytes]:
    command = [program("redis-server"), str(own / "conf"), *(["--sentinel"] if kind == "sentinel" else [])]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
