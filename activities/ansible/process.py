"""The process beside Ansible: `python -m activities.ansible.process`.

A process of its own because Ansible's workers go on running when it is killed, and must not outlive Stanch's
worker. On stdin comes the order, one line of JSON. On stdout go lines of JSON: `{"event": ...}` for each
event as it happens, and last `{"rc": ...}`, null if a signal ended Ansible. The events are those of
ansible-runner's callback; its `run` is not used, because it waits 0.1 s more and writes each event to a file.

**The end of stdin means stop.** So whoever started it can stop it by closing a pipe, and a worker that is
killed takes its Ansible with it: every process below is killed, the folder is removed.

It imports little before Ansible is started: every step waits for that.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from activities.ansible.order import CONTROL, Order
from activities.ansible.tree import end_below

_GOODBYE = struct.pack(">5I", 8, 0x00000001, 4, 8, 0x10000005) + struct.pack(">I", 0)
"""Hello, and MUX_C_TERMINATE: how `ssh -O exit` asks a shared connection to end (PROTOCOL.mux of OpenSSH)."""


def main() -> None:
    order = Order(**json.loads(sys.stdin.buffer.readline()))
    folder = Path(order.folder)
    # Whatever prints must not mix with what we say.
    said = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    threading.Thread(target=_watch, daemon=True).start()
    try:
        for path, password in order.passwords.items():
            os.mkfifo(path, 0o600)
            threading.Thread(target=_give, args=(path, password), daemon=True).start()
        ansible = subprocess.Popen(
            ["ansible-playbook", *order.arguments],  # noqa: S607 - from the PATH that was looked at
            cwd=order.directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        from activities.ansible.events import listen  # noqa: PLC0415 - Ansible starts meanwhile

        rc = listen(ansible, folder, lambda event: _tell(said, {"event": event}))
        _tell(said, {"rc": rc if rc >= 0 else None})
    finally:
        _hang_up(folder / CONTROL)
        shutil.rmtree(folder, ignore_errors=True)


def _watch() -> None:
    # Not through `sys.stdin`: a thread that waits in it holds a lock that the interpreter wants at its end.
    while os.read(0, 4096):
        pass
    while True:  # Ansible may only be about to start
        end_below(os.getpid())
        time.sleep(0.1)


def _give(path: str, password: str) -> None:
    """Through a pipe, so that it never lies on a disk."""
    with suppress(OSError), open(path, "wb") as pipe:  # noqa: PTH123 - it waits for who reads
        pipe.write(password.encode())


def _tell(said: TextIO, message: Any) -> None:
    with suppress(BrokenPipeError):  # nobody listens any more, and stdin says so too
        said.write(json.dumps(message) + "\n")
        said.flush()


def _hang_up(control: Path) -> None:
    """End the shared SSH connections, which otherwise stay for a minute."""
    for path in control.glob("*"):
        with suppress(OSError), socket.socket(socket.AF_UNIX) as master:
            master.settimeout(1.0)
            master.connect(str(path))
            master.sendall(_GOODBYE)
            while master.recv(4096):  # until it is gone
                pass


if __name__ == "__main__":
    main()
