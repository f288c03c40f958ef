"""What the marker costs that lets a change over SSH be found again: against the same command sent plainly.

    python bench/ssh_changes.py [--json] [--pairs N] [--hosts N]

Real sshd, one a host, on loopback; connections are kept, as in production. A change is counted with its
marker's removal. The command is `true`, so nothing hides the overhead; a ratio is the median of neighbouring
pairs, because the machines are noisy.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from activities.action import Context
from activities.ssh import SshAction
from tests.support.sshd import start_sshd


async def timed(action: SshAction, hosts: list[str], key: str) -> float:
    """Seconds for `true` on all of them."""
    params = {"hosts": hosts, "run": ["true"]}
    context = Context(key=key, timeout=120.0, one=False, beat=lambda _: None)
    began = time.perf_counter()
    await action.perform(params, context)
    if key:
        await action.release(params, context)
    return time.perf_counter() - began


async def measure(config: Path, hosts: list[str], pairs: int) -> dict[str, float]:
    action = SshAction(config)
    try:
        for key in ("", str(uuid4())):
            await timed(action, hosts, key)
        timings = [
            (await timed(action, hosts, ""), await timed(action, hosts, str(uuid4()))) for _ in range(pairs)
        ]
    finally:
        await action.close()
    return {
        "hosts": len(hosts),
        "plain_ms": round(1000 * statistics.median(plain for plain, _ in timings), 1),
        "marked_ms": round(1000 * statistics.median(marked for _, marked in timings), 1),
        "ratio": round(statistics.median(marked / plain for plain, marked in timings), 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--pairs", type=int, default=7)
    parser.add_argument("--hosts", type=int, default=40)
    given = parser.parse_args()
    names = [f"host{number}" for number in range(given.hosts)]
    with tempfile.TemporaryDirectory() as folder, start_sshd(Path(folder), hosts=names) as farm:
        found = [
            asyncio.run(measure(farm.config_file, hosts, given.pairs))
            for hosts in (names[:1], names)
            if hosts
        ]
    if given.json:
        print(json.dumps(found))
        return
    print(f"{'hosts':>6}{'plain':>12}{'marked':>12}{'ratio':>8}")
    for each in found:
        print(f"{each['hosts']:>6}{each['plain_ms']:>9} ms{each['marked_ms']:>9} ms{each['ratio']:>8}")


if __name__ == "__main__":
    main()
