"""`true` on many hosts: Stanch against OpenSSH, Ansible, asyncssh and parallel-ssh.

    python bench/ssh_fanout.py [--json] [--rounds N] [--hosts N]

Real sshd on loopback: 40 addresses with few servers behind them, on the same cores as whoever asks them. In
each round everybody has a turn; a ratio is the median over the rounds of what two of them took in the same
round. Cold is with new connections, warm with those of the turn before. Libraries are counted without their
imports, programs as a whole. `own CPU` leaves out what the servers use, which is most. asyncssh and
parallel-ssh come from `scripts/bench-peers.sh`; without that they are left out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from activities.action import Context
from activities.ssh import SshAction
from tests.support.sshd import Farm, start_sshd, unused_port

HERE = Path(__file__).resolve().parent
PEERS = HERE / ".venv" / "bin" / "python"
SHARE = 14
"""Addresses of one server; an sshd listens at 16 at most."""
SSH = shutil.which("ssh") or "ssh"
FORKS = 40
TARGETS = {
    "warm, OpenSSH cold / Stanch warm": ("openssh", "stanch warm", ">= 5"),
    "warm, Ansible / Stanch warm": ("ansible", "stanch warm", ">= 20"),
    "warm, Ansible on kept connections / Stanch warm": ("ansible kept", "stanch warm", ""),
    "cold, Stanch / the fastest": ("stanch cold", "fastest cold", "<= 1.2"),
}

Times = dict[str, float]


@dataclass(frozen=True, slots=True)
class Site:
    """The hosts and how everybody reaches them."""

    names: list[str]
    config: Path
    places: list[tuple[str, int]]
    user: str
    key: Path
    known_hosts: Path
    folder: Path

    def told(self) -> str:
        return json.dumps(
            {
                "hosts": self.places,
                "user": self.user,
                "key": str(self.key),
                "known_hosts": str(self.known_hosts),
            }
        )


@contextmanager
def site(number: int) -> Iterator[Site]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="fanout-")))
        config, known, names, places = "", "", [], []
        for first in range(0, number, SHARE):
            port = unused_port()
            addresses = [f"127.0.1.{each + 1}" for each in range(first, min(first + SHARE, number))]
            own = folder / f"server{first}"
            own.mkdir()
            listens = "".join(f"ListenAddress {address}:{port}\n" for address in addresses)
            farm = stack.enter_context(start_sshd(own, hosts=["server"], config=listens))
            host_key = (farm["server"].folder / "host_key.pub").read_text().split()[:2]
            for at, address in enumerate(addresses, first):
                names.append(f"host{at}")
                places.append((address, port))
                known += f"[{address}]:{port} {' '.join(host_key)}\n"
                config += _client(f"host{at}", address, port, farm, folder)
            _let_in(farm, folder)
        (folder / "ssh_config").write_text(config)
        (folder / "known_hosts").write_text(known)
        yield Site(
            names, folder / "ssh_config", places, farm.user, folder / "key", folder / "known_hosts", folder
        )


def _let_in(farm: Farm, folder: Path) -> None:
    """One key for all servers."""
    key = folder / "key"
    if not key.exists():
        shutil.copy(farm.key, key)
        shutil.copy(farm.key.with_suffix(".pub"), key.with_suffix(".pub"))
    (farm["server"].folder / "authorized_keys").write_text(key.with_suffix(".pub").read_text())


def _client(name: str, address: str, port: int, farm: Farm, folder: Path) -> str:
    return f"""\
Host {name}
    HostName {address}
    Port {port}
    User {farm.user}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known_hosts
    GlobalKnownHostsFile /dev/null
    BatchMode yes
