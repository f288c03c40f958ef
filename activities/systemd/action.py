"""The action itself: look at the unit on all hosts, tell those that need it, say what came of it.

Every change runs under a marker of `ssh`. A restart needs that, for a second one is not the same as one; the
others need it to wait for the same `systemctl` when their worker is lost. It also tells whether *this*
restart is in place: its host knows the execution, and the unit is active.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from activities.action import Context, Standing
from activities.output import last_line
from activities.remote import Remote
from activities.systemd.unit import SCRIPT, SETTINGS, Unit, Wanted, read_unit
from stanch.errors import ActionRefused, OutcomeUnknown
from stanch.language.plan import Json

LINES = 10
_MARGIN = 10.0
"""Seconds of a step's time that are left when a unit that does not settle is given up."""


class Systemd(Remote):
    """`systemd` as an action, over the connections of `ssh`."""

    name = "systemd"

    def failure(self, result: Json) -> str | None:
        results = result if isinstance(result, list) else [result]
        failed = [f"`{each['host']}`: {each['problem']}" for each in results if each["problem"]]
        if not failed:
            return None
        some = f"{len(failed)} of {len(results)} hosts: " if len(results) > 1 else ""
        return some + "; ".join(failed[:5])

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """One result a host: `host unit load active sub file result status pid invocation restarts since
        changed problem log`."""
        before = await self._units(params, context)
        if "set" not in params and "restore" not in params:
            return _result([unit.data("", changed=False) for unit in before], context)
        wanted = _wanted(params)
        _refuse(params, before, wanted)
        patience = str(max(1, int(context.timeout - _MARGIN)))
        orders = {
            unit.host: {**_env(params), "verbs": " ".join(verbs), "patience": patience}
            for unit in before
            if (verbs := tuple(unit.verbs(wanted[unit.host])))
        }
        context.beat(f"{len(orders)} of {len(before)} hosts to be told")
        printed = await self._change(params, SCRIPT, orders, context)
        after = [read_unit(unit.host, printed[unit.host]) if unit.host in orders else unit for unit in before]
        _refuse_unread(after)
        results = [
            unit.data(_problem(unit, wanted[unit.host]), changed=unit.host in orders) for unit in after
        ]
        return _result(results, context)

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        units = await self._units(params, context)
        wanted = _wanted(params)
        _refuse(params, units, wanted)
        done = all(unit.is_as(wanted[unit.host]) or _ran(unit, wanted[unit.host]) for unit in units)
        each_time = any(wanted[unit.host].verb or _ran(unit, wanted[unit.host]) for unit in units)
        if done and each_time:
            done = await self._begun_on_all(params, context)
        back = {"set": None, "restore": [unit.back(wanted[unit.host]) for unit in units]}
        result = _result([unit.data("", changed=False) for unit in units], context)
        return Standing(done, result, back)

    async def _begun_on_all(self, params: Mapping[str, Json], context: Context) -> bool:
        asked = [self.begun({**params, "hosts": [host]}, context) for host in params["hosts"]]
        return all(await asyncio.gather(*asked))

    async def _units(self, params: Mapping[str, Json], context: Context) -> list[Unit]:
        env = {**_env(params), "verbs": "", "patience": "0"}
        printed = await self._read(params, SCRIPT, env, context)
        return [read_unit(host, text) for host, text in printed.items()]


def _env(params: Mapping[str, Json]) -> dict[str, str]:
    return {"unit": params["unit"], "lines": str(params.get("lines", LINES))}


def _result(results: Sequence[Json], context: Context) -> Json:
    return results[0] if context.one else list(results)


def _wanted(params: Mapping[str, Json]) -> dict[str, Wanted]:
    """Host to what its unit is to be."""
    if "restore" not in params:
        return dict.fromkeys(params["hosts"], SETTINGS[params["set"]])
    found = {each["host"]: Wanted(each.get("active"), each.get("file")) for each in params["restore"]}
    return {host: found.get(host, Wanted()) for host in params["hosts"]}


def _refuse(params: Mapping[str, Json], units: Sequence[Unit], wanted: Mapping[str, Wanted]) -> None:
    """What cannot be carried out on one host is carried out on none. Raises ActionRefused."""
    name = params["unit"]
    if missing := [unit.host for unit in units if unit.get("LoadState") == "not-found"]:
        raise ActionRefused(f"there is no unit `{name}` on {_listed(missing)}; nothing was changed")
    starts = [unit for unit in units if wanted[unit.host].active and wanted[unit.host].file is None]
    if masked := [unit.host for unit in starts if unit.masked]:
        raise ActionRefused(
            f"`{name}` is masked on {_listed(masked)}, so somebody wants it down; nothing was changed"
        )
    fixed = [unit for unit in units if wanted[unit.host].file in ("enabled", "disabled")]
    if static := [unit.host for unit in fixed if not unit.installs and not unit.masked]:
        raise ActionRefused(
            f"`{name}` has nothing to enable or disable on {_listed(static)}; nothing was changed"
        )


def _refuse_unread(units: Sequence[Unit]) -> None:
    if unread := [unit.host for unit in units if not unit.get("ActiveState")]:
        raise OutcomeUnknown(f"systemctl was told, and then could not be asked on {_listed(unread)}")


def _ran(unit: Unit, wanted: Wanted) -> bool:
    """It was to be active, and has done its work and ended."""
    return bool(wanted.active) and unit.once and unit.get("ActiveState") == "inactive"


def _problem(unit: Unit, wanted: Wanted) -> str:
    """Why the unit is not as wanted; empty if it is."""
    if unit.refused:
        why = last_line(unit.said.partition("\nSee ")[0]) or "systemctl refused"
    elif unit.is_as(wanted) or _ran(unit, wanted):
        return ""
    else:
        why = f"`{unit.get('Id')}` is {unit.state}"
    own = next((line for line in reversed(unit.log) if " systemd[" not in line), "")
    last = own or next(reversed(unit.log), "")
    return f"{why}; its journal ends with: {last}" if last else why


def _listed(hosts: Sequence[str]) -> str:
    return ", ".join(f"`{host}`" for host in hosts)
