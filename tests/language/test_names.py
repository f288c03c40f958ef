"""What an expression may read where it stands: rounds of loops, answers of people, children, the incident."""

from __future__ import annotations

import pytest

from tests.language.cases import codes, diagnose, whole

LOOP = """\
- id: each
  for_each: {as: host, in: [a, b]}
  ssh: {hosts: ["${{ host }}"], run: [x]}
  effect: read
  outputs: {code: result.rc, text: "host + ': ' + result.stdout"}
"""
BLOCK = """\
- id: each
  for_each: {as: host, in: [a, b]}
  steps:
    - {id: look, http: {url: "http://${{ host }}/"}, outputs: {status: result.status}}
  outputs: {well: steps.look.status == 200}
"""
ASK = """\
- id: pick
  ask:
    from: technical_lead
    fields:
      storage: {type: string, enum: [a, b]}
      hours: {type: integer, default: 48}
      sure: {type: boolean}
      names: {type: array, items: {type: string}}
"""


def reader(expression: str) -> str:
    return f"- id: reader\n  outputs:\n    x: >-\n      {expression}\n"


# --- rounds of a loop ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        "require: [{that: result.rc == 0 && host != '', else: '${{ host }}: ${{ steps.each.text }}'}]",
        "require: [{that: steps.each.code == 0, else: 'It is ${{ result.rc }}.'}]",
        "findings: [{when: steps.each.code > 0, is: suspect, text: '${{ host }} gave ${{ result.rc }}.'}]",
        "keep: {answer.txt: result.stdout + host}",
        "verify: {prometheus: {query: up}, until: 'steps.each.results.all(r, r.code == 0)', within: 1m}",
    ],
)
def test_in_each_round_there_is_one_result_and_the_rounds_own_outputs(word: str) -> None:
    assert codes(f"{LOOP}  {word}\n") == []


def test_the_way_back_of_a_round_reads_what_the_round_gave() -> None:
    change = LOOP.replace("effect: read", "effect: change\n  approval: a\n  idempotent: true")
    undo = '  undo: {ssh: {run: [back, "${{ result.rc }}", "${{ steps.each.text }}", "${{ host }}"]}}\n'
    assert codes(change + undo) == []


@pytest.mark.parametrize(
    "expression",
    [
        "steps.each.results.map(r, r.code)",
        "steps.each.results.filter(r, !r.ok).map(r, r.item)",
        "steps.each.results[0].text",
        "steps.each.ok",
    ],
)
def test_behind_a_loop_its_results_hold_every_round(expression: str) -> None:
    assert codes(LOOP + reader(expression)) == []


def test_an_output_of_a_round_is_not_read_behind_the_loop() -> None:
    (found,) = diagnose(LOOP + reader("steps.each.code"))
    assert found.code == "RB309"
    assert found.hint == "`steps.each.results.map(r, r.code)` has it of every round"


def test_the_loops_own_verify_reads_all_rounds_and_not_one() -> None:
    verify = "  verify: {prometheus: {query: up}, until: steps.each.code == 0, within: 1m}\n"
    assert codes(LOOP + verify) == ["RB309"]


def test_a_round_does_not_read_the_results_of_all() -> None:
    assert codes(LOOP + "  findings: [{when: steps.each.results.size() > 0, is: unknown, text: x}]\n") == [
        "RB302"
    ]


def test_results_of_something_that_is_no_loop_are_an_output_like_any_other() -> None:
    assert codes(LOOP.replace("  for_each: {as: host, in: [a, b]}\n", "").replace("host", '"h"')) != []
    assert codes("- {id: a, outputs: {results: '[1]'}}\n" + reader("steps.a.results[0] + 1")) == []


def test_a_block_makes_its_outputs_in_each_round_from_its_steps() -> None:
    assert codes(BLOCK + reader("steps.each.results.filter(r, !r.well).map(r, r.item)")) == []


def test_a_step_in_a_repeated_block_is_read_through_the_blocks_outputs() -> None:
    (found,) = diagnose(BLOCK + reader("steps.look.status"))
    assert found.code == "RB309"
    assert found.hint == (
        "add `outputs: {status: steps.look.status}` to `each`, and read `steps.each.results.map(r, r.status)`"
    )


def test_the_outputs_of_a_block_that_is_not_repeated_are_read_as_they_are() -> None:
    once = BLOCK.replace("  for_each: {as: host, in: [a, b]}\n", "").replace("${{ host }}", "h")
    assert codes(once + reader("steps.each.well && steps.look.status == 200")) == []


@pytest.mark.parametrize("name", ["item", "ok"])
def test_what_each_round_has_by_itself_cannot_be_an_output(name: str) -> None:
    assert codes(LOOP.replace("code: result.rc", f"{name}: result.rc")) == ["RB310"]


