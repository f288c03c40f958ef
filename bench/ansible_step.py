"""What a step `ansible` costs over `ansible-playbook` typed by hand: the same play, on the same hosts.

    python bench/ansible_step.py [--json] [--pairs N] [--hosts N]

Real sshd, one a host, on loopback; both log in anew each time, with the same settings. The play has four
tasks, about 3 s on four hosts. The ratio is the median of neighbouring pairs, because the machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from activities.action import Context
from activities.ansible.action import AnsibleAction
from activities.ansible.folder import environment
from tests.support.sshd import start_sshd

PLAY = """\
- hosts: all
  gather_facts: false
  tasks:
    - command: echo one
    - copy: {content: two, dest: ~/two}
    - command: echo three
    - command: echo four
"""
_CALLBACK = {"ANSIBLE_STDOUT_CALLBACK", "ANSIBLE_CALLBACK_PLUGINS", "AWX_ISOLATED_DATA_DIR"}


def by_hand(project: Path, config: Path, hosts: list[str]) -> float:
    """Seconds for `ansible-playbook`."""
    with tempfile.TemporaryDirectory(prefix="st-") as folder:
        ours = environment(Path(folder), project, config, os.environ)
        env = {name: value for name, value in ours.items() if name not in _CALLBACK}
        # Or the next one would find the connections of this one.
        env["ANSIBLE_SSH_ARGS"] = env["ANSIBLE_SSH_ARGS"].replace("ControlPersist=60s", "ControlPersist=5s")
        began = time.perf_counter()
        subprocess.run(
            ["ansible-playbook", "-i", ",".join([*hosts, ""]), "play.yml"],  # noqa: S607
            cwd=project,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
        )
        return time.perf_counter() - began


async def as_a_step(action: AnsibleAction, hosts: list[str]) -> float:
    """Seconds for the same as a step."""
    context = Context(key="bench", timeout=300.0, one=False, beat=lambda _: None)
    began = time.perf_counter()
    result = await action.perform({"playbook": "play.yml", "hosts": hosts}, context)
    assert result["rc"] == 0
    return time.perf_counter() - began


def measure(pairs: int, hosts: int) -> dict[str, float]:
    names = [f"host{number}" for number in range(hosts)]
    timings = []
    with tempfile.TemporaryDirectory() as folder, start_sshd(Path(folder), hosts=names) as farm:
        project = Path(folder) / "project"
        project.mkdir()
        (project / "play.yml").write_text(PLAY)
        action = AnsibleAction(project, farm.config_file)
        for _ in range(pairs):
            plain = by_hand(project, farm.config_file, names)
            timings.append((plain, asyncio.run(as_a_step(action, names))))
    return {
        "hosts": hosts,
        "by_hand_s": round(statistics.median(plain for plain, _ in timings), 2),
        "step_s": round(statistics.median(step for _, step in timings), 2),
        "ratio": round(statistics.median(step / plain for plain, step in timings), 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=int, default=9)
    parser.add_argument("--hosts", type=int, default=4)
    given = parser.parse_args()
    os.environ.setdefault("ANSIBLE_SSH_USETTY", "False")
    found = measure(given.pairs, given.hosts)
    if given.json:
        print(json.dumps(found))
        return
    print(f"{'hosts':>6}{'by hand':>12}{'step':>12}{'ratio':>8}")
    print(f"{found['hosts']:>6}{found['by_hand_s']:>10} s{found['step_s']:>10} s{found['ratio']:>8}")


if __name__ == "__main__":
    main()
