"""One mistake gives one diagnostic: a good runbook, changed in one place at a time.

A rule that repeats what an earlier stage has said, or that calls missing what was only misspelled, shows here
as a second code.
"""

from __future__ import annotations

import re

import pytest

from tests.language.cases import compiled

DONE = """\
        done:
          ssh: {run: [deploy, current, --json], output: json}
          until: result.json.release != steps.current.bad
          every: 2s
          within: 2m
"""
GOOD = """\
runbook: example
title: Put the previous release back
kind: rollback
owner: payments
reviewed: 2026-11-01
symptoms: Errors rise after a release.
links:
  - {title: Dashboard, url: "https://grafana.example.org/d/${{ inputs.service }}"}
inputs:
  service: {type: string, pattern: "^[a-z]+$", default: shop}
  hosts: {type: array, items: {type: string}, minItems: 1, maxItems: 50}
triggers:
  - source: alertmanager
    when: alert.status == "firing" && alert.labels.alertname == "HighErrorRate"
    inputs: {service: "${{ alert.labels.service }}", hosts: ["${{ alert.labels.instance }}"]}
require:
  - that: inputs.hosts.size() > 0
    else: There is no host.
steps:
  - id: errors
    title: Read the error rate
    prometheus:
      query: rate(errors{service="${{ inputs.service }}"}[1m])
    outputs: {rate: result.value}
    require:
      - that: result.value > 0.05
        else: "The error rate is ${{ result.value }}; nothing to roll back."
  - id: current
    ssh: {hosts: "${{ inputs.hosts }}", run: [deploy, current, --json], output: json}
    effect: read
    outputs: {bad: "result[0].json.release"}
    retry: {times: 2, every: 1s}
  - id: healthy
    http: {url: "http://localhost/health"}
    until: result.status == 200
    every: 2s
    within: 1m
    stable: 10s
  - id: back
    steps:
      - id: change
        title: Put the previous release back
        when: steps.errors.rate > 0.1
        approval: {from: incident_commander, confirm: "${{ inputs.service }}"}
        for_each: {as: host, in: "${{ inputs.hosts }}", batches: [1, 100%], pause: 30s}
        ssh: {hosts: ["${{ host }}"], run: [deploy, rollback, "${{ inputs.service }}"]}
        effect: change
        timeout: 5m
        on_failure: ask
        done:
          ssh: {run: [deploy, current, --json], output: json}
          until: result.json.release != steps.current.bad
          every: 2s
          within: 2m
        undo:
          ssh: {run: [deploy, redeploy, "${{ steps.current.bad }}"]}
        verify: {step: errors, until: result.value < 0.01, every: 5s, within: 5m}
  - id: script
    ssh:
      hosts: [web1]
      script: echo "$RATE"
      env: {RATE: "${{ steps.errors.rate }}"}
    effect: read
  - id: maybe
    when: run.mode == "live"
    http: {url: "http://localhost/version"}
    outputs: {version: result.status}
  - id: reader
    when: steps.maybe.ran
    outputs: {version: steps.maybe.version}
  - id: soak
    wait: 30s
outputs: {bad: steps.current.bad, version: "steps.reader.ran ? steps.reader.version : 0"}
"""