def test_what_each_step_has_by_itself_cannot_be_an_output_or_an_answer() -> None:
    assert codes("- {id: a, outputs: {started: '1'}}\n") == ["RB310"]
    assert codes(ASK.replace("sure:", "denied:")) == ["RB310"]


def test_the_name_of_a_loop_is_not_known_before_its_first_round() -> None:
    (found,) = diagnose(LOOP + "  require: [{that: host != '', else: x}]\n")
    assert (found.code, found.message) == (
        "RB301",
        "`host` is known only in each round, and this is read once for all of them",
    )


# --- answers ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "expression",
    [
        "steps.pick.storage.startsWith('a')",
        "steps.pick.hours + 1",
        "!steps.pick.sure",
        "steps.pick.names[0].size()",
        "steps.pick.ended - steps.pick.started",
    ],
)
def test_an_answer_is_read_by_its_name_and_has_its_type(expression: str) -> None:
    assert codes(ASK + reader(expression)) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("steps.pick.hours + 'h'", "RB402"),
        ("steps.pick.hours > 1.5", "RB403"),
        ("steps.pick.storge", "RB303"),
        ('steps.pick.storage == "c"', "RB409"),
    ],
)
def test_an_answer_is_checked_as_any_value(expression: str, expected: str) -> None:
    assert codes(ASK + reader(expression)) == [expected]


def test_a_step_that_asks_makes_outputs_of_its_answers() -> None:
    text = ASK + "  outputs: {long: result.hours > 48, both: 'steps.pick.storage + result.names[0]'}\n"
    assert codes(text + reader("steps.pick.long || steps.pick.both == ''")) == []
    assert codes(ASK + "  outputs: {storage: result.storage}\n") == ["RB310"]


def test_an_answer_of_a_question_that_may_not_be_asked_may_not_exist() -> None:
    maybe = ASK + '  when: run.mode == "live"\n'
    assert codes(maybe + reader("steps.pick.hours")) == ["RB304"]
    assert codes(maybe + reader("steps.pick.ran ? steps.pick.hours : 0")) == []


def test_choices_are_a_list() -> None:
    assert codes(ASK.replace("[a, b]", '"${{ [run.id] }}"')) == []
    assert codes(ASK.replace("[a, b]", '"${{ run.id }}"')) == ["RB404"]


def test_a_field_that_is_not_understood_is_one_diagnostic() -> None:
    wrong = ASK.replace("{type: boolean}", "{type: bool}")
    assert codes(wrong + reader("steps.pick.sure && steps.pick.hours > 1")) == ["RB204"]
    assert codes(
        ASK.replace("from: technical_lead", "form: technical_lead") + reader("steps.pick.hours")
    ) == ["RB201"]


def test_a_question_in_a_loop_has_its_answers_in_the_results() -> None:
    loop = ASK + "  for_each: {as: copy, in: [a]}\n"
    assert codes(loop + reader("steps.pick.results.map(r, r.storage)")) == []
    assert codes(loop + reader("steps.pick.storage")) == ["RB309"]


def test_a_default_of_an_answer_fits_its_schema() -> None:
    assert codes(ASK.replace("default: 48", "default: long")) == ["RB210"]
    assert codes(ASK.replace("{type: boolean}", "{type: string, pattern: '['}")) == ["RB210"]


# --- the incident and the findings --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "require",
    [
        'has(run.incident) && run.incident.severity in ["SEV1"]',
        "!has(run.incident) || run.incident.title.size() > 3",
    ],
)
def test_a_run_may_belong_to_an_incident(require: str) -> None:
    assert codes(f"- id: a\n  require:\n    - that: >-\n        {require}\n      else: No.\n") == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("run.incident.id", "RB304"),
        ("has(run.incident) ? run.incident.titel : ''", "RB301"),
        ("has(run.incident) ? run.incident.title + 1 : ''", "RB402"),
        ('has(run.incident) && run.incident.severity == "SEV5"', "RB409"),
    ],
)
def test_the_incident_has_to_be_asked_for_and_has_four_names(expression: str, expected: str) -> None:
    assert codes(reader(expression)) == [expected]


def test_what_asks_for_the_incident_covers_all_that_comes_behind() -> None:
    text = "- {id: a, when: has(run.incident), steps: [{id: b, outputs: {x: run.incident.url}}]}\n"
    assert codes(text) == []
    assert codes("require: [{that: has(run.incident), else: No.}]\noutputs: {x: run.incident.id}\n") == []


def test_the_findings_of_a_run_are_a_list() -> None:
    assert codes(reader("run.findings.filter(f, f.is == 'confirmed').map(f, f.text)")) == []
    assert codes(reader("run.findings.text")) == ["RB402"]


