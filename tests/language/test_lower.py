"""What the words of a step become in the Plan."""

from __future__ import annotations

import pytest

from stanch.language.plan import (
    FORMAT,
    MANUAL,
    Approval,
    Ask,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Link,
    Plan,
    Poll,
    Revert,
    Silence,
    Step,
    Suggestion,
)
from tests.language.cases import HEAD, LOOK, codes, compiled, whole
from tests.language.test_compile import CHANGE, READ, plan_of, step_of

LOOP = '- id: each\n  for_each: {as: host, in: [a, b]}\n  http: {url: "http://${{ host }}/"}\n'
BLOCK = "- id: block\n  steps:\n    - {id: one, prometheus: {query: up}}\n"


def calling(fragment: str) -> Plan:
    """The Plan of a runbook that calls one named `other`, which stands in the same file."""
    other = HEAD.replace("example", "other") + "inputs: {name: {type: string, default: x}}\n" + LOOK
    found = compiled(f"{whole(fragment)}\n---\n{other}")
    assert found.plan is not None, found.diagnostics
    return found.plan


def test_a_plan_has_the_format_and_the_words_for_people() -> None:
    plan = plan_of("severities: [SEV1, SEV2]\nsymptoms: It is slow.\nimpact: Customers wait.\n")
    assert (plan.format, plan.severities) == (FORMAT, ("SEV1", "SEV2"))
    assert (plan.symptoms, plan.impact) == ("It is slow.", "Customers wait.")
    assert plan.children == {}


# --- people -------------------------------------------------------------------------------------------------


def test_a_question_keeps_its_fields_as_schemas() -> None:
    step = step_of(
        """\
- id: pick
  title: Which one?
  ask:
    from: [technical_lead, scribe]
    any: 1
    show: "Now: ${{ run.id }}"
    fields:
      host: {type: string, enum: "${{ ['a', run.id] }}"}
      hours: {type: integer, default: 48, minimum: 1}
    silence: {after: 20m, then: abort}
"""
    )
    assert step.ask == Ask(
        roles=("technical_lead", "scribe"),
        fields={
            "host": {"type": "string", "enum": "${{ ['a', run.id] }}"},
            "hours": {"type": "integer", "default": 48, "minimum": 1},
        },
        show="Now: ${{ run.id }}",
        silence=Silence(1200.0, "abort"),
    )
    assert (step.effect, step.on_failure) == ("read", "stop")


def test_a_question_may_show_the_findings() -> None:
    step = step_of("- id: pick\n  ask: {from: a, show: findings, fields: {x: {type: boolean}}}\n")
    assert step.ask == Ask(("a",), {"x": {"type": "boolean"}}, show_findings=True)


def test_what_a_person_does_reads_unless_it_says_change() -> None:
    step = step_of("- id: look\n  manual: {who: scribe, do: Look., checklist: [it is there]}\n")
    assert step.call == Call(MANUAL, {"who": "scribe", "do": "Look.", "checklist": ["it is there"]})
    assert (step.effect, step.on_failure, step.timeout) == ("read", "stop", 3600.0)


def test_a_change_by_hand_needs_no_approval_and_no_way_to_know() -> None:
    step = step_of(
        """\
- id: merge
  manual: {who: scribe, do: Merge it.}
  effect: change
  undo: {manual: {who: scribe, do: Revert it.}}
  within: 30m
"""
    )
    assert (step.effect, step.on_failure, step.timeout) == ("change", "ask", 1800.0)
    assert step.undo == Call(MANUAL, {"who": "scribe", "do": "Revert it."})


@pytest.mark.parametrize("effect", ["", "  effect: change\n  irreversible: it is merged\n"])
def test_the_machine_may_see_that_a_person_is_done(effect: str) -> None:
    text = f"- id: merge\n  manual: {{who: scribe, do: Merge it.}}\n{effect}"
    step = step_of(text + "  done: {prometheus: {query: merged}, until: result.value > 0.0, within: 1h}\n")
    assert step.done == Check(Call("prometheus", {"query": "merged"}), Poll("result.value > 0.0", 3600.0))


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        ("a", Approval(("a",))),
        ("{from: a, quorum: 2}", Approval(("a",), quorum=2)),
        ("{from: [a, b]}", Approval(("a", "b"), of_roles=2)),
        ("{from: [a, b], any: 1}", Approval(("a", "b"), of_roles=1)),
        ("{from: [a, b, c], any: 2, quorum: 3}", Approval(("a", "b", "c"), quorum=3, of_roles=2)),
    ],
)
def test_several_roles_must_each_agree_unless_any_says_how_many(approval: str, expected: Approval) -> None:
    step = step_of(CHANGE.replace("approval: incident_commander", f"approval: {approval}"))
    assert step.approval == expected