"""


# --- everybody's turn -------------------------------------------------------------------------------------


async def stanch(site: Site) -> Times:
    context = Context(key="", timeout=120.0, one=False, beat=lambda _: None)
    params = {"hosts": site.names, "run": ["true"]}
    action = SshAction(site.config)
    try:
        used = time.process_time()
        cold = await _timed(action.perform(params, context))
        used = time.process_time() - used
        warm = await _timed(action.perform(params, context))
        return {"stanch cold": cold, "stanch warm": warm, "stanch cold, own CPU": used}
    finally:
        await action.close()


async def _timed(work: Any) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


def _program(words: list[str], given: str = "", env: Mapping[str, str] | None = None) -> float:
    begun = time.perf_counter()
    ended = subprocess.run(
        words, input=given, text=True, capture_output=True, env=env, check=False, timeout=300
    )
    if ended.returncode != 0:
        raise SystemExit(
            f"{words[0]} ended with {ended.returncode}: {ended.stdout[-500:]}{ended.stderr[-500:]}"
        )
    return time.perf_counter() - begun


def openssh(site: Site) -> Times:
    words = [
        "xargs",
        "-P",
        str(len(site.names)),
        "-I",
        "{}",
        "ssh",
        "-n",
        "-F",
        str(site.config),
        "{}",
        "true",
    ]
    return {"openssh": _program(words, "\n".join(site.names))}


def _ansible_env(site: Site, control: str) -> dict[str, str]:
    return {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
        "LC_ALL": "C.UTF-8",
        "ANSIBLE_SSH_ARGS": f"-F {site.config} -o ControlMaster=auto -o ControlPersist=60s",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": control,
        "ANSIBLE_SSH_USETTY": "False",
        "ANSIBLE_PYTHON_INTERPRETER": "/usr/bin/python3",
    }


def ansible(site: Site) -> Times:
    words = ["ansible", "all", "-i", ",".join(site.names) + ",", "-m", "raw", "-a", "true", "-f", str(FORKS)]
    with _control() as control:
        env = _ansible_env(site, control)
        return {"ansible": _program(words, env=env), "ansible kept": _program(words, env=env)}


@contextmanager
def _control() -> Iterator[str]:
    """A folder for Ansible's kept connections, which end with it. Its path must be short."""
    with tempfile.TemporaryDirectory(prefix="cp") as folder:
        try:
            yield folder
        finally:
            for sock in Path(folder).iterdir():
                subprocess.run(
                    [SSH, "-F", "none", "-O", "exit", "-o", f"ControlPath={sock}", "host"],
                    capture_output=True,
                    check=False,
                    timeout=30,
                )


class Peer:
    """A library in a process of its own."""

    def __init__(self, name: str, site: Site) -> None:
        self.name = name
        self._process = subprocess.Popen(
            [str(PEERS), str(HERE / "_fanout_peer.py"), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self._say(site.told())

    def turn(self, _: Site) -> Times:
        cold, warm, used = json.loads(self._say("go"))
        return {f"{self.name} cold": cold, f"{self.name} warm": warm, f"{self.name} cold, own CPU": used}

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _say(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{line}\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise SystemExit(f"{self.name} ended with {self._process.wait()}")
        return answer


# --- what came of it --------------------------------------------------------------------------------------


def measure(hosts: int, rounds: int) -> dict[str, Any]:
    found: list[Times] = []
    with site(hosts) as where, ExitStack() as stack:
        peers = []
        for name in ("asyncssh", "parallel-ssh"):
            if PEERS.exists():
                peers.append(Peer(name, where))
                stack.callback(peers[-1].close)
            else:
                sys.stderr.write(f"{name} is left out: scripts/bench-peers.sh installs it\n")
        turns = [lambda at: asyncio.run(stanch(at)), openssh, *(peer.turn for peer in peers), ansible]
        for number in range(rounds):
            order = turns if number % 2 == 0 else turns[::-1]
            times: Times = {}
            for turn in order:
                times |= turn(where)
            rivals = ["openssh", *(f"{peer.name} cold" for peer in peers)]
            times["fastest cold"] = min(times[rival] for rival in rivals)
            found.append(times)
    return {
        "hosts": hosts,
        "rounds": rounds,
        "seconds": {name: round(statistics.median(each[name] for each in found), 3) for name in found[0]},
        "ratios": {
            title: round(statistics.median(each[over] / each[under] for each in found), 2)
            for title, (over, under, _) in TARGETS.items()
        },
    }


def table(found: dict[str, Any]) -> str:
    lines = [f"`true` on {found['hosts']} hosts, median of {found['rounds']} rounds", ""]
    lines += [f"{name:<30}{seconds:>9.3f} s" for name, seconds in found["seconds"].items()]
    lines.append("")
    lines += [f"{title:<50}{found['ratios'][title]:>7.2f}   {goal}" for title, (*_, goal) in TARGETS.items()]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--hosts", type=int, default=40)
    given = parser.parse_args()
    found = measure(given.hosts, given.rounds)
    sys.stdout.write((json.dumps(found) if given.json else table(found)) + "\n")


if __name__ == "__main__":
    main()
