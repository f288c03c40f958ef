"""What the rules let through and what not, where the pages of the codes do not show it."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.language import check
from stanch.language.check.rules import RULES
from tests.language.cases import codes, compiled, diagnose, whole

CHANGE = """\
- id: change
  ssh: {hosts: [web1, web2], run: [restart]}
  effect: change
  approval: incident_commander
  idempotent: true
  irreversible: a restart cannot be taken back
"""


def test_every_rule_is_run() -> None:
    modules = {path.stem for path in Path(check.__path__[0]).glob("rb*.py")}
    assert {rule.__module__.rpartition(".")[2] for rule in RULES} == modules


# --- results ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "expression", "expected"),
    [
        ("[a]", "result.rc", []),
        ("[a, b]", "result[0].rc", []),
        ("[a, b]", "result.rc", ["RB402"]),
        ("[a]", "result[0].rc", ["RB402"]),
        ("[a, b]", "result.all(r, r.rc == 0)", []),
        ("[a]", "result.json.anything.at.all", []),
        ("[a]", "result.lines[0].size()", []),
        ("[a]", "result.lines[0].foo", ["RB402"]),
        ("[a]", "result.item", ["RB301"]),
        ("[a]", "has(result.json.x)", []),
    ],
)
def test_result_is_one_object_or_a_list(hosts: str, expression: str, expected: list[str]) -> None:
    step = f"- id: s\n  ssh: {{hosts: {hosts}, run: [x]}}\n  effect: read\n  outputs:\n    x: {expression}\n"
    assert codes(step) == expected


def test_each_round_of_a_loop_has_one_result() -> None:
    step = """\
- id: each
  for_each: {as: host, in: [a, b]}
  ssh: {hosts: ["${{ host }}"], run: [x]}
  effect: change
  approval: incident_commander
  done: {ssh: {run: [y]}, until: result.rc == 0 && host != ""}
  undo: {ssh: {run: [z, "${{ result.rc }}", "${{ steps.each.code.size() }}", "${{ host }}"]}}
  outputs:
    code: host + string(result.rc)
  require: [{that: result.rc == 0, else: "${{ steps.each.code }}"}]
  verify: {http: {url: "http://x/"}, until: result.status == steps.each.results.size(), within: 1m}
"""
    assert codes(step) == []
    assert codes(step.replace('verify: {http: {url: "http://x/"}', "verify: {ssh: {run: [y]}")) != []


def test_the_item_of_a_loop_has_the_type_of_the_lists_items() -> None:
    step = '- id: s\n  for_each: {as: n, in: [1, 2]}\n  http: {url: "http://x/${{ n.size() }}"}\n'
    assert codes(step) == ["RB402"]


def test_what_an_output_gives_is_known_to_later_steps() -> None:
    steps = """\
- id: a
  prometheus: {query: up}
  outputs: {value: result.value, when: run.started, names: '["a", "b"]'}
- id: b
  require:
    - {that: steps.a.value > 1, else: One.}
    - {that: steps.a.when.startsWith("2026"), else: Two.}
    - {that: "steps.a.names[0] == 3", else: Three.}
    - {that: steps.a.ended - steps.a.started > duration("5s"), else: Four.}