# --- loops and blocks ---------------------------------------------------------------------------------------


def test_rounds_go_one_by_one_unless_the_author_says_otherwise() -> None:
    assert step_of(LOOP).for_each == ForEach("host", ["a", "b"], (1,))
    wide = LOOP.replace("[a, b]}", "[a, b], batches: [50%], maxItems: 9}")
    assert step_of(wide).for_each == ForEach("host", ["a", "b"], ("50%",), most=9)


@pytest.mark.parametrize(("said", "most"), [("1", 1), ("0", 0), ("10%", "10%")])
def test_how_many_may_fail_is_a_number_or_a_share(said: str, most: int | str) -> None:
    text = LOOP.replace("[a, b]}", f"[a, b], max_failures: {said}}}")
    assert step_of(text).for_each == ForEach("host", ["a", "b"], (1,), max_failures=most)


@pytest.mark.parametrize(
    "text", [LOOP + "  parallel: true\n", LOOP.replace("[a, b]}", "[a, b], parallel: true}")]
)
def test_parallel_rounds_have_no_batches(text: str) -> None:
    step = step_of(text)
    assert step.for_each == ForEach("host", ["a", "b"], ())
    assert step.parallel is False


def test_parallel_on_a_block_is_for_its_steps() -> None:
    step = step_of(BLOCK + "  parallel: true\n  for_each: {as: x, in: [1]}\n")
    assert step.parallel is True
    assert step.for_each == ForEach("x", [1], (1,))


def test_a_block_may_have_a_way_back_of_its_own() -> None:
    inner = "".join(f"    {line}\n" for line in CHANGE.splitlines() if "undo" not in line)
    step = step_of(f"- id: block\n  undo: {{ssh: {{hosts: [b], run: [back]}}}}\n  steps:\n{inner}")
    assert step.undo == Call("ssh", {"hosts": ["b"], "run": ["back"]}, one=True)
    assert step.steps[0].undo is None


def test_the_time_limit_of_a_block_or_child_is_for_the_whole_of_it() -> None:
    assert step_of(BLOCK + "  timeout: 15m\n").limit == 900.0
    assert calling("- {id: call, runbook: other, timeout: 1h}\n").steps[0].limit == 3600.0
    assert step_of(BLOCK).limit == 0.0
    action = step_of(LOOP + "  timeout: 15m\n")
    assert (action.timeout, action.limit) == (900.0, 0.0)


def test_targets_may_have_a_bound() -> None:
    assert step_of(CHANGE + "  maxItems: 5\n").most_targets == 5


# --- children, findings, evidence, links --------------------------------------------------------------------


def test_a_child_keeps_its_inputs_as_templates() -> None:
    plan = calling('- id: call\n  runbook: other\n  inputs: {name: "${{ run.id }}"}\n')
    assert plan.steps[0].child == Child("other", {"name": "${{ run.id }}"})
    assert plan.steps[0].effect == "read"
    assert list(plan.children) == ["other"]


def test_findings_evidence_and_links_are_kept() -> None:
    step = step_of(
        READ
        + """\
  findings:
    - {when: result.value > 0.0, is: confirmed, text: "It is ${{ result.value }}."}
    - {when: "true", is: unknown, text: x, suggest: {runbook: other, inputs: {a: "${{ run.id }}"}}}
  keep: {answer.json: result.series}
  links: [{title: "Of ${{ run.id }}", url: "http://x/${{ run.id }}"}]
"""
    )
    assert step.findings == (
        Finding("result.value > 0.0", "confirmed", "It is ${{ result.value }}."),
        Finding("true", "unknown", "x", Suggestion("other", {"a": "${{ run.id }}"})),
    )
    assert step.keep == {"answer.json": "result.series"}
    assert step.links == (Link("Of ${{ run.id }}", "http://x/${{ run.id }}"),)


# --- what is borrowed ---------------------------------------------------------------------------------------

_WHEN = Check(Call("prometheus", {"query": "hits"}), Poll("result.value == 0.0", 0.0, 3600.0))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("end_of_block", Revert("end_of_block")),
        ("end_of_run", Revert("end_of_run")),
        ("{after: 72h, approval: technical_lead}", Revert("after", after="72h", roles=("technical_lead",))),
        ("{after: '${{ run.id }}h'}", Revert("after", after="${{ run.id }}h")),
        ("{ask: [a, b]}", Revert("ask", roles=("a", "b"))),
        (
            (
                "{when: {prometheus: {query: hits}, until: result.value == 0.0, every: 1h}, not_before: 1h,"
                " at_most: '${{ steps.change.hours }}h'}"
            ),
            Revert("when", when=_WHEN, not_before="1h", at_most="${{ steps.change.hours }}h"),
        ),
    ],
)
def test_a_borrowed_change_says_when_it_comes_back(written: str, expected: Revert) -> None:
    step = step_of(CHANGE + f"  outputs: {{hours: '\"5\"'}}\n  revert: {written}\n")
    assert step.revert == expected


