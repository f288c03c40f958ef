"""A switch that can be turned off over HTTP, and a worker to run the runbook that does so."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.cli.processes import bare_environment

CHECKOUT = Path(__file__).resolve().parents[2]

RUNBOOK = """
runbook: switch-off
title: Switch a feature off
kind: feature-disable
owner: tests
reviewed: 2026-11-01
symptoms: The feature hurts.
impact: Nobody has it.
inputs:
  url: {type: string}
steps:
  - id: look
    title: Is it on?
    http:
      url: "${{ inputs.url }}"
    outputs:
      "on": bool(result.json.on)
  - id: switch_off
    title: Switch it off
    approval: incident_commander
    http:
      method: POST
      url: "${{ inputs.url }}"
      json: {"on": false}
    effect: change
    done:
      http:
        url: "${{ inputs.url }}"
      until: result.json.on == false
      every: 200ms
      within: 2s
    undo:
      http:
        method: POST
        url: "${{ inputs.url }}"
        json: {"on": true}
outputs:
  was: steps.look.on
"""

TWO = RUNBOOK.replace("runbook: switch-off", "runbook: two").replace(
    "outputs:\n  was",
    """  - id: again
    title: Say so
    approval: incident_commander
    http:
      method: POST
      url: "${{ inputs.url }}"
      json: {"on": false}
    effect: change
    idempotent: true
    irreversible: Whoever reads it has read it.
outputs:
  was""",
)

CHOOSE = """
runbook: choose
title: Choose what to do
kind: containment
owner: tests
reviewed: 2026-11-01
symptoms: The feature hurts.
impact: Nobody has it.
inputs:
  url: {type: string}
links:
  - title: The switch
    url: "${{ inputs.url }}"
steps:
  - id: look
    title: Is it on?
    http:
      url: "${{ inputs.url }}"
    outputs:
      "on": bool(result.json.on)
      sides: '["left", "right"]'
    keep:
      answer.json: result.json
    findings:
      - when: bool(result.json.on)
        is: confirmed
        text: It is on.
        suggest:
          runbook: switch-off
          inputs: {url: "${{ inputs.url }}"}
  - id: which
    title: Which side?
    ask:
      from: technical_lead
      show: findings
      fields:
        side: {type: string, enum: "${{ steps.look.sides }}"}
        hours: {type: integer, minimum: 1, default: 48}
      silence: {after: 15m, then: abort}
  - id: look_closer
    title: "Look at the ${{ steps.which.side }} one"
    manual:
      who: technical_lead
      do: Go there and look.
      checklist: [the lamp is red]
    within: 30m
outputs:
  side: steps.which.side
  hours: steps.which.hours
"""


@dataclass(slots=True)
class Switch:
    """On until somebody POSTs `{"on": false}`; answers 500 to a POST while it is `broken`."""

    on: bool = True
    broken: bool = False
    posts: int = 0
    url: str = ""
    lock: threading.Lock = field(default_factory=threading.Lock)


@contextlib.contextmanager
def serving_switch() -> Iterator[Switch]:
    switch = Switch()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer(200)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with switch.lock:
                switch.posts += 1
                if not switch.broken:
                    switch.on = body["on"]
            self.answer(500 if switch.broken else 200)

        def answer(self, status: int) -> None:
            body = json.dumps({"on": switch.on}).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class names it so
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        switch.url = f"http://127.0.0.1:{server.server_address[1]}/"
        yield switch
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def working(address: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """`worker.py` on the Temporal at `address`; it stops with this context."""
    with (
        (folder / "worker.log").open("wb") as log,
        subprocess.Popen(
            [sys.executable, CHECKOUT / "worker.py", "--stop-with-stdin"],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env=bare_environment(STANCH_TEMPORAL_ADDRESS=address, STANCH_EVIDENCE_PATH="evidence"),
        ) as worker,
    ):
        try:
            yield worker
        finally:
            if worker.stdin:
                worker.stdin.close()
            try:
                worker.wait(20)
            except subprocess.TimeoutExpired:
                worker.kill()
                raise