"""
    assert codes(steps) == ["RB403", "RB402"]


@pytest.mark.parametrize(
    ("schema", "expression"),
    [
        ("{type: string}", "inputs.x.startsWith('a')"),
        ("{type: integer}", "inputs.x > 3"),
        ("{type: number}", "inputs.x > 3.0"),
        ("{type: boolean}", "inputs.x"),
        ("{type: array, items: {type: integer}}", "inputs.x[0] > 3"),
        ("{type: array}", "inputs.x.exists(y, y == 3)"),
        ("{type: object}", "inputs.x.anything == 3"),
        ("{type: object, additionalProperties: {type: integer}}", "inputs.x.anything > 3"),
    ],
)
def test_an_input_has_the_type_of_its_schema(schema: str, expression: str) -> None:
    that = f'- that: {expression}\n    else: "No."\n'
    assert codes(f"inputs:\n  x: {schema}\nrequire:\n  {that}") == []
    wrong = that.replace("inputs.x", "inputs.x.y.z" if "y, y" in expression else "[inputs.x]")
    assert codes(f"inputs:\n  x: {schema}\nrequire:\n  {wrong}") != []


# --- parameters ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        ('"${{ inputs.hosts }}"', []),
        ('["${{ inputs.host }}"]', []),
        ('"${{ inputs.host }}"', ["RB404"]),
        ('["${{ inputs.hosts }}"]', ["RB404"]),
        ('"${{ inputs.any.hosts }}"', []),
        ("web1", ["RB203"]),
    ],
)
def test_what_an_expression_gives_fits_the_parameter(hosts: str, expected: list[str]) -> None:
    text = f"""\
inputs:
  host: {{type: string}}
  hosts: {{type: array, items: {{type: string}}}}
  any: {{type: object}}
steps:
  - id: s
    ssh: {{hosts: {hosts}, run: [x]}}
    effect: read
"""
    assert codes(text) == expected


# --- safety -------------------------------------------------------------------------------------------------


def test_an_approval_on_a_block_covers_all_changes_inside() -> None:
    bare = CHANGE.replace("  approval: incident_commander\n", "")
    inner = "".join(f"    {line}\n" for line in bare.splitlines())
    block = "- id: block\n  approval: incident_commander\n  steps:\n"
    assert codes(bare) == ["RB501"]
    assert codes(block + inner) == []
    assert codes(block.replace("approval: incident_commander", "unattended: only a test") + inner) == []


def test_an_action_that_knows_its_way_back_needs_no_words_for_it() -> None:
    assert codes("- {id: off, flag: {name: x, set: false}, effect: change, approval: a}") == []


@pytest.mark.parametrize("word", ["aproval: a", "approval: 5", "approval: {form: a}"])
def test_an_approval_that_was_not_understood_is_not_missing_as_well(word: str) -> None:
    assert len(diagnose(CHANGE.replace("approval: incident_commander", word))) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("idempotent: true", "idempotant: true"),
        ("irreversible: a restart", "ireversible: a restart"),
        ("effect: change", "effect: chang"),
        ("ssh: {hosts: [web1, web2], run", "ssh: {hosts: 5, run"),
        ("ssh: {hosts: [web1, web2], run", "shh: {hosts: [web1, web2], run"),
        ("ssh: {hosts: [web1, web2], run: [restart]}", "ssh: restart"),
        ("idempotent: true", "done: {until: result.rc == 0}"),
        ("idempotent: true", "done: {shs: {run: [x]}, until: result.rc == 0}"),
        ("idempotent: true", "done: {ssh: {run: [x]}, untl: 'result.all(r, r.rc == 0)'}"),
        ("idempotent: true", "done: {ssh: {run: [x]}, until: 'result.all(r, r.rc == 0)', within: 5}"),
    ],
)
def test_one_mistake_is_one_diagnostic(old: str, new: str) -> None:
    assert len(diagnose(CHANGE.replace(old, new))) == 1


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('alert.status == "firing"', []),
        ("'firing' == alert.status && true", []),
        ('alert.status != "resolved"', []),
        ('alert.status == "resolved"', ["RB513"]),
        ('alert.status in ["firing", "resolved"]', ["RB513"]),
        ("alert.labels.a == 'b'", ["RB514"]),
    ],
)
def test_a_trigger_of_a_change_is_for_firing_alerts(when: str, expected: list[str]) -> None:
    steps = "steps:\n" + "".join(f"  {line}\n" for line in CHANGE.splitlines())
    named = f"({when}) && alert.labels.alertname == 'a'"
    assert codes(f"triggers:\n  - source: alertmanager\n    when: >-\n      {named}\n{steps}") == expected


def test_a_runbook_that_only_reads_may_start_when_an_alert_is_over() -> None:
    assert codes('triggers:\n  - source: alertmanager\n    when: alert.status == "resolved"\n') == []


# --- the rest -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("example.yaml", []),
        ("a/b/example.yml", []),
        ("05-example.yaml", []),
        ("C:\\runbooks\\example.yaml", []),
        ("<stdin>", []),
        ("other.yaml", ["RB209"]),
        ("example-2.yaml", ["RB209"]),
    ],
)
def test_a_runbook_is_called_as_its_file(path: str, expected: list[str]) -> None:
    found = compiled(whole("- {id: a, prometheus: {query: up}}"), path)
    assert [each.code for each in found.diagnostics] == expected


@pytest.mark.parametrize(
    ("day", "said"),
    [
        ("2026-11-23", []),
        ("2026-08-25", []),
        ("2026-08-24", ["RB213"]),
        ("2026-12-24", ["RB213"]),
        ("2026-02-30", ["RB204"]),
    ],
)
def test_a_review_is_good_for_ninety_days(day: str, said: list[str]) -> None:
    assert codes(f"reviewed: {day}\n") == said


@pytest.mark.parametrize("name", ["in", "true", "null"])
def test_a_word_of_cel_is_no_name(name: str) -> None:
    assert codes(f"inputs:\n  '{name}': {{type: string, default: x}}\n") == ["RB310"]


def test_the_names_of_nested_loops_differ() -> None:
    text = """\
