"""What an action on hosts shares with `ssh`: connections, markers, and how hosts are spoken of.

Scripts are the action's own and the same for every host; what differs reaches them as variables. A change
runs under a marker, as a command of `ssh` does: another worker finds it, waits for it, and begins nothing
twice.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from activities.action import Context
from activities.output import last_line
from activities.ssh import SshAction
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, OutsideError, Unreachable
from stanch.language.plan import Json

_PASSED = ("as", "sudo", "parallel")
"""Parameters that such an action has from `ssh`, and leaves to it."""


class Remote:
    """An action whose hosts are told by scripts. It is `Reattaching`, as `ssh` is."""

    def __init__(self, ssh: SshAction) -> None:
        self._ssh = ssh

    async def close(self) -> None:
        """The connections are those of `ssh`."""

    def reattaches(self, _: Mapping[str, Json]) -> bool:
        return True

    async def begun(self, params: Mapping[str, Json], context: Context) -> bool:
        return await self._ssh.begun(_order(params, params["hosts"], ":", {}), context)

    async def release(self, params: Mapping[str, Json], context: Context) -> None:
        await self._ssh.release(_order(params, params["hosts"], ":", {}), context)

    async def _read(
        self, params: Mapping[str, Json], script: str, env: Mapping[str, str], context: Context
    ) -> dict[str, str]:
        """Host to what `script` prints there. Raises ActionRefused where it fails."""
        plain = replace(context, key="", one=False, again=False)
        try:
            results = await self._ssh.perform(_order(params, params["hosts"], script, env), plain)
        except OutcomeUnknown as error:
            raise Unreachable(str(error)) from None  # it only reads
        if failed := [each for each in results if each["rc"] != 0]:
            raise ActionRefused("; ".join(map(_said, failed[:5])))
        return {each["host"]: each["stdout"] for each in results}

    async def _change(
        self,
        params: Mapping[str, Json],
        script: str,
        orders: Mapping[str, Mapping[str, str]],
        context: Context,
    ) -> dict[str, str]:
        """Host to what `script` prints there, with the variables of `orders`. Hosts whose variables differ
        are told one after the other. Raises ActionRefused where it fails, with how it ended on each host."""
        until = time.monotonic() + context.timeout
        printed: dict[str, str] = {}
        groups = _groups(orders)
        for at, hosts in enumerate(groups):
            left = replace(context, one=False, timeout=max(1.0, until - time.monotonic()))
            rest = [TargetEnd(host, "not_started") for later in groups[at + 1 :] for host in later]
            around = (*(TargetEnd(host, "done") for host in printed), *rest)
            part = replace(left, ended=_with(context.ended, around))
            try:
                results = await self._ssh.perform(_order(params, hosts, script, orders[hosts[0]]), part)
                _refuse_failed(results)
            except OutsideError as error:
                raise _of_all(error, hosts, around) from None
            printed |= {each["host"]: each["stdout"] for each in results}
        return printed


def _with(
    ended: Callable[[tuple[TargetEnd, ...]], None], around: tuple[TargetEnd, ...]
) -> Callable[[tuple[TargetEnd, ...]], None]:
    return lambda ends: ended((*ends, *around))


def _order(
    params: Mapping[str, Json], hosts: Sequence[str], script: str, env: Mapping[str, str]
) -> dict[str, Json]:
    passed = {name: params[name] for name in _PASSED if name in params}
    return {"hosts": list(hosts), "script": script, "env": dict(env), **passed}


def _groups(orders: Mapping[str, Mapping[str, str]]) -> list[list[str]]:
    found: dict[tuple[tuple[str, str], ...], list[str]] = {}
    for host, env in orders.items():
        found.setdefault(tuple(sorted(env.items())), []).append(host)
    return list(found.values())


def _refuse_failed(results: Sequence[Mapping[str, Json]]) -> None:
    if failed := [each for each in results if each["rc"] != 0]:
        names = {each["host"] for each in failed}
        ends = (
            TargetEnd(each["host"], "not_started" if each["host"] in names else "done") for each in results
        )
        raise ActionRefused("; ".join(map(_said, failed[:5])), ends=tuple(ends))


def _of_all(error: OutsideError, hosts: Sequence[str], around: tuple[TargetEnd, ...]) -> OutsideError:
    """`error` of some of the hosts, with what is known of the others. Unreachable would be tried again, and
    is only true while nothing was executed on any."""
    if all(end.state == "not_started" for end in around) and isinstance(error, Unreachable):
        return error
    own = error.ends or tuple(TargetEnd(host, "not_started") for host in hosts)
    family = ActionRefused if isinstance(error, Unreachable) else type(error)
    return family(str(error), ends=(*own, *around))


def _said(result: Mapping[str, Json]) -> str:
    line = last_line(result["stderr"]) or last_line(result["stdout"])
    return f"`{result['host']}`: {line or 'it ended with status ' + str(result['rc'])}"
