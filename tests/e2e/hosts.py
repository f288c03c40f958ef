"""Hosts with a real OpenSSH server, on which `deploy` switches the release that the demo's service runs."""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from devtools.demo import deploy
from devtools.demo.state import StateFolder, furnish
from stanch.language.plan import Json
from tests.support.sshd import Farm, start_sshd

HOSTS = ("web1", "web2", "web3")
SERVICE = "checkout"


@dataclass(frozen=True, slots=True)
class Hosts:
    """`state` is the folder of the demo, which its service reads and the hosts' `deploy` writes.

    What a test wants to know or to steer lies in `gate`: the calls of `deploy` on each host, and whether one
    of its commands is held.
    """

    farm: Farm
    state: Path
    gate: Path

    def furnish(self) -> None:
        """Every host on the bad release, with empty logs."""
        for file in self.gate.iterdir():
            file.unlink()
        furnish(StateFolder(self.state), SERVICE, HOSTS, fresh=True)
        self.hand_over()

    def hand_over(self) -> None:
        """What this user has written belongs to the account of the servers, as it does on a real host."""
        if os.geteuid() == 0:
            owner = pwd.getpwnam(self.farm.user)
            for path in [self.state, *self.state.rglob("*")]:
                os.chown(path, owner.pw_uid, owner.pw_gid)

    def switches(self, host: str) -> list[tuple[str, str]]:
        """What was switched there, from which release to which: the host's own log."""
        log = self.state / "hosts" / host / deploy.LOG
        entries = [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []
        return [(entry["from"], entry["to"]) for entry in entries]

    def switched_at(self, host: str) -> str:
        """When it was last switched, as RFC 3339."""
        (*_, last) = (self.state / "hosts" / host / deploy.LOG).read_text().splitlines()
        moment: Json = json.loads(last)["time"]
        return str(moment)

    def calls(self, host: str, command: str) -> int:
        """How often `deploy COMMAND` was started there, whatever came of it."""
        log = self.gate / f"{host}.calls"
        lines = log.read_text().splitlines() if log.exists() else []
        return sum(line.split()[0] == command for line in lines)

    @contextlib.contextmanager
    def holding(self, command: str) -> Iterator[None]:
        """As long as this lasts, `deploy COMMAND` begins on every host and gets no further."""
        held = self.gate / f"hold-{command}"
        held.touch()
        try:
            yield
        finally:
            held.unlink()

    def is_held(self, host: str, command: str) -> bool:
        return (self.gate / f"{host}.held-{command}").exists()

    def by_hand(self, host: str, *arguments: str) -> None:
        """What somebody does there with a terminal, past Stanch."""
        command = ["ssh", "-F", str(self.farm.config_file), host, shlex.join(["deploy", *arguments])]
        subprocess.run(command, check=True, capture_output=True, timeout=60, stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def start_hosts(folder: Path) -> Iterator[Hosts]:
    """The hosts, not yet furnished; the client's files lie in `folder`."""
    # The servers' account cannot look into pytest's folders.
    shared = Path(tempfile.mkdtemp(prefix="stanch-hosts-"))
    shared.chmod(0o755)
    gate, programs, state = shared / "gate", shared / "bin", shared / "state"
    try:
        gate.mkdir()
        gate.chmod(0o777)
        python = _install(programs, gate, state)
        with start_sshd(folder, hosts=HOSTS, path=[programs, python.parent]) as farm:
            yield Hosts(farm, state, gate)
    finally:
        shutil.rmtree(shared, ignore_errors=True)


_DEPLOY = """\
#!/bin/sh
# Every call is noted, and a command may be held until it is let go.
gate={gate}
echo "$*" >>"$gate/$STANCH_HOST.calls"
if [ -e "$gate/hold-$1" ]; then
    : >"$gate/$STANCH_HOST.held-$1"
    while [ -e "$gate/hold-$1" ]; do sleep 0.05; done
fi
STANCH_DEMO_STATE={state} STANCH_DEMO_HOST=$STANCH_HOST exec {python} -I -S {program} "$@"
"""


def _install(programs: Path, gate: Path, state: Path) -> Path:
    """Put `deploy` on the hosts. Gives their Python: the system's, for ours may lie where only we can go."""
    python = Path(shutil.which("python3", path="/usr/local/bin:/usr/bin:/bin") or sys.executable)
    programs.mkdir()
    program = programs / "deploy.py"
    shutil.copyfile(deploy.__file__, program)
    places = {"gate": gate, "state": state, "python": python, "program": program}
    script = _DEPLOY.format(**{name: shlex.quote(str(place)) for name, place in places.items()})
    (programs / "deploy").write_text(script)
    (programs / "deploy").chmod(0o755)
    return python
