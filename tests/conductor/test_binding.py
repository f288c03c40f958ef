"""What a request's digest covers: every difference in what would happen or in what was shown, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given as case
from hypothesis import strategies as st

from stanch.conductor.approval import binding
from stanch.conductor.approval import late as late_values
from stanch.contract import Ladder, Request, Rung, RunPolicy
from stanch.language.plan import (
    Approval,
    Call,
    Check,
    Finding,
    ForEach,
    Link,
    Poll,
    Revert,
    Silence,
    Step,
)
from tests.support.host import Host
from tests.support.plans import LADDER, given, plan, read

IC = Approval(("incident_commander",))
SEE = Call("http", {"url": "http://x/${{ inputs.service }}"})


CALL = Call("ssh", {"hosts": ["web1"], "run": ["fix", "${{ inputs.service }}"], "stdin": "a"})


def step(**fields: Any) -> Step:
    base = Step(
        id="fix",
        effect="change",
        call=CALL,
        done=Check(Call("ssh", {"hosts": ["web1"], "run": ["ask"]}), Poll("result.rc == 0", within=60)),
        undo=Call("ssh", {"hosts": ["web1"], "run": ["unfix"]}),
        verify=Check(SEE, Poll("result.rc == 0", within=60)),
        revert=Revert("end_of_run"),
        approval=IC,
    )
    return replace(base, **fields)


def request(which: Step, *, before: Step | None = None, around: bool = False, **fields: Any) -> Request:
    """What is asked about `which`, or (`around`) about a block that it is in."""
    if around:
        which = Step(id="block", steps=(replace(which, approval=None),), approval=which.approval)
    fields.setdefault("policy", RunPolicy(ladders={"incident_commander": LADDER}))
    steps = (before, which) if before else (which,)
    host = Host(given(plan(*steps, links=fields.pop("links", ())), revision=2, **fields)).start()
    while not host.state.requests:
        host.succeed({"v": 1})
    return host.request


LOOK = read("look", outputs={"v": "result.v"})
OTHERS: dict[str, dict[str, Any]] = {
    "target": {"call": replace(CALL, params={**CALL.params, "hosts": ["web2"]})},
    "one more target": {"call": replace(CALL, params={**CALL.params, "hosts": ["web1", "web2"]})},
    "command": {"call": replace(CALL, params={**CALL.params, "run": ["fix"]})},
    "what people do not see": {"call": replace(CALL, params={**CALL.params, "stdin": "b"})},
    "action": {"call": replace(CALL, action="command")},
    "done": {"done": Check(Call("ssh", {"hosts": ["web1"], "run": ["look"]}), Poll("result.rc == 0", 60))},
    "until": {"done": Check(Call("ssh", {"hosts": ["web1"], "run": ["ask"]}), Poll("result.rc == 1", 60))},
    "undo": {"undo": Call("ssh", {"hosts": ["web1"], "run": ["undo"]})},
    "no undo": {"undo": None},
    "verify": {"verify": Check(SEE, Poll("result.rc == 1", within=60))},
    "no verify": {"verify": None},
    "revert": {"revert": Revert("after", after="72h")},
    "no revert": {"revert": None},
    "irreversible": {"irreversible": "gone"},
    "roles": {"approval": Approval(("technical_lead",))},
    "quorum": {"approval": replace(IC, quorum=2)},
    "roles that must agree": {"approval": Approval(("incident_commander", "scribe"), of_roles=2)},
    "confirm": {"approval": replace(IC, confirm="yes")},
    "silence": {"approval": replace(IC, silence=Silence(60.0, "abort"))},
    "links": {"links": (Link("here", "https://x"),)},
    "rounds": {"for_each": ForEach("n", [1, 2])},
}


ASKED = [(what, around) for what in OTHERS for around in (False, True)]
ASKED.remove(("links", True))  # a block shows its own


@pytest.mark.parametrize(("what", "around"), ASKED)
def test_another_question_has_another_digest(what: str, around: bool) -> None:
    other = request(step(**OTHERS[what]), around=around)
    assert other.digest != request(step(), around=around).digest


def test_what_was_found_before_is_covered() -> None:
    seen = replace(LOOK, findings=(Finding("true", "suspect", "it is ${{ result.v }}"),))
    cleared = replace(LOOK, findings=(Finding("true", "cleared", "it is ${{ result.v }}"),))
    digests = {request(step(), before=each).digest for each in (LOOK, seen, cleared)}
    assert len(digests) == 3


def test_the_inputs_that_are_read_are_covered_and_others_are_not() -> None:
    first = request(step(), inputs={"service": "a", "other": 1})
    same = request(step(), inputs={"service": "a", "other": 1})
    assert same.digest == first.digest
    assert request(step(), inputs={"service": "b", "other": 1}).digest != first.digest
    verified = step(call=replace(CALL, params={**CALL.params, "run": ["fix"]}), verify=None)
    assert (
        request(verified, inputs={"service": "a"}).digest == request(verified, inputs={"service": "b"}).digest
    )


def test_the_ladder_alone_is_not_covered() -> None:
    """Whom silence climbs to is not what somebody agrees to; what it ends in is."""
    slow = Ladder((Rung(0, "bob"),), silence_after=9000)
    other = request(step(), policy=RunPolicy(ladders={"incident_commander": slow}))
    assert other.digest == request(step()).digest
    aborts = replace(slow, silence_then="abort")
    ends = request(step(), policy=RunPolicy(ladders={"incident_commander": aborts}))
    assert ends.digest != other.digest


def test_a_later_release_may_word_a_question_better(monkeypatch: pytest.MonkeyPatch) -> None:
    """Decisions in histories name the digest of the release that wrote them."""
    seen = replace(LOOK, findings=(Finding("true", "suspect", "it is ${{ result.v }}"),))
    late = step(call=replace(CALL, params={"hosts": "${{ steps.look.v }}", "run": ["${{ steps.look.v }}"]}))
    block = Step(id="block", steps=(seen, replace(late, approval=None, irreversible="gone")), approval=IC)

    def asked() -> Request:
        return Host(given(plan(block), revision=2)).start().request

    first = asked()
    monkeypatch.setattr(binding, "command_of", lambda call: f"please: {call.action}")
    monkeypatch.setattr(binding, "known_when", lambda after: "not yet")
    monkeypatch.setattr(late_values, "late_words", lambda cel, after: "?")
    monkeypatch.setattr(binding, "revert_words", lambda *_: "soon")
    second = asked()
    assert second.changes != first.changes
    assert second.digest == first.digest


words = st.text(max_size=6)


@case(st.lists(words, max_size=3), st.lists(words, max_size=3))
def test_digests_are_equal_exactly_when_the_commands_are(first: list[str], second: list[str]) -> None:
    digests = [
        request(
            step(call=replace(CALL, params={**CALL.params, "run": "${{ inputs.words }}"})), inputs=inputs
        ).digest
        for inputs in ({"words": first, "service": "a"}, {"words": second, "service": "a"})
    ]
    assert (digests[0] == digests[1]) == (first == second)


_PRINT = "from tests.conductor.test_binding import everything; print(everything().digest)"


def everything() -> Request:
    seen = replace(LOOK, findings=(Finding("true", "suspect", "it is ${{ result.v }}"),))
    pools = {"web": ("web1", "web2"), "all": ("web1", "web2", "db1")}
    policy = RunPolicy(ladders={"incident_commander": LADDER}, pools=pools)
    return request(step(), before=seen, around=True, policy=policy)


@pytest.mark.parametrize("seed", ["1", "2"])
def test_equal_requests_have_equal_digests_in_other_processes(seed: str) -> None:
    root = Path(__file__).parents[2]
    other = subprocess.run(
        [sys.executable, "-c", _PRINT],
        cwd=root,
        env={**os.environ, "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout.strip() == everything().digest


def test_a_request_tells_how_many_targets_it_touches_and_their_share_of_each_pool() -> None:
    asked = everything()
    assert (asked.targets, asked.shares) == (1, ("1 of 2 in web", "1 of 3 in all"))
    two = step(call=replace(CALL, params={**CALL.params, "hosts": ["web1", "web2", "elsewhere", "web1"]}))
    pools = {"web": tuple(f"web{number}" for number in range(14)), "db": ("db1",)}
    policy = RunPolicy(ladders={"incident_commander": LADDER}, pools=pools)
    asked = request(two, policy=policy)
    assert (asked.targets, asked.shares) == (3, ("2 of 14 in web",))


def test_a_request_shows_what_shows_that_it_helped() -> None:
    (shown,) = request(step()).changes
    assert shown.verify == "GET http://x/checkout, until result.rc == 0"
    verify = Check(SEE, Poll("result.rc == steps.look.v", within=60))
    block = Step(id="block", steps=(LOOK, step(approval=None, verify=None)), approval=IC, verify=verify)
    (shown,) = Host(given(plan(block), revision=2)).start().request.changes
    assert shown.verify.startswith(
        "GET http://x/checkout, until result.rc == steps.look.v (steps.look.v is known"
    )


def test_no_way_back_of_anything_inside_is_told_with_the_question() -> None:
    gone = step(undo=None, revert=None, irreversible="the data is gone")
    assert request(gone, around=True).irreversible == "the data is gone"
