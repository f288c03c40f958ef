"""HashiCorp Vault, or OpenBao: its KV secrets engine of version 2, and the logins that a machine has."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from activities.secrets.place import InVault
from activities.web.data import parsed
from activities.web.exchange import Answer, Ask, Web, status_text
from stanch.errors import InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json
from stanch.secrets import redact, resolve

_TIMEOUT = 10.0
_LIMIT = 4 * 1024 * 1024
_AGAIN = (412, 429)
"""It has not caught up with a change of its own, or answers too many at once."""
_OF_A_POD = "/var/run/secrets/kubernetes.io/serviceaccount/token"


class Vault:
    """One server as `settings` of the configuration say: `url`, and `token`, or `user` and `password` (the
    role id and the secret id of AppRole), or `role` (a service account of Kubernetes)."""

    def __init__(self, settings: Mapping[str, Json]) -> None:
        self._given = settings
        self._web = Web()
        self._logging_in = asyncio.Lock()
        self._login: tuple[str, float] | None = None
        """A token that was given for a login, and the moment until which it is used."""

    async def close(self) -> None:
        await self._web.close()

    async def read(self, place: InVault) -> Mapping[str, Json]:
        """The fields of a version. Raises InvalidInput and Unreachable."""
        settings, _ = resolve(self._given)
        if "url" not in settings:
            raise InvalidInput("the system `vault` of this worker's configuration has no `url`")
        query = {"version": str(place.version)} if place.version else {}
        path = f"{_quoted(place.mount)}/data/{_quoted(place.path)}"
        held = self._login
        answer = await self._get(settings, path, query)
        if answer.status == HTTPStatus.FORBIDDEN and held is not None:
            # A token that was revoked, or used up, is answered as one that may not.
            if self._login is held:
                self._login = None
            answer = await self._get(settings, path, query)
        if answer.status == HTTPStatus.OK:
            return _fields(answer)
        raise _refusal(answer, place, path, settings.get("token") or (self._login or ("",))[0])

    async def _get(self, settings: Mapping[str, Json], path: str, query: Mapping[str, str]) -> Answer:
        token = settings.get("token")
        if not token:
            async with self._logging_in:
                token = await self._logged_in(settings)
        return await self._exchange(settings, "GET", path, {"x-vault-token": token}, query=query)

    async def _logged_in(self, settings: Mapping[str, Json]) -> str:
        if self._login is not None and time.monotonic() < self._login[1]:
            return self._login[0]
        began = time.monotonic()
        method, body = _credentials(settings)
        path = f"auth/{_quoted(settings.get('login', method))}/login"
        answer = await self._exchange(settings, "POST", path, {}, body=body)
        if answer.status != HTTPStatus.OK:
            raise _sorted(answer, f"logging in at `{path}`", list(body.values()))
        match _document(answer):
            case {"auth": {"client_token": str() as token, "lease_duration": int() as lasts}} if token:
                # One that has no end has 0. It is left some time before its end, as answers take theirs.
                self._login = (token, began + (0.9 * lasts or math.inf))
                return token
        raise InvalidInput(f"logging in at `{path}`, Vault gave no token")

    async def _exchange(
        self,
        settings: Mapping[str, Json],
        method: str,
        path: str,
        headers: Mapping[str, str],
        *,
        query: Mapping[str, str] | None = None,
        body: Json = None,
    ) -> Answer:
        namespace = {"x-vault-namespace": settings["namespace"]} if "namespace" in settings else {}
        ask = Ask(
            method=method,
            url=f"{settings['url'].rstrip('/')}/v1/{path}",
            safe=True,
            timeout=_TIMEOUT,
            limit=_LIMIT,
            # An agent of Vault's on the way may ask for the header, lest a web page speaks to it.
            headers={"x-vault-request": "true", **namespace, **headers},
            query=query or {},
            content=json.dumps(body).encode() if body is not None else None,
            ca_file=settings.get("ca_file", ""),
        )
        return await self._web.exchange(ask)


def _quoted(path: str) -> str:
    return quote(path.strip("/"), safe="/")


def _credentials(settings: Mapping[str, Json]) -> tuple[str, Mapping[str, str]]:
    """The method's usual mount, and what it wants to see. Raises InvalidInput."""
    if "user" in settings and "password" in settings:
        return "approle", {"role_id": settings["user"], "secret_id": settings["password"]}
    if "role" not in settings:
        raise InvalidInput(
            "the system `vault` of this worker's configuration needs `token`, or `user` and `password` (of "
            "an AppRole), or `role` (of Kubernetes)"
        )
    file = settings.get("file", _OF_A_POD)
    try:
        return "kubernetes", {"role": settings["role"], "jwt": Path(file).read_text("utf-8").strip()}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise InvalidInput(f"the worker cannot read the service account's token `{file}`: {reason}") from None


def _fields(answer: Answer) -> Mapping[str, Json]:
    match _document(answer):
        case {"data": {"data": dict() as fields, "metadata": dict()}}:
            return fields
    raise InvalidInput("Vault's answer is none of a KV secrets engine of version 2")


def _refusal(answer: Answer, place: InVault, path: str, token: str) -> StanchError:
    if answer.status == HTTPStatus.NOT_FOUND:
        return InvalidInput(_missing(answer, place))
    failed = _sorted(answer, f"reading `{path}`", [token])
    if answer.status != HTTPStatus.FORBIDDEN:
        return failed
    return InvalidInput(f"{failed}; a policy of the worker's token has to give it `read` on `{path}`")


def _missing(answer: Answer, place: InVault) -> str:
    """What is not there: a version of its own is told of with a body."""
    match _document(answer):
        case {"data": {"metadata": {"version": version, "destroyed": True}}}:
            return f"version {version} of it was destroyed"
        case {"data": {"metadata": {"version": version, "deletion_time": moment}}}:
            return f"version {version} of it was deleted at {moment}"
    version = f" of version {place.version}" if place.version else ""
    return (
        f"Vault has nothing{version} at `{place.path}` in the mount `{place.mount}`, or no KV secrets engine "
        "of version 2 there"
    )


def _sorted(answer: Answer, what: str, known: list[str]) -> StanchError:
    """Whether to ask again later, or to change something first."""
    said = f"{what}, Vault answered {status_text(answer.status)}"
    errors = _document(answer).get("errors")
    if isinstance(errors, list) and (words := " ".join("; ".join(map(str, errors)).split())[:300]):
        said = f"{said}: {redact(words, known)}"
    if answer.status >= 500 or answer.status in _AGAIN:
        return Unreachable(said)
    if 300 <= answer.status < 400:
        return InvalidInput(f"{said}; the system's `url` has to be one that answers by itself")
    return InvalidInput(said)


def _document(answer: Answer) -> Mapping[str, Json]:
    try:
        document = parsed(answer.body)
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {}
