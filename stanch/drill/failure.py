"""When a result means that the action failed, as the actions themselves judge it.

`tests/drill/test_failure.py` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from stanch.language.plan import Json


def failure_of(action: str, result: Json) -> str | None:
    """Why the action failed; None when `result` is a success."""
    return _JUDGES.get(action, _never)(result)


def _never(_: Json) -> str | None:
    return None


def _http(result: Json) -> str | None:
    if result["accepted"]:
        return None
    return f"{result['method']} {result['url']} answered {result['status']}"


def _ssh(result: Json) -> str | None:
    hosts = result if isinstance(result, list) else [result]
    failed = [_ended(host) for host in hosts if host["rc"] != 0]
    some = f"{len(failed)} of {len(hosts)} hosts: " if len(hosts) > 1 else ""
    return some + "; ".join(failed) if failed else None


def _ended(host: Json) -> str:
    said = host["stderr"].strip().rpartition("\n")[2]
    return f"`{host['host']}` ended with status {host['rc']}" + (f": {said}" if said else "")


def _ansible(result: Json) -> str | None:
    if result["rc"] == 0:
        return None
    bad = [host for host in result["hosts"] if host["status"] in ("failed", "unreachable")]
    told = "; ".join(f"`{host['host']}` {host['status']}: {host['msg']}" for host in bad)
    some = f"; {len(bad)} of {len(result['hosts'])} hosts: {told}" if bad else ""
    return f"ansible ended with status {result['rc']}{some}"


def _prometheus(result: Json) -> str | None:
    if not result["series"]:
        return f"the query gave no series: {result['query']}"
    if all("special" in series for series in result["series"]):
        return f"the query gave {result['series'][0]['special']}, which is no number: {result['query']}"
    return None


_JUDGES: Mapping[str, Callable[[Json], str | None]] = {
    "ansible": _ansible,
    "http": _http,
    "prometheus": _prometheus,
    "ssh": _ssh,
}
