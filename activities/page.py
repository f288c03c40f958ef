"""The activity `page`: tell a person that they are needed, over whatever service they have chosen."""

from __future__ import annotations

import asyncio
import logging
import warnings
from collections.abc import Mapping, Sequence

import apprise
from temporalio import activity

from activities.attempt.failure import application_error
from activities.output import one_line
from activities.secrets import Secrets
from stanch.contract import ACTIVITY_PAGE, PageTask, Severity
from stanch.errors import StanchError, Unreachable
from stanch.language.plan import Json

# Below warnings both log URLs, and the URL of a destination is its credential.
for _noisy in ("apprise", "urllib3"):
    logging.getLogger(_noisy).setLevel(logging.WARNING)

_TYPES: Mapping[Severity, apprise.NotifyType] = {
    "SEV1": apprise.NotifyType.FAILURE,
    "SEV2": apprise.NotifyType.FAILURE,
    "SEV3": apprise.NotifyType.WARNING,
    "SEV4": apprise.NotifyType.INFO,
}
_LONGEST_TITLE = 120


def make_ready(destinations: Mapping[str, Sequence[Json]]) -> None:
    """The first use imports a hundred services, some of which warn about themselves."""
    if any(destinations.values()):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            apprise.Apprise.instantiate("json://localhost")


class Pager:
    """Pages through `destinations`: a role, a group, a schedule or a person to apprise URLs, as strings or
    secret references."""

    def __init__(self, destinations: Mapping[str, Sequence[Json]], secrets: Secrets | None = None) -> None:
        self._destinations = destinations
        self._secrets = Secrets() if secrets is None else secrets
        make_ready(destinations)

    @activity.defn(name=ACTIVITY_PAGE)
    async def page(self, task: PageTask) -> str:
        """How the page went, in words: `sent`, `sent to 1 of 2: ...`, or `logged` when nothing is configured
        for `task.to`. Ends as Unreachable when every destination failed."""
        destinations = self._of(task)
        if not destinations:
            activity.logger.warning("page: %s", _line(task))
            return "logged"
        # One that hangs or is misspelt must not hold up the others.
        sent = await asyncio.gather(*(self._sent(task, one) for one in destinations))
        failed = [reason for reason in sent if reason]
        if not failed:
            return "sent"
        reasons = "; ".join(failed)
        if len(failed) < len(destinations):
            report = f"sent to {len(destinations) - len(failed)} of {len(destinations)}: {reasons}"
            activity.logger.warning("page: %s: %s", _line(task), report)
            return report
        raise application_error(Unreachable(f"nobody could be paged as `{task.to}`: {reasons}"))

    async def _sent(self, task: PageTask, destination: Json) -> str:
        """Why it failed, or nothing."""
        try:
            (url,), _ = await self._secrets.resolve([destination])
        except StanchError as error:
            return str(error)
        return await asyncio.to_thread(send_page, url, task.severity, task.text, task.url, _details(task))

    def _of(self, task: PageTask) -> Sequence[Json]:
        """Where the page goes: to the role's destinations, or to the people's own where it has none. A role
        that was handed over is its new holder's, whose own come first."""
        shared = self._destinations.get(task.to, ())
        own = [self._destinations.get(person, ()) for person in task.people]
        if not (task.handed and own and all(own)) and shared:
            return shared
        found: list[Json] = []
        for each in own:
            found += (one for one in each if one not in found)
        return found


def send_page(url: str, severity: Severity, text: str, *more: str) -> str:
    """Why it failed, or nothing. Blocks for no longer than the service's own time-outs of a few seconds."""
    # The scheme is all of a destination that may be shown.
    name = f"`{url.partition('://')[0]}`" if "://" in url else "a destination"
    service = apprise.Apprise.instantiate(url)
    if service is None:
        return f"{name} is no URL that apprise understands"
    try:
        sent = service.notify(
            title=f"{severity}: {text.partition(chr(10))[0]}"[:_LONGEST_TITLE],
            body="\n".join(line for line in (text, *more) if line),
            # Mail is HTML unless told otherwise, and what a request says may quote an alert.
            body_format=apprise.NotifyFormat.TEXT,
            notify_type=_TYPES[severity],
        )
    except Exception as error:  # noqa: BLE001 (a plugin's bug; its text may hold the URL)
        return f"{name} broke ({type(error).__name__})"
    return "" if sent else f"{name} did not take the page"


def _details(task: PageTask) -> str:
    return f"run {task.run}, request {task.request}, asked as {task.to} (rung {task.rung})"


def _line(task: PageTask) -> str:
    where = f"run={task.run} request={task.request} rung={task.rung} url={task.url or '-'}"
    return one_line(f"{task.severity} {task.to}: {task.text} ({where})")
