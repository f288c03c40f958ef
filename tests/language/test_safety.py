"""What the rules about people, time, secrets and borrowed changes let through and what not."""

from __future__ import annotations

import pytest

from stanch.gateway.alerts import SOURCES as DELIVERED
from stanch.language.triggers import SOURCES
from tests.language.cases import codes, diagnose

UNDO = "  undo: {ssh: {run: [back]}}\n"
BARE = """\
- id: change
  ssh: {hosts: [web1], run: [restart]}
  effect: change
  approval: incident_commander
  idempotent: true
"""
CHANGE = BARE + UNDO
LOOPED = "  for_each: {as: h, in: [a, b]}\n"
READ = "- id: look\n  prometheus: {query: up}\n"
HAND = "- id: hand\n  manual: {who: technical_lead, do: Look at it.}\n"
ASK = "- id: pick\n  ask: {from: technical_lead, fields: {list: {type: array, items: {type: string}}}}\n"


def inside(block: str, steps: str) -> str:
    """`steps` in a block whose own words are `block`."""
    lines = "".join(f"    {line}\n" for line in steps.splitlines())
    return f"- id: block\n{block}  steps:\n{lines}"


# --- who approves -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("approval", "expected"),
    [
        ("{from: [a, b]}", []),
        ("{from: [a, b], any: 2}", []),
        ("{from: [a, b], any: 1, quorum: 3}", []),
        ("{from: [a, b], any: 3}", ["RB509"]),
        ("{from: a, any: 2}", ["RB509"]),
        ("{from: []}", ["RB509"]),
        ("{from: [a, b], quorum: 1}", ["RB211"]),
        ("{from: [a, b, c], any: 2, quorum: 1}", ["RB211"]),
        ("{from: [a, b], any: 1, quorum: 1}", []),
    ],
)
def test_an_approval_can_be_given(approval: str, expected: list[str]) -> None:
    assert codes(CHANGE.replace("approval: incident_commander", f"approval: {approval}")) == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ASK.replace("from: technical_lead", "from: []"), ["RB509"]),
        (ASK.replace("from: technical_lead", "from: [a, b]"), []),
        (CHANGE + "  revert: {ask: []}\n", ["RB509"]),
    ],
)
def test_a_question_can_be_answered(step: str, expected: list[str]) -> None:
    assert sorted(codes(step)) == expected


@pytest.mark.parametrize(
    ("silence", "expected"),
    [
        ("{after: 20m, then: abort}", []),
        ("{after: 20m, then: deny}", ["RB204"]),
        ("{after: 20m, then: a}", ["RB204"]),
    ],
)
def test_silence_answers_no_question(silence: str, expected: list[str]) -> None:
    step = f"- id: q\n  ask: {{from: a, fields: {{x: {{type: boolean}}}}, silence: {silence}}}\n"
    assert codes(step) == expected


def test_who_does_it_by_hand_approves_it_and_says_when_it_is_done() -> None:
    by_hand = HAND + "  effect: change\n"
    assert codes(by_hand + "  irreversible: it is merged\n") == []
    assert codes(by_hand) == ["RB502"]
    assert codes(by_hand + "  undo: {manual: {who: technical_lead, do: Undo it.}}\n") == []


@pytest.mark.parametrize("word", ["done", "verify"])
def test_a_person_is_not_asked_again_and_again(word: str) -> None:
    check = "{manual: {who: a, do: Look.}, until: result.note == '', within: 1m}"
    step = CHANGE.replace("  idempotent: true\n", "") if word == "done" else CHANGE
    assert codes(f"{step}  {word}: {check}\n") == ["RB508"]


