"""One connection for each target, kept between steps.

Everything here blocks and is called from several threads at once. Deadlines are moments of `time.monotonic`.

- A connection is shared: each command has a channel of its own on it.
- One that is found dead when a channel is opened is replaced once, silently: nothing was sent over it.
- One that misbehaves is taken out of the pool at once and closed when its last user has left, so a command
  that still runs on it is not torn down.
- One that nobody has used for `idle` seconds is closed; a jump host's not before those that go through it.
"""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from paramiko import Channel, ChannelException, SSHException, Transport

from activities.ssh.config import Target
from activities.ssh.connect import login, proxy_socket, tcp_socket
from activities.ssh.transport import Socket
from stanch.errors import ActionRefused, Unreachable

_OPEN_SECONDS = 10.0
_PROHIBITED = 1
"""SSH_OPEN_ADMINISTRATIVELY_PROHIBITED of RFC 4254."""


@dataclass(slots=True, eq=False)
class Link:
    """An authenticated connection. `users` and `used` are guarded by the pool's lock."""

    target: Target
    transport: Transport
    through: Link | None = None
    proxy: subprocess.Popen[bytes] | None = None
    users: int = 0
    used: float = field(default_factory=time.monotonic)
    closed: bool = False

    def close(self) -> None:
        self.transport.close()
        if self.proxy is not None:
            self.proxy.kill()
            self.proxy.wait()


@dataclass(slots=True, eq=False)
class Session:
    """A channel on which one command can be run. Give it back with `Pool.give_back`."""

    link: Link
    channel: Channel


class Pool:
    def __init__(self, idle: float) -> None:
        self._idle = idle
        self._lock = threading.Lock()
        self._links: dict[Target, Link] = {}
        self._connecting: dict[Target, threading.Lock] = {}
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    def open(self, target: Target, deadline: float) -> Session:
        """Raises Unreachable or ActionRefused; nothing has been executed."""
        try:
            return Session(*self._channel(target, deadline, _session))
        except ChannelException as error:
            said = error.text or f"code {error.code}"
        # Servers limit the sessions of a connection (OpenSSH: `MaxSessions`, 10). On a connection of its own
        # this one is the first.
        link = self._connect(target, deadline)
        link.users = 1
        try:
            return Session(link, _session(link.transport, _seconds(deadline)))
        except (SSHException, EOFError, OSError):
            self._leave(link)
            raise ActionRefused(f"{target}: it let us in but opens no session: {said}") from None

    def give_back(self, session: Session) -> None:
        session.channel.close()
        self._leave(session.link)

    def discard(self, link: Link) -> None:
        """Nobody gets this connection any more."""
        with self._lock:
            if self._links.get(link.target) is link:
                del self._links[link.target]

    def close(self) -> None:
        """End every connection, with whatever runs on it."""
        self._closed.set()
        with self._lock:
            links = list(self._links.values())
            self._links.clear()
        # Those that lead through others first.
        for link in sorted(links, key=lambda link: link.through is None):
            link.close()

    def _channel(
        self, target: Target, deadline: float, ask: Callable[[Transport, float], Channel]
    ) -> tuple[Link, Channel]:
        """A connection to `target`, counted as used, and the channel that `ask` opens on it."""
        while True:
            link, fresh = self._link(target, deadline)
            try:
                return link, ask(link.transport, _seconds(deadline))
            except ChannelException:
                self._leave(link)
                raise
            except (SSHException, EOFError, OSError) as error:
                self.discard(link)
                self._leave(link)
                if fresh:
                    reason = str(error).removesuffix(".") or "the connection was closed"
                    raise Unreachable(f"{target}: it broke off after the login: {reason}") from None

    def _link(self, target: Target, deadline: float) -> tuple[Link, bool]:
        """A connection from the pool, or a fresh one (true)."""
        with self._lock:
            connecting = self._connecting.setdefault(target, threading.Lock())
        if not connecting.acquire(timeout=_seconds(deadline)):
            raise Unreachable(f"{target}: no connection yet, another step has been trying to make one")
        try:
            if link := self._borrow(target):
                return link, False
            link = self._connect(target, deadline)
            link.users = 1
            with self._lock:
                self._links[target] = link
                if self._sweeper is None:
                    self._sweeper = threading.Thread(target=self._sweep, name="ssh-idle", daemon=True)
                    self._sweeper.start()
            return link, True
        finally:
            connecting.release()

    def _borrow(self, target: Target) -> Link | None:
        with self._lock:
            link = self._links.get(target)
            if link is not None and link.transport.is_active():
                link.users += 1
                return link
        if link is not None:
            self.discard(link)
            self._close_unused(link)
        return None

    def _leave(self, link: Link) -> None:
        with self._lock:
            link.users -= 1
            link.used = time.monotonic()
        self._close_unused(link)

    def _close_unused(self, link: Link) -> None:
        """Close `link` if it is out of the pool and nobody is on it."""
        with self._lock:
            if link.closed or link.users > 0 or self._links.get(link.target) is link:
                return
            link.closed = True
        link.close()
        if link.through is not None:
            self._leave(link.through)

    def _connect(self, target: Target, deadline: float) -> Link:
        through, proxy = None, None
        seconds = min(target.connect_timeout, _seconds(deadline))
        sock: Socket
        if target.jump is not None:
            through, sock = self._hop(target, target.jump, deadline)
        elif target.proxy is not None:
            sock, proxy = proxy_socket(target.proxy)
        else:
            sock = tcp_socket(target, seconds)
        try:
            transport = login(target, sock, seconds)
        except BaseException:
            if through is not None:
                self._leave(through)
            if proxy is not None:
                proxy.kill()
                proxy.wait()
            raise
        return Link(target, transport, through, proxy)

    def _hop(self, target: Target, jump: Target, deadline: float) -> tuple[Link, Channel]:
        def ask(transport: Transport, seconds: float) -> Channel:
            return transport.open_channel(
                "direct-tcpip", (target.host, target.port), ("127.0.0.1", 0), timeout=seconds
            )

        try:
            return self._channel(jump, deadline, ask)
        except (Unreachable, ActionRefused) as error:
            raise type(error)(f"{target}: on the way there, at its jump host {error}") from None
        except ChannelException as error:
            if error.code == _PROHIBITED:
                raise ActionRefused(
                    f"{target}: the jump host {jump} forwards nothing: {error.text}"
                ) from None
            raise Unreachable(f"{target}: the jump host {jump} cannot reach it: {error.text}") from None

    def _sweep(self) -> None:
        while not self._closed.wait(min(30.0, self._idle / 2)):
            with self._lock:
                oldest = time.monotonic() - self._idle
                idle = [
                    link
                    for link in self._links.values()
                    if link.users == 0 and (link.used < oldest or not link.transport.is_active())
                ]
                for link in idle:
                    del self._links[link.target]
            for link in idle:
                self._close_unused(link)


def _session(transport: Transport, seconds: float) -> Channel:
    return transport.open_session(timeout=seconds)


def _seconds(deadline: float) -> float:
    """How long a single exchange may take."""
    return min(_OPEN_SECONDS, max(0.1, deadline - time.monotonic()))
