"""One HTTP exchange with limits on time and size, and with errors sorted by whether anything was executed.

Shared by the actions that speak HTTP. A request counts as sent from the moment its first byte may have left;
what goes wrong before is `Unreachable`. What goes wrong afterwards is `Unreachable` for a safe request, which
executes nothing, and `OutcomeUnknown` for any other, unless the status had arrived: that is the answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookiejar import CookieJar, DefaultCookiePolicy
from socket import gaierror

import httpx

from activities.web.client_certificate import show_certificate
from activities.web.detour import Detour, origin
from activities.web.peer import peer_of
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.duration import format_duration
from stanch.language.plan import Json

# httpx logs every URL at INFO and httpcore every header at DEBUG; either may hold a resolved secret.
for _noisy in ("httpx", "httpcore"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

_HEADERS = {"accept": "*/*", "accept-encoding": "identity", "user-agent": "stanch"}
_FRESH = {"cache-control": "no-cache", "pragma": "no-cache"}
"""What asks every cache on the way to ask the origin; those of HTTP/1.0 know only the second."""
_FRAMING = {"content-length", "transfer-encoding"}
_HOPS = 10


@dataclass(frozen=True, slots=True)
class Ask:
    """A request and the limits of its answer. `safe`: it executes nothing, whatever its method is."""

    method: str
    url: str
    safe: bool
    timeout: float
    """Seconds for all of it, from the connection to the last byte."""
    limit: int
    """Bytes of the body that are read; the rest is left on the wire."""
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str | list[str]] = field(default_factory=dict)
    form: Mapping[str, str | list[str]] | None = None
    content: bytes | None = None
    follow: bool = False
    ca_file: str = ""
    certificate: Mapping[str, Json] | None = field(default=None, repr=False)
    """`certificate` and `key` to show to a server that wants to know who asks."""
    connect_to: str | None = None
    """`HOST[:PORT]` to connect to instead of what the URL names, which stays the host that is asked for, in
    the header as in the certificate. Not for redirects to other hosts."""
    fresh: bool = False
    """No cache on the way may answer by itself."""

    def __str__(self) -> str:
        place = "" if self.connect_to is None else f" at {self.connect_to}"
        return f"{self.method} {shown(self.url)}{place}"


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Lower-case names; `set-cookie` is left out, since it is a credential."""
    body: bytes
    truncated: bool
    seconds: float
    url: str
    place: str
    """Where it was connected to instead of the URL's host; empty when it was that."""
    first_byte: float = 0.0
    """Seconds until the status was there."""
    peer: Mapping[str, Json] = field(default_factory=dict)
    """What is known of who answered: `address`, and of a server that speaks TLS `tls`."""

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def charset(self) -> str:
        return httpx.Response(self.status, headers=dict(self.headers)).charset_encoding or "utf-8"


@dataclass(slots=True)
class _Course:
    """How far an exchange has come, for the sorting of its errors."""

    began: float = field(default_factory=time.monotonic)
    sent: bool = False
    response: httpx.Response | None = None
    body: bytearray = field(default_factory=bytearray)
    answered: float = 0.0
    peer: Mapping[str, Json] = field(default_factory=dict)

    async def trace(self, event: str, _: Mapping[str, object]) -> None:
        self.sent = self.sent or event.endswith("send_request_headers.started")