MISTAKES: dict[str, tuple[str, str, str]] = {
    # read
    "an indentation that does not fit": ("  - id: soak", " - id: soak", "RB101"),
    "a quote that is not closed": ("title: Read the error rate", 'title: "Read the error rate', "RB101"),
    "a bracket that is not closed": (
        "run: [deploy, current, --json], output: json}\n    effect",
        "run: [deploy, current, --json, output: json}\n    effect",
        "RB101",
    ),
    "a tab": ("    wait: 30s", "\twait: 30s", "RB101"),
    "a second colon": ("symptoms: Errors", "symptoms: Errors: they", "RB101"),
    "a key that stands twice": ("owner: payments", "owner: payments\nowner: me", "RB105"),
    "a tag": ("owner: payments", "owner: !!str payments", "RB106"),
    "a merge key": ("  - id: soak\n", "  - id: soak\n    <<: {}\n", "RB108"),
    "a number that is none": ("times: 2", "times: .nan", "RB111"),
    "a key that is not text": ("owner: payments", "owner: payments\n1: x", "RB112"),
    "an expression cut by YAML": ("rate > 0.1", "rate > 0.1 ? true : false", "RB113"),
    # structure
    "an unknown key at the top": ("symptoms:", "symptons:", "RB201"),
    "an unknown key in a step": ("    timeout: 5m", "    timout: 5m", "RB201"),
    "a misspelled `id`": ("- id: soak", "- ide: soak", "RB201"),
    "a misspelled `effect`": ("effect: change", "efect: change", "RB201"),
    "a misspelled `approval`": ("approval:", "aproval:", "RB201"),
    "a misspelled `undo`": ("undo:\n", "undoo:\n", "RB201"),
    "a misspelled `done`": ("done:\n", "don:\n", "RB201"),
    "a misspelled `within`": ("every: 2s\n    within:", "every: 2s\n    withn:", "RB201"),
    "a misspelled `until`": ("until: result.status", "untill: result.status", "RB201"),
    "a misspelled `outputs`": ("outputs: {rate", "output: {rate", "RB201"),
    "a misspelled `wait`": ("wait: 30s", "wate: 30s", "RB201"),
    "an unknown parameter of an action": ("output: json}\n    effect", "outputt: json}\n    effect", "RB201"),
    "no owner": ("owner: payments\n", "", "RB202"),
    "no kind": ("kind: rollback\n", "", "RB202"),
    "no id": ("- id: soak\n    wait", "- wait", "RB202"),
    "a required parameter that is missing": ('{url: "http://localhost/health"}', "{}", "RB202"),
    "no `else`": ("    else: There is no host.\n", "", "RB202"),
    "a step that is text": ("  - id: soak\n    wait: 30s", "  - soak", "RB203"),
    "a list where a mapping belongs": ("retry: {times: 2, every: 1s}", "retry: [2]", "RB203"),
    "text where a number belongs": ("times: 2", "times: two", "RB203"),
    "a duration without a unit": ("within: 2m", "within: 120", "RB203"),
    "a mapping where text belongs": ("owner: payments", "owner: {team: payments}", "RB203"),
    "an unknown kind": ("kind: rollback", "kind: rolback", "RB204"),
    "an input of an unknown type": ("service: {type: string", "service: {type: sting", "RB204"),
    "an effect in a check": (
        "          until: result.json",
        "          effect: change\n          until: result.json",
        "RB204",
    ),
    "a day that does not exist": ("reviewed: 2026-11-01", "reviewed: 2026-02-30", "RB204"),
    "an unknown effect": ("effect: change", "effect: changes", "RB204"),
    "an unknown answer to a failure": ("on_failure: ask", "on_failure: pray", "RB204"),
    "an unknown unit": ("wait: 30s", "wait: 30 sec", "RB204"),
    "an id with a blank": ("id: soak", "id: so ak", "RB204"),
    "an unknown action": ("    prometheus:\n", "    promtheus:\n", "RB205"),
    "an unknown action in `done`": (
        "          ssh: {run: [deploy, current",
        "          shh: {run: [deploy, current",
        "RB205",
    ),
    "two actions": ("    wait: 30s", "    wait: 30s\n    http: {url: x}", "RB207"),
    "two steps with one id": ("id: soak", "id: script", "RB208"),
    "another name than the file's": ("runbook: example", "runbook: exmaple", "RB209"),
    "a default that does not fit": ("default: shop", "default: Shop", "RB210"),
    "a word of an action without one": ("    wait: 30s", "    wait: 30s\n    idempotent: true", "RB211"),
    "a word of a change on a read": (
        "    retry: {times: 2",
        "    idempotent: true\n    retry: {times: 2",
        "RB211",
    ),
    "two ways back": ("        undo:\n", "        irreversible: it is gone\n        undo:\n", "RB211"),
    "no title": ("title: Put the previous release back\nkind", "kind", "RB212"),
    "an old review": ("reviewed: 2026-11-01", "reviewed: 2026-01-01", "RB213"),
    "a comment that allows an error": ("id: soak", "id: soak  # stanch: allow RB501 x", "RB215"),
    # references
    "an unknown step": ("steps.errors.rate > 0.1", "steps.erors.rate > 0.1", "RB301"),
    "an output by its name alone": ("? steps.reader.version", "? version", "RB301"),
    "an output of no step": ("? steps.reader.version", "? steps.version", "RB301"),
    "an output behind `outputs`": ("? steps.reader.version", "? outputs.version", "RB301"),
    "a step and none of its outputs": ("? steps.reader.version", "? steps.reader", "RB301"),
    "an unknown input": ("inputs.hosts.size()", "inputs.host.size()", "RB301"),
    "an unknown name": ("result.value > 0.05", "reslt.value > 0.05", "RB301"),
    "an unknown field of a result": ("result.status == 200", "result.staus == 200", "RB301"),
    "a loop's name outside of the loop": ('localhost/health"', 'localhost/${{ host }}"', "RB301"),
    "`result` before there is one": ("inputs.hosts.size()", "result.value.size()", "RB301"),
    "`alert` outside of the triggers": ("inputs.hosts.size() > 0", 'alert.status == "firing"', "RB301"),
    "a later step": ("when: steps.errors.rate > 0.1", "when: steps.script.ok", "RB302"),
    "an output that is not declared": ("steps.errors.rate > 0.1", "steps.errors.rat > 0.1", "RB303"),
    "a value that may not exist": ("    when: steps.maybe.ran\n", "", "RB304"),
    "an input that nothing reads": (
        "\ntriggers:",
        "\n  spare: {type: string, default: x}\ntriggers:",
        "RB305",
    ),
    "an output that nothing reads": (
        "{version: result.status}",
        "{version: result.status, spare: result.status}",
        "RB306",
    ),
    "an unknown step in `verify`": ("verify: {step: errors", "verify: {step: erors", "RB307"),
    "a change in `verify`": ("verify: {step: errors", "verify: {step: script", "RB307"),
    "a trigger without a required input": (', hosts: ["${{ alert.labels.instance }}"]}', "}", "RB308"),
    "a trigger with an unknown input": ("inputs: {service:", "inputs: {zone: x, service:", "RB308"),
    "a name that no expression can read": ("id: soak", "id: in", "RB310"),
    # expressions
    "an expression that ends too early": ("rate > 0.1", "rate >", "RB401"),
    "text against a number": ("result.value > 0.05", 'result.value > "0.05"', "RB402"),
    "a list result read as one": ("result[0].json.release", "result.json.release", "RB402"),
    "a whole number against a decimal one": ("result.value < 0.01", "result.value < 0", "RB403"),
    "a condition that is a number": ("that: result.value > 0.05", "that: result.value", "RB404"),
    "an unknown function": ("inputs.hosts.size()", "inputs.hosts.length()", "RB405"),
    "braces that are not closed": (
        'deploy, redeploy, "${{ steps.current.bad }}"',
        'deploy, redeploy, "${{ steps.current.bad"',
        "RB406",
    ),
    "braces around a bare expression": (
        "when: steps.errors.rate > 0.1",
        'when: "${{ steps.errors.rate > 0.1 }}"',
        "RB407",
    ),
    # safety
    "no approval": (
        '        approval: {from: incident_commander, confirm: "${{ inputs.service }}"}\n',
        "",
        "RB501",
    ),
    "no way back": (
        '        undo:\n          ssh: {run: [deploy, redeploy, "${{ steps.current.bad }}"]}\n',
        "",
        "RB502",
    ),
    "no way to know": (DONE, "", "RB503"),
    "data inside a script": (
        'script: echo "$RATE"',
        'script: echo "${{ steps.errors.rate }}" "$RATE"',
        "RB504",
    ),
    "no limit": ("    within: 1m\n    stable", "    stable", "RB505"),
    "an approval of nothing": ("wait: 30s", "wait: 30s\n    approval: incident_commander", "RB506"),
    "a change that is repeated blindly": (
        f"        on_failure: ask\n{DONE}",
        "        retry: {times: 2}\n",
        "RB507",
    ),
    "a check that changes": (
        "verify: {step: errors, until: result.value < 0.01, every: 5s",
        'verify: {http: {method: POST, url: "http://x"}, until: result.status == 200',
        "RB508",
    ),
    "an approval that nobody can give": ("{from: incident_commander,", "{from: [],", "RB509"),
    "no effect": (
        "run: [deploy, current, --json], output: json}\n    effect: read",
        "run: [deploy, current, --json], output: json}",
        "RB510",
    ),
    "a change by an action that only reads": (
        "    outputs: {rate",
        "    effect: change\n    outputs: {rate",
        "RB511",
    ),
    "a wait that cannot end well": ("stable: 10s", "stable: 10m", "RB512"),
    "a trigger that fires on resolved": ('alert.status == "firing"', 'alert.status == "resolved"', "RB513"),
    "a trigger that does not say which status": ('alert.status == "firing" && ', "", "RB514"),
}


