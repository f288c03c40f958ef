"""What is wrong is said with what to write instead; what is written then is right."""

from __future__ import annotations

import pytest

from stanch.language.diagnostics import Diagnostic, is_error
from tests.language.cases import really_compiled

HEAD = """\
runbook: example
title: An example
kind: recovery
owner: team
reviewed: 2026-11-01
inputs:
  hosts: {type: array, items: {type: string}, maxItems: 5, default: [web1]}
steps:
"""
READ = """\
  - id: look
    prometheus: {query: up}
    until: result.value > 0.0
    within: 5m
    outputs: {value: result.value}
"""
CHANGE = """\
  - id: change
    ssh: {hosts: [web1], run: [restart]}
    effect: change
    approval: incident_commander
    idempotent: true
    undo: {ssh: {run: [back]}}
"""
EACH = """\
  - id: each
    for_each: {as: host, in: "${{ inputs.hosts }}", batches: [1]}
    http: {url: "http://${{ host }}/"}
"""


def errors(text: str) -> list[Diagnostic]:
    return [each for each in really_compiled(text).diagnostics if is_error(each)]


WRITTEN: dict[str, tuple[str, str, str, str, str]] = {
    "two words for a duration": (
        READ,
        "within: 5m",
        "within: 5 minutes",
        "within: 5 minutes",
        "within: 5m",
    ),
    "a duration with a long unit": (
        READ,
        "within: 5m",
        "within: 90sec",
        "within: 90sec",
        "within: 1m30s",
    ),
    "a duration of ISO 8601": (
        READ,
        "within: 5m",
        "within: PT5M",
        "within: PT5M",
        "within: 5m",
    ),
    "a duration of a clock": (
        READ,
        "within: 5m",
        "within: 00:05:00",
        "within: 00:05:00",
        "within: 5m",
    ),
    "a time for `revert`": (
        CHANGE,
        "    effect: change\n",
        "    effect: change\n    revert: 72h\n",
        "revert: 72h",
        "revert: {after: 72h}",
    ),
    "a list for `approval`": (
        CHANGE,
        "approval: incident_commander",
        "approval: [incident_commander, scribe]",
        "approval: [incident_commander, scribe]",
        "approval: {from: [incident_commander, scribe]}",
    ),
    "a role in capitals": (
        CHANGE,
        "approval: incident_commander",
        "approval: Incident Commander",
        "approval: Incident Commander",
        "approval: incident_commander",
    ),
    "`write` for an effect": (
        CHANGE,
        "effect: change",
        "effect: write",
        "effect: write",
        "effect: change",
    ),
    "`rollback` for a failure": (
        CHANGE,
        "    effect: change\n",
        "    effect: change\n    on_failure: rollback\n",
        "on_failure: rollback",
        "on_failure: undo",
    ),
    "a number for `retry`": (
        READ,
        "    within: 5m\n",
        "    within: 5m\n    retry: 3\n",
        "retry: 3",
        "retry: {times: 3, every: 5s}",
    ),
    "an expression for `for_each`": (
        EACH,
        'for_each: {as: host, in: "${{ inputs.hosts }}", batches: [1]}',
        "for_each: host in inputs.hosts",
        "for_each: host in inputs.hosts",
        'for_each: {as: host, in: "${{ inputs.hosts }}"}',
    ),
    "a list that is bare CEL": (
        EACH,
        'in: "${{ inputs.hosts }}"',
        "in: inputs.hosts",
        "in: inputs.hosts",
        'in: "${{ inputs.hosts }}"',
    ),
    "a number for `batches`": (
        EACH,
        "batches: [1]",
        "batches: 1",
        "batches: 1",
        "batches: [1]",
    ),
    "text for `run`": (
        CHANGE,
        "run: [restart]",
        "run: systemctl restart api",
        "run: systemctl restart api",
        "run: [systemctl, restart, api]",
    ),
    "text for `hosts`": (
        CHANGE,
        "hosts: [web1]",
        "hosts: web1",
        "hosts: web1",
        "hosts: [web1]",
    ),
    "an id with a `-`": (
        READ,
        "id: look",
        "id: look-it",
        "id: look-it",
        "id: look_it",
    ),
    "an id in camel case": (
        READ,
        "id: look",
        "id: lookItUp",
        "id: lookItUp",
        "id: look_it_up",
    ),
}
"""The steps, what is right in them, what stands there instead, its wrong part, and what to write for that."""


