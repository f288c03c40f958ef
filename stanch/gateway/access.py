"""Who may speak to the gateway: senders with the token, and what runs on this very machine.

Without a token "this machine" is all that is known of a peer, so it is looked at closely: a web page opened
here can send requests to loopback too, and a proxy here speaks for somebody else.
"""

from __future__ import annotations

import hmac
from base64 import b64decode
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

from starlette.exceptions import HTTPException
from starlette.requests import Request

from stanch.errors import InvalidInput
from stanch.language.plan import Json
from stanch.secrets import resolve

_ONLY_HERE = (
    "only this machine may send alerts until gateway.alert_token (or STANCH_GATEWAY_ALERT_TOKEN) is set"
)
_FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip")


def read_token(value: Json) -> str:
    """The token that `gateway.alert_token` stands for; empty when none is configured. Raises InvalidInput."""
    if value == "":
        return ""
    try:
        token = str(resolve(value)[0]).strip()
    except InvalidInput as error:
        raise InvalidInput(f"gateway.alert_token: {error}") from error
    if not token:
        raise InvalidInput("gateway.alert_token is empty; without a token only this machine may send alerts")
    return token


def require_sender(request: Request, token: str) -> None:
    """Let pass who shows the token, or, when there is none, this machine. Raises HTTPException 401 or 403."""
    if not token:
        require_here(request, _ONLY_HERE)
        return
    shown = bearer(request)
    if shown is None or not hmac.compare_digest(shown, token.encode()):
        raise HTTPException(
            401,
            "show gateway.alert_token as `Authorization: Bearer ...` (Alertmanager: `http_config`)",
            {"WWW-Authenticate": "Bearer"},
        )


def bearer(request: Request) -> bytes | None:
    """The bearer token that the request shows; None when it shows none."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    # Headers arrive as latin-1; compare_digest takes text only if it is ASCII.
    return shown.strip().encode("latin-1") if scheme.lower() == "bearer" else None


def read_password(request: Request) -> bytes | None:
    """The password that a browser's dialogue sends (RFC 7617); None when it sends none."""
    scheme, _, shown = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        return b64decode(shown.strip(), validate=True).partition(b":")[2]
    except ValueError:
        return b""


def require_here(request: Request, rule: str) -> None:
    """Let pass what runs on this machine and speaks for itself. Raises HTTPException 403 with `rule`."""
    if reason := _foreign(request):
        raise HTTPException(403, f"{rule}; {reason}")


def _foreign(request: Request) -> str:
    """Why the request is not this machine's own; empty when it is."""
    peer = request.client.host if request.client else ""
    if not _is_loopback(peer):
        return f"this request came from {peer or 'an unknown address'}"
    if proxy := next((name for name in _FORWARDED if name in request.headers), None):
        return f"this request came through a proxy (it has `{proxy}`)"
    host = _name(f"//{request.headers.get('host', '')}")
    if not (host == "localhost" or _is_loopback(host)):
        return "this request names another host than this machine (`Host`)"
    if "origin" in request.headers and not _same_origin(request):
        return "this request was made by a web page of another site (`Origin`)"
    return ""


def _same_origin(request: Request) -> bool:
    try:
        return urlsplit(request.headers["origin"]).netloc == request.headers.get("host")
    except ValueError:
        return False


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _is_loopback(host: str) -> bool:
    try:
        address = ip_address(host)
    except ValueError:
        return False
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    return address.is_loopback