- id: outer
  for_each: {as: host, in: [a]}
  steps:
    - id: inner
      for_each: {as: host, in: [b]}
      http: {url: "http://${{ host }}/"}
"""
    assert codes(text) == ["RB310"]


@pytest.mark.parametrize("rest", ["wait: 1s", "runbook: other", "manual: {who: a, do: It.}\n  effect: read"])
def test_a_zone_belongs_to_what_a_worker_does(rest: str) -> None:
    assert codes(f"- id: look\n  zone: dmz\n  {rest}\n")[:1] == ["RB211"]


@pytest.mark.parametrize("name", ["DMZ", "dmz-", "d.m", "${{ inputs.zone }}", "''"])
def test_a_zone_has_a_plain_name(name: str) -> None:
    assert codes(f'- id: look\n  prometheus: {{query: up}}\n  zone: "{name}"\n') == ["RB204"]


@pytest.mark.parametrize("pattern", ["[", "(", "a**", "[[a]", "(?P<x"])
def test_a_pattern_of_an_input_is_one(pattern: str) -> None:
    text = f"inputs:\n  x: {{type: string, default: x, pattern: '{pattern}'}}\n"
    assert codes(text) == ["RB210"]


# --- RB306: what nothing reads ------------------------------------------------------------------------------

ASKED = """\
- id: fix
  approval: incident_commander
  manual: {who: scribe, do: Fix it.}
  effect: change
  irreversible: nobody knows how
"""
SPARE = "- {id: look, http: {url: 'http://x/'}, outputs: {spare: result.status}}\n"


@pytest.mark.parametrize(
    ("steps", "unread"),
    [
        (SPARE, ["spare"]),
        (ASKED + SPARE, ["spare"]),
        (SPARE + ASKED, []),  # whoever approves is shown it
        ("- {id: q, ask: {from: a, fields: {drop: {type: boolean}, why: {type: string}}}}\n", ["drop"]),
        ("- {id: q, ask: {from: a, fields: {how: {type: string, enum: [a, b]}}}}\n", ["how"]),
    ],
)
def test_what_nobody_reads_nor_sees_is_advice(steps: str, unread: list[str]) -> None:
    found = [each for each in compiled(whole(steps)).diagnostics if each.code == "RB306"]
    assert [each.message.split("`")[1] for each in found] == unread
