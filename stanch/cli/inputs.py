"""`-i NAME=VALUE` as the value that the input's schema wants."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stanch.cli.values import read_pairs
from stanch.errors import InvalidInput
from stanch.language.inputs import check_inputs, check_values, with_defaults
from stanch.language.plan import Json, Plan


def read_inputs(schemas: Mapping[str, Json], given: Iterable[str]) -> dict[str, Json]:
    """The inputs in `given` (`NAME=VALUE` each); `schemas` are those that the plan declares.

    Whether they fit is for `check_inputs` to say. Raises InvalidInput for what has no `=` or stands twice.
    """
    return read_pairs(schemas, given, "an input", "-i service=checkout")


def known_inputs(plan: Plan, given: Iterable[str]) -> dict[str, Json]:
    """What is known of a run's inputs before it is started: those in `given`, and defaults.

    Others may be missing. Raises InvalidInput for what does not fit, or is no input of the plan.
    """
    values = read_inputs(plan.inputs, given)
    if not set(values) <= set(plan.inputs):
        return check_inputs(plan, values)
    known = {name: schema for name, schema in plan.inputs.items() if name in values or "default" in schema}
    if found := check_values("input", known, values, plan.runbook):
        raise InvalidInput("; ".join(found))
    return with_defaults(known, values)
