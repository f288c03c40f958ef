"""One call of an API: reached, checked by its model, sent, and its answer read."""

from __future__ import annotations

import difflib
import importlib
import threading
import uuid
from collections.abc import Mapping
from typing import Any

from activities.action import Context
from activities.aws.answer import Reading, result, selection
from activities.web.data import DEEPEST, is_deep
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.encode import canonical
from stanch.language.plan import Json

_ITEMS = 1000
"""Of a list that AWS gives page by page."""
_MOST = 480 * 1024
_CONNECT = 10.0


class Call:
    """One call of an API, while it is on its way."""

    def __init__(self, params: Mapping[str, Json], settings: Mapping[str, Json], context: Context) -> None:
        self.params = params
        self.settings = settings
        self.context = context
        self.service: str = params["service"]
        self.api: str = params["api"]
        self.sent = threading.Event()
        self.given_up = threading.Event()
        self._answered: Mapping[str, Any] = {}

    def __str__(self) -> str:
        return f"aws {self.service} {self.api}"

    def reach(self) -> dict[str, Any]:
        config = importlib.import_module("botocore.config")
        seconds = self.context.timeout
        # A change is sent once: whether it may be sent again is for the step to say.
        attempts = 1 if self.context.key else 3
        return {
            "region_name": self.params.get("region") or self.settings.get("project"),
            "endpoint_url": self.settings.get("url"),
            "verify": self.settings.get("ca_file"),
            "config": config.Config(
                connect_timeout=min(seconds, _CONNECT),
                read_timeout=seconds,
                retries={"mode": "standard", "total_max_attempts": attempts},
                user_agent_extra="stanch",
            ),
        }

    def run(self, client: Any) -> Json:
        """Blocks. Raises InvalidInput, ActionRefused, and errors of botocore."""
        names = {api: method for method, api in client.meta.method_to_api_mapping.items()}
        if self.api not in names:
            near = difflib.get_close_matches(self.api, names, n=3)
            like = f"; did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""
            raise InvalidInput(f"`{self.service}` of AWS has no API `{self.api}`{like}")
        model = client.meta.service_model.operation_model(self.api)
        given = {**self._token(model), **self.params.get("with", {})}
        take = selection(self.params.get("output"))
        client.meta.events.register("before-send", self._before_send)
        client.meta.events.register("after-call", self._after_call)
        answer, truncated = self._ask(client, names[self.api], given)
        answer = {name: held for name, held in answer.items() if name != "ResponseMetadata"}
        reading = Reading(self.service)
        data = reading.data(answer, model.output_shape)
        if is_deep(data):
            raise ActionRefused(f"{self}: the answer is nested more than {DEEPEST} deep")
        if take is not None:
            data = take.search(data)
        size = len(canonical(data))
        if size > _MOST:
            raise ActionRefused(
                f"{self}: the answer is {size} bytes, and at most {_MOST} are taken; ask for less, or say in "
                "`output` what to take of it"
            )
        return result(data, self._answered, truncated=truncated or reading.truncated)

    def _ask(self, client: Any, method: str, given: dict[str, Json]) -> tuple[dict[str, Any], bool]:
        """The answer, and whether there is more of it."""
        if self.context.key or not client.can_paginate(method):
            return getattr(client, method)(**given), False
        paginator = client.get_paginator(method)
        tokens = paginator._pagination_cfg["input_token"]  # noqa: SLF001 (there is no other way to it)
        tokens = [tokens] if isinstance(tokens, str) else tokens
        if any(token in given for token in tokens):
            return getattr(client, method)(**given), False  # its author turns the pages
        pages = paginator.paginate(**given, PaginationConfig={"MaxItems": _ITEMS})
        answer = pages.build_full_result()
        more = pages.resume_token is not None
        answer.pop("NextToken", None)
        return answer, more

    def _token(self, model: Any) -> dict[str, str]:
        """AWS takes a request with a token that it knows for the one that it has had."""
        if not self.context.key:
            return {}
        token = str(uuid.uuid5(uuid.NAMESPACE_URL, self.context.key))
        return dict.fromkeys(model.idempotent_members, token)

    def _before_send(self, **_: Any) -> None:
        if self.given_up.is_set():
            raise Unreachable(f"{self}: it was given up before it was sent")
        self.sent.set()

    def _after_call(self, parsed: Mapping[str, Any], **_: Any) -> None:
        self._answered = parsed
