"""A TLS server that shows the certificate which it has loaded, whatever its files hold by now."""

from __future__ import annotations

import contextlib
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.activities.test_probes import Authority

NAME = "db.example.org"
_PEM = serialization.Encoding.PEM


@dataclass(slots=True)
class Secure:
    """`folder` has what it loads, what was renewed, and `reload`, which makes it load."""

    folder: Path
    root: Authority = field(default_factory=lambda: Authority("root"))
    port: int = 0
    context: ssl.SSLContext = field(default_factory=lambda: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    busy: Any = field(default_factory=threading.Lock)

    @property
    def inputs(self) -> dict[str, Any]:
        files = {
            "certificate": "server.pem",
            "key": "server.key",
            "renewed_certificate": "new.pem",
            "renewed_key": "new.key",
            "authority": "root.pem",
        }
        places = {name: str(self.folder / file) for name, file in files.items()}
        return {**places, "name": NAME, "reload": f"touch {self.folder / 'reload'}"}

    def issue(self, name: str, days: float) -> str:
        """A certificate and its key, as NAME.pem and NAME.key; gives its fingerprint."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
        held = self.root.sign(subject, key.public_key(), days)
        plain = serialization.NoEncryption()
        private = key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, plain)
        for file, content in ((f"{name}.pem", held.public_bytes(_PEM)), (f"{name}.key", private)):
            (self.folder / file).write_bytes(content)
            (self.folder / file).chmod(0o666)  # the account of the hosts writes it too
        return held.fingerprint(hashes.SHA256()).hex()

    def load(self) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")

    def now(self) -> ssl.SSLContext:
        """What a client is shown that comes now."""
        with self.busy:
            asked = self.folder / "reload"
            if asked.exists():
                asked.unlink()
                self.load()
            return self.context

    def shown(self) -> str:
        """The fingerprint of what a client is shown."""
        der = ssl.PEM_cert_to_DER_cert(ssl.get_server_certificate(("127.0.0.1", self.port), timeout=10))
        return x509.load_der_x509_certificate(der).fingerprint(hashes.SHA256()).hex()


@contextmanager
def start_secure(folder: Path) -> Iterator[Secure]:
    """Its certificate, and the renewed one that it has not loaded, are still to be issued."""
    folder.mkdir()
    folder.chmod(0o777)
    secure = Secure(folder)
    (folder / "root.pem").write_bytes(secure.root.held.public_bytes(_PEM))

    class Showing(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.settimeout(10)
            with (
                contextlib.suppress(OSError),
                secure.now().wrap_socket(self.request, server_side=True) as one,
            ):
                one.recv(1)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads, block_on_close = True, False

    with Server(("127.0.0.1", 0), Showing) as server:
        secure.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True)
        thread.start()
        try:
            yield secure
        finally:
            server.shutdown()
            thread.join(10)
