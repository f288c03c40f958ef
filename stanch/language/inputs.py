"""Check the values that a run is given against the inputs of its Plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice

from stanch.errors import InvalidInput
from stanch.language.data import fault
from stanch.language.json_schema import problems
from stanch.language.misfit import describe
from stanch.language.plan import Json, Plan
from stanch.language.words import did_you_mean

_NAMED = 10
"""Problems that a message names; values may come from an alert, and have as many as they like."""
_LONGEST_NAME = 64


def check_inputs(plan: Plan, given: Mapping[str, Json]) -> dict[str, Json]:
    """The inputs of a run: what is given, and the defaults of the rest.

    Raises InvalidInput, which names what does not fit, of each input a few things at most.
    """
    unknown = (name for name in given if name not in plan.inputs)
    found = [_unknown(name[:_LONGEST_NAME], plan) for name in islice(unknown, _NAMED)]
    for name, schema in plan.inputs.items():
        if name in given:
            found += islice(_misfits(name, schema, given[name]), _NAMED)
        elif "default" not in schema:
            found.append(f"input `{name}` is missing")
    if found:
        raise InvalidInput("; ".join(found))
    return {
        name: _as_declared(schema, given[name] if name in given else schema["default"])
        for name, schema in plan.inputs.items()
    }


def _unknown(name: str, plan: Plan) -> str:
    hint = did_you_mean(name, list(plan.inputs))
    return f"`{plan.runbook}` has no input `{name}`" + (f"; {hint}" if hint else "")


def _misfits(name: str, schema: Json, value: Json) -> Iterator[str]:
    if (reason := fault(value)) is not None:
        yield f"input `{name}` {reason}"
        return
    for misfit in problems(schema, value):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in misfit.path)
        yield f"input `{name}{where}` {describe(misfit)}"


def _as_declared(schema: Json, value: Json) -> Json:
    """JSON has one kind of number and CEL two: `5` for a `number` is 5.0, and `5.0` for an `integer` is 5."""
    match schema.get("type"), value:
        case _, bool():
            return value
        case "number", int():
            return float(value)
        case "integer", float():
            return int(value)
        case "array", list():
            items = schema.get("items", {})
            return [_as_declared(items, item) for item in value] if isinstance(items, dict) else value
        case _:
            return value
