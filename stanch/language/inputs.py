"""Check the values that a run is given against the inputs of its Plan."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.errors import InvalidInput
from stanch.language.json_schema import problems
from stanch.language.misfit import describe
from stanch.language.plan import Json, Plan
from stanch.language.words import did_you_mean


def check_inputs(plan: Plan, given: Mapping[str, Json]) -> dict[str, Json]:
    """The inputs of a run: what is given, and the defaults of the rest.

    Raises InvalidInput, which names every input that does not fit.
    """
    found = [_unknown(name, plan) for name in given if name not in plan.inputs]
    values: dict[str, Json] = {}
    for name, schema in plan.inputs.items():
        if name in given:
            found += _misfits(name, schema, given[name])
            values[name] = _as_declared(schema, given[name])
        elif "default" in schema:
            values[name] = _as_declared(schema, schema["default"])
        else:
            found.append(f"input `{name}` is missing")
    if found:
        raise InvalidInput("; ".join(found))
    return values


def _unknown(name: str, plan: Plan) -> str:
    hint = did_you_mean(name, list(plan.inputs))
    return f"`{plan.runbook}` has no input `{name}`" + (f"; {hint}" if hint else "")


def _misfits(name: str, schema: Json, value: Json) -> Iterator[str]:
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
