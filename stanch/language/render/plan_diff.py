"""What differs between the Plan that a run is pinned to and the one that its runbook compiles to today."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator

from stanch.language.accept import acceptor
from stanch.language.catalogue import ActionSpec, Catalogue
from stanch.language.encode import plan_digest, to_data
from stanch.language.plan import Call, Plan, Step, all_steps
from stanch.language.render.plan_text import plan_text

_AROUND = 3
"""Lines that are shown before and behind what differs."""


def plan_diff(pinned: Plan, today: Plan, file: str) -> list[str]:
    """Lines of a unified diff from `pinned` to `today`; none when the two are the same Plan.

    It is one of the text that `stanch plan` prints. What that text does not say is compared as JSON.
    """
    if plan_digest(pinned) == plan_digest(today):
        return []
    before, after = _lines(pinned), _lines(today)
    if before == after:
        before, after = _data(pinned), _data(today)
    names = "pinned by the run", f"today, {file}"
    return list(difflib.unified_diff(before, after, *names, n=_AROUND, lineterm=""))


def _data(plan: Plan) -> list[str]:
    return json.dumps(to_data(plan), indent=1, sort_keys=True).split("\n")


def _lines(plan: Plan) -> list[str]:
    """Without the digest, which is told apart and would make each diff begin with itself."""
    lines = plan_text(plan, None).rstrip("\n").split("\n")
    return [lines[0], lines[1].rpartition(", digest ")[0], *lines[2:]]


def outgrown(pinned: Plan, catalogue: Catalogue) -> list[str]:
    """A line for each step whose action, as its schema is today, does not take what the Plan gives it: there
    the run will be refused by a worker of today."""
    found: dict[str, None] = {}
    for plan in (pinned, *pinned.children.values()):
        where = "" if plan is pinned else f"runbook `{plan.runbook}`, "
        for step in all_steps(plan.steps):
            said = (_misfit(call, catalogue.actions.get(call.action)) for call in _calls(step))
            found |= {f"{where}step `{step.id}`: {each}": None for each in said if each}
    return list(found)


def _calls(step: Step) -> Iterator[Call]:
    if step.call is not None:
        yield step.call
    if step.undo is not None:
        yield step.undo
    for check in (step.done, step.verify, step.revert.when if step.revert else None):
        if check is not None:
            yield check.call


def _misfit(call: Call, spec: ActionSpec | None) -> str:
    if spec is None:
        return f"there is no action `{call.action}` any more"
    if acceptor(spec.params)(dict(call.params)):
        return ""
    known = spec.params.get("properties", {})
    changed = f"the schema of `{call.action}` has changed, and"
    if strange := [name for name in call.params if name not in known]:
        return f"{changed} it knows no `{strange[0]}` any more"
    if missing := [name for name in spec.params.get("required", ()) if name not in call.params]:
        return f"{changed} it asks for `{missing[0]}` now"
    return f"{changed} it does not take these parameters any more: {', '.join(sorted(call.params))}"
