"""One command on a demo host: a real process whose three streams are an SSH channel's.

1. A command has its own session, and so its own process group.
2. The exit status goes out after all output has, and the process has ended.
3. If the client goes away first, the process group is ended: asked, then killed.

Each stream has a thread, because paramiko's channels block; a thread owns the pipe that it closes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Final

import paramiko

GRACE: Final = 0.5
"""Seconds between the request to end and the kill."""

_CHUNK: Final = 32_768
_CANNOT_EXECUTE: Final = 126
# What a channel raises once the client has closed it or hung up.
_GONE: Final = (OSError, EOFError, paramiko.SSHException)


def run_command(
    channel: paramiko.Channel, command: bytes, environment: Mapping[str, str], home: Path
) -> None:
    """Runs `command` with `/bin/sh -c` in `home` and returns when it has ended and the client knows."""
    try:
        process = subprocess.Popen(
            ["/bin/sh", "-c", command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            cwd=home,
            env=environment,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        with contextlib.suppress(*_GONE):
            channel.sendall_stderr(f"the command cannot be started: {error}\n".encode())
        _end(channel, _CANNOT_EXECUTE)
        return
    _spawn(_feed, channel, process.stdin)
    output = (
        _spawn(_drain, process.stdout, channel.sendall),
        _spawn(_drain, process.stderr, channel.sendall_stderr),
    )
    if _completes(channel, process, output):
        _end(channel, process.returncode)
    else:
        _kill(process)


def _completes(
    channel: paramiko.Channel, process: subprocess.Popen[bytes], output: tuple[threading.Thread, ...]
) -> bool:
    """Waits for the command to end or for the client to go, whichever is first: True for the command."""
    completed = threading.Event()
    settled = threading.Event()

    def wait_for_command() -> None:
        for stream in output:
            stream.join()
        process.wait()
        completed.set()
        settled.set()

    def wait_for_client() -> None:
        # A client sends no exit status: this ends when the channel is closed, by whichever side.
        channel.recv_exit_status()
        settled.set()

    _spawn(wait_for_command)
    _spawn(wait_for_client)
    settled.wait()
    return completed.is_set()


def _feed(channel: paramiko.Channel, stdin: IO[bytes]) -> None:
    """Passes the client's input on; what the command no longer reads is thrown away, not left to block."""
    with contextlib.suppress(*_GONE), stdin:
        while chunk := channel.recv(_CHUNK):
            rest = memoryview(chunk)
            while rest:
                rest = rest[stdin.write(rest) :]
    with contextlib.suppress(*_GONE):
        while channel.recv(_CHUNK):
            pass


def _drain(stream: IO[bytes], send: Callable[[bytes], None]) -> None:
    with stream, contextlib.suppress(*_GONE):
        while chunk := stream.read(_CHUNK):
            send(chunk)


def _end(channel: paramiko.Channel, returncode: int) -> None:
    # Killed by signal N: 128 + N, as a shell would say. paramiko's server side cannot send `exit-signal`.
    status = returncode if returncode >= 0 else 128 - returncode
    with contextlib.suppress(*_GONE):
        channel.send_exit_status(status)
    with contextlib.suppress(*_GONE):
        channel.close()


def _kill(process: subprocess.Popen[bytes]) -> None:
    _signal_group(process.pid, signal.SIGTERM)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(GRACE)
    # Also when the leader has ended: another member of its group may have been deaf to the request.
    _signal_group(process.pid, signal.SIGKILL)
    process.wait()


def _signal_group(group: int, signal_number: signal.Signals) -> None:
    # Linux answers "no such process", macOS "not permitted" for a group of which only zombies are left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal_number)


def _spawn(target: Callable[..., None], *args: object) -> threading.Thread:
    thread = threading.Thread(target=target, args=args, daemon=True)
    thread.start()
    return thread