@pytest.mark.parametrize(
    ("loop", "verify", "expected"),
    [
        ("", "{prometheus: {query: up}, until: result.value == 0.0, within: 1m, after: all}", ["RB211"]),
        (LOOPED, "{prometheus: {query: up}, until: result.value == 0.0, within: 1m, after: all}", []),
        (LOOPED, "{http: {url: 'http://${{ h }}/'}, until: result.status == 200, within: 1m}", []),
        (
            LOOPED,
            "{http: {url: 'http://${{ h }}/'}, until: result.status == 200, within: 1m, after: batch}",
            ["RB301"],
        ),
    ],
)
def test_when_a_verification_is_asked_is_said_of_a_loop_and_not_of_its_rounds(
    loop: str, verify: str, expected: list[str]
) -> None:
    step = """\
- id: fix
  approval: incident_commander
  ssh: {hosts: ["HOST"], run: [x]}
  effect: change
  idempotent: true
  irreversible: none
"""
    step = step.replace("HOST", "${{ h }}" if loop else "a")
    assert codes(f"{step}{loop}  verify: {verify}\n") == expected


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("within: 30m", []),
        ("timeout: 30m", []),
        ("until: result.note == ''", ["RB211"]),
        ("retry: {times: 2}", ["RB211"]),
        ("keep: {a: result.note}", ["RB211"]),
        ("idempotent: true", ["RB211"]),
        ("outputs: {who: result.by}", []),
    ],
)
def test_what_belongs_to_machines_is_not_said_of_people(word: str, expected: list[str]) -> None:
    assert codes(HAND + f"  {word}\n") == expected


def test_a_manual_read_is_not_repeated_by_verify() -> None:
    assert codes(HAND + CHANGE + "  verify: {step: hand, until: result.note == '', within: 1m}\n") == [
        "RB307"
    ]


# --- words in the wrong place -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (ASK + "  timeout: 5m\n", ["RB211"]),
        (ASK + "  within: 5m\n", ["RB211"]),
        ("- {id: a, wait: 5s, timeout: 5m}\n", ["RB211"]),
        ("- {id: a, outputs: {x: '1'}, keep: {a: '1'}}\n", ["RB211"]),
        (READ + "  inputs: {a: 1}\n", ["RB211"]),
        (READ + "  parallel: true\n", ["RB211"]),
        (READ + "  maxItems: 3\n", ["RB211"]),
        (READ + "  undo: {ssh: {hosts: [a], run: [x]}}\n", ["RB211"]),
        (ASK + "  undo: {ssh: {hosts: [a], run: [x]}}\n", ["RB211"]),
        (inside("  idempotent: true\n", READ), ["RB211"]),
        (inside("  irreversible: no way\n", READ), ["RB211"]),
        (READ + "  for_each: {as: x, in: [1], parallel: true, batches: [1]}\n", ["RB211"]),
        (READ + "  parallel: true\n  for_each: {as: x, in: [1], pause: 1s}\n", ["RB211"]),
        (READ + "  ask: {from: a, fields: {x: {type: boolean}}}\n", ["RB207"]),
        ("- {id: a, wait: 1s, runbook: other}\n", ["RB207"]),
        (CHANGE + "  revert: {when: {until: result.value > 0.0}}\n", ["RB207"]),
        (CHANGE + "  revert: {when: {step: nope, until: result.value > 0.0}}\n", ["RB307"]),
        (
            READ + CHANGE + "  revert: {when: {step: look, until: result.value > 0.0, within: 1h}}\n",
            ["RB211"],
        ),
    ],
)
def test_a_word_stands_where_it_means_something(step: str, expected: list[str]) -> None:
    found = [each.code for each in diagnose(step) if each.code[:4] != "RB31"]
    assert sorted(found) == expected


# --- what is borrowed ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (CHANGE, []),
        (BARE, ["RB521"]),
        (BARE + "  irreversible: a restart\n", ["RB521"]),
        (BARE.replace("undo", "unod") + UNDO.replace("undo", "unod"), ["RB201"]),
        ("- {id: off, flag: {name: x, set: false}, effect: change, approval: a}\n", []),
        (READ, ["RB521"]),
        ("- {id: a, wait: 1s}\n", ["RB521"]),
        (ASK, ["RB521"]),
        (HAND + "  effect: change\n  undo: {manual: {who: a, do: Back.}}\n", []),
        ("- {id: new, shh: {hosts: [a], run: [x]}, effect: change, approval: a}\n", ["RB205"]),
    ],
)
def test_what_is_borrowed_can_be_given_back(step: str, expected: list[str]) -> None:
    revert = "  revert: end_of_run\n"
    flat = step.replace("}\n", ", revert: end_of_run}\n") if step.startswith("- {") else step + revert
    assert codes(flat) == expected


