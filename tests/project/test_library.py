"""What holds for every runbook of `runbooks/`: whoever is woken by one finds all that it takes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path

import pytest

from stanch.language.diagnostics import Report
from stanch.language.format.house import format_runbook
from stanch.language.plan import Call, Check, Json, Plan, all_steps
from stanch.language.read import read_all
from stanch.language.render.guide import Facts, plan_guide
from stanch.language.tree import plain
from stanch.library import Library, load_library
from tests.language.guides import parsed
from tests.project.checkout import ROOT

RUNBOOKS = ROOT / "runbooks"
FILES = sorted(RUNBOOKS.rglob("*.yaml"))
PAGE = ROOT / "docs" / "runbooks.md"
WRITTEN = date(2026, 11, 23)
"""Not today: a runbook whose review is overdue is its owner's affair and no failure of the code."""

each = pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)


@cache
def library() -> Library:
    return load_library([RUNBOOKS], WRITTEN)


def plan_of(file: Path) -> Plan:
    return library().plans[file.stem]


def head(file: Path) -> Json:
    return documents(file)[0]


def documents(file: Path) -> list[Json]:
    report = Report(str(file))
    _, nodes = read_all(str(file), file.read_bytes(), report)
    assert not report.found
    return [plain(node) for node in nodes]


def plans(plan: Plan) -> Iterator[Plan]:
    """It, and all that it calls."""
    yield plan
    for child in plan.children.values():
        yield from plans(child)


def changes(plan: Plan) -> list[Call]:
    steps = (step for one in plans(plan) for step in all_steps(one.steps))
    return [step.call for step in steps if step.effect == "change" and step.call is not None]


def goes_back(plan: Plan) -> bool:
    """Whether a change of it that may turn out not to help has a way back."""
    steps = [step for one in plans(plan) for step in all_steps(one.steps) if step.effect == "change"]
    return any(step.undo or (step.call and step.call.knows and not step.irreversible) for step in steps)


def systems(plan: Plan) -> set[str]:
    """The actions that it needs."""
    found: set[str] = set()
    for one in plans(plan):
        for step in all_steps(one.steps):
            back = step.revert.when if step.revert else None
            checks: tuple[Check | None, ...] = (step.done, step.verify, back)
            calls = (step.call, step.undo, *(check.call for check in checks if check))
            found |= {call.action for call in calls if call}
    return found


# --- what a person reads ----------------------------------------------------------------------------------


@each
def test_it_says_what_it_is_for_whose_it_is_and_who_is_called(file: Path) -> None:
    plan, written = plan_of(file), head(file)
    assert file.parent.name == plan.kind, "it stands in the folder of its kind"
    assert len(plan.symptoms) > 40, "its symptoms tell whether it is the right one"
    assert plan.owner, "somebody answers for it"
    assert date(2026, 11, 1) <= date.fromisoformat(written["reviewed"]) <= WRITTEN
    text = f"{plan.symptoms} {plan.impact}"
    assert re.search(r"\b(call|ask|begin with|look|page|tell|wake)\b", text), (
        "who or what is next if it does not help"
    )


@each
def test_its_inputs_are_described(file: Path) -> None:
    short = [name for name, schema in plan_of(file).inputs.items() if len(schema.get("description", "")) < 16]
    assert short == []


@each
def test_its_steps_have_titles_that_can_be_read_aloud(file: Path) -> None:
    for plan in plans(plan_of(file)):
        assert [step.id for step in all_steps(plan.steps) if not step.title] == []


WRITTEN_OUT = ("code_inline", "fence", "inline")
"""What of Markdown a reader takes as it stands."""


def example(schema: Json) -> Json:
    return schema["default"] if "default" in schema else next(iter(schema.get("examples", ())), None)


@each
def test_it_prints_as_markdown_in_which_only_what_nobody_can_know_is_left_open(file: Path) -> None:
    plan = plan_of(file)
    known = {name: example(schema) for name, schema in plan.inputs.items()}
    given = {name: value for name, value in known.items() if value is not None}
    guide = plan_guide(plan, given, Facts())
    before, _, steps = guide.partition("## Step by step")
    assert set(re.findall(r"^- `(\w+)` = ________", before, re.MULTILINE)) == known.keys() - given.keys()
    assert "${{" not in guide
    spans = [each for token in parsed(steps) for each in (token, *(token.children or ()))]
    assert [each.type for each in spans if each.type in WRITTEN_OUT and not each.content.strip()] == []


@each
def test_it_is_in_the_house_form_and_the_checks_have_nothing_to_say(file: Path) -> None:
    name = str(file)
    assert format_runbook(name, file.read_bytes()).text == file.read_text(encoding="utf-8")
    told = [str(one) for one in library().diagnostics if Path(one.path).name == file.name]
    assert told == []


# --- what is rehearsed ------------------------------------------------------------------------------------


def words(node: Json) -> Iterator[str]:
    """Every key in it, however deep."""
    if isinstance(node, dict):
        for name, held in node.items():
            yield name
            yield from words(held)
    for held in node if isinstance(node, list) else ():
        yield from words(held)


def rehearsals(name: str) -> list[Json]:
    files = (ROOT / "drills" / "rehearsals" / name).glob("*.yaml")
    return [one for file in files for one in documents(file)]


@each
def test_it_is_rehearsed_in_all_the_ways_that_it_can_go(file: Path) -> None:
    plan, held = plan_of(file), rehearsals(file.stem)
    outcomes = {one["expect"]["outcome"] for one in held}
    given = {word for one in held for word in words(one.get("given", {}))}
    assert "succeeded" in outcomes, "the good path"
    if not changes(plan):
        assert {"unreachable", "fails"} & given, "a source that does not answer"
        assert len(held) >= 3, "something found, and nothing found"
        return
    assert "denied" in outcomes, "the denied path"
    if any(call.action != "manual" for call in changes(plan)):
        assert "lost" in given, "a change of which nobody knows whether it was made"
    if goes_back(plan):
        ledgers = [line for one in held for line in one["expect"].get("ledger", ())]
        assert any(line.get("undone") for line in ledgers), "one that does not help and is taken back"


# --- the page ---------------------------------------------------------------------------------------------


def row(file: Path) -> str:
    """The line of a runbook in the page's table."""
    plan = plan_of(file)
    needed = " ".join(f"`{name}`" for name in sorted(systems(plan)))
    inputs = " ".join(f"`{name}`" for name, schema in plan.inputs.items() if "default" not in schema)
    return f"| [`{file.stem}`](../{file.relative_to(ROOT)}) | {plan.title} | {needed} | {inputs} |"


def test_the_page_lists_the_library_as_it_is() -> None:
    listed = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| [`")]
    assert sorted(listed) == sorted(map(row, FILES)), (
        "docs/runbooks.md: these are the lines as they should be"
    )
