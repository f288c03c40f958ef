"""Real HTTP servers for the tests of actions: one that follows a script, and one that speaks raw bytes."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


@dataclass(frozen=True, slots=True)
class Got:
    """A request as it arrived."""

    at: float
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    port: int
    """Of the caller: the same as long as it keeps its connection."""


Reply = Callable[[Got], Response]


@dataclass(slots=True)
class Scripted:
    """Answers each request by `reply` and remembers it."""

    reply: Reply = field(default=lambda got: JSONResponse({}))
    got: list[Got] = field(default_factory=list)
    url: str = ""

    def methods(self) -> list[str]:
        return [one.method for one in self.got]

    async def endpoint(self, request: Request) -> Response:
        got = Got(
            at=time.monotonic(),
            method=request.method,
            path=request.url.path,
            query=request.url.query,
            headers=dict(request.headers),
            body=await request.body(),
            port=request.client.port if request.client else 0,
        )
        self.got.append(got)
        return self.reply(got)


@contextmanager
def served(app: ASGIApp, port: int = 0) -> Iterator[str]:
    """`app` on loopback, in a thread of its own; gives the base URL."""
    config = uvicorn.Config(app, port=port, log_level="error", lifespan="off", ws="none")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 10
    while not server.started and time.monotonic() < deadline and thread.is_alive():
        time.sleep(0.005)
    assert server.started, "the test's server did not start"
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = server.force_exit = True
        thread.join(10)


@contextmanager
def scripted(port: int = 0) -> Iterator[Scripted]:
    script = Scripted()
    app = Starlette(routes=[Route("/{path:path}", script.endpoint, methods=METHODS)])
    with served(app, port) as url:
        script.url = url
        yield script


@asynccontextmanager
async def raw(
    behave: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[str]:
    """A server that reads a request's head and then does with the connection what `behave` says."""

    handling: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        handling.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await behave(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in handling:
            task.cancel()
        await asyncio.gather(*handling, return_exceptions=True)


@dataclass(slots=True)
class Secure:
    """A server that speaks TLS, whose certificate is for one name, and what it was asked."""

    port: int
    authority: str
    """The file of the certificate, which vouches for itself."""
    names: list[str | None] = field(default_factory=list)
    """What each connection has asked for (SNI)."""
    heads: list[str] = field(default_factory=list)
    """Each request's first lines, up to the empty one."""
    reply: bytes = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


@asynccontextmanager
async def secure(folder: Path, name: str) -> AsyncIterator[Secure]:
    certificate, key = certificate_for(folder, name)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    started = Secure(0, str(certificate))
    context.sni_callback = lambda _, asked, __: started.names.append(asked)

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                started.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
                writer.write(started.reply)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, ssl=context)
    started.port = server.sockets[0].getsockname()[1]
    try:
        yield started
    finally:
        server.close()


def certificate_for(folder: Path, name: str) -> tuple[Path, Path]:
    """A certificate for `name`, a host or an address, that signs itself, and its key, in PEM files."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.datetime.now(datetime.UTC)
    try:
        subject: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        subject = x509.DNSName(name)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([subject]), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def until(condition: Callable[[], bool], seconds: float = 10.0) -> None:
    """Wait for `condition`, at most `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to pass in time"
        await asyncio.sleep(0.01)
