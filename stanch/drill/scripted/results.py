"""The whole result of an action from the few fields that a script has of it.

A script says `value: 0.2`, and an action gives the query, the type and the series as well. What an expression
of the runbook may read is made here from what was written, from the parameters of the call, and, where
neither says anything, from the result's schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.drill.scripted.given import Look
from stanch.drill.scripted.systems import COMPLETED, SYSTEMS
from stanch.language.catalogue import ActionSpec
from stanch.language.evaluate import show
from stanch.language.plan import Call, Json
from stanch.language.tree import plain

Fields: TypeAlias = Mapping[str, Json]


def result_of(spec: ActionSpec, call: Call, look: Look) -> Json:
    """What the action gives for `call`: one object, or a list of them for one that has several targets."""
    fans_out = spec.per_target and not call.one
    if look.whole is not None:
        whole = plain(look.whole)
        if fans_out and isinstance(whole, list):
            targets = targets_of(spec, call)
            return [
                _one(spec, call, each, target)
                for each, target in zip(whole, [*targets, *[""] * len(whole)], strict=False)
            ]
        return _one(spec, call, whole, "")
    own = plain(look.fields)
    targets = targets_of(spec, call)
    if not fans_out:
        return _one(spec, call, own, targets[0] if targets else "")
    each_own = {target: plain(of.fields) for target, of in look.targets.items()}
    return [_one(spec, call, {**own, **each_own.get(target, {})}, target) for target in targets]


def targets_of(spec: ActionSpec, call: Call) -> list[str]:
    named = call.params.get(spec.targets) if spec.targets else None
    if isinstance(named, str):
        return [named]
    return [show(each) for each in named] if isinstance(named, list) else []


def _one(spec: ActionSpec, call: Call, own: Json, target: str) -> Json:
    if not isinstance(own, dict):
        return _filled(spec.result, own, spec.result)
    of_target = {} if not target or spec.targets is None else {spec.targets.removesuffix("s"): target}
    known = spec.result.get("properties", {})
    derived = {**of_target, **_DERIVED.get(spec.name, _nothing)(call.params, own)}
    completed = {name: derived[name] for name in COMPLETED if name in derived}
    whole = {**{name: held for name, held in derived.items() if name in known}, **own, **completed}
    return _filled(spec.result, whole, spec.result)


# --- what follows from the parameters and from the other fields -------------------------------------------


def _nothing(_: Fields, __: Fields) -> Fields:
    return {}


def _http(params: Fields, own: Fields) -> Fields:
    status = own.get("status", 200)
    accept = params.get("accept")
    # What the action takes for done when the step does not say: no 301, 307 or 308, which send one elsewhere.
    usual = isinstance(status, int) and 200 <= status < 400 and status not in (301, 307, 308)
    return {
        "method": params.get("method", "GET"),
        "url": params.get("url", ""),
        "status": status,
        "accepted": status in accept if isinstance(accept, list) else usual,
        "body": json.dumps(own["json"]) if "json" in own and not {"pages", "select"} & set(params) else "",
        **({"pages": 1, "count": _length(own.get("json")), "json": []} if "pages" in params else {}),
    }


def _length(value: Json) -> int:
    return len(value) if isinstance(value, list) else 0


def _printed(params: Fields, own: Fields) -> Fields:
    """`output` makes lines or JSON of what was printed; a script says the one or the other."""
    found: dict[str, Json] = {}
    printed = own.get("stdout")
    if "json" in own:
        found["stdout"] = json.dumps(own["json"])
    elif isinstance(lines := own.get("lines"), list):
        found["stdout"] = "".join(f"{line}\n" for line in lines)
    elif isinstance(printed, str) and params.get("output") == "lines":
        found["lines"] = printed.removesuffix("\n").split("\n") if printed else []
    elif isinstance(printed, str) and params.get("output") == "json":
        try:
            found["json"] = json.loads(printed)
        except ValueError:
            return found
    return found


def _ansible(params: Fields, own: Fields) -> Fields:
    hosts = params.get("hosts")
    named = [{"host": show(host), "status": "ok"} for host in hosts] if isinstance(hosts, list) else []
    bad = [host for host in own.get("hosts", ()) if _is_bad(host)]
    return {"hosts": named, "rc": 2 if bad else 0}


def _is_bad(host: Json) -> bool:
    return isinstance(host, dict) and host.get("status") in ("failed", "unreachable")


def _prometheus(params: Fields, own: Fields) -> Fields:
    series = own.get("series")
    if series is None:
        number = {name: own[name] for name in ("value", "special") if name in own}
        series = [_straight(number) if "range" in params else {"labels": {}, **(number or {"value": 0.0})}]
    first = series[0] if isinstance(series, list) and series and isinstance(series[0], dict) else {}
    same = {name: first[name] for name in ("value", "special") if name in first}
    if "range" in params:
        same |= {"value": first["last"]} if "last" in first else {}
        return {"query": params.get("query", ""), "type": "range", "series": series, "step": 60.0, **same}
    return {"query": params.get("query", ""), "type": "vector", "series": series, **same}


def _straight(number: Fields) -> Fields:
    """A series of a range that had the same value all the time, where a rehearsal says only its value."""
    if "special" in number:
        return {"labels": {}, "points": [], **number}
    value = number.get("value", 0.0)
    return {"labels": {}, "points": [[0.0, value]], **dict.fromkeys(("min", "max", "first", "last"), value)}


_DERIVED: Mapping[str, Callable[[Fields, Fields], Fields]] = {
    "ansible": _ansible,
    "command": _printed,
    "http": _http,
    "prometheus": _prometheus,
    "ssh": _printed,
    **SYSTEMS,
}


# --- what the schema says ---------------------------------------------------------------------------------

_EMPTY: Mapping[str, Json] = {"string": "", "integer": 0, "number": 0.0, "boolean": False, "array": []}


def _filled(schema: Json, value: Json, root: Json) -> Json:
    """`value` with what `schema` requires and it lacks, and with decimal numbers where it wants them."""
    schema = _followed(schema, root)
    match value:
        case dict():
            known, rest = schema.get("properties", {}), schema.get("additionalProperties", {})
            lacking = {
                name: _nought(known.get(name, {}), root)
                for name in schema.get("required", ())
                if name not in value
            }
            return {
                **lacking,
                **{name: _filled(known.get(name, rest), held, root) for name, held in value.items()},
            }
        case list():
            return [_filled(schema.get("items", {}), held, root) for held in value]
        case int() if schema.get("type") == "number" and not isinstance(value, bool):
            return float(value)
    return value


def _nought(schema: Json, root: Json) -> Json:
    schema = _followed(schema, root)
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return _filled(schema, {}, root)
    held = _EMPTY.get(schema.get("type", ""))
    return list(held) if isinstance(held, list) else held


def _followed(schema: Json, root: Json) -> Json:
    if not isinstance(schema, dict):
        return {}
    if isinstance(reference := schema.get("$ref"), str):
        return _followed(root.get("$defs", {}).get(reference.removeprefix("#/$defs/"), {}), root)
    return schema