def test_a_block_is_borrowed_with_its_own_way_back() -> None:
    undo = "  undo: {ssh: {hosts: [a], run: [all_back]}}\n"
    revert = "  revert: end_of_block\n"
    assert codes(inside(undo, BARE)) == []
    assert codes(inside(undo + revert, BARE)) == []
    assert codes(inside(revert, CHANGE)) == ["RB521"]
    assert codes(inside(undo, BARE + revert)) == ["RB521"]
    assert codes(inside(undo, CHANGE + revert)) == ["RB521"]


# --- at the same time ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (READ, []),
        (
            READ + "- {id: b, wait: 1s}\n" + "- {id: c, findings: [{when: 'true', is: cleared, text: x}]}\n",
            [],
        ),
        (CHANGE, ["RB520"]),
        (ASK, ["RB520"]),
        (HAND, ["RB520"]),
        (inside("", CHANGE).replace("id: block", "id: inner"), ["RB520"]),
        ("- {id: x, frob: {a: 1}}\n", ["RB205"]),
    ],
)
def test_only_reads_run_at_once(steps: str, expected: list[str]) -> None:
    assert codes(inside("  parallel: true\n", steps)) == expected
    loop = "  for_each: {as: x, in: [1], parallel: true}\n"
    assert codes(inside(loop, steps)) == expected


def test_each_change_at_once_is_said_once() -> None:
    nested = inside("  parallel: true\n", CHANGE).replace("id: block", "id: inner")
    assert codes(inside("  parallel: true\n", nested)) == ["RB520"]


def test_steps_that_run_at_once_do_not_read_each_other() -> None:
    outputs = "  outputs: {value: result.value}\n"
    reads = READ + outputs + "- id: second\n  outputs: {x: steps.look.value}\n"
    assert codes(inside("", reads)) == []
    (found,) = diagnose(inside("  parallel: true\n", reads))
    assert (found.code, found.hint) == ("RB320", "move `second` behind the block, or take `parallel` away")
    assert (
        codes(inside("  parallel: true\n", READ + outputs) + "- {id: r, outputs: {x: steps.look.value}}\n")
        == []
    )


def test_steps_one_after_the_other_inside_of_what_runs_at_once_read_each_other() -> None:
    reads = READ + "  outputs: {value: result.value}\n- id: second\n  outputs: {x: steps.look.value}\n"
    nested = inside("", reads).replace("id: block", "id: inner")
    assert codes(inside("  parallel: true\n", nested + "- {id: w, wait: 1s}\n")) == []
    later = "- id: second\n  outputs: {x: steps.look.value}\n" + READ + "  outputs: {value: result.value}\n"
    wrong = inside("", later).replace("id: block", "id: inner")
    assert codes(inside("  parallel: true\n", wrong)) == ["RB302"]


