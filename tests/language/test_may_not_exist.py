"""Values that may not exist: what counts as asking first, and what does not."""

from __future__ import annotations

import re

import pytest

from tests.language.cases import codes, diagnose, whole

MAYBE = """\
- id: maybe
  when: run.mode == "live"
  http: {url: "http://x/"}
  outputs: {status: result.status}
- id: careless
  on_failure: continue
  http: {url: "http://x/"}
  outputs: {status: result.status}
"""


# --- a value that may not exist -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "reader",
    [
        "- {id: r, when: steps.maybe.ran, outputs: {x: steps.maybe.status}}",
        "- {id: r, when: steps.maybe.ok && steps.maybe.status == 200, outputs: {x: steps.maybe.status}}",
        "- {id: r, when: '!steps.careless.failed', outputs: {x: steps.careless.status}}",
        "- {id: r, outputs: {x: 'steps.maybe.ran ? steps.maybe.status : 0'}}",
        "- {id: r, outputs: {x: steps.careless.ok && steps.careless.status == 200}}",
        "- {id: r, outputs: {x: 'has(steps.maybe.status) ? steps.maybe.status : 0'}}",
        '- {id: r, when: run.mode == "live", outputs: {x: steps.maybe.status}}',
        "- {id: r, require: [{that: steps.careless.ok, else: No.}], outputs: {x: steps.careless.status}}",
        (
            "- {id: g, require: [{that: steps.careless.ok, else: No.}]}\n"
            "- {id: r, outputs: {x: steps.careless.status}}"
        ),
        "- {id: b, when: steps.maybe.ran, steps: [{id: r, outputs: {x: steps.maybe.status}}]}",
        "- {id: r, outputs: {x: steps.maybe.ran}}",
        (
            "- {id: r, require: [{that: steps.maybe.ok && steps.maybe.status == 200,"
            ' else: "It is ${{ steps.maybe.status }}."}]}'
        ),
    ],
)
def test_a_value_that_may_not_exist_can_be_read_after_asking(reader: str) -> None:
    assert codes(MAYBE + reader + "\n") == []


@pytest.mark.parametrize(
    "reader",
    [
        "- {id: r, outputs: {x: steps.maybe.status}}",
        "- {id: r, outputs: {x: steps.careless.status}}",
        "- {id: r, when: steps.careless.ok, outputs: {x: steps.maybe.status}}",
        '- {id: r, when: run.mode == "drill", outputs: {x: steps.maybe.status}}',
        (
            '- {id: g, when: run.mode == "drill", require: [{that: steps.maybe.ok, else: No.}]}\n'
            "- {id: r, outputs: {x: steps.maybe.status}}"
        ),
    ],
)
def test_a_value_that_may_not_exist_is_not_read_without_asking(reader: str) -> None:
    assert codes(MAYBE + reader + "\n") == ["RB304"]


