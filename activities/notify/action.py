"""The action itself: find the channel, and tell it."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Mapping

from activities.action import Context
from activities.notify import mail, services
from activities.notify.message import Message, message_of, uncalled
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.contract import TargetEnd
from stanch.errors import InvalidInput, OutcomeUnknown
from stanch.language.plan import Json

KINDS = ("apprise", "mail", "slack", "teams", "webhook")
_SLACK = "https://slack.com/api"
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "apprise": ("url",),
    "mail": ("url", "from", "to"),
    "slack": ("token", "to"),
    "teams": ("url",),
    "webhook": ("url",),
}


class Notify:
    """`notify` as an action. Close it when the worker ends."""

    name = "notify"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    def knows_again(self, _: Mapping[str, Json]) -> bool:
        """None of them compares what it is told with what it was told before."""
        return False

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`channel kind id`."""
        system = self._systems.named(params.get("channel"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        kind: str = settings["kind"]
        if lacking := [f"`{name}`" for name in _NEEDS[kind] if name not in settings]:
            raise InvalidInput(f"the system `{system}` is a `{kind}` and needs {' and '.join(lacking)}")
        message = message_of(params, context)
        context.beat(f"tell `{system}`")
        try:
            known = await self._send(system, settings, message, context)
        except asyncio.CancelledError:
            context.ended((TargetEnd(system, "unknown", "the message was sent"),))
            raise
        return {"channel": system, "kind": kind, "id": known}

    async def _send(
        self, system: str, settings: Mapping[str, Json], message: Message, context: Context
    ) -> str:
        match settings["kind"]:
            case "mail":
                return await asyncio.to_thread(mail.send, system, settings, message, context.timeout)
            case "apprise":
                await asyncio.to_thread(_apprise, system, settings["url"], message)
                return ""
        place = {"url": _SLACK, **settings} if settings["kind"] == "slack" else settings
        headers = {"idempotency-key": message.mark} if settings["kind"] == "webhook" else {}
        api = Api(self._web, system, place, context, headers=headers)
        match settings["kind"]:
            case "slack":
                return await services.slack(api, settings["to"], message)
            case "teams":
                return await services.teams(api, message)
        return await services.webhook(api, message)


def _apprise(system: str, url: str, message: Message) -> None:
    """Blocks for no longer than the service's own time-outs. Raises InvalidInput, OutcomeUnknown."""
    # Importing it takes a while, and only those need it that use it.
    import apprise  # noqa: PLC0415

    # Below warnings both log URLs, and the URL is the credential.
    for noisy in ("apprise", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        service = apprise.Apprise.instantiate(url)
    if service is None:
        raise InvalidInput(f"the `url` of the system `{system}` is none that apprise understands")
    text = apprise.NotifyFormat.TEXT
    if not service.notify(body=uncalled(message.plain), title=uncalled(message.title), body_format=text):
        # It does not say why, so it may have been told.
        raise OutcomeUnknown(f"`{system}` did not say that it took the message")
