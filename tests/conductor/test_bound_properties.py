"""Nothing that differs from what somebody approved is ever executed, whatever becomes of inputs and outputs.

A random block with late values meets a random world: reads tell different things each time, changes fail
and are done again, inputs are edited, alerts resolve, the severity changes, a hold comes and goes. The judge
knows nothing of how the conductor compares: it reads what the requests showed to people.
"""

from __future__ import annotations

import re
from typing import Any

from hypothesis import given as case
from hypothesis import settings
from hypothesis import strategies as st

from stanch.conductor.approval.preview import command_of, target_of
from stanch.conductor.commands import RunAction
from stanch.conductor.describe import details, open_requests, view
from stanch.conductor.events import ActionFailed, ActionSucceeded, AlertReported, DecisionGiven, OrderGiven
from stanch.conductor.state import Phase
from stanch.contract import Change, Decision, Order, RunPolicy, Verb
from stanch.language.plan import Approval, Call, Check, Child, ForEach, Plan, Poll, Require, Step
from tests.support.host import Host
from tests.support.plans import LADDER, given

IC = Approval(("incident_commander",))
WORDS = ["a", "b", "c"]
INPUTS = {"x": {"type": "string"}, "y": {"type": "string"}, "list": {"type": "array"}}
READS = ("x", "y")

names = st.sampled_from(["${{ inputs.x }}", "${{ inputs.y }}", "word", "${{ run.severity }}"])
late = st.sampled_from(["${{ steps.r.v }}", "${{ inputs.x + '-' + steps.r.v }}", "p-${{ steps.r.v }}-s"])
words = st.lists(names | late, max_size=3)


def change(name: str, run: list[str], **fields: Any) -> Step:
    hosts = fields.pop("hosts", ["h"])
    undo = Call("ssh", {"hosts": hosts, "run": ["back", *run[:1]]})
    return Step(
        id=name,
        effect="change",
        call=Call("ssh", {"hosts": hosts, "run": [name, *run]}),
        undo=undo,
        on_failure="ask",
        **fields,
    )


@st.composite
def inner(draw: st.DrawFn, name: str, depth: int = 0) -> Step:
    kind = draw(st.sampled_from(["change"] * 3 + ["loop", "late loop", "block", "child"]))
    when = draw(st.sampled_from([None, None, None, "inputs.x != 'c'", "steps.r.v != 'c'"]))
    own = draw(st.sampled_from([None, None, IC]))
    if kind == "block" and depth < 2:
        several = [draw(inner(f"{name}{at}", depth + 1)) for at in range(draw(st.integers(1, 2)))]
        loop = draw(st.sampled_from([None, ForEach("shard", "${{ inputs.list }}", (1,), empty_ok=True)]))
        return Step(id=name, steps=tuple(several), when=when, approval=own, for_each=loop, on_failure="ask")
    if kind == "child":
        given_late = draw(names | late)
        return Step(id=name, child=Child("child", {"z": given_late}), when=when, on_failure="ask")
    run = draw(words)
    if kind in ("loop", "late loop"):
        source = "${{ inputs.list }}" if kind == "loop" else "${{ steps.r.all }}"
        most = 3 if kind == "loop" else draw(st.sampled_from([0, 2, 3]))
        rounds = ForEach("host", source, (1,), empty_ok=True, most=most)
        return change(name, [*run, "${{ host }}"], hosts=["${{ host }}"], for_each=rounds, when=when)
    require = draw(st.sampled_from([(), (Require("inputs.y != 'c'", "no"),)]))
    done = draw(st.sampled_from([None, Check(Call("http", {"url": "u"}), Poll("result.v == inputs.x", 9))]))
    return change(name, run, when=when, approval=own, require=require, done=done)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    read = Step(
        id="r",
        call=Call("http", {"url": "http://x"}),
        outputs={"v": "result.v", "all": "result.all"},
    )
    steps = [draw(inner(f"s{at}")) for at in range(draw(st.integers(1, 3)))]
    asks = draw(st.sampled_from([IC, IC, Approval(("incident_commander",), quorum=2)]))
    block = Step(id="block", steps=(read, *steps), approval=asks, on_failure="ask")
    first = Step(id="first", steps=(change("alone", draw(words.map(_known)), approval=IC),))
    child = Plan(
        "child", "C", "rollback", "me", (change("in", ["${{ inputs.z }}"]),), inputs={"z": {"type": "string"}}
    )
    return Plan("p", "P", "rollback", "me", (first, block), inputs=INPUTS, children={"child": child})


def _known(run: list[str]) -> list[str]:
    return [word for word in run if "steps." not in word]


# --- the judge --------------------------------------------------------------------------------------------

