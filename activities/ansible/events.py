"""What Ansible prints, taken apart: the events of ansible-runner's callback, and the text between them."""

from __future__ import annotations

import json
import os
import select
import subprocess
from codecs import getincrementaldecoder
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ansible_runner.utils import OutputEventFilter

from activities.ansible.fitting import fitting
from activities.output import shortened

_LARGEST = 256 * 1024
"""Bytes of one text or result that are passed on; more than is kept in the end."""


def listen(ansible: subprocess.Popen[bytes], folder: Path, take: Callable[[dict[str, Any]], None]) -> int:
    """Give each event to `take` as it happens, until Ansible has ended; its exit status."""
    assert ansible.stdout is not None
    fd = ansible.stdout.fileno()
    decoder = getincrementaldecoder("utf-8")("replace")
    output = OutputEventFilter(None, lambda event: take(_slim(_whole(event, folder))), True)
    while True:
        if select.select([fd], [], [], 1.0)[0]:
            if not (some := os.read(fd, 65536)):
                break
            output.write(decoder.decode(some))
        elif ansible.poll() is not None:
            break  # something that Ansible has left behind holds the pipe
    rc = ansible.wait()
    output.close()
    return rc


def _whole(event: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The callback prints an event's id round its text, and leaves the event in a file. More than an id and a
    text is not believed: a host may print what looks like an event."""
    whole = {"event": "verbose", "stdout": event.get("stdout")}
    left = folder / "job_events" / f"{event.get('uuid')}-partial.json"
    with suppress(OSError, ValueError):
        whole |= json.loads(left.read_bytes())
        left.unlink()
    return whole


def _slim(event: dict[str, Any]) -> dict[str, Any]:
    data = event.get("event_data") or {}
    # What differs is in the text, too.
    told = {name: held for name, held in data.items() if name not in ("diff", "res")}
    res = {name: held for name, held in (data.get("res") or {}).items() if name != "diff"}
    res, cut = fitting(res, _LARGEST)
    return {
        "event": event["event"],
        "stdout": shortened(event["stdout"] or "", _LARGEST)[0],
        "event_data": {**told, "res": res},
        "cut": cut,
    }