class Web:
    """Keeps connections between steps. Belongs to one event loop; close it when the worker ends."""

    def __init__(self) -> None:
        self._kept: httpx.AsyncClient | None = None
        self._trusted: ssl.SSLContext | None = None

    async def close(self) -> None:
        if self._kept is not None:
            await self._kept.aclose()
            self._kept = None

    async def exchange(self, ask: Ask) -> Answer:
        """The answer to `ask`, whatever its status. Raises InvalidInput, Unreachable, OutcomeUnknown, or
        ActionRefused for redirects that lead nowhere."""
        course = _Course()
        try:
            async with asyncio.timeout(ask.timeout), self._client(ask) as client:
                await _run(client, ask, course)
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError, OSError, ValueError) as error:
            failed = _sorted(error, ask, course)
        else:
            return _answer(course, ask, truncated=len(course.body) > ask.limit)
        if failed is None:
            return _answer(course, ask, truncated=True)
        raise failed

    @asynccontextmanager
    async def _client(self, ask: Ask) -> AsyncIterator[httpx.AsyncClient]:
        # A kept connection may be closed by the server at the very moment it is used again. That is a
        # repetition for a safe request and a doubt that wakes people up for any other.
        if ask.safe and not ask.ca_file and ask.connect_to is None and ask.certificate is None:
            self._kept = self._kept or _new_client(self._trust(""))
            yield self._kept
        else:
            verify = self._trust(ask.ca_file, ask.certificate)
            detour = None if ask.connect_to is None else Detour(ask.url, ask.connect_to, verify)
            async with _new_client(verify, detour) as client:
                yield client

    def _trust(self, ca_file: str, certificate: Mapping[str, Json] | None = None) -> ssl.SSLContext:
        if certificate is not None:
            trusting = self._trust(ca_file) if ca_file else httpx.create_ssl_context()
            show_certificate(trusting, certificate)
            return trusting
        if not ca_file:
            # Reading the public authorities takes 20 ms, too much for each change.
            self._trusted = self._trusted or httpx.create_ssl_context()
            return self._trusted
        try:
            return ssl.create_default_context(cafile=ca_file)
        except OSError as error:
            reason = error.strerror or str(error)
            raise InvalidInput(f"`ca_file` `{ca_file}` is no file of PEM certificates: {reason}") from None


def shown(url: str) -> str:
    """`url` for a message: without its query, which may be long or private."""
    return url.partition("?")[0].partition("#")[0]


def status_text(status: int) -> str:
    """`503 Service Unavailable`; the number alone when it has no registered name."""
    named = {known.value: known.phrase for known in HTTPStatus}
    return f"{status} {named[status]}" if status in named else str(status)


def _new_client(verify: ssl.SSLContext, detour: Detour | None = None) -> httpx.AsyncClient:
    # No cookie may wander from one run into another.
    jar = CookieJar(policy=DefaultCookiePolicy(allowed_domains=[]))
    # `exchange` has the limit of time.
    return httpx.AsyncClient(verify=verify, timeout=None, cookies=jar, transport=detour)  # noqa: S113


async def _run(client: httpx.AsyncClient, ask: Ask, course: _Course) -> None:
    """Send, follow redirects, and read the body up to the limit; `course` says how far that came."""
    request = _request(ask, course)
    for _ in range(_HOPS + 1):
        response = await client.send(request, stream=True, auth=None)
        following = response.next_request if ask.follow else None
        if following is not None and _elsewhere(following.url, ask):
            following = _for_others(following, ask)
        if following is None:
            course.response = response
            course.answered = time.monotonic()
            course.peer = peer_of(response)
            break
        await response.aclose()
        request = following
    else:
        raise httpx.TooManyRedirects(f"more than {_HOPS} redirects")
    try:
        async for chunk in response.aiter_bytes():
            course.body += chunk
            if len(course.body) > ask.limit:
                break
    finally:
        await response.aclose()


def _request(ask: Ask, course: _Course) -> httpx.Request:
    url = httpx.URL(ask.url)
    if url.scheme not in ("http", "https") or not url.host:
        raise httpx.UnsupportedProtocol("a URL begins with `http://` or `https://` and has a host")
    if url.userinfo:
        raise InvalidInput(f"{ask.method} {url.host}: name and password do not belong into a URL; use `auth`")
    if url.port is not None and not 0 < url.port < 65536:
        raise httpx.InvalidURL(f"there is no port {url.port}")
    if framing := _FRAMING & {name.lower() for name in ask.headers}:
        raise InvalidInput(f"{ask}: the header `{min(framing)}` follows from the body and cannot be given")
    standing = _HEADERS | _FRESH if ask.fresh else _HEADERS
    return httpx.Request(
        ask.method,
        url.copy_merge_params(ask.query) if ask.query else url,
        headers=standing | {name.lower(): value for name, value in ask.headers.items()},
        data=ask.form,
        content=ask.content,
        extensions={"trace": course.trace},
    )