# --- times --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("- {id: a, wait: 0s}\n", ["RB522"]),
        ("- {id: a, wait: 1ms}\n", []),
        (READ + "  timeout: 0s\n", ["RB522"]),
        (HAND + "  within: 0m\n", ["RB522"]),
        (READ + "  until: result.value > 0.0\n  within: 0s\n", ["RB522"]),
        (READ + "  until: result.value > 0.0\n  within: 1m\n  every: 0s\n", ["RB522"]),
        (CHANGE.replace("incident_commander", "{from: a, silence: {after: 0s, then: deny}}"), ["RB522"]),
        (CHANGE + "  revert: {after: 0s}\n", ["RB522"]),
        (inside("  timeout: 1m\n", "- {id: a, wait: 40s}\n- {id: b, wait: 20s}\n"), ["RB522"]),
        (inside("  timeout: 61s\n", "- {id: a, wait: 40s}\n- {id: b, wait: 20s}\n"), []),
        (inside("  timeout: 1m\n  parallel: true\n", "- {id: a, wait: 40s}\n- {id: b, wait: 20s}\n"), []),
        (inside("  timeout: 1m\n", "- {id: a, wait: 2m, when: run.mode == 'live'}\n"), []),
    ],
)
def test_a_time_is_one_that_can_be_meant(step: str, expected: list[str]) -> None:
    assert sorted(codes(step)) == expected


@pytest.mark.parametrize(("first", "last", "expected"), [("1h", "2h", []), ("2h", "1h", ["RB522"])])
def test_what_is_borrowed_comes_back_after_the_earliest_moment(
    first: str, last: str, expected: list[str]
) -> None:
    when = "{prometheus: {query: hits}, until: result.value == 0.0}"
    step = CHANGE + f"  revert: {{when: {when}, not_before: {first}, at_most: {last}}}\n"
    assert codes(step) == expected


# --- what never runs ----------------------------------------------------------------------------------------

SITE = "inputs:\n  site: {type: string}\n  count: {type: integer}\n  on: {type: boolean}\nsteps:\n"


def nested(outer: str, inner: str) -> str:
    steps = f"    - id: inner\n      when: {inner}\n      wait: 1s\n"
    return f"{SITE}- id: outer\n  when: {outer}\n  steps:\n{steps}"


@pytest.mark.parametrize(
    ("outer", "inner", "reachable"),
    [
        ('inputs.site == "a"', 'inputs.site == "a"', True),
        ('inputs.site == "a"', 'inputs.site == "b"', False),
        ('inputs.site == "a"', 'inputs.site != "a"', False),
        ('inputs.site != "a"', 'inputs.site != "b"', True),
        ('inputs.site in ["a", "b"]', 'inputs.site == "b" || inputs.site == "c"', True),
        ('inputs.site in ["a", "b"]', 'inputs.site == "d" || inputs.site == "c"', False),
        ('inputs.site in ["a", "b"]', '!(inputs.site in ["a", "b"])', False),
        ("inputs.on", "'!inputs.on'", False),
        ("inputs.on", "inputs.on && inputs.count == 1", True),
        ("inputs.count == 1 && inputs.on", "inputs.count == 2", False),
        ("inputs.count == 1 || inputs.on", "inputs.count == 2", True),
        ('run.severity == "SEV1"', 'run.severity == "SEV2"', True),
        ('inputs.site == "a"', 'inputs.count == 5 && inputs.site == "a"', True),
    ],
)
def test_a_condition_inside_of_another_can_hold(outer: str, inner: str, reachable: bool) -> None:
    if '"' in outer or '"' in inner or "!" in inner:
        outer, inner = (f"'{each.strip(chr(39))}'" for each in (outer, inner))
    assert codes(nested(outer, inner)) == ([] if reachable else ["RB523"])


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ("- {id: a, when: false, wait: 1s}\n", ["RB523"]),
        ("- {id: a, when: 1 > 2, wait: 1s}\n", ["RB523"]),
        ("- {id: a, when: true, wait: 1s}\n", []),
        ("- {id: a, when: 'inputs.count == 1 && inputs.count == 2', wait: 1s}\n", ["RB523"]),
        ("- {id: a, require: [{that: false, else: No.}]}\n- {id: b, wait: 1s}\n", ["RB523"]),
        (
            "- {id: a, require: [{that: inputs.on, else: No.}]}\n- {id: b, when: '!inputs.on', wait: 1s}\n",
            ["RB523"],
        ),
        (
            (
                "- {id: a, when: inputs.count == 1, require: [{that: inputs.on, else: No.}]}\n"
                "- {id: b, when: '!inputs.on', wait: 1s}\n"
            ),
            [],
        ),
        (
            (
                "- {id: a, require: [{that: inputs.on, else: No.}]}\n"
                "- {id: b, require: [{that: '!inputs.on', else: No.}]}\n"
            ),
            ["RB523"],
        ),
        (
            (
                "- id: a\n  when: inputs.on\n"
                "  steps: [{id: c, require: [{that: inputs.count == 1, else: No.}]}]\n"
                "- {id: b, when: inputs.count == 2, wait: 1s}\n"
            ),
            [],
        ),
    ],
)
def test_a_step_can_be_reached(steps: str, expected: list[str]) -> None:
    assert codes(SITE + steps) == expected


