"""The guide as a whole: everything that a run would do, ask and take back, for a person with a shell."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stanch.language.plan import (
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
    Require,
    Revert,
    Silence,
    Step,
)
from stanch.language.render.guide import Climb, Facts, plan_guide
from stanch.language.render.guide.values import Values
from stanch.language.render.guide.words import Reader
from stanch.language.render.mermaid import plan_mermaid
from stanch.language.render.plan_text import plan_text
from tests.language.cases import CHECKOUT, HERE, really_compiled
from tests.language.everything import EVERYTHING
from tests.language.guides import commands, parsed, structure
from tests.language.plans import plans

INPUTS = {
    "service": "checkout",
    "hosts": ["web1", "web2", "web3"],
    "health_url": "http://127.0.0.1:8480/health",
}
FACTS = Facts(
    ladders={
        "incident_commander": (
            Climb(("SEV1",), ((0, "incident_commander"), (300, "technical_lead")), 1800, "deny"),
            Climb(("SEV2", "SEV3"), ((0, "incident_commander"),), 3600, "abort"),
        )
    },
    holders={"incident_commander": ("dana", "mona")},
)


def shipped(name: str) -> Plan:
    path = CHECKOUT / "runbooks" / name
    plan = really_compiled(path.read_text(encoding="utf-8"), path.name).plan
    assert plan is not None
    return plan


def guide(*steps: Step, given: dict[str, Any] | None = None, **fields: Any) -> str:
    return plan_guide(Plan("r", "R", "recovery", "team", steps, **fields), given or {}, Facts())


def change(name: str = "fix", **fields: Any) -> Step:
    return Step(
        id=name, effect="change", call=Call("ssh", {"hosts": ["a"], "run": [name]}, one=True), **fields
    )


KEY = {"secret": "env/KEY"}


def undoing(name: str) -> Call:
    return Call("ssh", {"hosts": ["a"], "run": [f"un{name}"]}, one=True)


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("rollback-release.md", plan_guide(shipped("rollback/rollback-release.yaml"), INPUTS, FACTS)),
        ("everything.md", plan_guide(EVERYTHING, {"limit": 5}, Facts())),
    ],
)
def test_a_guide_reads_as_before(name: str, made: str) -> None:
    expected: Path = HERE / "golden" / "guides" / name
    if os.environ.get("REGENERATE") == "1":
        expected.parent.mkdir(exist_ok=True)
        expected.write_text(made, encoding="utf-8")
    assert made == expected.read_text(encoding="utf-8")


def test_every_shipped_runbook_has_a_guide_without_a_word_for_machines() -> None:
    for path in sorted((CHECKOUT / "runbooks").rglob("*.yaml")):
        made = plan_guide(shipped(str(path.relative_to(CHECKOUT / "runbooks"))), {}, Facts())
        assert "${{" not in made


# --- values -----------------------------------------------------------------------------------------------


def test_what_is_not_given_is_left_to_be_filled_in() -> None:
    look = Call("ssh", {"hosts": "${{ inputs.hosts }}", "run": ["see", "${{ inputs.what }}"]})
    schemas = {"hosts": {"type": "array"}, "what": {"type": "string"}}
    made = guide(Step(id="look", call=look), given={"what": "it"}, inputs=schemas)
    assert "- `hosts` = ________ (array)" in made
    assert "- `what` = `it` (string)" in made
    assert commands(made) == ["ssh '<inputs.hosts>' -- see it\n"]


def test_a_title_that_is_known_later_says_after_which_step() -> None:
    made = guide(Step(id="go", title="Promote ${{ steps.which.replica }}", wait="1s"))
    assert '### 1. Promote \\<steps.which.replica, known after "which">' in made


def test_a_condition_that_is_settled_by_the_values_is_not_asked_again() -> None:
    schemas = {"side": {"type": "string"}}
    both = (
        Step(id="left", when="inputs.side == 'left'", wait="1s"),
        Step(id="right", when="inputs.side == 'right'", wait="2s"),
        Step(id="seen", when="steps.look.bad", wait="3s"),
    )
    made = guide(*both, given={"side": "left"}, inputs=schemas)
    assert "Wait **1s**." in made
    assert "Wait **2s**." not in made
    assert "**Leave it out**: with the values above it is not needed." in made
    assert "**Only if** `<steps.look.bad>` is `true`. Otherwise leave this step out." in made


@pytest.mark.parametrize(
    ("cel", "words"),
    [
        ("result.json.release != steps.current.bad", "`release` in the answer is not `<steps.current.bad>`"),
        ("double(result.json.error_rate) < 0.01", "`error_rate` in the answer is below `0.01`"),
        ("result.all(r, r.rc != 0)", "for each answer: its `rc` is not `0`"),
        ("!result.all(r, r.rc != 0)", "for at least one answer: its `rc` is `0`"),
        ("!steps.look.ok || steps.look.failed", "step 1 did not go well or step 1 failed"),
        (
            "!(result.status == 200 && result.value >= 3.0)",
            "the HTTP status is not `200` or the value is below `3.0`",
        ),
        (
            "result.rc == 0 || (result.value > 1.0 && result.rc == 1)",
            "the exit status is `0` or (the value is above `1.0` and the exit status is `1`)",
        ),
        ("result.rows.size() == 0", "there is no item in the rows"),
        ("result.stdout.trim() == inputs.to", "what it prints is `eqiad`"),
        ("inputs.to in result.json.sites", "`eqiad` is one of `sites` in the answer"),
        ('!result.headers["via"].contains("cdn")', "the header `via` does not contain `cdn`"),
        ("result[1].json.a[0].b == true", "`a[0].b` in the answer of the second target is `true`"),
        ("has(run.incident)", "there is `<run.incident>`"),
        ("steps.which.why != ''", "`<steps.which.why>` is not empty"),
        ("a ? b : c", "this is true: `a ? b : c`"),
        (
            "result.json.exists(x, x.y.exists(z, z.ok))",
            "this is true: `result.json.exists(x, x.y.exists(z, z.ok))`",
        ),
        ("not CEL at all", "this is true: `not CEL at all`"),
    ],
)
def test_a_condition_is_told_in_words_where_there_are_simple_ones(cel: str, words: str) -> None:
    assert Reader(Values({"inputs.to": "eqiad"}), {"look": "1"}).condition(cel) == words


# --- what is asked and what is watched --------------------------------------------------------------------


def test_an_approval_says_who_what_and_what_silence_is() -> None:
    made = guide(
        change(
            title="Fix it", approval=Approval(("ic", "owner"), "a", 2, Silence(1200.0, "abort"), of_roles=2)
        ),
    )
    stop = made.index("**STOP. Ask first.** **ic and owner, each of them** have to say yes")
    assert stop < made.index("> Fix it: a") < made.index("To be sure, they say the words `a`.")
    assert made.index("No answer within 20m: stop here.") < made.index("ssh a -- fix")


def test_what_must_hold_comes_before_what_it_protects() -> None:
    requires = (Require("steps.look.n > 1", "Nothing to do."), Require("result.rc == 0", "No.", after=True))
    made = guide(change(require=requires))
    before = made.index(
        "**Go on only if** `<steps.look.n>` is above `1`. Otherwise **stop here**. Say: Nothing to do."
    )
    assert before < made.index("ssh a -- fix") < made.index("**Go on only if** the exit status is `0`.")


def test_a_change_is_looked_for_before_and_after() -> None:
    done = Check(undoing("see"), Poll("result.rc == 0", 60.0, every=2.0))
    made = guide(
        change(done=done, verify=Check(Call("prometheus", {"query": "up"}), Poll("result.value > 0.0", 9.0)))
    )
    assert "It is in place already when the exit status is `0`; then leave b out." in made
    assert commands(made)[:2] == ["ssh a -- unsee\n", "ssh a -- fix\n"]
    assert "**It worked** when that is so after b: repeat a every 2s, for at most 1m." in made
    assert "Repeat it every 5s, for at most 9s, until the value is above `0.0`." in made


def test_a_loop_is_written_out_in_its_batches() -> None:
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix"]}, one=True)
    loop = ForEach("host", ["a", "b", "c", "d"], (1, "50%"), 30.0, 1)
    made = guide(replace(change(), call=call, for_each=loop))
    assert re.findall(r"^\*Batch .*\*$", made, re.MULTILINE) == [
        "*Batch 1 of 3: `a`*",
        "*Batch 2 of 3: `b`, `c`*",
        "*Batch 3 of 3: `d`*",
    ]
    assert made.count("Wait 30s.") == 2
    assert commands(made) == [f"ssh {host} -- fix\n" for host in "abcd"]
    assert "Stop as soon as more than 1 of them failed." in made


def test_a_canary_is_looked_at_before_the_next_batch_begins() -> None:
    call = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix"]}, one=True)
    verify = Check(Call("prometheus", {"query": "up"}), Poll("result.value > 0.0", 9.0), each_batch=True)
    loop = ForEach("host", ["a", "b", "c", "d"], (1, "50%"), 30.0, "25%")
    made = guide(replace(change(verify=verify), call=call, for_each=loop))
    until = "every 5s, for at most 9s, until the value is above `0.0`"
    look = f"**Did it help so far?** Look as it says below, {until}. If it did not, stop."
    assert made.count(f"{look}\n\nWait 30s.") == 2
    assert "Stop as soon as more than 1 of them failed." in made
    assert "**Did it help?** Look, behind each batch:" in made


def test_a_question_lists_what_may_be_answered() -> None:
    fields = {"node": {"type": "string", "enum": ["db1", "db2"]}, "hours": {"type": "integer", "default": 48}}
    made = guide(
        Step(id="which", ask=Ask(("lead",), fields, "Two are healthy.", silence=Silence(900.0, "abort")))
    )
    assert "Ask **lead**. Tell them:\n\n> Two are healthy." in made
    assert "- `steps.which.node` = ________ (one of `db1`, `db2`)" in made
    assert "- `steps.which.hours` = ________ (integer; `48` if nobody says)" in made
    assert "No answer within 15m: stop here." in made


def test_findings_are_a_table() -> None:
    found = (
        Finding("result.value > 1.0", "suspect", "It is | full."),
        Finding("a ? b : c", "cleared", "Fine."),
    )
    made = guide(Step(id="look", call=Call("prometheus", {"query": "up"}), findings=found))
    table = [token.content for token in parsed(made) if token.type == "inline"]
    at = table.index("if you see that")
    assert table[at : at + 6] == [
        "if you see that",
        "then it is",
        "the value is above `1.0`",
        "**suspect**: It is | full.",
        "this is true: `a ? b : c`",
        "**cleared**: Fine.",
    ]


def test_work_by_hand_has_its_words_and_its_checklist() -> None:
    params = {
        "who": "lead",
        "do": "Merge it.\nThen wait.",
        "checklist": ["it answers"],
        "links": ["https://x.example.org/a b"],
    }
    made = guide(Step(id="merge", call=Call("manual", params), timeout=1800.0))
    assert "**lead** does this by hand:\n\n> Merge it.  \n> Then wait." in made
    assert "- [ ] it answers" in made
    assert "There is 30m for it." in made


# --- ways back --------------------------------------------------------------------------------------------


def back(made: str) -> str:
    return made[made.index("## The ways back") :]


def test_the_ways_back_are_in_the_reverse_order_and_end_at_a_barrier() -> None:
    first, third = change("one", undo=undoing("one")), change("three", undo=undoing("three"))
    barrier = change("two", irreversible="it is *gone*")
    made = guide(first, barrier, third)
    assert made.index("**NO WAY BACK from here on:** it is \\*gone\\*") < made.index("ssh a -- two")
    end = back(made)
    places = [end.index(text) for text in ("ssh a -- unthree", "**BARRIER: step 2 (`two`)", "ssh a -- unone")]
    assert places == sorted(places)


def test_the_way_back_of_a_block_takes_the_place_of_those_inside() -> None:
    inside = (change("one", undo=undoing("one")), change("two", undo=undoing("two")))
    made = guide(Step(id="all", steps=inside, undo=undoing("all")))
    assert commands(back(made)) == ["ssh a -- unall\n"]
    assert made.count("Way back: that of step 1 as a whole.") == 2


def test_rounds_are_taken_back_from_the_last_to_the_first() -> None:
    undo = Call("ssh", {"hosts": ["${{ host }}"], "run": ["unfix"]}, one=True)
    made = guide(replace(change(undo=undo), for_each=ForEach("host", ["a", "b"], (1,))))
    assert commands(back(made)) == ["ssh b -- unfix\n", "ssh a -- unfix\n"]


def test_what_is_borrowed_is_put_back_where_its_time_has_come() -> None:
    block = Step(id="block", steps=(change("one", undo=undoing("one"), revert=Revert("end_of_block")),))
    run = change("two", undo=undoing("two"), revert=Revert("end_of_run"))
    late = change("three", undo=undoing("three"), revert=Revert("after", after="72h"))
    made = guide(block, run, late, Step(id="end", wait="1s"))
    leave = made.index(
        "**Before you leave step 1, put back what was borrowed:**\n\n- step 1.1 (`one`), by its way back"
    )
    assert leave < made.index("### 2.")
    listed = made[made.index("## Put back what was borrowed") :]
    assert "- step 2 (`two`), by its way back\n- step 3 (`three`): after 72h\n" in listed


def test_where_to_look_whether_what_was_borrowed_may_come_back_stands_beside_it() -> None:
    poll = Poll("result.status == 200", every=60, within=0, stable=300)
    read = Call(
        "http", {"method": "GET", "url": "http://${{ host }}.example.org/", "headers": {"X-Key": KEY}}
    )
    lent = change(undo=undoing("do"), revert=Revert("when", when=Check(read, poll), at_most="72h"))
    made = guide(replace(lent, for_each=ForEach("host", ["shop", "till"], (1,))))
    step = made[made.index("**This is borrowed.**") : made.index("## The ways back")]
    assert (
        "as soon as the HTTP status is `200`, after 72h in any case. To know that, look every 1m, until the "
        "HTTP status is `200`, and stays so for 5m:"
    ) in step
    assert "For **`till`**:" in step
    assert [line.splitlines()[-1].split()[-1] for line in commands(step)] == [
        "http://till.example.org/",
        "http://shop.example.org/",
    ]
    assert "a shell with `curl`" in made
    assert ", after 72h in any case; look as it says there\n" in step


# --- other runbooks ---------------------------------------------------------------------------------------


def test_a_runbook_that_is_called_stands_in_place_with_its_values() -> None:
    see = Step(id="see", call=Call("ssh", {"hosts": ["${{ inputs.node }}"], "run": ["see"]}, one=True))
    child = Plan("look", "Look", "diagnosis", "team", (see,), inputs={"node": {"type": "string"}})
    made = guide(
        Step(id="known", child=Child("look", {"node": "db1"})),
        Step(id="late", child=Child("look", {"node": "${{ steps.which.node }}"})),
        children={"look": child},
    )
    assert "#### 1.1. `see`" in made
    assert "| `inputs.node` | `db1` |" in made
    assert commands(made) == [
        "ssh db1 -- see\n",
        "ssh '<steps.which.node, known after \"which\">' -- see\n",
    ]


def test_a_runbook_that_calls_itself_ends() -> None:
    again = Step(id="more", when="steps.see.more", child=Child("look"))
    child = Plan("look", "Look", "diagnosis", "team", (Step(id="see", wait="1s"), again))
    made = guide(Step(id="go", child=Child("look")), children={"look": child})
    assert "With these, go through all of it again, from step 1.1 on." in made
    itself = plan_guide(child, {}, Facts())
    assert "With these, go through all of it again, from step 1 on." in itself


# --- people -----------------------------------------------------------------------------------------------


def test_the_ladder_is_that_of_the_policy_where_there_is_one() -> None:
    made = plan_guide(shipped("rollback/rollback-release.yaml"), INPUTS, FACTS)
    ladder = made[made.index("## If nobody answers") :]
    assert "**incident_commander** (dana, mona):" in ladder
    assert "At SEV1:\n\n- at once: page incident_commander\n- after 5m: page technical_lead\n" in ladder
    assert "- no answer after 1h: stop here" in ladder


def test_without_a_policy_the_role_and_the_owner_are_named() -> None:
    made = plan_guide(shipped("rollback/rollback-release.yaml"), INPUTS, Facts())
    ladder = made[made.index("## If nobody answers") :]
    assert "**incident_commander**:" in ladder
    assert "the team that owns this, payments-sre" in ladder


# --- hostile values ---------------------------------------------------------------------------------------

V = "${{ inputs.v }}"
HOSTILE_PLAN = Plan(
    "r",
    "Fix ${{ inputs.v }}",
    "recovery",
    "team",
    (
        Step(
            id="one",
            title="Look at ${{ inputs.v }}",
            call=Call("ssh", {"hosts": ["web1"], "run": ["see", "${{ inputs.v }}"]}, one=True),
            require=(Require("result.stdout == inputs.v", "It is not ${{ inputs.v }}.", after=True),),
            findings=(Finding("result.stdout == inputs.v", "confirmed", "It is ${{ inputs.v }}."),),
            links=(Link("${{ inputs.v }}", "https://x.example.org/"),),
            outputs={"v": "inputs.v"},
        ),
        Step(
            id="two",
            title="${{ inputs.v }}",
            effect="change",
            call=Call(
                "manual",
                {"who": "${{ inputs.v }}", "do": "${{ inputs.v }}", "checklist": ["${{ inputs.v }}"]},
            ),
            approval=Approval(("ic",), "${{ inputs.v }}"),
            irreversible="${{ inputs.v }} is gone",
        ),
    ),
    inputs={"v": {"type": "string"}},
    locks=("host/${{ inputs.v }}",),
)


def hostile(value: str) -> str:
    return plan_guide(HOSTILE_PLAN, {"v": value}, Facts())


MARKDOWN = [
    "# heading",
    "- item",
    "1. item",
    "> quote",
    "```sh\nrm -rf /\n```",
    "``",
    "`a` `` b ```",
    "**bold** _it_ ~~no~~",
    "[x](javascript:alert(1))",
    "![x](http://evil.example.org)",
    "<script>alert(1)</script>",
    "<http://evil.example.org>",
    "a | b | c",
    "a \\| b",
    "\\",
    "---",
    "===",
    "&lt;b&gt;",
    "line\n\nparagraph",
    "\t code",
    "    code",
    "$x$",
    "[x]: http://evil.example.org",
    "\x1b[2J\u202e",
]


@pytest.mark.parametrize("value", MARKDOWN)
def test_a_value_stays_where_it_is_put(value: str) -> None:
    benign = re.sub(r"[^\n]+", "x", value.strip())
    assert structure(hostile(value)) == structure(hostile(benign))
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f\u202e]", hostile(value))


@settings(deadline=None, max_examples=150)
@given(
    st.text(
        st.characters(
            exclude_characters="\0\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029", exclude_categories=["Cs"]
        ),
        min_size=1,
    )
)
def test_any_value_stays_where_it_is_put(value: str) -> None:
    assert structure(hostile(value)) == structure(hostile("x" if value.strip() else " "))


@pytest.mark.parametrize("value", [*MARKDOWN, "x> [y](javascript:z)"])
def test_a_link_leads_where_its_author_said_or_nowhere(value: str) -> None:
    links = (Link("Look", "https://x.example.org/${{ inputs.v }}"), Link("There", "${{ inputs.v }}"))
    schemas = {"v": {"type": "string"}}
    made = guide(Step(id="one", wait="1s"), given={"v": value}, inputs=schemas, links=links)
    targets = [
        str(child.attrs["href"])
        for token in parsed(made)
        for child in token.children or ()
        if child.type == "link_open"
    ]
    assert [target for target in targets if not target.startswith("https://x.example.org/")] == []


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(plans())
def test_whatever_a_plan_holds_can_be_shown(plan: Plan) -> None:
    """Text, graph and guide."""
    known = {name: schema.get("default") for name, schema in plan.inputs.items() if isinstance(schema, dict)}
    assert plan_text(plan, known)
    assert plan_mermaid(plan)
    assert parsed(plan_guide(plan, known, Facts()))
