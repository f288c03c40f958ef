"""Who answered a request: the address that was connected to, and the certificate that was shown."""

from __future__ import annotations

import ssl
import time
from datetime import UTC, datetime

import httpx

from stanch.language.plan import Json

_DAY = 86400


def peer_of(response: httpx.Response) -> dict[str, Json]:
    """`address` and `tls`, each as far as it is known; of an answer that is still open."""
    stream = response.extensions.get("network_stream")
    if stream is None:
        return {}
    found: dict[str, Json] = {}
    address = stream.get_extra_info("server_addr")
    if isinstance(address, tuple) and len(address) >= 2:
        host = f"[{address[0]}]" if ":" in str(address[0]) else str(address[0])
        found["address"] = f"{host}:{address[1]}"
    session = stream.get_extra_info("ssl_object")
    if isinstance(session, ssl.SSLObject | ssl.SSLSocket) and (tls := _tls(session)):
        found["tls"] = tls
    return found


def _tls(session: ssl.SSLObject | ssl.SSLSocket) -> dict[str, Json]:
    shown = session.getpeercert() or {}
    ends = shown.get("notAfter")
    if not isinstance(ends, str):
        return {}
    seconds = ssl.cert_time_to_seconds(ends)
    return {
        "protocol": session.version() or "",
        "not_after": datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "days_left": round((seconds - time.time()) / _DAY, 2),
    }
