"""Small Plans for tests of the conductor and of the workflow, written by hand and not by the compiler."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stanch.contract import REVISION, Ladder, Rung, RunInput, RunPolicy
from stanch.language.plan import (
    Approval,
    Ask,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Plan,
    Poll,
    Require,
    Revert,
    Step,
)

HOSTS = ["web1", "web2", "web3"]
LADDER = Ladder(
    rungs=(Rung(0, "incident_commander"), Rung(300, "incident_commander"), Rung(600, "technical_lead")),
    silence_after=1800,
    silence_then="deny",
)


def read(name: str = "look", **fields: Any) -> Step:
    return Step(id=name, title=f"Read {name}", call=Call("http", {"url": f"http://x/{name}"}), **fields)


def change(name: str = "fix", **fields: Any) -> Step:
    fields.setdefault("approval", Approval(("incident_commander",)))
    fields.setdefault("undo", Call("ssh", {"hosts": ["web1"], "run": ["unfix", name]}, one=True))
    fields.setdefault("call", Call("ssh", {"hosts": ["web1"], "run": ["fix", name]}, one=True))
    return Step(id=name, title=f"Do {name}", effect="change", **fields)


def rollback() -> Plan:
    """The job of the shipped runbook: measure, show, ask, roll back in batches, verify."""
    errors = read("errors", outputs={"rate": "result.json.rate"}, require=(_HIGH,))
    current = Step(
        id="current",
        title="Which release runs where?",
        call=Call("ssh", {"hosts": "${{ inputs.hosts }}", "run": ["deploy", "current"], "output": "json"}),
        outputs={"bad": "result[0].json.release"},
    )
    deploy = {"hosts": ["${{ host }}"]}
    assert errors.call is not None
    roll_back = Step(
        id="roll_back",
        title="Put the previous release back",
        effect="change",
        call=Call("ssh", {**deploy, "run": ["deploy", "rollback", "${{ inputs.service }}"]}, one=True),
        approval=Approval(("incident_commander",)),
        for_each=ForEach("host", "${{ inputs.hosts }}", (1, "50%", "100%"), pause=2.0),
        done=Check(
            Call("ssh", {**deploy, "run": ["deploy", "current"], "output": "json"}, one=True),
            Poll("result.json.release != steps.current.bad", within=60, every=1),
        ),
        undo=Call("ssh", {**deploy, "run": ["deploy", "redeploy", "${{ steps.current.bad }}"]}, one=True),
        verify=Check(errors.call, Poll("result.json.rate < 0.01", within=60, every=2, stable=5)),
        on_failure="ask",
    )
    return plan(errors, current, roll_back, outputs={"released": "steps.current.bad"})


_HIGH = Require("result.json.rate > 0.05", "the rate is ${{ result.json.rate }}; nothing to do", after=True)


def everything() -> Plan:
    """Reads at once, a question for a value, a child for each item with what it borrows, work by hand."""
    looks = Step(id="looks", steps=(read("a", outputs={"v": "result.json"}), read("b")), parallel=True)
    fields = {"nodes": {"type": "array", "items": {"type": "string", "enum": ["db1", "db2"]}}}
    which = Step(id="which", title="Which ones?", ask=Ask(("technical_lead",), fields))
    out = replace(
        change("out", approval=None, revert=Revert("end_of_run")),
        call=Call("ssh", {"hosts": ["${{ inputs.node }}"], "run": ["out"]}, one=True),
    )
    seen = Finding("true", "cleared", "${{ inputs.node }} is out")
    child = Plan(
        "update-node",
        "Update a node",
        "maintenance",
        "sre",
        (out, Step(id="said", outputs={"node": "inputs.node"}, findings=(seen,))),
        inputs={"node": {"type": "string"}},
        outputs={"node": "steps.said.node"},
    )
    each = Step(
        id="each",
        title="Update them",
        child=Child("update-node", {"node": "${{ node }}"}),
        for_each=ForEach("node", "${{ steps.which.nodes }}", (1,)),
        approval=Approval(("incident_commander",)),
        outputs={"done": "result.outputs.node"},
        limit=600.0,
    )
    hand = Step(
        id="hand",
        title="Look at it",
        call=Call("manual", {"who": "technical_lead", "do": "look"}),
        timeout=900.0,
        on_failure="continue",
    )
    return plan(
        looks,
        which,
        each,
        hand,
        outputs={"done": "steps.each.results.map(r, r.done)", "said": "run.findings.map(f, f.text)"},
        children={"update-node": child},
    )


def plan(*steps: Step, **fields: Any) -> Plan:
    return Plan(
        runbook="rollback-release", title="Roll back", kind="rollback", owner="sre", steps=steps, **fields
    )


def given(
    which: Plan, inputs: Mapping[str, Any] | None = None, policy: RunPolicy | None = None, **fields: Any
) -> RunInput:
    """What a new run is started with; `revision=1` for one of an earlier release."""
    fields.setdefault("started_by", "alert:alertmanager")
    fields.setdefault("revision", REVISION)
    return RunInput(
        plan=which,
        inputs={"service": "checkout", "hosts": HOSTS} if inputs is None else inputs,
        policy=policy or RunPolicy(ladders={"incident_commander": LADDER}),
        **fields,
    )


def with_fields(which: Plan, name: str, **fields: Any) -> Plan:
    """`which` with the top-level step `name` changed."""
    steps = tuple(replace(step, **fields) if step.id == name else step for step in which.steps)
    return replace(which, steps=steps)
