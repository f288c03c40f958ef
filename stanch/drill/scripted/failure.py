"""When a result means that the action failed, as the actions themselves judge it.

`tests/drill/test_results.py` holds both against each other.
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
    return _how(host, f"`{host['host']}`")


def _how(one: Json, what: str) -> str:
    said = one["stderr"].strip().rpartition("\n")[2]
    how = "was ended by a signal" if one["rc"] == -1 else f"ended with status {one['rc']}"
    return f"{what} {how}" + (f": {said}" if said else "")


def _command(result: Json) -> str | None:
    return None if result["rc"] == 0 else _how(result, "it")


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


def _dns(result: Json) -> str | None:
    absent = [answer["name"] for answer in result["answers"] if not answer["values"]]
    if result["changed"] or not absent:
        return None
    return f"no such records: {', '.join(f'`{name}`' for name in absent)}"


def _kubernetes(result: Json) -> str | None:
    left = [pod for pod in result["pods"] if pod["state"] != "gone"]
    told = "; ".join(f"{pod['namespace']}/{pod['name']} is {pod['state']}" for pod in left[:5])
    return f"{len(left)} of {len(result['pods'])} pods did not leave in time: {told}" if left else None


def _pipeline(result: Json) -> str | None:
    if result["status"] not in ("failed", "cancelled"):
        return None
    return f"run {result['id']} ended as `{result['conclusion']}`: {result['url']}"


def _postgres(result: Json) -> str | None:
    return None if result["leader"] else "no member leads"


def _redis(result: Json) -> str | None:
    return None if result["master"] else "the sentinels name no master that a majority of them agrees on"


def _systemd(result: Json) -> str | None:
    hosts = result if isinstance(result, list) else [result]
    bad = [f"`{each['host']}`: {each['problem']}" for each in hosts if each["problem"]]
    some = f"{len(bad)} of {len(hosts)} hosts: " if len(hosts) > 1 else ""
    return some + "; ".join(bad[:5]) if bad else None


def _tcp(result: Json) -> str | None:
    places = result if isinstance(result, list) else [result]
    closed = [f"`{each['to']}`: {each['error']}" for each in places if not each["open"]]
    return "; ".join(closed[:10]) or None


def _tls(result: Json) -> str | None:
    places = result if isinstance(result, list) else [result]
    bad = [f"`{each['to']}`: {each['error']}" for each in places if not each["trusted"]]
    return "; ".join(bad[:10]) or None


_JUDGES: Mapping[str, Callable[[Json], str | None]] = {
    "ansible": _ansible,
    "command": _command,
    "dns": _dns,
    "http": _http,
    "kubernetes": _kubernetes,
    "pipeline": _pipeline,
    "postgres": _postgres,
    "prometheus": _prometheus,
    "redis": _redis,
    "ssh": _ssh,
    "systemd": _systemd,
    "tcp": _tcp,
    "tls": _tls,
}
