"""Give an order to a run or an incident: find it, send what was meant, say what it did in one line."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from stanch.cli.confirmation import confirmation
from stanch.cli.console import out, out_json
from stanch.cli.engine import whoami, with_engine
from stanch.cli.inputs import read_inputs
from stanch.cli.safe import one_line
from stanch.cli.sending import send
from stanch.client import incidents, runs
from stanch.client.joining import incident_name
from stanch.contract import Accepted, Order, RunView
from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput
from stanch.language.inputs import check_values

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a person typed; `order` is without who gives it."""

    run: str
    order: Order
    inputs: tuple[str, ...] = ()
    """`NAME=VALUE` each, of a `retry`."""
    lines: tuple[int, ...] = ()
    """Of a `tick`, counted from 1 as they are shown."""
    code: bool = False
    """It is signed with a printed code, which is asked for."""


def give(wanted: Wanted, *, as_json: bool) -> None:
    """Send it and say what it did. Raises IllegalDecision, InvalidInput, EngineUnavailable."""
    said, accepted = with_engine(lambda client, _: given(client, wanted))
    if as_json:
        out_json(accepted)
    else:
        out(one_line(said))


def give_incident(order: Order, *, as_json: bool, code: bool = False) -> None:
    """The same for all runs of the incident that the order names."""
    order = replace(order, by=whoami(), incident=incident_name(order.incident))
    accepted = with_engine(
        lambda client, _: send(order, "", 0.0, lambda made: incidents.order(client, made), code=code)
    )
    if as_json:
        out_json(accepted)
    else:
        out(one_line(accepted.message))


async def given(client: Client, wanted: Wanted) -> tuple[str, Accepted]:
    """Send the order to the run; what that did, in one line, and its answer. Raises as `give` does."""
    handle = await runs.resolve(client, wanted.run)
    view = await runs.view(handle)
    order = replace(await _complete(handle, view, wanted), by=whoami())
    accepted = await send(
        order, view.run, view.started, lambda made: runs.order(handle, made), code=wanted.code
    )
    try:
        after = await runs.view(handle)
    except EngineUnavailable:
        # It is recorded, whatever can be read of the run now.
        return accepted.message, accepted
    return confirmation(after, order, accepted.message), accepted


async def _complete(handle: WorkflowHandle[object, object], view: RunView, wanted: Wanted) -> Order:
    """With what was not typed because there is only one that can be meant. Raises InvalidInput."""
    order = wanted.order
    if order.verb in ("skip", "retry") and not order.step:
        order = replace(order, step=_only_step(view))
    if order.verb == "tick":
        order = replace(order, items=_items(view, order.request, wanted.lines))
    if wanted.inputs:
        plan = await runs.plan(handle)
        values = read_inputs(plan.inputs, wanted.inputs)
        if odd := check_values("input", plan.inputs, {**view.inputs, **values}, plan.runbook):
            raise InvalidInput("; ".join(odd))
        order = replace(order, inputs=values)
    return order


def _only_step(view: RunView) -> str:
    """The step that is asked about, or kept back. Raises InvalidInput when none or several are."""
    steps = list(dict.fromkeys((*(one.step for one in view.requests), *view.parked)))
    if len(steps) == 1:
        return steps[0]
    known = steps or [step.path for step in view.steps if step.started and not step.ended]
    raise InvalidInput(
        "name the step with `--step`: " + (", ".join(f"`{one}`" for one in known) or "none is open")
    )


def _items(view: RunView, request: str, numbers: tuple[int, ...]) -> tuple[int, ...]:
    """Lines of a checklist, counted from 0. Raises InvalidInput for a line that is not there, IllegalDecision
    for a checklist."""
    asked = [one for one in view.requests if one.checklist and request in ("", one.id)]
    if not asked:
        which = f" as `{request}`" if request else ""
        raise IllegalDecision(f"no checklist is open in `{view.run}`{which}")
    if len(asked) > 1:
        named = ", ".join(f"`{one.id}`" for one in asked)
        raise InvalidInput(f"several checklists are open, name one with `--request`: {named}")
    last = len(asked[0].checklist)
    if odd := [number for number in numbers if not 1 <= number <= last]:
        raise InvalidInput(f"there is no line {odd[0]}; the checklist has lines 1 to {last}")
    return tuple(number - 1 for number in numbers)
