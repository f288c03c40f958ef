"""Templates of which a part is only known later: what is filled in, how it reads, what may become of it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given as case
from hypothesis import strategies as st

from stanch.conductor.approval.late import Known, differences, fill, gaps, marked, plain, text_of
from stanch.conductor.approval.preview import command_of
from stanch.language.plan import Call

KNOWN = Known(
    {
        "inputs": {"service": "checkout", "fast": True},
        "steps": {"seen": {"n": 3}},
        "run": {},
        "run.started": 5.0,
    },
    inside=frozenset({"leader", "later"}),
    behind={"host": ("leader",), "inputs.node": ("leader", "later")},
)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("on ${{ inputs.service }}", "on checkout"),
        ("${{ steps.leader.host }}", '<steps.leader.host, known after "leader">'),
        ("${{ steps.leader.host + ':5432' }}", "<steps.leader.host + ':5432', known after \"leader\">"),
        (
            "${{ inputs.service }}/${{ steps.leader.host }}",
            'checkout/<steps.leader.host, known after "leader">',
        ),
        ("${{ host }}", '<host, known after "leader">'),
        ("${{ inputs.node }}", '<inputs.node, known after "leader", "later">'),
        (
            "${{ steps.leader.a + steps.later.b }}",
            '<steps.leader.a + steps.later.b, known after "leader", "later">',
        ),
        ("${{ run.now }}", "<run.now, known when its turn comes>"),
        ("${{ inputs.fast ? 'now' : steps.leader.when }}", "now"),
        (
            "${{ has(run.findings) ? 'a' : 'b' }}",
            "<has(run.findings) ? 'a' : 'b', known when its turn comes>",
        ),
        ("${{ inputs.missing }}", "${{ inputs.missing }}"),
    ],
)
def test_what_is_late_says_what_it_is_and_after_what_it_is_known(template: str, text: str) -> None:
    assert text_of(fill(template, KNOWN)) == text


LATE = fill({"run": ["a", "x-${{ steps.leader.host }}-y", "${{ host }}"], "n": 1}, KNOWN)


@pytest.mark.parametrize(
    ("now", "places"),
    [
        ({"run": ["a", "x-db1-y", "h"], "n": 1}, []),
        ({"run": ["a", "x--y", ["any", "thing"]], "n": 1}, []),
        ({"run": ["b", "x-db1-y", "h"], "n": 1}, [("run", 0)]),
        ({"run": ["a", "x-db1-z", "h"], "n": 1}, [("run", 1)]),
        ({"run": ["a", "x-y", "h"], "n": 1}, [("run", 1)]),
        ({"run": ["a", 5, "h"], "n": 1}, [("run", 1)]),
        ({"run": ["a", "x-db1-y"], "n": 1}, [("run",)]),
        ({"run": ["a", "x-db1-y", "h"], "n": True}, [("n",)]),
        ({"run": ["a", "x-db1-y", "h"]}, [("n",)]),
        ({"run": ["a", "x-db1-y", "h"], "n": 1, "more": 0}, [("more",)]),
    ],
)
def test_a_gap_allows_anything_and_all_else_only_itself(now: Any, places: list[tuple[Any, ...]]) -> None:
    assert list(differences(LATE, plain(now))) == places


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["late!", "data!", "cel", "after", "a"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@case(values, values)
def test_data_from_outside_is_never_taken_for_a_gap(then: Any, now: Any) -> None:
    """Not even data that is spelled like one: only equal data is equal."""
    same = plain(then) == plain(now) and repr(then) == repr(now)
    filled = fill({"x": "${{ inputs.v }}"}, Known({"inputs": {"v": then}}, frozenset({"s"})))
    assert list(gaps(filled)) == []
    if not same:
        assert list(differences(filled, plain({"x": now}))) or then == now
    assert list(differences(filled, plain({"x": then}))) == []


@case(st.text(max_size=20), st.text(max_size=20))
def test_a_text_with_a_gap_fits_what_it_can_become(before: str, after: str) -> None:
    scope = Known({"inputs": {"a": before, "b": after}, "steps": {}}, frozenset({"s"}))
    filled = fill("${{ inputs.a }}${{ steps.s.x }}${{ inputs.b }}", scope)
    assert list(differences(filled, f"{before}anything\nat all{after}")) == []
    assert list(differences(filled, f"{before}{after}")) == []


def test_what_looks_like_a_gap_in_a_command_is_quoted_as_any_other_word() -> None:
    told = '<steps.leader.host, known after "leader">'
    params = fill({"run": ["ping", told, "${{ steps.leader.host }}", "late0x0x"]}, KNOWN)
    spelled = marked(Call("ssh", {}), params)
    assert spelled.words(command_of(spelled.call)) == f"ping '{told}' {told} late0x0x"