HEAD, LIST = GOOD.split("steps:\n", 1)
STEPS, TAIL = LIST.split("outputs: {bad: steps", 1)
TAIL = f"outputs: {{bad: steps{TAIL}"
HEALTHY = "    until: result.status == 200\n    every: 2s\n    within: 1m\n    stable: 10s\n"
SCRIPT = 'hosts: [web1]\n      script: echo "$RATE"\n      env: {RATE'

LAYOUT: dict[str, tuple[str, str, str, str]] = {
    "no `steps:`": (HEAD + STEPS + TAIL, "RB115", "- id: errors", "  steps:\n    - id: errors"),
    "no `steps:`, the steps at the margin": (
        HEAD + re.sub("^  ", "", STEPS, flags=re.MULTILINE) + TAIL,
        "RB101",
        "- id: errors",
        "  steps:\n  - id: errors",
    ),
    "no `steps:`, the steps under `owner`": (
        HEAD.replace("owner: payments\n", f"owner: payments\n{STEPS}") + TAIL,
        "RB101",
        "- id: errors",
        "  steps:\n    - id: errors",
    ),
    "no `steps:`, the steps are the owner": (
        HEAD.replace("owner: payments\n", "") + f"owner:\n{STEPS}{TAIL}",
        "RB115",
        "- id: errors",
        "  steps:\n    - id: errors",
    ),
    "no `steps:` of a block": (
        GOOD.replace("- id: back\n    steps:\n", "- id: back\n"),
        "RB101",
        "- id: change",
        "      steps:\n        - id: change",
    ),
    "a step without its `- `": (
        GOOD.replace("  - id: healthy", "    id: healthy"),
        "RB115",
        "id: healthy",
        "    - id: healthy",
    ),
    "a step without its `-`, at its place": (
        GOOD.replace("  - id: healthy", "  id: healthy"),
        "RB101",
        "id: healthy",
        "    - id: healthy",
    ),
    "the first step without its `- `": (
        GOOD.replace("  - id: errors", "    id: errors"),
        "RB101",
        "id: errors",
        "  steps:\n    - id: errors",
    ),
    "the first step without its `- id`": (
        GOOD.replace("  - id: errors\n", ""),
        "RB101",
        "title: Read the error rate",
        "    - id: errors\n      title: Read",
    ),
    "a step without its `- id`": (
        GOOD.replace("  - id: reader\n", ""),
        "RB115",
        "when: steps.maybe.ran",
        "    - id: reader\n      when:",
    ),
    "a step without its `- id` that nobody reads": (
        GOOD.replace("  - id: healthy\n", ""),
        "RB115",
        'http: {url: "http://localhost/health"}',
        "    - id: NAME\n      http:",
    ),
    "`---` before the steps": (
        GOOD.replace("steps:\n  - id: e", "---\nsteps:\n  - id: e"),
        "RB115",
        "---",
        "delete",
    ),
    "`---` between steps": (GOOD.replace("  - id: soak", "---\n  - id: soak"), "RB101", "---", "delete"),
    "`---` behind the steps": (
        GOOD.replace("outputs: {bad: st", "---\noutputs: {bad: st"),
        "RB115",
        "---",
        "delete",
    ),
    "the step's words under its action": (
        GOOD.replace(
            '{url: "http://localhost/health"}\n' + HEALTHY,
            "\n      url: x\n" + re.sub("(?m)^", "  ", HEALTHY)[:-2],
        ),
        "RB115",
        "until: result.status == 200",
        "        url: x\n      until: result.status == 200\n      every: 2s",
    ),
    "the action's one word beside it": (
        GOOD.replace("      query:", "    query:"),
        "RB115",
        "prometheus:",
        "      prometheus:\n        query:",
    ),
    "the action's words beside it": (
        GOOD.replace(f"      {SCRIPT}", f"      {SCRIPT}".replace("      ", "    ")),
        "RB115",
        "ssh:",
        "      ssh:\n        hosts: [web1]",
    ),
    "the words of an action without it": (
        GOOD.replace(f"    ssh:\n      {SCRIPT}", f"    {SCRIPT}".replace("      ", "    ")),
        "RB115",
        "hosts: [web1]",
        "      ssh:\n        hosts: [web1]",
    ),
    "a word that is indented further": (
        GOOD.replace("        done:\n", "          done:\n"),
        "RB101",
        "done:",
        "          done:",
    ),
    "a step that is indented further": (
        GOOD.replace("  - id: soak\n    wait", "    - id: soak\n      wait"),
        "RB101",
        "- id: soak",
        "    - id: soak\n      wait",
    ),
    "a step that is indented less": (
        GOOD.replace("  - id: soak", " - id: soak"),
        "RB101",
        "- id: soak",
        "    - id: soak",
    ),
}
"""The text, the code, the line that is pointed at, and a part of the hint."""