def _elsewhere(url: httpx.URL, ask: Ask) -> bool:
    return origin(url) != origin(httpx.URL(ask.url))


def _for_others(request: httpx.Request, ask: Ask) -> httpx.Request | None:
    """Another host must not be shown what a step sends to the one it named: it gets no header of the step's,
    and what has a body, or comes with a certificate, is not repeated there."""
    if request.method not in ("GET", "HEAD") or ask.certificate is not None:
        return None
    for name in ask.headers:
        request.headers.pop(name, None)
    return request


def _answer(course: _Course, ask: Ask, *, truncated: bool) -> Answer:
    response = course.response
    assert response is not None
    headers = {name.lower(): value for name, value in response.headers.items()}
    headers.pop("set-cookie", None)
    return Answer(
        status=response.status_code,
        headers=headers,
        body=bytes(course.body[: ask.limit]),
        truncated=truncated,
        seconds=round(time.monotonic() - course.began, 3),
        url=str(response.url),
        first_byte=round(course.answered - course.began, 3),
        peer=course.peer,
        place="" if _elsewhere(response.url, ask) else ask.connect_to or "",
    )


def _sorted(error: Exception, ask: Ask, course: _Course) -> StanchError | None:
    """What `error` means; None when the status that came before it is the answer."""
    if isinstance(error, httpx.LocalProtocolError):
        # It was found while the request was put together; its own text would show the header's value.
        return InvalidInput(f"{ask}: a header has characters that HTTP does not allow")
    reason = _reason(error, ask)
    if isinstance(error, httpx.TooManyRedirects):
        return ActionRefused(f"{ask}: {reason}")
    if not course.sent or _is_turned_away(error):
        wrong = isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL | ValueError)
        return InvalidInput(f"{ask}: {reason}") if wrong else Unreachable(f"{ask}: {reason}")
    if ask.safe:
        return Unreachable(f"{ask}: {reason}")
    if course.response is not None:
        return None
    return OutcomeUnknown(f"{ask}: the request was sent, then {reason}; nobody knows whether it was executed")


def _reason(error: BaseException, ask: Ask) -> str:
    """The innermost cause in the system's own words; httpx only says that all attempts failed."""
    if isinstance(error, TimeoutError):
        return f"no answer within {format_duration(ask.timeout)}"
    for cause in reversed(_causes(error)):
        match cause:
            case ssl.SSLError() if _turns_away(cause):
                shown_one = (
                    "the client's certificate" if ask.certificate else "a client without a certificate"
                )
                return f"it does not accept {shown_one}: {_alert(cause)}"
            case ssl.SSLCertVerificationError():
                return f"its certificate is not trusted: {cause.verify_message}"
            case gaierror():
                return "its name has no address"
            case OSError() if cause.errno:
                # asyncio puts its own text and the address where the system's words belong.
                return _lowered(os.strerror(cause.errno))
    return _lowered(str(error).removesuffix(".")) or type(error).__name__


def _is_turned_away(error: BaseException) -> bool:
    """Whether the server ended the handshake over the client's certificate. With TLS 1.3 a request may be on
    its way by then; nobody has read it."""
    return any(isinstance(cause, ssl.SSLError) and _turns_away(cause) for cause in _causes(error))


def _turns_away(error: ssl.SSLError) -> bool:
    reason = error.reason or ""
    return "ALERT" in reason and ("CERTIFICATE" in reason or "UNKNOWN_CA" in reason)


def _alert(error: ssl.SSLError) -> str:
    """`certificate required` of `TLSV13_ALERT_CERTIFICATE_REQUIRED`."""
    return (error.reason or "").partition("ALERT_")[2].replace("_", " ").lower()


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]


def _causes(error: BaseException) -> list[BaseException]:
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        within = found.exceptions[0] if isinstance(found, BaseExceptionGroup) else None
        found = within or found.__cause__ or found.__context__
    return chain
