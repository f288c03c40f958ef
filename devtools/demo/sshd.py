"""The SSH server of one demo host: the real protocol, one user, one key, commands only.

What a real server has and this one leaves out: passwords, terminals, shells, subsystems (so no SFTP),
forwarding. A client that asks for one of them is told no, in the protocol's own way.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import paramiko
from paramiko.common import (
    AUTH_FAILED,
    AUTH_SUCCESSFUL,
    OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED,
    OPEN_SUCCEEDED,
)
from paramiko.message import Message
from paramiko.packet import Packetizer

from devtools.demo.command import GRACE, run_command

USER: Final = "demo"

# A client that hangs up in the middle is a traceback to paramiko and nothing to us.
logging.getLogger("paramiko").addHandler(logging.NullHandler())


@dataclass(frozen=True, slots=True)
class Host:
    """What a connection needs to know of the host that it is on."""

    name: str
    key: paramiko.PKey
    """With the private half: the host proves itself by it."""
    client: paramiko.PKey
    """The public half of the only key that may log in."""
    home: Path
    environment: Mapping[str, str]


class HostServer:
    """Accepts connections for `host` on a socket that already listens, until it is closed."""

    def __init__(self, host: Host, listener: socket.socket) -> None:
        self._host = host
        self._listener = listener
        self._connections: list[paramiko.Transport] = []
        self._commands: set[threading.Thread] = set()
        self._thread = threading.Thread(target=self._accept, name=f"sshd {host.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Accepts no more and hangs up on every client, which ends their commands: see `join`."""
        # `shutdown` wakes the thread in `accept`; where it does not, the thread dies with the process.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in list(self._connections):
            connection.close()

    def join(self) -> None:
        """Waits for the commands to end, for as long as ending one may take."""
        for thread in list(self._commands):
            thread.join(2 * GRACE)

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            # A short command's replies are small packets in a row, each of which would wait for the client.
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._connections = [old for old in self._connections if old.is_active()]
            connection = paramiko.Transport(accepted, packetizer_class=_RepliesFirst)
            connection.add_server_key(self._host.key)
            self._connections.append(connection)
            # With an event given this returns at once; the handshake is the connection's own thread's work.
            connection.start_server(event=threading.Event(), server=_Connection(self._host, self._run))

    def _run(self, channel: paramiko.Channel, command: bytes, environment: Mapping[str, str]) -> None:
        def run() -> None:
            try:
                run_command(channel, command, environment, self._host.home)
            finally:
                self._commands.discard(thread)

        thread = threading.Thread(target=run, name=f"{self._host.name} command", daemon=True)
        self._commands.add(thread)
        thread.start()


class _RepliesFirst(Packetizer):
    """Keeps work back until the reply to the request that asked for it is on the wire.

    paramiko sends the reply after the server's `check_...` method has returned. A command started in
    there could end, and close its channel, before the client hears that it was accepted; clients take
    that for a failure. The connection's thread reads its next message only after the reply.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__(connection)
        self.waiting: list[Callable[[], None]] = []

    def read_message(self) -> tuple[int, Message]:
        while self.waiting:
            self.waiting.pop(0)()
        return super().read_message()


class _Connection(paramiko.ServerInterface):
    """What one client may do."""

    def __init__(self, host: Host, run: Callable[[paramiko.Channel, bytes, Mapping[str, str]], None]) -> None:
        self._host = host
        self._run = run
        self._started: set[int] = set()

    def get_allowed_auths(self, username: str) -> str:  # noqa: ARG002 - paramiko's interface
        return "publickey"

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        allowed = username == USER and key.asbytes() == self._host.client.asbytes()
        return AUTH_SUCCESSFUL if allowed else AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:  # noqa: ARG002 - paramiko's interface
        return OPEN_SUCCEEDED if kind == "session" else OPEN_FAILED_ADMINISTRATIVELY_PROHIBITED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        connection = channel.get_transport()
        packetizer = connection.packetizer
        if channel.chanid in self._started or not isinstance(packetizer, _RepliesFirst):
            return False
        self._started.add(channel.chanid)
        environment = {**self._host.environment, "SSH_CONNECTION": _ends(connection.sock)}
        packetizer.waiting.append(lambda: self._run(channel, command, environment))
        return True


def _ends(connection: socket.socket | paramiko.Channel) -> str:
    """Both ends as sshd puts them into the environment: client address and port, server address and port."""
    client = connection.getpeername()
    server = connection.getsockname() if isinstance(connection, socket.socket) else ("", "")
    return " ".join(str(part) for part in (*client[:2], *server[:2]))