# `careless` and `maybe` of MAYBE; `c` and `m` are their outputs.
GUARDED = [
    "ok ? c : 0",
    "!ok ? 0 : c",
    "!(ok == true) ? 0 : c",
    "ok != false ? c : 0",
    "true == ok ? c : 0",
    "ok && c == 200",
    "!ok || c == 200",
    "failed || c == 200",
    "!failed && c == 200",
    "failed == false && c == 200",
    "!(failed || !ran) && c == 200",
    "(ok || ran && !failed) && c == 200",
    "(run.mode == 'live' && (ok)) && c == 200",
    "run.mode == 'live' && ok && c == 200 && c != 404",
    "(ok ? run.mode == 'live' : false) && c == 200",
    "(ok ? run.mode == 'live' : !true) && c == 200",
    "(ok && maybe_ran || ok && run.mode == 'live') && c == 200",
    "ok && [1].exists(i, i == c)",
    "[1].exists(i, ok && i == c)",
    "ok ? {'a': [c]} : {}",
    "has(steps.careless.status) && c == 200",
    "has(steps.careless.status)",
    "!has(steps.careless.status) ? 0 : c",
    "ok && ') || (\u00e9' != \"?:\" && c == 200",
    "maybe_ran ? m : 0",
    "maybe_ok ? m : 0",
    "maybe_failed ? m : 0",
    "!maybe_ran || m == 200",
    "(run.mode == 'live' ? maybe_ran : maybe_ok) && m == 200",
    # Of `&&` and `||` either side may decide, so the question may stand on the right.
    "c == 200 && ok",
    "c == 200 || !ok",
    "c == 200 || failed",
    "c == 200 && c != 404 && run.mode == 'live' && !(!ok)",
    "(c == 200 ? true : m == 200) && (ok && maybe_ran)",
    "c == 200 && has(steps.careless.status)",
    "m == 200 && !(!maybe_ran || run.mode == 'live')",
]
UNGUARDED = [
    "!ok && c == 200",
    "ok ? false : c == 200",
    "ok || c == 200",
    "ok ? c : c",
    "ran && c == 200",
    "failed && c == 200",
    "!failed || c == 200",
    "!denied && c == 200",
    "ok == false && c == 200",
    "ok != true && c == 200",
    "(ok || run.mode == 'live') && c == 200",
    "!(ok && run.mode == 'live') || ok ? c == 200 : true",
    "!(failed && ran) && c == 200",
    "(run.mode == 'live' ? ok : true) && c == 200",
    "[ok].size() == 1 && c == 200",
    "[1].exists(i, ok) && c == 200",
    "'steps.careless.ok' != '' && c == 200",
    "!has(steps.careless.status) && c == 200",
    "has(steps.careless.ok) && c == 200",
    "maybe_ok && c == 200",
    "!maybe_failed && m == 200",
    "!maybe_ran && m == 200",
    "maybe_ran || m == 200",
    "c == 200 && !ok",
    "c == 200 || ok",
    "c == 200 && (ok || run.mode == 'live')",
    "(c == 200 ? 1 : 0) == 1 && [ok].size() == 1",
    # If there is neither, both sides fail.
    "(c == 200 ? maybe_ran : false) && (maybe_ran ? ok : false)",
]


def said(short: str) -> str:
    """The expression with the names of MAYBE in the place of the tables' short ones."""
    names = {"c": "steps.careless.status", "m": "steps.maybe.status"}
    for state in ("ok", "ran", "failed", "denied"):
        names |= {state: f"steps.careless.{state}", f"maybe_{state}": f"steps.maybe.{state}"}
    pattern = r"(?<![.'\w])(" + "|".join(names) + r")(?![\w'])"
    return re.sub(pattern, lambda found: names[found[1]], short)


def reads(expression: str) -> str:
    return MAYBE + "- id: r\n  outputs:\n    x: |-\n      " + said(expression) + "\n"


@pytest.mark.parametrize("expression", GUARDED)
def test_a_read_is_guarded_by_what_is_known_where_it_stands(expression: str) -> None:
    assert codes(reads(expression)) == []


@pytest.mark.parametrize("expression", UNGUARDED)
def test_to_mention_a_step_is_not_to_ask_it(expression: str) -> None:
    assert codes(reads(expression)) == ["RB304"]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("ok", []),
        ("!failed", []),
        ("ok == true", []),
        ("!(failed || !ran)", []),
        ("ok ? c == 200 : false", []),
        ("!ok", ["RB304"]),
        ("ran", ["RB304"]),
        ("failed", ["RB304"]),
        ("ok || run.mode == 'live'", ["RB304"]),
        ("ok ? c == 200 : true", ["RB304"]),
    ],
)
def test_a_condition_says_of_later_places_what_its_truth_says(condition: str, expected: list[str]) -> None:
    that = said(condition)
    inside = f'- id: r\n  when: "{that}"\n  outputs: {{x: steps.careless.status}}\n'
    behind = f'- id: g\n  require: [{{that: "{that}", else: No.}}]\n'
    assert codes(MAYBE + inside) == expected
    assert codes(MAYBE + behind + "- {id: r, outputs: {x: steps.careless.status}}\n") == expected


