"""What is wrong with a rehearsal before it begins, and where."""

from __future__ import annotations

import pytest

from tests.drill.runbooks import ASK, CHANGE, CHILD, FAN, LOOP, READ, WAIT
from tests.drill.support import check, compiled, parsed


def one(text: str, runbook: str) -> tuple[str, str, str]:
    """The one diagnostic: its code, message, and what it points at."""
    (found,) = check(text, compiled(runbook))
    whole = text if "rehearsal:" in text else "rehearsal: it\nrunbook: example\n" + text
    lines = whole.splitlines()
    line = lines[found.span.line - 1] if found.span.line <= len(lines) else ""
    end = found.span.end_column - 1 if found.span.end_line == found.span.line else None
    return found.code, f"{found.message} | {found.hint or ''}", line[found.span.column - 1 : end]


@pytest.mark.parametrize(
    ("text", "runbook", "code", "says", "points"),
    [
        ("given: {loook: {status: 200}}\n", READ, "RB702", "no step `loook` | did you mean `look`?", "loook"),
        ("people: {lok: retry}\n", READ, "RB702", "no step `lok`", "lok"),
        ("expect: {outcome: succeeded, steps: [look, now]}\n", READ, "RB702", "no step `now`", "now"),
        ("expect: {outcome: failed, ledger: [{step: x}]}\n", READ, "RB702", "no step `x`", "x"),
        (
            "expect: {outcome: failed, outputs: {statu: 1}}\n",
            READ,
            "RB702",
            "did you mean `status`?",
            "statu",
        ),
        (
            "given: {each/lok: {}}\ninputs: {nodes: []}\n",
            CHILD,
            "RB702",
            "did you mean `each/look`?",
            "each/lok",
        ),
        (
            "given: {look: {statsu: 200}}\n",
            READ,
            "RB201",
            "what `look` gives | did you mean `status`?",
            "statsu",
        ),
        (
            "given: {look: {status: fine}}\n",
            READ,
            "RB203",
            "`status` must be a whole number, not text",
            "fine",
        ),
        ("given: {look: {taeks: 3s}}\n", READ, "RB201", "did you mean `takes`?", "taeks"),
        ("given: {look: {takes: soon}}\n", READ, "RB204", "`takes` must be a duration such as", "soon"),
        ("given: {look: {status: 1, takes: 99999d}}\n", READ, "RB204", "ten years", "status"),
        ("people: {restart: {approve: x, after: 99999d}}\n", CHANGE, "RB204", "ten years", "approve"),
        ("abort: {after: 99999d}\n", READ, "RB204", "ten years", "it"),
        ("given: {drained: [{value: 1}, {value: x}]}\n", WAIT, "RB203", "`value` must be a number", "x"),
        ("given: {restart: {done: {linse: []}}}\n", CHANGE, "RB201", "`done` of `restart` sees", "linse"),
        ("given: {restart: {before: {rc: x}}}\n", CHANGE, "RB203", "`rc` must be a whole number", "x"),
        ("given: {restart: {undo: {rc: x}}}\n", CHANGE, "RB203", "`rc` must be a whole number", "x"),
        ("given: {restart: {result: {rc: x}}}\n", CHANGE, "RB203", "`rc` must be a whole number", "x"),
        ("given: {ask: {result: [{rc: x}]}}\ninputs: {hosts: []}\n", FAN, "RB203", "whole number", "x"),
        ("given: {ask: {targets: {a: {rc: x}}}}\ninputs: {hosts: []}\n", FAN, "RB203", "whole number", "x"),
        ("given: {each: {items: {a: {rc: x}}}}\ninputs: {hosts: []}\n", LOOP, "RB203", "whole number", "x"),
        ("given: {look: {targets: {a: {}}}}\n", READ, "RB703", "`http` gives one result here", "targets"),
        ("given: {look: {done: {status: 1}}}\n", READ, "RB703", "`look` has no `done`", "look"),
        ("given: {look: {already: true}}\n", READ, "RB703", "`look` has no `done`", "look"),
        ("given: {look: {verify: {status: 1}}}\n", READ, "RB703", "`look` has no `verify`", "look"),
        ("given: {look: {undo: {fails: no}}}\n", READ, "RB703", "`look` has no `undo`", "look"),
        ("given: {look: {items: {a: {}}}}\n", READ, "RB703", "`look` is in no loop", "a"),
        ("given: {look: {lost: it}}\n", READ, "RB703", "only reads", "lost"),
        ("given: {which: {status: 1}}\n", ASK, "RB703", "`which` has no action", "status"),
        ("given: {hand: {by: bob}}\n", ASK, "RB703", "said under `people`", "by"),
        ("given: {hand: {}}\n", ASK, "RB703", "`hand` has no action", "{}"),
        ("given: {which: {takes: 5s}}\n", ASK, "RB703", "`which` has no action", "takes"),
        ("people: {look: approve}\n", READ, "RB703", "`look` asks nobody", "look"),
        (
            "inputs: {hosts: [a], host: [a]}\n",
            LOOP,
            "RB704",
            "has no input `host` | did you mean `hosts`?",
            "host",
        ),
        ("inputs: {hosts: a}\n", LOOP, "RB704", "input `hosts` must be a list, not text", "a"),
        ("inputs: {hosts: [a, 3]}\n", LOOP, "RB704", "input `hosts[1]` must be text", "[a, 3]"),
        ("given: {each: {}}\n", LOOP, "RB704", "needs `hosts` | write it under `inputs`", "example"),
        ('given: {look: {json: "a\\0"}}\n', READ, "RB204", "NUL", '{json: "a\\0"}'),
    ],
)
def test_a_mistake_is_one_diagnostic_at_its_place(
    text: str, runbook: str, code: str, says: str, points: str
) -> None:
    found = one(text, runbook)
    assert found[0] == code
    assert says in found[1]
    assert found[2] == points


