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
    if found := check_values("input", plan.inputs, given, plan.runbook):
        raise InvalidInput("; ".join(found))
    return with_defaults(plan.inputs, given)


def check_values(
    what: str, schemas: Mapping[str, Json], given: Mapping[str, Json], owner: str = ""
) -> list[str]:
    """What is wrong with named values (each an input, or the field of a question: `what`), in words."""
    unknown = (name for name in given if name not in schemas)
    found = [_unknown(what, name[:_LONGEST_NAME], schemas, owner) for name in islice(unknown, _NAMED)]
    for name, schema in schemas.items():
        if name in given:
            found += islice(_misfits(f"{what} `{name}", schema, given[name]), _NAMED)
        elif "default" not in schema:
            found.append(f"{what} `{name}` is missing")
    return found


def with_defaults(schemas: Mapping[str, Json], given: Mapping[str, Json]) -> dict[str, Json]:
    """The values that were checked, with the defaults of those that are not given."""
    return {
        name: _as_declared(schema, given[name] if name in given else schema["default"])
        for name, schema in schemas.items()
    }


def _unknown(what: str, name: str, schemas: Mapping[str, Json], owner: str) -> str:
    hint = did_you_mean(name, list(schemas))
    has_none = f"`{owner}` has no {what} `{name}`" if owner else f"there is no {what} `{name}`"
    return has_none + (f"; {hint}" if hint else "")


def _misfits(head: str, schema: Json, value: Json) -> Iterator[str]:
    """`head` is the beginning of what a problem says, up to the name: ``input `hosts``."""
    if (reason := fault(value)) is not None:
        yield f"{head}` {reason}"
        return
    for misfit in problems(schema, value):
        where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in misfit.path)
        yield f"{head}{where}` {describe(misfit)}"


def _as_declared(schema: Json, value: Json) -> Json:
    """JSON has one kind of number and CEL two: `5` for a `number` is 5.0, and `5.0` for an `integer` is 5."""
    match schema.get("type"), value:
        case _, bool():
            return value
        case "number", int():
            return float(value)
        case "integer", float() if abs(value) < 2**63:
            return int(value)
        case "array", list():
            items = schema.get("items", {})
            return [_as_declared(items, item) for item in value] if isinstance(items, dict) else value
        case _:
            return value
