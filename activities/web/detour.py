"""Connect elsewhere than a URL says, as `curl --connect-to` does.

Only the address changes. The URL's host stays in the `Host` header, in what TLS asks for (SNI) and in the
check of the certificate, so whoever answers has shown that it may speak for that host.
"""

from __future__ import annotations

import re
import ssl

import httpx

_PLACE = re.compile(r"(?P<host>[A-Za-z0-9_.-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>[0-9]{1,5}))?")


class Detour(httpx.AsyncBaseTransport):
    """Requests to the scheme, host and port of `url` connect to `place` (`HOST[:PORT]`; the URL's port unless
    given), all others to where their own URL says. No proxy is used. Raises httpx.InvalidURL."""

    def __init__(self, url: str, place: str, verify: ssl.SSLContext) -> None:
        asked = httpx.URL(url)
        self._asked = origin(asked)
        self._host, self._port = _read(place, asked.port)
        # A pool knows a connection by its address alone, and its certificate was checked for one name: a
        # redirect to `place` itself must not be sent on a connection made in the name of another host.
        self._there = httpx.AsyncHTTPTransport(verify=verify)
        self._others = httpx.AsyncHTTPTransport(verify=verify)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if origin(request.url) != self._asked:
            return await self._others.handle_async_request(request)
        name = request.url.raw_host.decode("ascii")
        moved = httpx.Request(
            request.method,
            request.url.copy_with(host=self._host, port=self._port),
            headers=request.headers,
            stream=request.stream,
            extensions={**request.extensions, "sni_hostname": name},
        )
        return await self._there.handle_async_request(moved)

    async def aclose(self) -> None:
        await self._there.aclose()
        await self._others.aclose()


def origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """What two URLs have in common that lead to the same server."""
    return url.scheme, url.host, url.port


def _read(place: str, port: int | None) -> tuple[str, int | None]:
    found = _PLACE.fullmatch(place)
    if found is None:
        raise httpx.InvalidURL(f"`connect_to` is `{place}`, which is no `HOST` or `HOST:PORT`")
    if found["port"] is None:
        return found["host"], port
    if not 0 < int(found["port"]) < 65536:
        raise httpx.InvalidURL(f"`connect_to` is `{place}`, and there is no port {found['port']}")
    return found["host"], int(found["port"])