_LATE = re.compile(r"<[^<>]*, known (?:after (?:\"\w+\"(?:, )?)+|when its turn comes)>")


def fits(shown: Change, target: str, command: str) -> bool:
    """Whether people who read `shown` have read of this command on this target."""
    # A word that only the run will tell may need quotes then; none of those here does.
    pattern = ".*".join(re.escape(part) for part in _LATE.split(shown.command))
    if re.fullmatch(pattern, command) is None:
        return False
    bound = re.search(r"at most \d+ targets, known|known after|known when", shown.target)
    return bound is not None or shown.target == target


def judge(host: Host, action: RunAction) -> None:
    task = action.task
    if task.effect != "change" or task.call.params["run"][0] == "back":
        return
    line = [host.state.nodes[task.step]]
    while line[-1].parent is not None:
        line.append(host.state.nodes[line[-1].parent])
    nearest = next(node for node in line if node.approved)
    asked = [each for each in host.state.requests.values() if each.node == nearest.path]
    approved = [each for each in asked if any(given.choice == "approve" for given in each.given)]
    command, target = command_of(task.call), target_of(task.call)
    assert any(fits(shown, target, command) for shown in approved[-1].request.changes), (
        command,
        target,
        approved[-1].request.changes,
    )


# --- the world --------------------------------------------------------------------------------------------


def feed(host: Host, event: Any) -> None:
    before = len(host.executed)
    host.feed(event)
    for action in host.executed[before:]:
        judge(host, action)
    details(host.state), view(host.state, host.now)


def answer(data: st.DataObject) -> dict[str, Any]:
    listed = data.draw(st.lists(st.sampled_from(WORDS), max_size=3, unique=True))
    return {"v": data.draw(st.sampled_from(WORDS)), "all": listed}


def act(data: st.DataObject, host: Host) -> None:
    key = data.draw(st.sampled_from(sorted(host.actions)))
    del host.actions[key]
    if data.draw(st.integers(0, 3)):
        feed(host, ActionSucceeded(host.now, key, answer(data)))
    else:
        feed(host, ActionFailed(host.now, key, "no"))


def decide(data: st.DataObject, host: Host) -> None:
    request = data.draw(st.sampled_from(open_requests(host.state)))
    usual = [choice for choice in request.choices if choice in ("approve", "retry", "done")]
    choice = data.draw(st.sampled_from([*usual * 6, *request.choices]))
    by = data.draw(st.sampled_from(["alice", "bob"]))
    decision = Decision(request.id, choice, by, request.digest, "why")
    if not host.conductor.refusal(host.state, decision):
        feed(host, DecisionGiven(host.now, decision))


def order(data: st.DataObject, host: Host) -> None:
    verb: Verb = data.draw(
        st.sampled_from([*["retry"] * 3, "hold", "release", "severity", "withdraw", "pause", "resume"])
    )
    given_order = Order(verb, "alice", "why")
    if verb == "severity":
        given_order = Order(verb, "alice", "why", to=data.draw(st.sampled_from(["SEV1", "SEV2"])))
    elif verb == "retry":
        inputs: dict[str, Any] = {data.draw(st.sampled_from(READS)): data.draw(st.sampled_from(WORDS))}
        if data.draw(st.booleans()):
            inputs = {"list": data.draw(st.lists(st.sampled_from(WORDS), max_size=3, unique=True))}
        step = data.draw(st.sampled_from(open_requests(host.state))).step if open_requests(host.state) else ""
        given_order = Order(verb, "alice", "why", step=step, inputs=inputs)
    if not host.conductor.order_refusal(host.state, given_order):
        feed(host, OrderGiven(host.now, given_order))


def alert(data: st.DataObject, host: Host) -> None:
    feed(host, AlertReported(host.now, data.draw(st.sampled_from(["resolved", "firing"]))))


@settings(max_examples=400, deadline=None)
@case(plans(), st.data())
def test_nothing_that_differs_from_what_was_approved_is_ever_executed(
    plan: Plan, data: st.DataObject
) -> None:
    policy = RunPolicy(ladders={"incident_commander": LADDER})
    inputs = {"x": "a", "y": "b", "list": ["a", "b"]}
    host = Host(given(plan, inputs=inputs, policy=policy, revision=2)).start()
    for _ in range(50):
        if host.state.outcome is not None:
            break
        host.now += 1
        moves = [act] * 4 * bool(host.actions) + [decide] * 4 * bool(open_requests(host.state))
        data.draw(st.sampled_from([*moves, order, order, alert]))(data, host)
        for opened in host.state.requests.values():
            if not opened.closed and opened.request.kind == "approval":
                assert host.state.nodes[opened.node].phase is Phase.ASKING
