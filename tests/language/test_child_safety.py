"""Circles of calls, who approves what a called runbook changes, and in which order locks are taken."""

from __future__ import annotations

import pytest

from stanch.language.coverage import uncovered
from tests.language.libraries import ASKED, CHANGE, MAYBE, TRIGGER, calling, codes, file, library, many, told

# --- circles ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (file("a", calling("a")), ["a RB314"]),
        (file("a", calling("a", rest=MAYBE)), ["a RB315"]),
        (file("a", calling("a", rest=", for_each: {as: x, in: [1]}")), ["a RB315"]),
        (
            file("a", "steps: [{id: b, when: run.mode == 'live', steps: [{id: c, runbook: a}]}]\n"),
            ["a RB315"],
        ),
        (file("a", calling("a") + f"  - {{id: other, runbook: a{MAYBE}}}\n"), ["a RB314"]),
        (many(file("a", calling("b")), file("b", calling("a"))), ["a RB314", "b RB313"]),
        (many(file("a", calling("b", rest=MAYBE)), file("b", calling("a"))), ["a RB315"]),
        (
            many(file("c", calling("a")), file("a", calling("b")), file("b", calling("a", rest=MAYBE))),
            ["a RB315"],
        ),
        (many(file("a", calling("b", "c")), file("b", calling("c")), file("c", "")), []),
    ],
)
def test_a_circle_is_an_error_when_nothing_can_end_it_and_advice_otherwise(
    text: str, expected: list[str]
) -> None:
    assert codes(text) == expected


def test_a_circle_is_told_from_runbook_to_runbook() -> None:
    names = ["a", "b", "c"]
    text = many(*(file(name, calling(names[(at + 1) % 3])) for at, name in enumerate(names)))
    (found,) = [each for each in told(text) if each.code == "RB314"]
    said = "`a` calls `b`, which calls `c`, which calls `a`, and nothing on the way can end it"
    assert found.message == said


def test_a_long_circle_is_told_in_short() -> None:
    names = [f"r{number}" for number in range(300)]
    text = many(*(file(name, calling(names[(at + 1) % 300])) for at, name in enumerate(names)))
    found = [each for each in told(text) if each.code == "RB314"]
    assert [each.message.count("`") for each in found] == [12]
    assert "295 others" in found[0].message


# --- who approves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (file("b", CHANGE), ["b RB501"]),
        (many(file("a", calling("b")), file("b", CHANGE)), ["a RB516"]),
        (many(file("a", calling("b", rest=ASKED)), file("b", CHANGE)), []),
        (many(file("a", calling("b", rest=", unattended: only a test")), file("b", CHANGE)), []),
        (many(file("a", calling("b", rest=", aproval: a")), file("b", CHANGE)), ["a RB201"]),
        (many(file("a", calling("b", rest=ASKED)), file("c", calling("b")), file("b", CHANGE)), ["c RB516"]),
        (
            many(
                file("a", calling("c", rest=ASKED)),
                file("c", calling("b")),
                file("b", CHANGE),
            ),
            [],
        ),
        (many(file("a", calling("c")), file("c", calling("b")), file("b", CHANGE)), ["a RB516"]),
        (many(file("a", calling("c")), file("c", calling("b", rest=ASKED)), file("b", CHANGE)), []),
        (many(file("a", calling("b", rest=ASKED)), file("b", TRIGGER + CHANGE)), ["a RB313", "b RB501"]),
        (
            many(
                file("a", calling("c", rest=ASKED)),
                file("c", TRIGGER + calling("b")),
                file("b", CHANGE),
            ),
            ["a RB313", "c RB516"],
        ),
        # Nobody was shown how often it goes round, so a run does not take the approval of its caller.
        (
            many(
                file("a", calling("b", rest=ASKED)),
                file("b", CHANGE + f"  - {{id: again, runbook: b{MAYBE}}}\n"),
            ),
            ["a RB313", "b RB501", "b RB315"],
        ),
        (
            many(
                file("a", calling("b", rest=MAYBE + ASKED)),
                file("b", CHANGE + "  - {id: again, runbook: a}\n"),
            ),
            ["a RB313", "a RB315", "b RB501"],
        ),
        (many(file("a", calling("b", rest=ASKED)), "runbook: b\n" + CHANGE), []),
        (many(file("a", calling("b")), "runbook: b\n" + CHANGE), ["a RB516"]),
        (many(file("a", ""), "runbook: b\n" + CHANGE), ["a RB317", "a RB501"]),
        (many(file("a", calling("b", rest=ASKED)), file("b", "")), ["a RB506"]),
    ],
)
def test_a_change_is_approved_where_it_is_or_by_all_that_call_it(text: str, expected: list[str]) -> None:
    assert sorted(codes(text)) == sorted(expected)


