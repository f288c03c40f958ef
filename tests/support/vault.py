"""A real OpenBao for tests, which has Vault's API: in memory, over TLS, unsealed."""

from __future__ import annotations

import base64
import contextlib
import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx

from stanch.language.plan import Json
from tests.support.process import running
from tests.support.sshd import unused_port
from tests.support.temporal import binary
from tests.support.until import until

ROOT = "root-of-the-test"


@dataclass(frozen=True, slots=True)
class Vault:
    url: str
    ca_file: Path
    folder: Path

    def settings(self, **login: Json) -> dict[str, Json]:
        """Of a system in the worker's configuration."""
        return {"kind": "vault", "url": self.url, "ca_file": str(self.ca_file), **login}

    def ask(self, method: str, path: str, body: Json = None, namespace: str = "") -> Json:
        """As its administrator."""
        headers = {"x-vault-token": ROOT, "x-vault-namespace": namespace}
        trusted = ssl.create_default_context(cafile=self.ca_file)
        with httpx.Client(verify=trusted) as client:
            answer = client.request(method, f"{self.url}/v1/{path}", json=body, headers=headers, timeout=30)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def put(self, path: str, **fields: Json) -> None:
        self.ask("POST", f"secret/data/{path}", {"data": fields})

    def policy(self, name: str, *paths: str) -> None:
        """To read these paths."""
        rules = "\n".join(f'path "{path}" {{ capabilities = ["read"] }}' for path in paths)
        self.ask("PUT", f"sys/policies/acl/{name}", {"policy": rules})

    def token(self, policy: str, **more: Json) -> str:
        auth = self.ask("POST", "auth/token/create", {"policies": [policy], **more})["auth"]
        return str(auth["client_token"])

    def app_role(self, name: str, policy: str, **more: Json) -> dict[str, Json]:
        """A role that can log in, as settings."""
        if "approle/" not in self.ask("GET", "sys/auth"):
            self.ask("POST", "sys/auth/approle", {"type": "approle"})
        self.ask("POST", f"auth/approle/role/{name}", {"token_policies": [policy], **more})
        role = self.ask("GET", f"auth/approle/role/{name}/role-id")["data"]["role_id"]
        secret = self.ask("POST", f"auth/approle/role/{name}/secret-id")["data"]["secret_id"]
        return self.settings(user=role, password=secret)

    @contextlib.contextmanager
    def sealed(self) -> Iterator[None]:
        told = until(lambda: re.search(r"Unseal Key: (\S+)", (self.folder / "log").read_text()), "its key")
        self.ask("PUT", "sys/seal")
        try:
            yield
        finally:
            self.ask("PUT", "sys/unseal", {"key": told[1]})
            until(self.is_up, "it to be unsealed")

    def is_up(self) -> bool:
        try:
            self.put("ready")
        except (AssertionError, OSError, httpx.HTTPError):
            return False
        return True


@contextlib.contextmanager
def start_vault(folder: Path) -> Iterator[Vault]:
    """With a KV secrets engine of version 2 at `secret/`."""
    folder.mkdir()
    port = unused_port()
    command = [str(binary("bao")), "server", "-dev", f"-dev-root-token-id={ROOT}", "-dev-no-store-token"]
    command += [f"-dev-listen-address=127.0.0.1:{port}", "-dev-tls", f"-dev-tls-cert-dir={folder}"]
    started = Vault(f"https://127.0.0.1:{port}", folder / "vault-ca.pem", folder)
    with running(command, folder / "log") as process:
        until(lambda: started.is_up() or process.poll() is not None, "OpenBao")
        assert process.poll() is None, (folder / "log").read_text()
        yield started


def account_token(namespace: str, name: str) -> str:
    """What a pod of Kubernetes has as its token; the signature is for its API server to check."""
    parts = [
        {"alg": "RS256", "typ": "JWT"},
        {
            "iss": "https://kubernetes.default.svc.cluster.local",
            "sub": f"system:serviceaccount:{namespace}:{name}",
            "kubernetes.io": {"namespace": namespace, "serviceaccount": {"name": name, "uid": "u-1"}},
        },
    ]
    return ".".join([*map(_encoded, parts), _encoded({"signature": "none"})])


def _encoded(part: Json) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