NO_ACTION = {
    "errors": '    prometheus:\n      query: rate(errors{service="${{ inputs.service }}"}[1m])\n',
    "current": '    ssh: {hosts: "${{ inputs.hosts }}", run: [deploy, current, --json], output: json}\n',
    "healthy": '    http: {url: "http://localhost/health"}\n',
    "change": '        ssh: {hosts: ["${{ host }}"], run: [deploy, rollback, "${{ inputs.service }}"]}\n',
}
"""By step the lines of its action."""
SAME_ID = [
    ("current", "errors"),
    ("reader", "maybe"),
    ("reader", "current"),
    ("maybe", "current"),
    ("soak", "back"),
]
"""A step's id, and that of an earlier one which is written in its place."""

CASCADES: dict[str, tuple[str, str, str]] = {
    "a misspelled `steps`": ("steps:\n  - id: errors", "stepss:\n  - id: errors", "RB201"),
    "a misspelled `inputs`": ("\ninputs:\n", "\ninput:\n", "RB201"),
    "a misspelled `for_each`": ("for_each:", "foreach:", "RB201"),
    "an output through `outputs`": ("when: steps.errors.rate", "when: steps.errors.outputs.rate", "RB303"),
    "an output without `steps`": ("when: steps.errors.rate", "when: errors.rate", "RB301"),
    "an input of another name": ("  service: {type: string", "  servce: {type: string", "RB301"),
    "a step of another name": ("id: errors", "id: erors", "RB301"),
}