def test_a_call_that_nobody_approves_names_what_it_changes() -> None:
    text = many(file("a", calling("c")), file("c", calling("b")), file("b", CHANGE))
    (found,) = told(text)
    assert "`call_b/out`" in found.message


def test_the_compiler_and_a_runs_start_agree_on_what_nobody_approves() -> None:
    text = many(
        file("a", calling("c", rest=ASKED)),
        file("c", CHANGE + "  - {id: call_b, runbook: b}\n  - {id: asked, approval: a, runbook: b}\n"),
        file("b", CHANGE),
    )
    found = library(text)
    plans = {path: each.plan for path, each in found.items() if each.plan}
    assert {path: uncovered(plan) for path, plan in plans.items()} == {
        "a.yaml": (),
        "c.yaml": ("out", "call_b/out"),
        "b.yaml": ("out",),
    }


def test_a_trigger_that_starts_a_change_by_way_of_a_call_is_for_firing_alerts() -> None:
    text = many(
        file("a", TRIGGER.replace("firing", "resolved") + calling("b", rest=ASKED)),
        file("b", CHANGE),
    )
    assert codes(text) == ["a RB513"]


# --- locks --------------------------------------------------------------------------------------------------


def nesting(*pairs: tuple[str, str, str, str]) -> str:
    """Runbooks `outer` with a lock, each of which calls an `inner` with another."""
    texts = []
    for outer, held, inner, taken in pairs:
        inputs = "inputs: {x: {type: string, default: y}}\n"
        texts.append(file(outer, f'{inputs}locks: ["{held}"]\n' + calling(inner)))
        texts.append(file(inner, f'{inputs}locks: ["{taken}"]\n'))
    return many(*texts)


X = "${{ inputs.x }}"


@pytest.mark.parametrize(
    ("first", "second", "deadlock"),
    [
        (("shop", "db"), ("db", "shop"), True),
        (("shop", "db"), ("shop", "db"), False),
        (("shop", "db"), ("db", "cache"), False),
        ((f"shop/{X}", f"db/{X}"), ("db/${{inputs.x}}", "shop/one"), True),
        ((f"shop/{X}", "db/one"), ("db/two", f"shop/{X}"), False),
        ((f"shop/{X}/a", "db"), ("db", f"shop/{X}/b"), False),
        ((f"shop/{X}", "db"), ("db", f"shop/{X}/b"), False),
        ((f"shop-{X}-a", "db"), ("db", "shop-one-a"), True),
        ((f"shop-{X}-a", "db"), ("db", "shop-one-b"), False),
        ((X, "db"), ("db", "shop"), False),
        ((X, "db"), ("db", "${{  inputs.x  }}"), True),
        # Which of two comes first is not known, and it may be one and the same.
        ((f"host/{X}", "host/a"), ("host/a", f"host/{X}"), False),
    ],
)
def test_locks_in_opposite_order_are_an_error_at_both_places(
    first: tuple[str, str], second: tuple[str, str], deadlock: bool
) -> None:
    text = nesting(("a", first[0], "b", first[1]), ("c", second[0], "d", second[1]))
    found = [each for each in told(text) if each.code != "RB313"]
    assert [each.code for each in found] == ["RB517"] * 2 * deadlock
    if deadlock:
        assert "`c`" in found[0].message
        assert "`c.yaml:" in found[0].message
        assert "`a`" in found[1].message


def test_a_lock_is_found_however_far_down_the_calls_it_is_taken() -> None:
    text = many(
        file("a", "locks: [shop]\n" + calling("m")),
        file("m", calling("b")),
        file("b", "locks: [db]\n"),
        file("c", "locks: [db]\n" + calling("d")),
        file("d", "locks: [shop]\n"),
    )
    assert codes(text) == ["a RB517", "c RB517"]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("locks: [shop]\nsteps", "locks: [shop, db]\nsteps"),
        ("locks: [shop]\nsteps", "locks: [gate, shop]\nsteps"),
    ],
)
def test_who_holds_a_lock_already_does_not_wait_for_it(old: str, new: str) -> None:
    text = many(
        file("a", "locks: [shop]\n" + calling("b")),
        file("b", "locks: [db]\n"),
        file("c", "locks: [gate, db]\n" + calling("d")),
        file("d", "locks: [shop]\n"),
    )
    assert codes(text) == ["a RB517", "c RB517"]
    assert codes(text.replace(old, new)) == []


def test_what_runs_only_inside_of_its_caller_holds_what_that_one_holds() -> None:
    text = many(
        file("a", "locks: [shop]\n" + calling("b")),
        "runbook: b\nlocks: [db]\n" + calling("c"),
        "runbook: c\nlocks: [shop]\n",
    )
    assert codes(text) == []
    apart = text.replace("runbook: b", "# b.yaml\nrunbook: b").replace(
        "runbook: c\n", "# c.yaml\nrunbook: c\n"
    )
    assert sorted(codes(apart)) == ["a RB517", "b RB517"]
