"""Runbooks that call others, in one file and in several."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stanch.language.check import children
from stanch.language.check.children.rules import RULES
from stanch.language.compile import compile_library, compile_parsed, parse_file
from stanch.language.coverage import uncovered
from stanch.language.diagnostics import is_error
from stanch.language.plan import all_steps
from stanch.schemas import load_catalogue
from tests.language.cases import TODAY, catalogue, compiled, files_of, whole
from tests.language.libraries import (
    ASKED,
    CHANGE,
    LOOK,
    MAYBE,
    TRIGGER,
    calling,
    codes,
    file,
    library,
    many,
    plan_of,
    told,
)
from tests.support.host import Host
from tests.support.plans import given as started

# --- plans --------------------------------------------------------------------------------------------------


def test_a_plan_holds_those_of_all_runbooks_that_it_leads_to_side_by_side() -> None:
    text = many(file("a", calling("b")), file("b", calling("c", "d")), file("c", calling("d")), file("d", ""))
    plan = plan_of(text)
    assert set(plan.children) == {"b", "c", "d"}
    assert all(child.children == {} for child in plan.children.values())
    assert set(plan_of(text, "c.yaml").children) == {"d"}
    assert plan_of(text, "d.yaml").children == {}


def test_a_runbook_that_calls_itself_is_not_among_its_own_children() -> None:
    circle = many(file("a", calling("b", rest=", when: run.mode == 'live'")), file("b", calling("a")))
    assert set(plan_of(circle).children) == {"b"}
    assert set(plan_of(file("a", calling("a", rest=", when: run.mode == 'live'"))).children) == set()


def test_the_order_of_the_files_makes_no_difference() -> None:
    files = [
        file("a", calling("b", rest=", inputs: {node: web1}")),
        file("b", LOOK),
        file("c", calling("a")),
    ]
    there, back = library(many(*files)), library(many(*reversed(files)))
    assert [*there] == [*reversed(back)]
    for path, found in there.items():
        assert (found.plan, found.diagnostics) == (back[path].plan, back[path].diagnostics)


def test_the_plan_of_a_caller_runs_on_the_conductor() -> None:
    block = "steps:\n  - {id: all, approval: incident_commander, steps: [{id: call, runbook: b}]}\n"
    host = Host(started(plan_of(many(file("a", block), "runbook: b\n" + CHANGE)), inputs={})).start()
    assert [change.target for change in host.request.changes] == ["web1"]
    host.decide("approve").succeed({})
    assert host.outcome == "succeeded"


# --- several runbooks in one file ---------------------------------------------------------------------------


def test_the_first_runbook_of_a_file_is_the_files_and_the_others_are_its_own() -> None:
    text = many(file("a", calling("b", rest=", inputs: {node: web1}")), f"runbook: b\n{LOOK}")
    found = library(text)["a.yaml"]
    assert codes(text) == []
    assert found.plan is not None
    assert found.plan.runbook == "a"
    assert found.runbooks == ("a", "b")
    assert list(found.private) == ["b"]


def test_a_number_before_the_files_name_only_sorts_the_folder() -> None:
    found = compile_library([("05-a.yaml", whole("runbook: a\n"))], catalogue(), TODAY)
    assert found[0].diagnostics == ()


def test_the_diagnostics_of_all_runbooks_of_a_file_are_in_the_order_of_the_file() -> None:
    wrong = "steps: [{id: s, wait: 1s, titel: x}]\n"
    text = many(file("a", wrong), f"runbook: b\n{wrong}", f"runbook: c\n{wrong}")
    found = [each for each in told(text) if each.code == "RB201"]
    assert [each.span.line for each in found] == sorted(each.span.line for each in found)
    assert len(found) == 3
    assert library(text)["a.yaml"].plan is None


def test_a_comment_before_the_first_key_is_for_all_runbooks_of_the_file() -> None:
    unread = "inputs: {x: {type: string}}\nsteps: [{id: s, wait: 1s}]\n"
    text = many(file("a", unread + "outputs: {}\n"), f"runbook: b\n{unread}").replace("outputs: {}\n", "")
    called = text.replace("{id: s, wait: 1s}", "{id: s, runbook: b, inputs: {x: y}}", 1)
    assert [each.code for each in compiled(called_whole(called)).diagnostics] == ["RB209", "RB305", "RB305"]
    allowed = compiled("# stanch: allow RB305 short\n" + called_whole(called))
    assert [each.code for each in allowed.diagnostics] == ["RB209"]


def test_a_text_of_a_later_runbook_is_no_comment() -> None:
    text = many(file("a", calling("b")), "runbook: b\nimpact: |\n  a\n  # stanch: allow RB305 x\n")
    assert codes(text) == []


def called_whole(fragment: str) -> str:
    ((_, text),) = files_of(fragment)
    return text


def test_a_runbook_that_is_only_called_has_no_triggers() -> None:
    trigger = "triggers: [{source: alertmanager, when: alert.status == 'resolved'}]\n"
    text = many(file("a", calling("b")), f"runbook: b\n{trigger}")
    assert codes(text) == ["a RB211"]


def test_a_runbook_of_a_file_that_nothing_in_it_calls_is_advice() -> None:
    text = many(
        file("a", calling("b")), "runbook: b\n", "runbook: c\n" + calling("c", rest=", when: run.id == ''")
    )
    (found, circle) = sorted(told(text), key=lambda each: each.code, reverse=True)
    assert (found.code, circle.code) == ("RB317", "RB315")
    assert "`c`" in found.message


def test_a_misspelt_call_does_not_make_its_runbook_one_that_nothing_calls() -> None:
    assert codes(many(file("a", calling("bb")), "runbook: b\n")) == ["a RB311"]


@pytest.mark.parametrize("first", ["5", "- a", "text"])
def test_a_document_that_is_no_runbook_does_not_make_the_next_one_the_first(first: str) -> None:
    text = f"{first}\n---\n{whole('runbook: b')}"
    assert [each.code for each in compiled(text, "a.yaml").diagnostics if is_error(each)] == ["RB203"]


# --- whether it is there ------------------------------------------------------------------------------------


def test_a_runbook_that_is_not_there_is_one_error_with_the_nearest_that_is() -> None:
    (found,) = told(many(file("a", calling("drain-nodes")), file("drain-node", ""), file("b", "")))
    assert (found.code, found.hint) == ("RB311", "did you mean `drain-node`?")


def test_the_nearest_of_very_many_runbooks_is_found() -> None:
    others = [file(f"x{number}-runbook", "") for number in range(400)]
    (found,) = told(many(file("a", calling("drain-nodes")), *others, file("drain-node", "")))
    assert found.hint == "did you mean `drain-node`?"


def test_a_runbook_of_another_file_is_called_only_if_it_is_the_first_there() -> None:
    text = many(file("a", calling("c")), file("b", calling("c")), "runbook: c\n")
    (found,) = told(text)
    assert (found.path, found.code) == ("a.yaml", "RB311")
    assert "`b.yaml`" in found.message


def test_who_cannot_call_a_runbook_does_not_approve_for_it() -> None:
    text = many(file("a", calling("c", rest=ASKED)), file("b", ""), "runbook: c\n" + CHANGE)
    assert sorted(codes(text)) == ["a RB311", "b RB317", "b RB501"]


def test_private_runbooks_of_others_are_not_suggested() -> None:
    text = many(file("a", calling("drain-nodes")), file("b", calling("drain-node")), "runbook: drain-node\n")
    assert [each.hint for each in told(text)] == [None]


@pytest.mark.parametrize("other", ["b.yaml", "c/b.yaml"])
def test_two_runbooks_of_one_name_are_an_error_at_both_places(other: str) -> None:
    files = [("b.yaml", whole("runbook: b")), (f"x/{other}", whole("runbook: b"))]
    found = compile_library(files, catalogue(), TODAY)
    (here,), (there,) = (file.diagnostics for file in found)
    assert (here.code, there.code) == ("RB318", "RB318")
    assert f"`x/{other}:5`" in here.message
    assert "`b.yaml:5`" in there.message


def test_of_two_runbooks_of_one_name_the_first_is_the_one_that_is_called() -> None:
    other = LOOK.replace("status: steps.look.status, ", "")
    call = calling("b", rest=", inputs: {node: web1}, outputs: {x: result.outputs.status}")
    text = many(file("b", LOOK), file("a", call), "# c/b.yaml\nrunbook: b\n" + other)
    assert codes(text) == ["b RB318", "a RB313", "c/b RB318"]


def test_a_name_that_is_given_twice_in_a_file_is_said_at_the_second() -> None:
    (found,) = told(many(file("a", calling("b")), "runbook: b\n", "runbook: b\n"))
    assert found.code == "RB318"
    assert [each.span.line < found.span.line for each in found.related] == [True]


# --- errors in what is called -------------------------------------------------------------------------------


def test_an_error_is_passed_on_once_to_each_caller_and_does_no_other_harm() -> None:
    text = many(
        file("top", calling("middle", "middle", "sound")).replace("call_middle,", "twice,", 1),
        file("middle", calling("broken")),
        file("broken", "steps: 7\n"),
        file("sound", ""),
        file("other", calling("sound")),
    )
    assert codes(text) == ["top RB313", "middle RB313", "broken RB203"]
    found = library(text)
    assert [path for path, each in found.items() if each.plan] == ["sound.yaml", "other.yaml"]
    assert "`broken.yaml`" in (found["middle.yaml"].diagnostics[0].hint or "")


def test_in_a_circle_an_error_does_not_come_back_to_where_it_is() -> None:
    text = many(
        file("a", calling("b", rest=MAYBE) + "  - {id: other, runbook: c}\n"),
        file("b", calling("a")),
        file("c", "steps: 7\n"),
    )
    assert codes(text) == ["a RB315", "a RB313", "b RB313", "c RB203"]


@pytest.mark.parametrize("text", ["runbook: {", "[]", "", "\tx", "runbook: b\nsteps: [\n", "title: b\n"])
def test_a_file_that_cannot_be_read_is_not_one_that_is_not_there(text: str) -> None:
    files = [*files_of(file("a", calling("b"))), ("05-b.yaml", text)]
    (found,) = compile_library(files, catalogue(), TODAY)[0].diagnostics
    assert found.code == "RB313"
    assert "`05-b.yaml`" in (found.hint or "")


def test_in_one_file_an_error_is_said_where_it_is_and_nowhere_else() -> None:
    assert codes(many(file("a", calling("b")), "runbook: b\nsteps: 7\n")) == ["a RB203"]


@pytest.mark.parametrize(
    "mistake",
    ["titel: x\n", "steps: 7\n", "x: {\n", "steps:\n  - {id: s, approval: a, steps: [{id: t, runbok: b}]}\n"],
)
def test_an_error_in_a_caller_is_none_in_what_it_calls(mistake: str) -> None:
    caller = calling("b", rest=", approval: incident_commander")
    (_, sound), other = *files_of(file("a", caller)), *files_of(file("b", CHANGE))
    broken = whole(file("a", f"# runbook: b\n{mistake}")) if mistake.startswith("steps") else sound + mistake
    found = compile_library([("a.yaml", broken), other], catalogue(), TODAY)
    assert found[0].plan is None
    assert found[1].diagnostics == ()


# --- the library as a whole ---------------------------------------------------------------------------------


def test_what_is_only_known_is_not_reported_and_counts() -> None:
    texts = [
        file("a", calling("c", rest=ASKED)),
        file("b", calling("gone")),
        file("c", CHANGE + "  - {id: d, approval: a, runbook: d}\n"),
        file("d", CHANGE),
    ]
    parsed = [parse_file(path, text, catalogue()) for path, text in files_of(many(*texts))]
    (found,) = compile_parsed([parsed[2]], catalogue(), TODAY, [parsed[0], parsed[1], parsed[3]])
    assert found.diagnostics == ()
    assert found.plan is not None
    assert set(found.plan.children) == {"d"}
    (found,) = compile_parsed(
        [parse_file("c.yaml", whole(texts[2]), catalogue())],
        catalogue(),
        TODAY,
        [parse_file("d.yaml", whole(texts[3]), catalogue())],
    )
    assert [each.code for each in found.diagnostics] == ["RB501"]


def test_a_name_of_which_nothing_is_known_but_that_it_is_there_may_be_suggested() -> None:
    finding = "findings: [{when: result.status > 1, is: suspect, text: x, suggest: {runbook: other}}]"
    text = whole(file("a", f'steps:\n  - {{id: s, http: {{url: "http://x/"}}, {finding}}}\n'))
    (found,) = compile_parsed([parse_file("a.yaml", text, catalogue())], catalogue(), TODAY, (), {"other"})
    assert found.diagnostics == ()


def test_a_chain_of_calls_may_be_as_long_as_the_library() -> None:
    names = [f"r{number}" for number in range(1500)]
    text = many(*(file(name, calling(after)) for name, after in pairwise(names)))
    found = library(text + "---\n" + file(names[-1], "steps: 7\n"))
    assert {each.diagnostics[-1].code for each in found.values()} == {"RB313", "RB203"}


LINKS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from(["", MAYBE, ASKED, MAYBE + ASKED])),
    max_size=12,
)


@settings(max_examples=60)
@given(LINKS, st.sets(st.integers(0, 6)), st.sets(st.integers(0, 6)))
def test_whatever_calls_what_a_plan_is_complete_and_starts_nothing_that_nobody_approves(
    links: list[tuple[int, int, str]], changing: set[int], triggered: set[int]
) -> None:
    texts = []
    for number in range(7):
        steps = [
            f"  - {{id: c{at}, runbook: r{to}{rest}}}\n"
            for at, (of, to, rest) in enumerate(links)
            if of == number
        ]
        body = CHANGE if number in changing else "steps:\n  - {id: w, wait: 1s}\n"
        texts.append(file(f"r{number}", (TRIGGER if number in triggered else "") + body + "".join(steps)))
    found = library(many(*texts))
    for each in found.values():
        assert (each.plan is None) == any(map(is_error, each.diagnostics))
        if each.plan is None:
            continue
        plans = {**each.plan.children, each.plan.runbook: each.plan}
        assert each.plan.runbook not in each.plan.children
        for plan in plans.values():
            assert plan is each.plan or plan.children == {}
            assert all(step.child is None or step.child.runbook in plans for step in all_steps(plan.steps))
        called = any(to == int(each.plan.runbook[1:]) != of for of, to, _ in links)
        if each.triggers or not called:
            assert uncovered(each.plan) == ()


def test_every_rule_about_libraries_is_run() -> None:
    modules = {path.stem for path in Path(children.__path__[0]).glob("rb*.py")}
    assert {rule.__module__.rpartition(".")[2] for rule in RULES} == modules


def test_a_runbook_of_another_catalogue_is_compiled_the_same_way() -> None:
    found = compile_library(files_of(many(file("a", calling("b")), file("b", ""))), load_catalogue(), TODAY)
    assert [each.diagnostics for each in found] == [(), ()]