def test_the_runbook_that_is_changed_is_good() -> None:
    assert [f"{each.code} {each.span.line} {each.message}" for each in compiled(GOOD).diagnostics] == []


@pytest.mark.parametrize("mistake", MISTAKES)
def test_one_mistake_gives_one_diagnostic(mistake: str) -> None:
    old, new, code = MISTAKES[mistake]
    assert GOOD.count(old) == 1, "the table names one place"
    found = compiled(GOOD.replace(old, new)).diagnostics
    assert [each.code for each in found] == [code], [each.message for each in found]


@pytest.mark.parametrize("mistake", CASCADES)
def test_one_mistake_gives_one_diagnostic_wherever_it_is_read(mistake: str) -> None:
    old, new, code = CASCADES[mistake]
    assert GOOD.count(old) == 1, "the table names one place"
    assert [each.code for each in compiled(GOOD.replace(old, new)).diagnostics] == [code]


@pytest.mark.parametrize("mistake", LAYOUT)
def test_a_line_in_the_wrong_layout_is_one_diagnostic_with_the_right_one(mistake: str) -> None:
    text, code, line, hint = LAYOUT[mistake]
    assert text != GOOD, "something is changed"
    (found,) = compiled(text).diagnostics
    assert found.code == code, found.message
    assert text.splitlines()[found.span.line - 1].strip() == line
    assert hint in (found.hint or "")