def test_a_runbook_that_never_gets_past_its_own_precondition_is_told_so() -> None:
    (found,) = diagnose("require: [{that: 'false', else: No.}]\nsteps: [{id: a, wait: 1s}]\n")
    assert (found.code, found.message) == ("RB523", "this is never true, so step `a` can never run")


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('inputs.site == "berlin"', []),
        ('inputs.site == "berln"', ["RB409"]),
        ('"berln" != inputs.site', ["RB409"]),
        ('inputs.site in ["berlin", "bonn"]', ["RB409"]),
        ("inputs.site + 'x' == \"berlnx\"", []),
        ('inputs.site.upperAscii() == "BERLIN"', []),
        ('run.mode == "dril"', ["RB409"]),
        ('inputs.site == "berlin" ? true : inputs.site == "ulm"', ["RB409"]),
    ],
)
def test_a_value_is_compared_with_what_it_can_be(expression: str, expected: list[str]) -> None:
    inputs = "inputs: {site: {type: string, enum: [amsterdam, berlin]}}\n"
    assert codes(f"{inputs}steps:\n- id: a\n  wait: 1s\n  when: >-\n    {expression}\n") == expected


# --- late targets -------------------------------------------------------------------------------------------

FIND = "- id: find\n  http: {url: 'http://x/'}\n  outputs: {names: result.json.names}\n"
EACH = """\
- id: each
  for_each: {as: name, in: "${{ steps.find.names }}"}
  ssh: {hosts: ["${{ name }}"], run: [x]}
  effect: change
  idempotent: true
  undo: {ssh: {run: [y]}}
"""
ALL = EACH.replace('  for_each: {as: name, in: "${{ steps.find.names }}"}\n', "").replace(
    '["${{ name }}"]', '"${{ steps.find.names }}"'
)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (FIND + EACH, ["RB524"]),
        (FIND + EACH.replace("names }}", "names }}").replace('}}"}', '}}", maxItems: 9}'), []),
        (FIND + ALL, ["RB524"]),
        (FIND + ALL + "  maxItems: 9\n", []),
        (FIND + ALL.replace('"${{ steps.find.names }}"', '["${{ steps.find.names[0] }}"]'), []),
        (FIND + EACH.replace("effect: change", "effect: read").partition("  idempotent")[0], ["RB506"]),
        (
            "- id: find\n  ask:\n    from: a\n    fields:\n"
            "      names: {type: array, items: {type: string}, maxItems: 5}\n" + EACH,
            [],
        ),
        (
            "- id: find\n  ask: {from: a, fields: {names: {type: array, items: {type: string}}}}\n" + EACH,
            ["RB524"],
        ),
    ],
)
def test_whoever_approves_a_block_knows_how_many_targets_there_may_be(
    steps: str, expected: list[str]
) -> None:
    assert codes(inside("  approval: incident_commander\n", steps)) == expected


def test_the_items_of_a_late_list_are_late_too() -> None:
    loop = '  for_each: {as: group, in: "${{ steps.find.names }}", maxItems: 3}\n'
    late = ALL.replace("steps.find.names", "group.hosts")
    inner = inside(loop, late).replace("id: block", "id: groups")
    assert codes(inside("  approval: incident_commander\n", FIND + inner)) == ["RB524"]
    bound = inside(loop, late + "  maxItems: 9\n").replace("id: block", "id: groups")
    assert codes(inside("  approval: incident_commander\n", FIND + bound)) == []


