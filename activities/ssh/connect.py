"""Make one connection: socket, host key, login. Whatever goes wrong here, nothing was executed.

Raises Unreachable for what may be better in a minute, and ActionRefused for what a person has to change: an
unacceptable host key, no key that the host lets in, no common algorithm.
"""

from __future__ import annotations

import contextlib
import logging
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial

from paramiko import (
    AuthenticationException,
    BadAuthenticationType,
    MissingHostKeyPolicy,
    PKey,
    SSHClient,
    SSHException,
    Transport,
)
from paramiko.auth_strategy import AuthSource, AuthStrategy, SourceResult
from paramiko.config import SSHConfig
from paramiko.ssh_exception import IncompatiblePeer

from activities.ssh.config import Target
from activities.ssh.keys import Offers
from activities.ssh.known_hosts import HostIdentity
from activities.ssh.transport import Socket, new_transport, settle_down
from stanch.errors import ActionRefused, Unreachable

_KEEPALIVE = 15
_GIVE_UP_MS = 45_000
_LOG = "stanch.ssh.transport"
# paramiko logs each failed connection as an error with a traceback. It reaches people as an error of ours.
logging.getLogger(_LOG).setLevel(logging.CRITICAL)


def tcp_socket(target: Target, seconds: float) -> socket.socket:
    try:
        sock = socket.create_connection((target.host, target.port), timeout=seconds)
    except socket.gaierror as error:
        raise Unreachable(f"{target}: the name `{target.host}` is not known: {error.strerror}") from None
    except TimeoutError:
        raise Unreachable(f"{target}: no answer within {seconds:.0f}s") from None
    except ConnectionRefusedError:
        raise Unreachable(f"{target}: it refused the connection") from None
    except OSError as error:
        raise Unreachable(f"{target}: {error.strerror or error}") from None
    # Small messages one after the other otherwise wait for each other's acknowledgement, 40 ms a time.
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    # paramiko's keepalives expect no answer. This makes them notice a host that is gone without a word.
    if user_timeout := getattr(socket, "TCP_USER_TIMEOUT", None):
        sock.setsockopt(socket.IPPROTO_TCP, user_timeout, _GIVE_UP_MS)
    return sock


def proxy_socket(command: str) -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A connection that is the stdin and stdout of `command`, a shell text of the client's configuration.

    paramiko's own ProxyCommand never notices that the command has ended.
    """
    ours, theirs = socket.socketpair()
    with theirs:
        process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=theirs.fileno(),
            stdout=theirs.fileno(),
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    return ours, process


def login(target: Target, sock: Socket, seconds: float) -> Transport:
    """An authenticated connection over `sock`, which it owns from now on."""
    client = SSHClient()
    client.set_log_channel(_LOG)
    with contextlib.ExitStack() as undo, _errors(target, seconds):
        undo.callback(sock.close)
        undo.callback(client.close)
        identity = HostIdentity(target)
        client.set_missing_host_key_policy(_KnownHostOnly(identity))
        # The client's own host keys stay empty, so every key comes before the policy.
        client.connect(
            target.host,
            target.port,
            username=target.user,
            sock=sock,
            timeout=seconds,
            banner_timeout=seconds,
            auth_timeout=seconds,
            transport_factory=partial(new_transport, kinds=identity.kinds),
            auth_strategy=_Login(target, seconds),
        )
        connected = client.get_transport()
        if connected is None:
            raise EOFError
        connected.set_keepalive(_KEEPALIVE)
        settle_down(sock)
        undo.pop_all()
    return connected


@contextlib.contextmanager
def _errors(target: Target, seconds: float) -> Iterator[None]:
    try:
        yield
    except IncompatiblePeer as error:
        raise ActionRefused(f"{target}: no algorithm that both sides know: {error}") from None
    except TimeoutError:
        raise Unreachable(f"{target}: no answer within {seconds:.0f}s") from None
    except (SSHException, EOFError, OSError) as error:
        reason = str(error).removesuffix(".") or "the connection was closed"
        raise Unreachable(f"{target}: it broke off while connecting: {reason}") from None


class _KnownHostOnly(MissingHostKeyPolicy):
    def __init__(self, identity: HostIdentity) -> None:
        self._identity = identity

    def missing_host_key(self, client: SSHClient, hostname: str, key: PKey) -> None:  # noqa: ARG002
        self._identity.check(key)


class _Login(AuthStrategy):
    """Public keys, one after the other. paramiko's own loop goes on after the connection has broken, and
    reports whatever failed last."""

    def __init__(self, target: Target, seconds: float) -> None:
        super().__init__(SSHConfig())
        self._target = target
        self._seconds = seconds

    def get_sources(self) -> Iterator[AuthSource]:
        return iter(())

    def authenticate(self, transport: Transport) -> list[SourceResult]:
        refused: list[str] = []
        end = time.monotonic() + self._seconds
        with Offers(self._target) as offers:
            for name, key in offers:
                try:
                    more = transport.auth_publickey(self._target.user, key)
                except BadAuthenticationType as error:
                    raise ActionRefused(
                        f"{self._target}: it lets nobody in by key, only by {', '.join(error.allowed_types)}"
                    ) from None
                except AuthenticationException:
                    if time.monotonic() >= end:
                        raise TimeoutError from None
                    if not transport.is_active() and not refused:
                        raise EOFError from None
                    refused.append(name)
                    if not transport.is_active():
                        break  # most servers hang up after six keys
                else:
                    if more:
                        raise ActionRefused(f"{self._target}: it also wants {' or '.join(more)} to log in")
                    return []
        raise ActionRefused(_locked_out(self._target, refused, offers.unusable))


def _locked_out(target: Target, refused: list[str], unusable: list[str]) -> str:
    tried = f"it refused {', '.join(refused)}" if refused else "there is no key to try"
    rest = f" (not usable: {'; '.join(unusable)})" if unusable else ""
    return (
        f"{target}: cannot log in as `{target.user}`: {tried}{rest}; name the right key with `IdentityFile`"
    )