def test_what_is_missing_behind_the_last_line_is_said_of_the_last_line() -> None:
    found = compiled("runbook: read-alias\n  - id: look").diagnostics
    assert {each.span.line for each in found} == {2}


def test_what_stays_wrong_in_every_layout_is_not_explained_by_it() -> None:
    text = GOOD.replace("wait: 30s", "wait: 30s\n    hosts: 5\n    nothing: x")
    assert {each.code for each in compiled(text).diagnostics} == {"RB201"}


def test_the_same_mistake_in_three_places_is_said_of_each_and_others_stay() -> None:
    step = "  - id: s{}\n    http:\n      url: x\n      until: result.status == 200\n      within: 1m\n"
    text = GOOD.replace("  - id: soak", "".join(map(step.format, "abc")) + "  - id: soak").replace(
        "30s\n", "30\n"
    )
    found = compiled(text).diagnostics
    assert [each.code for each in found] == ["RB115"] * 3 + ["RB203"]
    assert {text.splitlines()[each.span.line - 1].split(":")[0].strip() for each in found} == {
        "until",
        "wait",
    }


@pytest.mark.parametrize("step", NO_ACTION)
def test_a_step_without_its_action_is_one_diagnostic(step: str) -> None:
    assert GOOD.count(NO_ACTION[step]) == 1
    (found,) = compiled(GOOD.replace(NO_ACTION[step], "")).diagnostics
    assert (found.code, found.message) == ("RB207", f"step `{step}` has no action")
    assert "`http`" in (found.hint or "")


@pytest.mark.parametrize(("own", "other"), SAME_ID)
def test_two_steps_with_one_id_are_one_diagnostic_and_the_name_that_is_missed_is_said(
    own: str, other: str
) -> None:
    (found,) = compiled(GOOD.replace(f"id: {own}\n", f"id: {other}\n")).diagnostics
    assert found.code == "RB208"
    assert (f"`{own}` is read" in (found.hint or "")) == (own != "soak")


def test_what_is_wrong_beside_two_steps_with_one_id_is_still_said() -> None:
    text = GOOD.replace("id: reader\n", "id: maybe\n").replace("rate > 0.1", "rte > 0.1")
    assert [each.code for each in compiled(text).diagnostics] == ["RB303", "RB208"]