def test_targets_that_are_known_before_the_question_need_no_bound() -> None:
    assert codes(FIND + inside("  approval: incident_commander\n", EACH)) == []
    assert codes(FIND + EACH.replace("effect: change", "effect: change\n  approval: a")) == []
    assert codes(inside("  unattended: nobody minds\n", FIND + EACH)) == []


# --- secrets ------------------------------------------------------------------------------------------------

HTTP = "- id: s\n  http: {url: 'http://x/', %s}\n"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (HTTP % "headers: {Authorization: {secret: env/TOKEN}}", []),
        (HTTP % "headers: {Authorization: Bearer 1a2b3c4d5e}", ["RB525"]),
        (HTTP % "headers: {X-Api-Key: a1b2c3d4e5}", ["RB525"]),
        (HTTP % "headers: {X-Api-Key: '${{ run.id }}'}", []),
        (HTTP % "json: {password: hunter22}", ["RB525"]),
        (HTTP % "json: {password: '${{ run.id }}'}", []),
        (HTTP % "json: {token: refresh_token}", []),
        (HTTP % "json: {key_file: /etc/app/key1}", []),
        (HTTP % "json: {a: {secret: 'env/${{ run.id }}'}}", ["RB525"]),
        (HTTP.replace("http://x/", "http://me:pass@x/") % "json: {}", ["RB525"]),
        (READ + "  title: {secret: env/A}\n", ["RB525"]),
        (READ + "  outputs: {x: {secret: env/A}}\n", ["RB525"]),
        ("- id: s\n  ssh: {hosts: [a], run: [x, {secret: env/A}]}\n  effect: read\n", ["RB525"]),
        ("- id: s\n  ssh: {hosts: [a], run: [x, AKIAIOSFODNN7EXAMPLE]}\n  effect: read\n", ["RB525"]),
        (
            "- id: s\n  ssh: {hosts: [a], run: [x]}\n  title: -----BEGIN PRIVATE KEY-----\n  effect: read\n",
            ["RB525"],
        ),
        ("inputs: {secret: {type: string, default: x}}\n", []),
        ("inputs: {a: {type: object, default: {secret: env/A}}}\n", ["RB525"]),
        (
            "- {id: a, for_each: {as: x, in: [{secret: env/A}]}, http: {url: 'http://x/'}}\n",
            ["RB525"],
        ),
    ],
)
def test_a_secret_stands_only_where_it_is_kept(step: str, expected: list[str]) -> None:
    assert codes(step) == expected


def test_a_secret_is_not_repeated_by_what_is_said_about_it() -> None:
    (found,) = diagnose(HTTP % "headers: {Authorization: Bearer 1a2b3c4d5e}")
    assert "1a2b3c" not in f"{found.message} {found.hint}"


# --- triggers and data --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("when", "expected"),
    [
        ('alert.status == "firing"', ["RB533"]),
        ('alert.status in ["firing", "resolved"]', ["RB533"]),
        ('alert.status != "resolved" && alert.source == "alertmanager"', ["RB533"]),
        ('alert.status == "firing" && true', ["RB533"]),
        ('alert.status == "firing" && alert.fingerprint != ""', []),
        ('alert.status == "firing" && alert.labels.exists(l, l == "team")', []),
        ("true", ["RB514", "RB533"]),
        ('alert.status == "firing" && alert.status == "resolved"', ["RB526"]),
        ('alert.status == "firing" && alert.labels.a == "x" && alert.labels["a"] == "y"', ["RB526"]),
        ('alert.status == "firing" && alert.labels.a == "x" && alert.labels.b == "y"', []),
        ('alert.status == "firing" && alert.labels.a in ["x", "y"] && alert.labels.a != "x"', []),
        ('alert.status == "firing" && (alert.labels.a == "x" || alert.labels.a == "y")', []),
        ("alert.status == 'fireing'", ["RB409"]),
        ("false", ["RB514", "RB526"]),
    ],
)
def test_a_trigger_can_match(when: str, expected: list[str]) -> None:
    text = f"triggers:\n  - source: alertmanager\n    when: >-\n      {when}\n"
    assert sorted(codes(text)) == expected