@pytest.mark.parametrize("mistake", WRITTEN)
def test_a_hint_has_what_to_write_and_it_is_right(mistake: str) -> None:
    steps, right, wrong, written, meant = WRITTEN[mistake]
    assert steps.count(right) == 1
    text = HEAD + steps.replace(right, wrong)
    (found,) = errors(text)
    assert f"`{meant}`" in (found.hint or "")
    assert errors(text.replace(written, meant)) == []


SAID: dict[str, tuple[str, str, str]] = {
    "a duration without a unit": (READ.replace("5m", "30"), "RB203", "`within: 30s` for seconds"),
    "all hosts": (CHANGE.replace("[web1]", "all"), "RB203", "name each of them"),
    "a shell in `run`": (CHANGE.replace("[restart]", "'a | b'"), "RB203", "`script: ...`"),
    "`retry` as an answer to a failure": (CHANGE + "    on_failure: retry\n", "RB204", "`retry: {times: 3"),
    "silence that agrees": (
        CHANGE.replace("incident_commander", "{from: scribe, silence: {after: 5m, then: approve}}"),
        "RB204",
        "silence is never a yes",
    ),
    "`false` for a word that is only `true`": (
        CHANGE.replace("idempotent: true", "idempotent: false"),
        "RB204",
        "leave `idempotent` out",
    ),
    "no reason": (CHANGE.replace("undo: {ssh: {run: [back]}}", "irreversible: true"), "RB203", "say why"),
    "steps by name": ("  look:\n    prometheus: {query: up}\n", "RB203", "- id: look"),
    "a list in a list": ("  - - id: look\n      prometheus: {query: up}\n", "RB203", "one of the two `- `"),
    "a step without an id": ("  - prometheus: {query: up}\n", "RB202", "`id: NAME`"),
    "a person without a role": ("  - {id: x, manual: {do: Look.}}\n", "RB202", "`who: technical_lead`"),
    "other braces": (
        READ.replace("query: up", 'query: up, server: "http://{{ x }}"'),
        "RB204",
        "${{ inputs.NAME }}",
    ),
    "a word of GitHub Actions": (READ + "    needs: look\n", "RB201", "steps run from top to bottom"),
    "a mapping of GitHub Actions": (READ + "    with: {query: up}\n", "RB205", "inside of it"),
    "a condition of GitHub Actions": (READ + "    if: run.mode == 'live'\n", "RB201", "write `when`"),
    "a title of everybody": (READ + "    name: Look\n", "RB201", "write `title`"),
    "a word of Ansible": (READ + "    register: out\n", "RB201", "`outputs: {value: result.stdout}`"),
    "a failure of Ansible": (READ + "    ignore_errors: true\n", "RB201", "`on_failure: continue`"),
    "a user of Ansible": (CHANGE.replace("[web1], run", "[web1], become: true, run"), "RB201", "`as: root`"),
    "a command by another name": (CHANGE.replace("run: [r", "command: [r"), "RB201", "write `run`"),
    "a query by another name": (READ.replace("query:", "expr:"), "RB201", "write `query`"),
    "an address by another name": (EACH.replace("url:", "uri:"), "RB201", "`url`"),
    "attempts": (READ + "    retry: {attempts: 3}\n", "RB201", "write `times`"),
    "another tool's type of an input": (
        READ + "  - {id: q, ask: {from: scribe, fields: {x: {type: int}}}}\n",
        "RB204",
        "write `type: integer`",
    ),
    "an action of another tool": (
        READ + "  - {id: x, kubectl: {get: pods}}\n",
        "RB205",
        "`ssh: {hosts: [web1]",
    ),
    "a request of another tool": (
        READ + "  - {id: x, curl: {u: x}}\n",
        "RB205",
        "`http: {url: https://...}`",
    ),
    "an action that there is not": (
        READ + "  - {id: x, slack: {to: x}}\n",
        "RB205",
        "`manual: {who: technical_lead",
    ),
    "a command in a check": (
        CHANGE + "    verify: {kubectl: {get: pods}, until: result.rc == 0, within: 1m}\n",
        "RB205",
        "`ssh: {hosts: [web1]",
    ),
    "a check by an action that there is not": (
        CHANGE + "    verify: {graphite: {to: x}, until: result.found, within: 1m}\n",
        "RB205",
        "an action that reads",
    ),
    "a secret of a vault without its field": (
        READ.replace("query: up", "query: up, auth: {bearer: {secret: vault/kv/prometheus}}"),
        "RB204",
        "say which field of it: `secret: vault/kv/prometheus#FIELD`",
    ),
    "a secret of Kubernetes without its namespace": (
        READ.replace("query: up", "query: up, auth: {bearer: {secret: kubernetes/token#key}}"),
        "RB204",
        "write `secret: kubernetes/NAMESPACE/token#key`",
    ),
    "the name of a variable instead of a secret": (
        READ.replace("query: up", "query: up, auth: {bearer: {secret: PROMETHEUS_TOKEN}}"),
        "RB204",
        "write `secret: env/PROMETHEUS_TOKEN`",
    ),
    "a value inside of a statement": (
        READ + "  - {id: x, sql: {database: a, query: \"SELECT '${{ inputs.hosts }}'\"}}\n",
        "RB204",
        'write `%(hosts)s` there, without quotes, and `params: {hosts: "${{ inputs.hosts }}"}` beside it',
    ),
    "an address without a scheme": (
        EACH.replace('"http://${{ host }}/"', "x.example.org/health"),
        "RB204",
        "`url: https://x.example.org/health`",
    ),
    "a word with a colon": (CHANGE.replace("[restart]", "[echo, a: b]"), "RB203", '`"a: b"`'),
    "a title with a colon": (READ + "    title: Fix: it\n", "RB101", '`title: "Fix: it"`'),
    "no space behind a colon": (READ + "    timeout:30s\n", "RB101", "`timeout: 30s`"),
    "an equals sign": (READ + "    timeout=30s\n", "RB101", "`timeout: 30s`"),
    "no comma": (CHANGE.replace("[web1], run", "[web1] run"), "RB101", "write `,`"),
    "no space behind a dash": (READ.replace("- id", "-id"), "RB101", "    - id: look"),
    "a dash too many": (
        READ + "    require:\n      - that: result.value > 0.0\n      - else: It is down.\n",
        "RB115",
        "        - that: result.value > 0.0\n          else: It is down.",
    ),
    "a dash before every word": (
        "  - id: pause\n  - wait: 5s\n",
        "RB115",
        "    - id: pause\n      wait: 5s",
    ),
    "a query in a flow mapping": (
        READ.replace("query: up", 'query: up{job="x"}'),
        "RB113",
        "`query: 'up{job=\"x\"}'`",
    ),
    "`${{ }}` in a flow mapping": (
        CHANGE.replace("[web1]", "${{ inputs.hosts }}"),
        "RB113",
        '`hosts: "${{ inputs.hosts }}"`',
    ),
    "roles": (CHANGE.replace("incident_commander", "{role: scribe}"), "RB201", "write `from`"),
    "a loop by other names": (
        EACH.replace("as: host", "var: host"),
        "RB201",
        "write `as`",
    ),
}


