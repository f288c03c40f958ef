"""The certificate by which a client shows who it is (mutual TLS), with its key from a secret."""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from stanch.errors import InvalidInput
from stanch.language.plan import Json


def show_certificate(trusting: ssl.SSLContext, given: Mapping[str, Json]) -> None:
    """Let `trusting` show the certificate of `given`: `certificate` is PEM, or a file of it on this worker,
    and `key` is PEM. Raises InvalidInput, never with a part of the key."""
    certificate, key = str(given["certificate"]), str(given["key"])
    if "-----BEGIN" not in certificate:
        certificate = _read(certificate)
    # OpenSSL reads files only. This one is its owner's alone, and gone before anything is sent.
    handle, name = tempfile.mkstemp(prefix="stanch-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(f"{certificate.strip()}\n{key.strip()}\n")
        # Without `password` OpenSSL would ask for one at the worker's terminal.
        trusting.load_cert_chain(name, password="")
    except (ssl.SSLError, UnicodeEncodeError):
        raise InvalidInput(
            "`client_certificate` is no certificate with its key: both are PEM, the key is that of the "
            "certificate and has no password"
        ) from None
    finally:
        Path(name).unlink(missing_ok=True)


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        reason = (error.strerror or "") if isinstance(error, OSError) else "it is no text"
        raise InvalidInput(
            f"the certificate `{path}` of `client_certificate` cannot be read: {reason.lower()}"
        ) from None