# --- texts --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "word",
    [
        'title: "${{ steps.nope.x }}"',
        "findings: [{when: 'true', is: unknown, text: '${{ steps.nope.x }}'}]",
        "findings: [{when: steps.nope.x, is: unknown, text: x}]",
        (
            "findings: [{when: 'true', is: unknown, text: x,"
            " suggest: {runbook: r, inputs: {a: '${{ steps.nope.x }}'}}}]"
        ),
        "keep: {a: steps.nope.x}",
        "links: [{title: x, url: '${{ steps.nope.x }}'}]",
    ],
)
def test_every_text_of_a_step_is_checked(word: str) -> None:
    found = diagnose(f"- id: look\n  prometheus: {{query: up}}\n  {word}\n")
    assert [each.code for each in found if each.code[:4] != "RB31"] == ["RB301"]


@pytest.mark.parametrize(
    "word", ["show: '${{ steps.nope.x }}'", "fields: {y: {type: string, enum: '${{ steps.nope.x }}'}}"]
)
def test_what_a_person_is_asked_is_checked(word: str) -> None:
    fields = "" if word.startswith("fields") else ", fields: {y: {type: string}}"
    assert codes(f"- id: q\n  ask: {{from: a, {word}{fields}}}\n") == ["RB301"]


def test_an_output_is_declared_as_the_action_gives_it() -> None:
    read = "- id: look\n  prometheus: {query: up}\n" + reader("steps.look.series")
    (found,) = diagnose(read)
    assert (found.code, found.hint) == ("RB303", "add `outputs: {series: result.series}` to `look`")
    hosts = "- id: look\n  ssh: {hosts: [a, b], run: [x]}\n  effect: read\n" + reader("steps.look.rc")
    (found,) = diagnose(hosts)
    assert found.hint == 'add `outputs: {rc: "result.map(r, r.rc)"}` to `look`'


# --- what rounds gave ---------------------------------------------------------------------------------------

SOME = LOOP.replace("in: [a, b]", "in: [a, b, c], max_failures: 1")


@pytest.mark.parametrize(
    "expression",
    [
        "R.map(r, r.oo)",
        "R.filter(r, r.kode == 0).size()",
        "R.all(r, r.oks)",
        "R.exists(r, has(r.kode))",
        "R.sort_by(r, r.kode)",
        "R.filter(r, r.ok).map(r, r.kode)",
        "R.map(r, r).map(q, q.kode)",
        "R.map(r, r.ok, r.kode)",
        "R[0].kode",
        "R.filter(r, r.ok)[0].kode",
        "(R + R).reverse().map(r, r.kode)",
        "(run.mode == 'live' ? R : R.slice(0, 1)).map(r, r.kode)",
        "[1].map(r, R.map(r, r.kode))",
        "R.map(r, R.map(q, r.kode == q.code))",
        "{'a': [R.map(r, r . kode)]}",
        "R.map(r, r.kode + r.kode)",
    ],
)
def test_a_round_has_what_the_loop_declares(expression: str) -> None:
    text = LOOP + reader(expression.replace("R", "steps.each.results"))
    (found,) = diagnose(text)
    assert found.code == "RB303"
    name = "oo" if "oo" in expression else "oks" if "oks" in expression else "kode"
    assert found.message == f"a round of `each` has no `{name}`; it has `code`, `text`, `item` and `ok`"
    assert whole(text).splitlines()[found.span.line - 1][found.span.column - 1 :].startswith(name)