# --- defaults do not travel ---------------------------------------------------------------------------------


def test_a_step_holds_nothing_that_was_not_said() -> None:
    assert plan_of(BLOCK).steps[0] == Step(
        id="block",
        steps=(Step(id="one", call=Call("prometheus", {"query": "up"}), timeout=30.0),),
    )


def test_a_runbook_of_every_kind_of_step_compiles() -> None:
    plan = calling(
        """\
- {id: wait, wait: 1s}
- {id: compute, outputs: {x: "1"}}
- {id: say, findings: [{when: "true", is: cleared, text: All is well.}]}
- {id: question, ask: {from: a, fields: {y: {type: boolean}}}}
- {id: hand, manual: {who: a, do: x}}
- {id: child, runbook: other}
- {id: block, steps: [{id: inner, prometheus: {query: up}}]}
"""
    )
    assert [step.id for step in plan.steps] == [
        "wait",
        "compute",
        "say",
        "question",
        "hand",
        "child",
        "block",
    ]


ROLL = """\
- id: roll
  for_each: {as: host, in: [a, b]}
  ssh: {hosts: ["${{ host }}"], run: [restart]}
  effect: change
  approval: incident_commander
  idempotent: true
  irreversible: it is
  outputs: {at: string(run.now)}
  verify:
"""


@pytest.mark.parametrize(
    ("verify", "each_round"),
    [
        ('{http: {url: "http://${{ host }}/"}, until: result.status == 200, within: 1m}', True),
        ("{ssh: {run: [check]}, until: result.rc == 0, within: 1m}", True),
        ("{prometheus: {query: up}, until: 'result.series.all(s, s.labels.of != host)', within: 1m}", True),
        (
            "{http: {url: 'http://${{ host }}/${{ steps.roll.at}}'}, until: result.status < 400, within: 9m}",
            True,
        ),
        ("{ssh: {hosts: [a], run: [check]}, until: result.rc == 0, within: 1m}", False),
        (
            "{prometheus: {query: up}, until: result.value == double(steps.roll.results.size()), within: 1m}",
            False,
        ),
    ],
)
def test_a_verification_that_reads_the_item_of_a_loop_is_asked_in_each_round(
    verify: str, each_round: bool
) -> None:
    """Also where the item comes with the targets that it takes over."""
    (step,) = plan_of(f"{ROLL}    {verify}\n").steps
    assert step.verify is not None
    assert step.verify.each_round is each_round


@pytest.mark.parametrize(
    ("said", "each_batch"), [("", True), (", after: batch", True), (", after: all", False)]
)
def test_another_verification_of_a_loop_is_asked_behind_each_batch_unless_it_says_behind_all(
    said: str, each_batch: bool
) -> None:
    verify = f"{{prometheus: {{query: up}}, until: result.value == 0.0, within: 1m{said}}}"
    (step,) = plan_of(f"{ROLL}    {verify}\n").steps
    assert step.verify is not None
    assert (step.verify.each_round, step.verify.each_batch) == (False, each_batch)


def test_the_items_of_a_list_that_is_asked_for_may_be_found_by_the_run() -> None:
    ask = '- {id: which, ask: {from: a, fields: {x: {type: array, items: {enum: "${{ steps.l.all }}"}}}}}\n'
    look = "- {id: l, http: {url: 'http://x/'}, outputs: {all: 'result.headers.map(h, h)'}}\n"
    which = plan_of(look + ask).steps[1]
    assert which.ask is not None
    assert which.ask.fields == {"x": {"type": "array", "items": {"enum": "${{ steps.l.all }}"}}}
    assert codes(look + ask.replace("l.all", "l.none")) == ["RB303"]


def test_a_call_of_an_action_that_knows_its_change_says_so() -> None:
    flag = "- {id: off, flag: {name: x, set: false}, effect: change, approval: a}"
    assert step_of(flag).call == Call("flag", {"name": "x", "set": False}, knows=True)
    hand = "- {id: off, manual: {who: a, do: it}, effect: change, approval: a, irreversible: so it is}"
    by_hand = step_of(hand).call
    assert by_hand is not None
    assert not by_hand.knows
