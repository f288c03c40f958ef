"""The action itself: read, set, put back, and ask what a user would be told."""

from __future__ import annotations

from collections.abc import Mapping

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.flag.endpoint import Endpoint
from activities.flag.flagd import FlagdFile
from activities.flag.launchdarkly import LaunchDarkly
from activities.flag.ofrep import Ofrep
from activities.flag.plain import JsonFile
from activities.flag.setting import Keeper, Setting, wanted
from activities.flag.unleash import Unleash
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.errors import InvalidInput
from stanch.language.plan import Json

KINDS = ("unleash", "launchdarkly", "flagd_file", "flag_file", "flag_endpoint")
_IN_A_FILE = ("flagd_file", "flag_file")


class Flag:
    """`flag` as an action. Close it when the worker ends."""

    name = "flag"

    def __init__(self, systems: Systems) -> None:
        self._systems = systems
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`name on percentage`, or with `evaluate` `name value on`."""
        flag, keeper = params["name"], await self._keeper(params, context)
        if "evaluate" in params:
            value = await keeper.evaluate(flag, params["evaluate"])
            return {"name": flag, "value": value, "on": value is True}
        now = await keeper.read(flag)
        if not _in_place(params, now):
            if "restore" in params:
                await keeper.restore(flag, params["restore"])
            else:
                await keeper.set(flag, wanted(params["set"]))
            now = await _afterwards(keeper, flag)
        return _result(flag, now)

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        flag = params["name"]
        now = await (await self._keeper(params, context)).read(flag)
        back = None if "restore" in params else {"set": None, "restore": dict(now.raw)}
        return Standing(_in_place(params, now), _result(flag, now), back)

    async def _keeper(self, params: Mapping[str, Json], context: Context) -> Keeper:
        system = self._systems.named(params.get("server"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        kind = settings["kind"]
        needed = "file" if kind in _IN_A_FILE else "url"
        if needed not in settings:
            raise InvalidInput(f"the system `{system}` is a `{kind}` and needs a `{needed}`")
        match kind:
            case "unleash":
                api = Api(self._web, system, settings, context, bearer="")
                return Unleash(api, self._reader(system, settings, context), system, settings)
            case "launchdarkly":
                api = Api(self._web, system, settings, context, bearer="")
                return LaunchDarkly(api, system, settings, self._ofrep(system, settings, context))
            case "flagd_file":
                return FlagdFile(
                    settings["file"], system, context.timeout, self._ofrep(system, settings, context)
                )
            case "flag_file":
                return JsonFile(settings["file"], system, context.timeout)
        return Endpoint(Api(self._web, system, settings, context))

    def _reader(self, system: str, settings: Mapping[str, Json], context: Context) -> Api | None:
        """With the token of a client, which sees what users are told and nothing else."""
        if "reader" not in settings:
            return None
        return Api(self._web, system, {**settings, "token": settings["reader"]}, context, bearer="")

    def _ofrep(self, system: str, settings: Mapping[str, Json], context: Context) -> Ofrep | None:
        if "ofrep" not in settings:
            return None
        place = {"url": settings["ofrep"], "ca_file": settings.get("ca_file", "")}
        if "reader" in settings:
            place["token"] = settings["reader"]
        return Ofrep(Api(self._web, system, place, context), system)


def _in_place(params: Mapping[str, Json], now: Setting) -> bool:
    if "restore" in params:
        return bool(now.raw == params["restore"])
    return "set" not in params or wanted(params["set"]).holds(now)


async def _afterwards(keeper: Keeper, flag: str) -> Setting:
    """What it is after a change, of which nobody may say that nothing was executed."""
    with executed(f"`{flag}`"):
        return await keeper.read(flag)


def _result(flag: str, now: Setting) -> dict[str, Json]:
    return {"name": flag, "on": now.on, "percentage": now.percentage}
