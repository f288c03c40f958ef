"""A cluster as its API server shows it: requests through the official client, and refusals in its words."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlsplit

from activities.action import Context
from activities.kubernetes.objects import api_of
from activities.web.data import parsed
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.plan import Json

MERGE = "application/merge-patch+json"
OPERATIONS = "application/json-patch+json"
_LIMIT = 16 * 1024 * 1024
_CONNECT = 10.0
_ANSWER = 60.0
"""Seconds; as long as an API server gives itself."""
_NOT_EXECUTED = (429, 503)
"""What the API server says instead of doing anything."""
STRICT = (("fieldValidation", "Strict"),)

Query = Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    body: bytes

    @property
    def data(self) -> Json:
        return parsed(self.body)

    @property
    def words(self) -> str:
        """What a `Status` says; else the body itself."""
        try:
            document = self.data
        except ValueError:
            document = self.body.decode("utf-8", "replace")
        said = document.get("message") if isinstance(document, dict) else document
        return " ".join(str(said or "").split())[:500]


@dataclass(frozen=True, slots=True)
class Resource:
    """Where objects of a kind are."""

    kind: str
    api: str
    plural: str
    namespaced: bool

    def path(self, namespace: str = "", name: str = "", part: str = "") -> str:
        """Of one object, a part of it (`scale`), or all; `namespace` may be empty for those of every one."""
        root = f"/api/{self.api}" if "/" not in self.api else f"/apis/{self.api}"
        within = f"/namespaces/{quote(namespace, safe='')}" if self.namespaced and namespace else ""
        path = f"{root}{within}/{self.plural}"
        return "/".join([path, *(quote(word, safe="") for word in (name, part) if word)])

    def named(self, namespace: str, name: str) -> str:
        return f"{self.kind} `{namespace}/{name}`" if self.namespaced else f"{self.kind} `{name}`"


class Cluster:
    """`system`, for the time of one call."""

    def __init__(
        self, system: str, client: Any, timeout: float, known: dict[tuple[str, str], Resource]
    ) -> None:
        self.system = system
        self.changed = False
        """It has agreed to a change, so nothing that fails later leaves it as it was."""
        self._client = client
        # What carries its requests, for its errors; it is as slow to load as the client.
        self._http = importlib.import_module("aiohttp")
        self._timeout = timeout
        self._known = known

    async def resource(self, asked: Mapping[str, Json]) -> Resource:
        """Of `kind`, and of `api` where that does not say it. Raises InvalidInput and ActionRefused."""
        kind = asked["kind"]
        api = asked.get("api") or api_of(kind)
        if not api:
            raise InvalidInput(
                f"`{kind}` is no kind that is known by its name alone; give its `api` too, such as "
                "`example.org/v1`"
            )
        key = (api, kind)
        if key not in self._known:
            root = f"/apis/{api}" if "/" in api else f"/api/{api}"
            answer = await self.exchange("GET", root)
            listed = (
                []
                if answer.status == HTTPStatus.NOT_FOUND
                else self._good("GET", root, answer).data["resources"]
            )
            found = next((each for each in listed if each["kind"] == kind and "/" not in each["name"]), None)
            if found is None:
                raise ActionRefused(f"`{self.system}` has no kind `{kind}` in `{api}`")
            self._known[key] = Resource(kind, api, found["name"], found["namespaced"])
        return self._known[key]

    async def get(self, path: str, query: Query = ()) -> Json:
        return self._good("GET", path, await self.exchange("GET", path, query=query)).data

    async def find(self, path: str) -> Json:
        """The object, None when there is none."""
        answer = await self.exchange("GET", path)
        return None if answer.status == HTTPStatus.NOT_FOUND else self._good("GET", path, answer).data

    async def send(
        self,
        method: str,
        path: str,
        body: Json,
        media: str = "application/json",
        *,
        query: Query = (),
        safe: bool = False,
    ) -> Json:
        """A change, but for what is `safe`. Raises OutcomeUnknown too."""
        answer = await self.exchange(method, path, body, media, query=query, safe=safe)
        return self._good(method, path, answer, safe=safe).data

    async def exchange(
        self,
        method: str,
        path: str,
        body: Json = None,
        media: str = "application/json",
        *,
        query: Query = (),
        safe: bool = False,
    ) -> Answer:
        """The answer, whatever its status. Raises Unreachable; what may change something OutcomeUnknown."""
        said = f"`{self.system}`: {method} {path}"
        headers = {"Accept": "application/json, */*", "Content-Type": media}
        try:
            response = await self._client.call_api(
                path,
                method,
                query_params=list(query),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _request_timeout=(min(self._timeout, _CONNECT), min(self._timeout, _ANSWER)),
            )
            async with response:
                content = await response.content.read(_LIMIT)
                while more := await response.content.read(_LIMIT):
                    content += more
                    if len(content) > _LIMIT:
                        raise ActionRefused(f"{said} was answered with more than {_LIMIT} bytes")
        except (self._http.ClientConnectorError, self._http.ConnectionTimeoutError) as error:
            raise Unreachable(f"{said}: {_reason(error)}") from None
        except self._http.InvalidURL:
            raise InvalidInput(f"the `url` of the system `{self.system}` is no `https://HOST:PORT`") from None
        except (self._http.ClientError, OSError, TimeoutError) as error:
            if safe or method == "GET":
                raise Unreachable(f"{said}: {_reason(error)}") from None
            raise OutcomeUnknown(
                f"{said} was sent: {_reason(error)}; nobody knows whether it was executed"
            ) from None
        if method != "GET" and not safe and 200 <= response.status < 300:
            self.changed = True
        return Answer(response.status, content)

    def _good(self, method: str, path: str, answer: Answer, *, safe: bool = False) -> Answer:
        if 200 <= answer.status < 300:
            return answer
        raise self.refused(method, path, answer, safe=safe)

    def refused(self, method: str, path: str, answer: Answer, *, safe: bool = False) -> StanchError:
        """The error that an answer means."""
        said = f"`{self.system}`: {method} {path} answered {answer.status}"
        if words := answer.words:
            said = f"{said}: {words}"
        if answer.status == HTTPStatus.UNAUTHORIZED:
            said = f"{said}; check its credentials in the worker's configuration"
        if answer.status in _NOT_EXECUTED:
            return Unreachable(said)
        if answer.status < 500:
            return ActionRefused(said)
        if safe or method == "GET":
            return Unreachable(said)
        return OutcomeUnknown(f"{said}; nobody knows whether it was executed")


@asynccontextmanager
async def connected(
    system: str, settings: Mapping[str, Json], context: Context, known: dict[tuple[str, str], Resource]
) -> AsyncIterator[Cluster]:
    """The cluster; its credentials are read anew each time, for tokens end. Raises InvalidInput."""
    # Seconds of imports, which nobody should wait for who has no cluster.
    library = await asyncio.to_thread(importlib.import_module, "kubernetes.aio.client")
    configuration = library.Configuration()
    try:
        if "file" in settings:
            await _read_kubeconfig(configuration, settings)
        else:
            _take(configuration, system, settings)
        context.hide(key.removeprefix("Bearer ") for key in configuration.api_key.values())
        client = library.ApiClient(configuration)
    except OSError as error:
        raise InvalidInput(
            f"a file of the system `{system}` cannot be used: {error.filename} {error.strerror}"
        ) from None
    except ValueError as error:
        raise InvalidInput(f"the system `{system}` cannot be used: {error}") from None
    async with client:
        yield Cluster(system, client, context.timeout, known)


async def _read_kubeconfig(configuration: Any, settings: Mapping[str, Json]) -> None:
    config = await asyncio.to_thread(importlib.import_module, "kubernetes.aio.config")
    try:
        await config.load_kube_config(
            config_file=settings["file"],
            context=settings.get("project"),
            client_configuration=configuration,
            persist_config=False,
        )
    except config.ConfigException as error:
        raise ValueError(f"its kubeconfig `{settings['file']}`: {error}") from None


def _take(configuration: Any, system: str, settings: Mapping[str, Json]) -> None:
    url = settings.get("url", "").rstrip("/")
    if urlsplit(url).scheme not in ("http", "https"):
        raise InvalidInput(f"the system `{system}` needs `url`, `https://HOST:PORT`, or `file`, a kubeconfig")
    configuration.host = url
    if "token" in settings:
        configuration.api_key = {"BearerToken": f"Bearer {settings['token']}"}
    if "ca_file" in settings:
        configuration.ssl_ca_cert = settings["ca_file"]


def _reason(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror[:1].lower() + error.strerror[1:]
    return " ".join(str(error).split())[:300] or type(error).__name__