def test_a_condition_that_reads_nothing_of_a_step_may_ask_whether_it_failed() -> None:
    assert codes(MAYBE + "- {id: r, when: '!steps.careless.ok', outputs: {x: steps.careless.ran}}\n") == []


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("run.mode == 'live'", []),
        ("run.now > run.started", ["RB304"]),
        ("run.findings.size() > 0", ["RB304"]),
    ],
)
def test_the_same_condition_may_not_be_the_same_later(condition: str, expected: list[str]) -> None:
    first = f"- id: a\n  when: {condition}\n  http: {{url: 'http://x/'}}\n  outputs: {{s: result.status}}\n"
    assert codes(f"{first}- id: b\n  when: {condition}\n  outputs: {{x: steps.a.s}}\n") == expected


# `steps.made.id` of a change; what a person may do when it fails is said by `on_failure`.
MADE = """\
- id: made
  approval: incident_commander
  ssh: {hosts: [a], run: [make]}
  effect: change
  idempotent: true
  irreversible: it stays
  outputs: {id: result.stdout}
"""


@pytest.mark.parametrize(
    ("words", "reader", "expected"),
    [
        ("", "outputs: {x: steps.made.id}", ["RB537"]),
        ("on_failure: ask", "outputs: {x: steps.made.id}", ["RB537"]),
        ("on_failure: stop", "outputs: {x: steps.made.id}", []),
        ("on_failure: undo", "outputs: {x: steps.made.id}", []),
        ("", "when: steps.made.ok\n  outputs: {x: steps.made.id}", []),
        ("", "when: steps.made.ran\n  outputs: {x: steps.made.id}", []),
        ("", "when: '!steps.made.ok'\n  outputs: {x: steps.made.id}", ["RB537"]),
        ("", "when: '!steps.made.failed'\n  outputs: {x: steps.made.id}", ["RB537"]),
        ("", "outputs: {x: has(steps.made.id) && steps.made.id != ''}", []),
        ("", "outputs: {x: 'steps.made.ok ? steps.made.id : \"\"'}", []),
        ("undo: {ssh: {run: [drop, '${{ steps.made.id }}']}}", "outputs: {x: steps.made.ok}", []),
    ],
)
def test_a_change_that_fails_may_be_skipped_by_a_person(words: str, reader: str, expected: list[str]) -> None:
    made = MADE.replace("  irreversible: it stays\n", "") if words.startswith("undo:") else MADE
    assert codes(f"{made}  {words}\n- id: reader\n  {reader}\n") == expected


def test_a_read_that_may_be_skipped_when_it_fails_is_asked_too() -> None:
    read = "- {id: a, on_failure: ask, http: {url: 'http://x/'}, outputs: {s: result.status}}\n"
    (found,) = diagnose(whole(read + "- {id: b, outputs: {x: steps.a.s}}\n"))
    assert found.code == "RB537"
    assert found.message == "`steps.a.s` may not exist: `a` may have been skipped when it failed"
    assert found.hint is not None
    assert found.hint.endswith("; or let the run end with it: `on_failure: stop` for `a`")


def test_what_a_block_gives_that_may_be_skipped_is_read_freely_inside_of_it() -> None:
    block = """\
- id: block
  on_failure: ask
  steps:
    - {id: a, http: {url: "http://x/"}, outputs: {status: result.status}}
    - {id: b, require: [{that: steps.a.status == 200, else: No.}]}
"""
    assert codes(block) == []
    assert codes(block + "- {id: c, outputs: {x: steps.a.status}}\n") == ["RB537"]
    assert codes(block + "- {id: c, when: steps.block.ok, outputs: {x: steps.a.status}}\n") == []


def test_a_condition_that_is_no_cel_is_one_mistake() -> None:
    wrong = "- {id: r, when: 'steps.careless.ok &&', outputs: {x: steps.careless.status}}\n"
    assert codes(MAYBE + wrong) == ["RB401"]