@pytest.mark.parametrize(
    "expression",
    [
        "R.map(r, [{'x': 1}].map(r, r.kode))",
        "R.map(r, r.code).map(r, r)",
        "R.map(r, r.item.anything)",
        "R.map(r, {'kode': r.code}).map(r, r.kode)",
        "R.map(r, r.code).sum()",
    ],
)
def test_what_is_made_of_rounds_is_no_round(expression: str) -> None:
    assert codes(LOOP + reader(expression.replace("R", "steps.each.results"))) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("R.map(r, r.code)", ["RB304"]),
        ("R.exists(r, r.code > 0)", ["RB304"]),
        ("R[0].code", ["RB304"]),
        ("R.filter(r, !r.ok).map(r, r.code)", ["RB304"]),
        ("R.filter(r, r.ok || run.mode == 'live').map(r, r.code)", ["RB304"]),
        ("R.exists(r, r.ok || r.code > 0)", ["RB304"]),
        ("steps.each.ok ? R.map(r, r.code) : []", ["RB304"]),
        ("R.exists(q, q.ok) ? R.map(r, r.code) : []", ["RB304"]),
        ("R.map(q, q.ok ? R.map(r, r.code) : [])", ["RB304"]),
        ("R.map(r, r.ok ? R.map(r, r.code) : [])", ["RB304"]),
        ("R.map(r, r.item)", []),
        ("R.map(r, r.ok)", []),
        ("R.map(r, r.ok ? r.code : 0)", []),
        ("R.map(r, !r.ok ? 0 : r.code)", []),
        ("R.map(r, r.ok, r.code)", []),
        ("R.map(r, has(r.code) ? r.code : 0)", []),
        ("R.exists(r, r.ok && r.code > 0)", []),
        ("R.exists(r, r.code > 0 && r.ok)", []),
        ("R.all(r, !r.ok || r.code > 0)", []),
        ("R.filter(r, r.ok).map(r, r.code)", []),
        ("R.filter(r, r.item != 'a' && r.ok).sort_by(q, q.code)[0].code", []),
        ("R[0].ok ? R[0].code : 0", []),
        ("R[1].ok ? R[0].code : 0", ["RB304"]),
        ("R.all(r, r.ok) ? R.map(r, r.code) : []", []),
        ("!R.exists(r, !r.ok) ? R.map(r, r.code) : []", []),
        ("R.all(r, !r.ok) ? R.map(r, r.code) : []", ["RB304"]),
    ],
)
def test_a_round_that_may_have_failed_is_asked_first(expression: str, expected: list[str]) -> None:
    assert codes(SOME + reader(expression.replace("R", "steps.each.results"))) == expected


def test_what_is_required_of_all_rounds_holds_behind_it() -> None:
    asked = "- id: g\n  require: [{that: 'steps.each.results.all(r, r.ok)', else: No.}]\n"
    assert codes(SOME + asked + reader("steps.each.results.map(r, r.code)")) == []


def test_where_no_round_may_fail_nobody_has_to_ask() -> None:
    assert codes(LOOP + reader("steps.each.results.map(r, r.code)")) == []


@pytest.mark.parametrize(
    ("guard", "expected"),
    [("steps.each.ok", []), ("has(steps.each.results)", ["RB304"]), ("true", ["RB304"])],
)
def test_the_results_of_a_loop_that_failed_hold_only_what_went_well(guard: str, expected: list[str]) -> None:
    careless = LOOP + "  on_failure: continue\n"
    read = f"{guard} ? steps.each.results.map(r, r.code) : []"
    assert codes(careless + reader(read)) == expected
    asked = f"{guard} ? steps.each.results.filter(r, r.ok).map(r, r.code) : []"
    assert codes(careless + reader(asked)) == ([] if guard != "true" else expected)


@pytest.mark.parametrize(
    ("loop", "read", "expected"),
    [
        (LOOP, "r.code", []),
        (LOOP, "r.kode", ["RB303"]),
        (SOME, "r.code", ["RB304"]),
        (SOME, "r.ok ? r.code : 0", []),
        (SOME, "r.item", []),
    ],
)
def test_a_loop_through_rounds_knows_them_too(loop: str, read: str, expected: list[str]) -> None:
    again = "- id: again\n  for_each: {as: r, in: '${{ steps.each.results }}'}\n"
    assert codes(f"{loop}{again}  outputs: {{x: '{read}'}}\n") == expected
    inside = f"  steps:\n    - {{id: inner, outputs: {{x: '{read}'}}}}\n"
    assert codes(loop + again + inside) == expected
    well = again.replace(".results", ".results.filter(q, q.ok)")
    assert codes(f"{loop}{well}  outputs: {{x: r.code}}\n") == []


def test_a_loop_that_verifies_its_rounds_knows_them() -> None:
    change = LOOP.replace(
        "effect: read", "effect: change\n  approval: a\n  idempotent: true\n  irreversible: it stays"
    )
    verify = (
        "  verify: {prometheus: {query: up}, until: 'steps.each.results.all(r, r.kode == 0)', within: 1m}\n"
    )
    assert codes(change + verify) == ["RB303"]
    assert codes(change + verify.replace("kode", "code")) == []


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("R.exists(r, r.code == 'x')", ["RB402"]),
        ("R.exists(r, r.code == 0)", []),
        ("R.exists(r, r.text == 0)", ["RB402"]),
        ("R.filter(r, r.ok == 1)", ["RB402"]),
        ("R.filter(r, r.code)", ["RB402"]),
        ("R.map(r, r.text.size())", []),
        ("R.map(r, r.code).exists(t, t == 'x')", ["RB402"]),
        ("R.exists(r, r.text == 'x') && [{'text': 0}].exists(r, r.text == 0)", []),
    ],
)
def test_what_rounds_give_has_its_type(expression: str, expected: list[str]) -> None:
    assert codes(LOOP + reader(expression.replace("R", "steps.each.results"))) == expected
