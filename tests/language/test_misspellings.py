"""Every word and every name of a runbook misspelt, one at a time: each is one diagnostic, and not ten."""

from __future__ import annotations

import re

import pytest

from tests.language.cases import HEAD, LOOK, compiled

GOOD = """\
runbook: example
title: Everything at once
kind: containment
owner: team
reviewed: 2026-11-01
severities: [SEV1]
inputs:
  hosts: {type: array, items: {type: string}, maxItems: 5}
require:
  - {that: has(run.incident), else: No incident.}
steps:
  - id: look
    title: Look at both
    parallel: true
    steps:
      - id: rate
        prometheus: {query: up}
        outputs: {value: result.value}
        findings:
          - {when: steps.rate.value > 0.0, is: suspect, text: "It is ${{ result.value }}."}
        keep: {rate.json: result.series}
        links: [{title: Rates, url: "http://x/"}]
      - id: status
        http: {url: "http://x/"}
        outputs: {code: result.status}
  - id: each
    for_each: {as: host, in: "${{ inputs.hosts }}", batches: [1]}
    ssh: {hosts: ["${{ host }}"], run: [ps]}
    effect: read
    outputs: {rc: result.rc}
  - id: pick
    title: Which of them?
    ask:
      from: [technical_lead, scribe]
      any: 1
      show: "It says ${{ steps.status.code }}."
      fields:
        what: {type: string, enum: "${{ steps.each.results.filter(r, r.rc == 0).map(r, r.item) }}"}
        sure: {type: boolean}
      silence: {after: 20m, then: abort}
  - id: hand
    manual: {who: technical_lead, do: "Merge ${{ steps.pick.what }}.", checklist: [it is merged]}
    when: steps.pick.sure
    effect: change
    undo: {manual: {who: technical_lead, do: Revert it.}}
    within: 30m
  - id: block
    approval: {from: [incident_commander, technical_lead], any: 1, confirm: x, quorum: 2}
    undo: {ssh: {hosts: [web1], run: [all_back]}}
    revert: end_of_run
    timeout: 1h
    steps:
      - id: find
        http: {url: "http://x/"}
        outputs: {names: result.json.names}
      - id: change
        for_each: {as: name, in: "${{ steps.find.names }}", maxItems: 9}
        ssh: {hosts: ["${{ name }}"], run: [stop]}
        effect: change
        idempotent: true
  - id: flag_off
    approval: incident_commander
    flag: {name: x, set: false}
    effect: change
    revert:
      when: {prometheus: {query: hits}, until: result.value == 0.0, every: 1h}
      not_before: 1h
      at_most: "${{ string(steps.rate.value) }}h"
"""
CHILD = """\
  - {id: call, runbook: child, outputs: {all: result.outputs.all}}
outputs: {all: steps.call.all}
---
"""
OTHER = HEAD.replace("example", "child") + LOOK.replace(
    "require:", "outputs: {up: result.value}\n    require:"
)

WORD = re.compile(
    r"[a-z_]\w*(?=:)|(?<=: )(?!x\b)[a-z_]\w*\b|(?<=steps\.)\w+|(?<=result\.)\w+|(?<=inputs\.)\w+"
)
PLACES = [found.span() for found in WORD.finditer(GOOD) if found.start() > GOOD.index("owner")]


def said(text: str) -> list[str]:
    whole = f"{text}{CHILD}{OTHER}outputs: {{all: steps.look.up}}\n"
    found = compiled(whole).diagnostics
    return [f"{each.code} at {each.span.line}: {each.message}" for each in found]


def test_the_runbook_that_is_changed_is_good() -> None:
    assert said(GOOD) == []


@pytest.mark.parametrize(
    ("start", "end"),
    PLACES,
    ids=[f"{GOOD[start:end]}-{GOOD.count(chr(10), 0, start)}" for start, end in PLACES],
)
def test_a_misspelling_is_at_most_one_diagnostic(start: int, end: int) -> None:
    """At most, as any text is a title, and any name is one of a new thing that nobody reads yet."""
    found = said(f"{GOOD[:end]}x{GOOD[end:]}")
    assert len(found) <= 1, found


@pytest.mark.parametrize(
    "word", ["findings", "parallel", "fields", "silence", "revert", "not_before", "within", "in"]
)
def test_a_misspelt_word_is_said(word: str) -> None:
    at = GOOD.index(f"{word}:") + len(word)
    (found,) = said(f"{GOOD[:at]}x{GOOD[at:]}")
    assert f"`{word}x` is not a word" in found