@pytest.mark.parametrize(
    ("condition", "hint"),
    [
        ("when: run.mode == 'live'", "steps.a.ran"),
        ("on_failure: continue", "steps.a.ok"),
        ("when: run.mode == 'live'\n  on_failure: continue", "steps.a.ok"),
    ],
)
def test_the_hint_asks_for_what_is_in_doubt(condition: str, hint: str) -> None:
    text = f"- id: a\n  {condition}\n  http: {{url: 'http://x/'}}\n  outputs: {{status: result.status}}\n"
    (found,) = diagnose(whole(text + "- {id: r, outputs: {x: steps.a.status}}\n"))
    assert found.hint == f"ask first: `when: {hint}`, or `{hint} ? ... : ...`"
    assert codes(text + f"- {{id: r, when: {hint}, outputs: {{x: steps.a.status}}}}\n") == []


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("block.ok", []),
        ("inner.ok", []),
        ("inner.ran && !steps.inner.failed", []),
        ("block.ran", ["RB304"]),
        ("inner.ran", ["RB304"]),
        ("block.ran && !steps.inner.failed", ["RB304"]),
    ],
)
def test_a_block_that_may_stop_is_asked_whether_it_went_well(asked: str, expected: list[str]) -> None:
    block = """\
- id: block
  when: run.mode == "live"
  on_failure: continue
  steps:
    - {id: first, http: {url: "http://x/"}}
    - {id: inner, http: {url: "http://x/"}, outputs: {status: result.status}}
"""
    assert (
        codes(f"{block}- {{id: r, when: 'steps.{asked}', outputs: {{x: steps.inner.status}}}}\n") == expected
    )


def test_a_block_that_went_well_may_have_left_out_a_step() -> None:
    block = """\
- id: block
  when: run.mode == "live"
  steps:
    - {id: inner, when: run.severity == "SEV1", http: {url: "http://x/"}, outputs: {status: result.status}}
"""
    reader = "- {{id: r, when: steps.{}, outputs: {{x: steps.inner.status}}}}\n"
    assert codes(block + reader.format("block.ok")) == ["RB304"]
    assert codes(block + reader.format("inner.ran")) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("has(run.incident) && run.incident.id != ''", []),
        ("!has(run.incident) || run.incident.id != ''", []),
        ("has(run.incident) && has(run.incident.url)", []),
        ("!has(run.incident) && run.incident.id != ''", ["RB304"]),
        ("has(run.incident) || run.incident.id != ''", ["RB304"]),
        ("has(run.incident.url)", ["RB304"]),
    ],
)
def test_the_incident_is_asked_for_where_it_is_read(expression: str, expected: list[str]) -> None:
    assert codes(reads(expression)) == expected


def test_steps_of_one_conditional_block_read_each_other() -> None:
    block = """\
- id: block
  when: run.mode == "live"
  steps:
    - {id: a, http: {url: "http://x/"}, outputs: {status: result.status}}
    - {id: b, require: [{that: steps.a.status == 200, else: No.}]}
  outputs: {status: steps.a.status}
"""
    assert codes(block) == []
    assert codes(block + "- {id: c, outputs: {x: steps.a.status}}\n") == ["RB304"]
    assert codes(block + "- {id: c, outputs: {x: 'steps.block.ran ? steps.a.status : 0'}}\n") == []


# --- a change that was in place already ---------------------------------------------------------------------

DONE = """\
- id: made
  approval: incident_commander
  on_failure: stop
  %s
  irreversible: it stays
  effect: change
  outputs:
    id: %s
  done:
    %s
    within: 1m
"""
MAKE = "ssh: {hosts: [a], run: [make]}"
ASKED = "http: {url: 'http://x/'}\n    until: result.status == 200"
READER = "- id: reader\n  outputs:\n    x: >-\n      %s\n"