@pytest.mark.parametrize("mistake", SAID)
def test_a_mistake_that_newcomers_make_has_a_hint(mistake: str) -> None:
    steps, code, hint = SAID[mistake]
    (found,) = errors(HEAD + steps)
    assert found.code == code, found.message
    assert hint in (found.hint or ""), found.hint


INPUTS: dict[str, tuple[str, str, str]] = {
    "a type alone": ("x: string", "RB203", "write `x: {type: string}`"),
    "another tool's type alone": ("x: int", "RB203", "write `x: {type: integer}`"),
    "another tool's type": ("x: {type: bool}", "RB204", "did you mean `boolean`?"),
    "`required` of one input": ("x: {type: string, required: true}", "RB210", "take `required` out"),
    "items of a type": ("x: {type: array, items: str}", "RB210", "write `items: {type: string}`"),
    "one choice": ("x: {type: string, enum: a}", "RB210", "write `enum: [a]`"),
}


@pytest.mark.parametrize("mistake", INPUTS)
def test_an_input_that_is_declared_as_elsewhere_has_a_hint(mistake: str) -> None:
    written, code, hint = INPUTS[mistake]
    (found,) = errors(HEAD.replace("steps:\n", f"  {written}\nsteps:\n") + READ)
    assert (found.code, found.hint) == (code, hint) or hint in (found.hint or "")
    assert "vocabulary" not in found.message


