"""paramiko's transport, set up so that many connections at once are cheap.

paramiko does its work in Python, one thread at a time: what a connection costs there, all others wait for.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from paramiko import Channel, Transport
from paramiko.packet import Packetizer

Socket: TypeAlias = socket.socket | Channel

_AUTHENTICATED = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com")
"""Ciphers that need no code beside them, which paramiko compares byte by byte."""
_QUIET = 1.0
"""Seconds between two looks of a connection on which nothing happens. paramiko's own 0.1 adds up over many
kept connections."""


def new_transport(sock: Socket, kinds: Sequence[str], **options: Any) -> Transport:
    """One that has not begun yet. `kinds`: the kinds of host keys to ask for before others."""
    made = Transport(sock, packetizer_class=_Packets, **options)
    security = made.get_security_options()
    security.ciphers = _first(_AUTHENTICATED, security.ciphers)
    security.key_types = _first(_algorithms(kinds), security.key_types)
    return made


def settle_down(sock: Socket) -> None:
    """The login over `sock` is done: from now on it is mostly silent."""
    sock.settimeout(_QUIET)


def _algorithms(kinds: Iterable[str]) -> list[str]:
    """The names under which host keys of `kinds` are asked for."""
    return [
        name
        for kind in kinds
        for name in (("rsa-sha2-512", "rsa-sha2-256") if kind == "ssh-rsa" else (kind,))
    ]


def _first(wanted: Sequence[str], offered: Sequence[str]) -> list[str]:
    """`offered`, in another order."""
    return [
        *(name for name in wanted if name in offered),
        *(name for name in offered if name not in wanted),
    ]


class _Packets(Packetizer):
    """paramiko's own starts a thread for each handshake, only to wait for its time limit."""

    def __init__(self, sock: Any) -> None:
        super().__init__(sock)
        self._sock = sock
        self._end: float | None = None

    def start_handshake(self, timeout: float) -> None:
        if self._end is None:
            self._end = time.monotonic() + timeout

    def handshake_timed_out(self) -> bool:
        return self._end is not None and time.monotonic() >= self._end

    def complete_handshake(self) -> None:
        self._end = float("inf")

    def close(self) -> None:
        # Closing alone does not wake the thread that reads.
        if isinstance(self._sock, socket.socket):
            with contextlib.suppress(OSError):
                self._sock.shutdown(socket.SHUT_RDWR)
        super().close()
