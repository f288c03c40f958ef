"""The action `page`: page a person, a role or a service, outside of any question's ladder.

A page that nobody got is worse than one that came twice, so it is sent again until it has arrived. PagerDuty
and Opsgenie know by its key that it is the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import get_args
from urllib.parse import quote

from activities.action import Context
from activities.marks import mark_of, stem_of
from activities.notify.message import DRILL, clean
from activities.output import shortened
from activities.page import make_ready, send_page
from activities.secrets import Secrets
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.contract import Severity
from stanch.errors import ActionRefused, InvalidInput, StanchError, Unreachable
from stanch.language.plan import Json

KINDS = ("opsgenie", "pagerduty")
_PAGERDUTY = "https://events.pagerduty.com"
_OPSGENIE = "https://api.opsgenie.com"
_URGENCY: Mapping[str, str] = dict(
    zip(get_args(Severity), ("critical", "error", "warning", "info"), strict=True)
)
_SUMMARY, _MESSAGE, _LONGEST = 1024, 130, 10_000
"""Characters of PagerDuty's `summary`, of Opsgenie's `message` and bytes of all else."""


class PageOut:
    """`page` as an action; `pagers`: where who is paged. Close it when the worker ends."""

    name = "page"

    def __init__(
        self, systems: Systems, pagers: Mapping[str, Sequence[Json]], secrets: Secrets | None = None
    ) -> None:
        self._systems = systems
        self._pagers = pagers
        make_ready(pagers)
        self._secrets = Secrets() if secrets is None else secrets
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    def knows_again(self, _: Mapping[str, Json]) -> bool:
        return True

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`to kind key`."""
        key = str(params.get("key") or mark_of(stem_of(context.key)))
        if "role" in params:
            await self._person(params["role"], params, context)
            return {"to": params["role"], "kind": "pagers", "key": key}
        system = self._systems.named(params.get("service"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        if "token" not in settings:
            raise InvalidInput(f"the system `{system}` is a `{settings['kind']}` and needs a `token`")
        context.beat(f"page `{system}`")
        tell = _pagerduty if settings["kind"] == "pagerduty" else _opsgenie
        await tell(self._web, system, settings, params, key, context)
        return {"to": system, "kind": settings["kind"], "key": key}

    async def _person(self, who: str, params: Mapping[str, Json], context: Context) -> None:
        """Raises InvalidInput for somebody whom nobody knows how to page, and Unreachable."""
        destinations = self._pagers.get(who)
        if params.get("resolve"):
            raise InvalidInput(
                "only what a `service` was told can be resolved; a person's page is read or not"
            )
        if not destinations:
            have = ", ".join(f"`{name}`" for name in sorted(self._pagers)) or "nobody"
            raise InvalidInput(
                f"`pagers` of this worker's configuration does not know `{who}`; it knows {have}"
            )
        context.beat(f"page `{who}`")
        sent = await asyncio.gather(*(self._sent(each, params, context) for each in destinations))
        if all(sent):
            raise Unreachable(f"`{who}` could not be paged: {'; '.join(sent)}")

    async def _sent(self, destination: Json, params: Mapping[str, Json], context: Context) -> str:
        """Why it failed, or nothing."""
        try:
            (url,), hidden = await self._secrets.resolve([destination])
        except StanchError as error:
            return str(error)
        context.hide(hidden)
        told = [
            _text(params, context, _LONGEST),
            *(f"{link['title']}: {link['url']}" for link in _links(params)),
        ]
        told += [f"{name}: {clean(str(held))}" for name, held in params.get("details", {}).items()]
        return await asyncio.to_thread(send_page, url, params.get("severity", "SEV2"), *told)


async def _pagerduty(
    web: Web,
    system: str,
    settings: Mapping[str, Json],
    params: Mapping[str, Json],
    key: str,
    context: Context,
) -> None:
    """Events API, version 2: whose credential is a part of the event."""
    place = {"url": _PAGERDUTY, **{name: held for name, held in settings.items() if name != "token"}}
    event: dict[str, Json] = {
        "routing_key": settings["token"],
        "event_action": "resolve" if params.get("resolve") else "trigger",
        "dedup_key": key[:255],
    }
    if not params.get("resolve"):
        event |= {
            "client": "Stanch",
            "links": [{"href": link["url"], "text": clean(link["title"])} for link in _links(params)],
            "payload": {
                "summary": _text(params, context, _SUMMARY),
                "source": "stanch",
                "severity": _URGENCY[params.get("severity", "SEV2")],
                "custom_details": {**_details(params), **({"drill": "yes"} if context.drill else {})},
            },
        }
    said = await Api(web, system, place, context).send("POST", "/v2/enqueue", event)
    if isinstance(said, dict) and said.get("status") not in (None, "success"):
        raise ActionRefused(f"`{system}` did not take the page: {said.get('message', said['status'])}")


async def _opsgenie(
    web: Web,
    system: str,
    settings: Mapping[str, Json],
    params: Mapping[str, Json],
    key: str,
    context: Context,
) -> None:
    api = Api(web, system, {"url": _OPSGENIE, **settings}, context, bearer="GenieKey ")
    alias = key[:512]
    if params.get("resolve"):
        query: dict[str, str | list[str]] = {"identifierType": "alias"}
        await api.send("POST", f"/v2/alerts/{quote(alias, safe='')}/close", {"source": "stanch"}, query=query)
        return
    text = _text(params, context, _LONGEST)
    told = [text, *(f"{clean(link['title'])}: {link['url']}" for link in _links(params))]
    alert = {
        "message": _cut(text.partition("\n")[0], _MESSAGE),
        "alias": alias,
        "description": "\n".join(told),
        "details": _details(params),
        "priority": f"P{params.get('severity', 'SEV2')[-1]}",
        "source": "stanch",
        "tags": ["drill"] if context.drill else [],
    }
    await api.send("POST", "/v2/alerts", alert)


def _text(params: Mapping[str, Json], context: Context, most: int) -> str:
    text = clean(str(params["text"]))
    return _cut(shortened(f"{DRILL} {text}" if context.drill else text, _LONGEST)[0], most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _links(params: Mapping[str, Json]) -> Sequence[Mapping[str, str]]:
    links: Sequence[Mapping[str, str]] = params.get("links", ())
    return links


def _details(params: Mapping[str, Json]) -> dict[str, str]:
    return {clean(name): clean(str(held)) for name, held in params.get("details", {}).items()}