@pytest.mark.parametrize(
    ("action", "output", "done", "read", "expected"),
    [
        (MAKE, "result.stdout", ASKED, "steps.made.id", ["RB304"]),
        (MAKE, "run.id + result.stdout", ASKED, "steps.made.id", ["RB304"]),
        (MAKE, "result.stdout", ASKED, "steps.made.ok ? steps.made.id : ''", ["RB304"]),
        (MAKE, "result.stdout", ASKED, "has(steps.made.id) ? steps.made.id : ''", []),
        (MAKE, "result.stdout", ASKED, "has(steps.made.id) && steps.made.id != ''", []),
        (MAKE, "run.id", ASKED, "steps.made.id", []),
        (MAKE, "result.stdout", "ssh: {run: [look]}\n    until: result.rc == 0", "steps.made.id", []),
        (
            MAKE,
            "result.stdout",
            "ssh: {hosts: [a, b], run: [look]}\n    until: result.all(r, r.rc == 0)",
            "steps.made.id",
            ["RB304"],
        ),
        (
            "http: {url: 'http://x/', method: POST}",
            "string(result.json.id)",
            "ssh: {hosts: [a], run: [look], output: json}\n    until: result.rc == 0",
            "steps.made.id",
            ["RB304"],
        ),
    ],
)
def test_what_only_the_action_gives_may_be_missing_where_done_held_before(
    action: str, output: str, done: str, read: str, expected: list[str]
) -> None:
    assert codes(DONE % (action, output, done) + READER % read) == expected


def test_the_way_back_reads_what_the_action_gave() -> None:
    change = DONE.replace("  irreversible: it stays\n", "") % (MAKE, "result.stdout", ASKED)
    assert codes(change + "  undo: {ssh: {run: [drop, '${{ steps.made.id }}']}}\n") == []


def test_a_round_that_was_in_place_already_is_asked_for_what_it_made() -> None:
    change = DONE.replace("on_failure: stop", "for_each: {as: h, in: [a, b]}")
    text = change % (MAKE, "result.stdout", ASKED)
    read = "steps.made.ok && steps.made.results.filter(r, %s).exists(r, r.id == 'x')"
    assert codes(text + READER % read % "r.ok") == ["RB304"]
    assert (
        codes(
            text + READER % "steps.made.ok && steps.made.results.exists(r, r.ok && has(r.id) && r.id != '')"
        )
        == []
    )


def test_what_is_missing_after_one_skip_is_one_piece_of_advice() -> None:
    """Who may skip the step decides once, however many places read what it gives."""
    readers = "- {id: r, outputs: {x: steps.made.id, y: steps.made.id + ''}}\n"
    text = whole(MADE + readers + "- {id: s, title: '${{ steps.made.id }}'}\n")
    (found,) = [each for each in diagnose(text) if each.code == "RB537"]
    lines = [
        text.splitlines()[each.line - 1].strip() for each in (found.span, *(r.span for r in found.related))
    ]
    assert [line[:8] for line in lines] == ["- {id: r", "- id: ma", "- {id: r", "- {id: s"]


@pytest.mark.parametrize(
    "asked",
    [
        (
            "- {id: r, require: [{that: steps.careless.ok, else: No.},"
            " {that: steps.careless.status == 200, else: No.}]}"
        ),
        (
            "- {id: r, http: {url: 'http://x/'}, require: [{that: steps.careless.ok, else: No.},"
            " {that: result.status == steps.careless.status, else: No.}]}"
        ),
    ],
)
def test_a_precondition_stands_behind_those_above_it(asked: str) -> None:
    assert codes(MAYBE + asked + "\n") == []


def test_a_precondition_says_nothing_about_those_above_it() -> None:
    reads, asks = "{that: steps.careless.status == 200, else: No.}", "{that: steps.careless.ok, else: No.}"
    assert codes(MAYBE + f"- {{id: r, require: [{reads}, {asks}]}}\n") == ["RB304"]


THROUGH = """\
- {id: first, when: steps.maybe.ran, http: {url: "http://x/"}}
- id: block
  when: steps.first.ok
  steps:
    - {id: inner, http: {url: "http://x/"}}
"""


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ("steps.first.ran", []),
        ("steps.first.ok", []),
        ("steps.block.ran && steps.maybe.status == 200", []),
        ("'!steps.first.failed'", ["RB304"]),  # nor has it failed when it did not run
        ("'!steps.block.ok'", ["RB304"]),
    ],
)
def test_a_step_that_ran_tells_what_it_asked_itself(when: str, expected: list[str]) -> None:
    reader = f"- {{id: r, when: {when}, outputs: {{x: steps.maybe.status}}}}\n"
    assert codes(MAYBE + THROUGH + reader) == expected
