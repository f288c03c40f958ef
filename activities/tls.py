"""The action `tls`: the certificates that a server shows, and whether a client would trust them."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from activities.action import Context
from activities.places import places, why_not
from stanch.errors import InvalidInput, Unreachable
from stanch.language.plan import Json

_EACH = 10.0
_DAY = 86400


class Tls:
    """`tls` as an action."""

    name = "tls"

    async def close(self) -> None:
        """Nothing is kept between steps."""

    def failure(self, result: Json) -> str | None:
        results = result if isinstance(result, list) else [result]
        bad = [f"`{each['to']}`: {each['error']}" for each in results if not each["trusted"]]
        return "; ".join(bad[:10]) or None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """A result a place: `to trusted error days_left not_after subject issuer names chain protocol`."""
        seconds = min(context.timeout, _EACH)
        trusting = _trusting(params.get("ca_file", ""))
        name = params.get("server_name")
        asked = places(params, one=context.one)
        results = await asyncio.gather(
            *(_ask(*place, name or place[1], trusting, seconds) for place in asked)
        )
        return results[0] if context.one else list(results)


async def _ask(
    to: str, host: str, port: int, name: str, trusting: ssl.SSLContext, seconds: float
) -> dict[str, Json]:
    try:
        shown, protocol = await _shown(host, port, name, seconds)
    except (OSError, TimeoutError) as error:
        # Nothing was learned, so it is not the same as a certificate that is not trusted.
        raise Unreachable(f"`{to}`: {_reason(error, seconds)}") from None
    chain = [_certificate(x509.load_der_x509_certificate(der)) for der in shown]
    distrust = await _distrust(host, port, name, trusting, seconds)
    return {
        "to": to,
        "trusted": not distrust,
        "error": distrust,
        # Each of them has to be valid, so the first that ends is what counts.
        "days_left": min(each["days_left"] for each in chain),
        **{word: chain[0][word] for word in ("not_after", "subject", "issuer")},
        "names": _names(x509.load_der_x509_certificate(shown[0])),
        "chain": chain,
        "protocol": protocol,
    }


async def _shown(host: str, port: int, name: str, seconds: float) -> tuple[list[bytes], str]:
    """The chain as the server shows it, without a judgement."""
    anything = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    anything.check_hostname = False
    anything.verify_mode = ssl.CERT_NONE
    async with asyncio.timeout(seconds):
        _, writer = await asyncio.open_connection(host, port, ssl=anything, server_hostname=name)
        session = writer.get_extra_info("ssl_object")
        try:
            return _chain(session), session.version() or ""
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _chain(session: ssl.SSLObject) -> list[bytes]:
    if hasattr(session, "get_unverified_chain"):  # from Python 3.13 on
        return [bytes(each) for each in session.get_unverified_chain()]
    shown = session._sslobj.get_unverified_chain() or ()  # type: ignore[attr-defined]  # noqa: SLF001
    return [ssl.PEM_cert_to_DER_cert(each.public_bytes()) for each in shown]


async def _distrust(host: str, port: int, name: str, trusting: ssl.SSLContext, seconds: float) -> str:
    """Why a client would not go on; empty when it would."""
    try:
        async with asyncio.timeout(seconds):
            _, writer = await asyncio.open_connection(host, port, ssl=trusting, server_hostname=name)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
    except (OSError, TimeoutError) as error:
        return _reason(error, seconds)
    return ""


def _reason(error: Exception, seconds: float) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"it does not speak TLS as we do: {(error.reason or str(error)).lower().replace('_', ' ')}"
    return why_not(error, seconds)


def _trusting(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InvalidInput(f"`ca_file` `{ca_file}` is no file of PEM certificates: {reason}") from None


def _certificate(held: x509.Certificate) -> dict[str, Json]:
    ends = held.not_valid_after_utc
    return {
        "subject": held.subject.rfc4514_string(),
        "issuer": held.issuer.rfc4514_string(),
        "not_before": _moment(held.not_valid_before_utc),
        "not_after": _moment(ends),
        "days_left": round((ends.timestamp() - time.time()) / _DAY, 2),
        "sha256": held.fingerprint(hashes.SHA256()).hex(),
    }


def _moment(when: datetime) -> str:
    return when.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _names(held: x509.Certificate) -> Sequence[str]:
    try:
        names = held.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [str(each.value) for each in names if isinstance(each, x509.DNSName | x509.IPAddress)]
