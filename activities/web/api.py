"""A system's own API over HTTP: JSON both ways, the system's credentials, and its refusals in its words."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any

from activities.action import Context
from activities.web.data import parsed
from activities.web.exchange import Answer, Ask, Web, shown, status_text
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_LIMIT = 4 * 1024 * 1024
_AWAY = (502, 503, 504)
_OF_A_GATEWAY = (502, 504)
"""What a proxy says that got no answer: its server may have done what was asked for."""


class Api:
    """`system` as `settings` of the configuration describe it: `url`, and `token`, or `user` and `password`.

    `bearer`: what stands before the token in `Authorization`; some vendors want it bare.
    """

    def __init__(
        self,
        web: Web,
        system: str,
        settings: Mapping[str, Json],
        context: Context,
        *,
        bearer: str = "Bearer ",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._web = web
        self._system = system
        self._url = settings["url"].rstrip("/")
        self._ca_file = settings.get("ca_file", "")
        self._timeout = context.timeout
        self._headers = {"accept": "application/json", **(headers or {})}
        if "token" in settings:
            self._headers["authorization"] = f"{bearer}{settings['token']}"
        elif "user" in settings:
            pair = base64.b64encode(f"{settings['user']}:{settings.get('password', '')}".encode()).decode()
            context.hide([pair])
            self._headers["authorization"] = f"Basic {pair}"

    async def get(
        self, path: str, query: Mapping[str, str | list[str]] | None = None, *, also: Sequence[int] = ()
    ) -> Json:
        """The document; None for a status in `also`. Raises Unreachable and ActionRefused."""
        return await self.send("GET", path, query=query, also=also)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Mapping[str, str | list[str]] | None = None,
        also: Sequence[int] = (),
        safe: bool = False,
    ) -> Json:
        """The document of the answer, None when it has none or its status is in `also`. A GET raises
        Unreachable and ActionRefused, and so does what is `safe`; everything else OutcomeUnknown too."""
        safe = safe or method == "GET"
        content = None if body is None else json.dumps(body, ensure_ascii=False).encode()
        ask = Ask(
            method=method,
            url=f"{self._url}{path}",
            safe=safe,
            timeout=self._timeout,
            limit=_LIMIT,
            headers=self._headers if body is None else {**self._headers, "content-type": "application/json"},
            query=query or {},
            content=content,
            ca_file=self._ca_file,
        )
        answer = await self._web.exchange(ask)
        if answer.status in also:
            return None
        if not 200 <= answer.status < 300:
            raise self._refused(ask, answer)
        return self._document(ask, answer)

    def _document(self, ask: Ask, answer: Answer) -> Json:
        if not answer.body.strip():
            return None
        if answer.truncated:
            raise ActionRefused(f"`{self._system}` answered {ask} with more than {_LIMIT} bytes")
        try:
            return parsed(answer.body)
        except ValueError:
            if "json" not in answer.media_type:
                return None
            raise ActionRefused(f"`{self._system}` answered {ask} with something that is no JSON") from None

    def _refused(self, ask: Ask, answer: Answer) -> ActionRefused | Unreachable | OutcomeUnknown:
        said = f"`{self._system}`: {ask.method} {shown(ask.url)} answered {status_text(answer.status)}"
        if words := _words(answer):
            said = f"{said}: {words}"
        if answer.status in (401, 403):
            said = f"{said}; check its credentials in the worker's configuration"
        if not ask.safe and answer.status in _OF_A_GATEWAY:
            return OutcomeUnknown(f"{said}; nobody knows whether it was executed behind that")
        return (Unreachable if answer.status in _AWAY or answer.status == 429 else ActionRefused)(said)


def _words(answer: Answer) -> str:
    """What an error's body says, in whatever form: JSON with a message, or text."""
    try:
        document = parsed(answer.body)
    except ValueError:
        document = answer.body.decode("utf-8", "replace") if "html" not in answer.media_type else ""
    return " ".join(_found(document).split())[:300]


def _found(document: Json) -> str:
    match document:
        case str():
            return document
        case list():
            return "; ".join(filter(None, map(_found, document)))
        case dict():
            names = ("message", "error", "errors", "details", "detail", "errorDetails")
            words = filter(None, (_found(document[name]) for name in names if name in document))
            # Some say the same in two places.
            return "; ".join(dict.fromkeys(words))
    return ""
