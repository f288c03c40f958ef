"""The process in which ansible-runner runs: `python -m activities.ansible.process`.

A process of its own because ansible-runner blocks, changes its process, and leaves Ansible's workers running
when it is cancelled. On stdin comes the order, one line of JSON. On stdout go lines of JSON: `{"event": ...}`
for each event as it happens, and last `{"rc": ...}`.

**The end of stdin means stop.** So whoever started it can stop it by closing a pipe, and a worker that is
killed takes its Ansible with it: every process below is killed, the folder is removed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

import ansible_runner

from activities.ansible.folder import CONTROL, Order
from activities.ansible.recap import fitting
from activities.ansible.tree import end_below
from activities.output import shortened

_LARGEST = 256 * 1024
"""Bytes of one text or result that are passed on; more than is kept in the end."""


def main() -> int:
    order = Order(**json.loads(sys.stdin.buffer.readline()))
    # Whatever prints must not mix with what we say.
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    stop = threading.Event()
    threading.Thread(target=_watch, args=(stop,), daemon=True).start()
    try:
        runner = ansible_runner.run(
            private_data_dir=order.folder,
            project_dir=order.project,
            playbook=order.playbook,
            inventory=order.inventory,
            limit=order.limit,
            cmdline=order.cmdline,
            forks=order.forks,
            quiet=True,
            # Its output file would repeat the events on disk.
            settings={"pexpect_timeout": 1, "suppress_output_file": True},
            event_handler=lambda event: _tell(said, {"event": _slim(event)}),
            cancel_callback=stop.is_set,
        )
        _tell(said, {"rc": runner.rc})
    finally:
        _hang_up(Path(order.folder) / CONTROL)
        shutil.rmtree(order.folder, ignore_errors=True)
    return 0


def _watch(stop: threading.Event) -> None:
    # Not through `sys.stdin`: a thread that waits in it holds a lock that the interpreter wants at its end.
    while os.read(0, 4096):
        pass
    stop.set()
    end_below(os.getpid())


def _tell(said: TextIO, message: Any) -> bool:
    """False: ansible-runner need not write the event to a file, where secrets would lie."""
    try:
        said.write(json.dumps(message) + "\n")
        said.flush()
    except BrokenPipeError:
        pass  # nobody listens any more, and stdin says so too
    return False


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    data = event.get("event_data") or {}
    res, cut = fitting(data.get("res") or {}, _LARGEST)
    return {
        "event": event.get("event"),
        "stdout": shortened(event.get("stdout") or "", _LARGEST)[0],
        "event_data": {**data, "res": res},
        "cut": cut,
    }


def _hang_up(control: Path) -> None:
    """End the shared SSH connections, which otherwise stay for a minute."""
    ssh = shutil.which("ssh") or "ssh"
    for sock in control.glob("*"):
        subprocess.run(
            [ssh, "-O", "exit", "-o", f"ControlPath={sock}", "-F", "none", "host"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=5,
            check=False,
        )


if __name__ == "__main__":
    sys.exit(main())