def test_alerts_come_from_the_sources_that_the_gateway_has() -> None:
    assert tuple(DELIVERED) == SOURCES
    text = 'triggers: [{source: alertmanger, when: \'alert.status == "firing" && alert.labels.a == "x"\'}]\n'
    (found,) = diagnose(text)
    assert (found.code, found.hint) == ("RB526", "did you mean `alertmanager`?")


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ("{type: string}", ["RB527"]),
        ("{type: string, pattern: '^[a-z]+$'}", []),
        ("{type: string, enum: [a, b]}", []),
        ("{type: string, format: ipv4}", []),
        ("{type: integer}", []),
    ],
)
@pytest.mark.parametrize(
    "step",
    [
        "prometheus: {query: 'up{job=\"${{ inputs.x }}\"}'}",
        "http: {url: 'http://x/${{ inputs.x }}/y'}",
        "http: {url: 'http://x/', method: GET}\n  outputs: {y: inputs.x}",
        "http: {url: '${{ inputs.x }}'}",
    ],
)
def test_data_in_a_url_or_query_is_restrained(schema: str, expected: list[str], step: str) -> None:
    found = [
        each for each in codes(f"inputs: {{x: {schema}}}\nsteps:\n- id: s\n  {step}\n") if each[:3] != "RB4"
    ]
    built = "query" in step or "http://x/$" in step
    assert found == (expected if built else [])


@pytest.mark.parametrize(
    ("output", "words", "expected"),
    [
        ("result.stdout", "", ["RB527"]),
        ("result.stdout.trim()", "", ["RB527"]),
        ("result.lines[0]", "", ["RB527"]),
        ("string(result.json.pool)", "", ["RB527"]),
        ("extract(result.stdout, '[a-z]+')", "", []),
        ("string(result.rc)", "", []),
        ("result.rc", "", []),
        ("result.stdout", "require: [{that: \"steps.said.x.matches('^[a-z]+$')\", else: No.}]", []),
    ],
)
def test_what_a_host_printed_is_restrained_in_a_url(output: str, words: str, expected: list[str]) -> None:
    said = "- id: said\n  ssh: {hosts: [a], run: [x], output: json}\n  effect: read\n"
    url = "- id: get\n  http: {url: 'http://x/${{ steps.said.x }}'}\n"
    assert codes(f'{said}  outputs:\n    x: "{output}"\n  {words}\n{url}') == expected


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("ask: {from: a, fields: {x: {type: string}}}", ["RB527"]),
        ("ask: {from: a, fields: {x: {type: string, enum: [a]}}}", []),
        ("http: {url: 'http://x/'}\n  outputs: {x: string(result.json.id)}", []),
    ],
)
def test_what_a_person_says_is_restrained_in_a_url(step: str, expected: list[str]) -> None:
    url = "- id: get\n  http: {url: 'http://x/${{ steps.said.x }}'}\n"
    assert codes(f"- id: said\n  {step}\n{url}") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("title: 'Look at ${{ inputs.x }}'\n", ["RB219"]),
        ("symptoms: 'Of ${{ inputs.x }}'\n", ["RB219"]),
        ("inputs: {x: {type: string, default: '${{ run.id }}'}}\n", ["RB219"]),
        ("links: [{title: '${{ run.id }}', url: 'http://x/'}]\n", []),
        (ASK.replace("type: array,", "type: array, description: '${{ run.id }}',"), ["RB219"]),
    ],
)
def test_an_expression_stands_where_it_is_filled_in(text: str, expected: list[str]) -> None:
    assert codes(text) == expected