CEL: dict[str, tuple[str, str, str]] = {
    "an output without its step": ("value > 0.0", "RB301", "did you mean `steps.look.value`?"),
    "an output without `steps`": ("look.value > 0.0", "RB301", "did you mean `steps.look.value`?"),
    "an output through `outputs`": ("steps.look.outputs.value > 0.0", "RB303", "write `steps.look.value`"),
    "an input without `inputs`": ("hosts.size() > 0", "RB301", "did you mean `inputs.hosts`?"),
    "text without quotes": ("run.mode == live", "RB301", 'text is quoted: `"live"`'),
    "text with a `-` without quotes": ("run.mode == live-now", "RB301", 'text is quoted: `"live-now"`'),
    "a variable of the environment": ("env.X == 'a'", "RB301", "names begin with `inputs`"),
    "`not`": ("not steps.look.ok", "RB401", "write `!`"),
    "`is not`": ("run.mode is not null", "RB401", "write `!=`"),
    "a filter": ("run.mode | lower == 'live'", "RB401", "no filters"),
    "a number in quotes": ("inputs.hosts.size() > '3'", "RB402", "a number has no quotes: `3`"),
    "a text against a number": ("run.mode > 3", "RB402", "make a number of the text"),
    "`len`": ("len(inputs.hosts) > 0", "RB405", "write `VALUE.size()`"),
}


@pytest.mark.parametrize("mistake", CEL)
def test_an_expression_in_another_language_has_a_hint(mistake: str) -> None:
    cel, code, hint = CEL[mistake]
    (found,) = errors(f"{HEAD}{READ}  - id: next\n    when: {cel}\n    http: {{url: http://x/}}\n")
    assert found.code == code, found.message
    assert hint in (found.hint or ""), found.hint


def test_a_field_of_the_result_is_meant_where_there_is_one() -> None:
    (found,) = errors(HEAD + READ.replace("until: result.value", "until: value"))
    assert (found.code, found.hint) == ("RB301", "did you mean `result.value`?")


@pytest.mark.parametrize(
    ("cel", "quoted"),
    [
        ("math.least(3, 4)", '"math.least(3, 4)"'),
        ("math.least(3, 4, 5)", '"math.least(3, 4, 5)"'),
        ("inputs.hosts.map(h, h)", '"inputs.hosts.map(h, h)"'),
        ('extract(run.id, "a")', "'extract(run.id, \"a\")'"),
    ],
)
def test_an_expression_that_a_flow_mapping_cuts_is_shown_in_quotes(cel: str, quoted: str) -> None:
    text = f"{HEAD}  - {{id: x, outputs: {{y: {cel}}}}}\n"
    (found,) = errors(text)
    assert found.code == "RB113"
    assert found.hint == f"put all of it into quotes: `y: {quoted}`"
    assert errors(text.replace(cel, quoted)) == []


def test_what_is_wrong_with_targets_where_they_stand_is_said_there_and_once() -> None:
    steps = CHANGE.replace("[web1]", '["${{ inputs.hots }}"]') + (
        "    verify: {ssh: {run: [check]}, until: result.rc == 0, within: 1m}\n"
    )
    (found,) = errors(HEAD + steps)
    assert (found.code, found.hint) == ("RB301", "did you mean `hosts`?")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("name: x\non: push\njobs:\n  a: {runs-on: x}\n", "a workflow of GitHub Actions"),
        ("apiVersion: v1\nkind: Workflow\nspec: {}\n", "an object of Kubernetes"),
        ("- hosts: all\n  tasks: []\n", "a playbook of Ansible"),
    ],
)
def test_a_file_of_another_tool_is_one_diagnostic_and_the_way_a_runbook_begins(text: str, what: str) -> None:
    (found,) = really_compiled(text).diagnostics
    assert found.message == f"this is {what}, and no runbook"
    assert "runbook: NAME" in (found.hint or "")


def test_the_words_that_fit_are_listed_whole_in_the_order_of_the_schema_without_those_that_are_there() -> (
    None
):
    (found,) = errors(HEAD + READ + "    xyzzy: 1\n")
    hint = found.hint or ""
    assert hint.startswith("this step may have `title`, `script`, `steps`, `wait`")
    assert "`until`" not in hint
    assert "more" not in hint
    assert hint.endswith("and `tls`")


@pytest.mark.parametrize(
    ("title", "cut"),
    [
        ("Drain pool #3 of 4", True),
        ("fix issue #12", True),
        ("'Drain pool #3 of 4'", False),
        ("Drain it # slowly", False),
        ("Drain it  #todo ask", False),
        ("Drain pool#3", False),
    ],
)
def test_a_text_that_a_comment_cuts_is_pointed_out(title: str, cut: bool) -> None:
    found = really_compiled(HEAD + READ.replace("    prom", f"    title: {title}\n    prom")).diagnostics
    told = [each.hint for each in found if each.code == "RB116"]
    assert told == ([f"quote all of it: `'{title}'`"] if cut else [])