@pytest.mark.parametrize(
    ("text", "code", "says"),
    [
        ("rehearsal: it\n", "RB202", "the rehearsal has no `runbook`"),
        ("rehearsal: It is\nrunbook: x\nexpect: {outcome: failed}\n", "RB204", "must be a name such as"),
        ("rehearsal: it\nrunbook: x\nexpect: {}\n", "RB202", "`expect` has no `outcome`"),
        ("rehearsal: it\nrunbook: x\nexpect: {outcome: fine}\n", "RB204", "must be one of `succeeded`"),
        ("rehearsal: it\nrunbook: x\nexpected: {}\nexpect: {outcome: failed}\n", "RB201", "not a word of"),
        ("- rehearsal\n", "RB203", "a rehearsal is a mapping"),
        (
            "rehearsal: it\nrunbook: x\nexpect: {outcome: failed}\nclock: 2026-13-01T00:00:00Z\n",
            "RB204",
            "no moment",
        ),
        (
            "rehearsal: it\nrunbook: x\nexpect: {outcome: failed}\npeople: {a: yes}\n",
            "RB204",
            "must be one of",
        ),
        (
            "rehearsal: it\nrunbook: x\nexpect: {outcome: failed}\npeople: {a: {by: b}}\n",
            "RB204",
            "needs `approve`",
        ),
        (
            "rehearsal: it\nrunbook: x\nexpect: {outcome: failed}\npeople: {a: {approve: a, deny: b}}\n",
            "RB204",
            "only one of them can stand",
        ),
        (
            "rehearsal: it\nrunbook: x\nexpect: {outcome: failed}\ngiven: {a: 3}\n",
            "RB203",
            "must be a mapping",
        ),
    ],
)
def test_a_document_that_does_not_fit_its_schema_is_told_what_would(text: str, code: str, says: str) -> None:
    found = parsed(text).diagnostics
    assert [each.code for each in found][:1] == [code], found
    assert any(says in each.message for each in found), found
