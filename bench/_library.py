"""Runbooks for `bench/compile.py`: as many as one likes, each different, every one of them plausible.

What differs from one to the next: the order and number of the kinds of steps, their ids, the names of their
outputs, thresholds, queries, hosts, tools and texts, and so every expression that reads a step. What they
share is what the runbooks of one company share: the shapes of steps, the inputs `service` and `hosts`, and
short idioms such as `result.rc == 0`. The benchmark says how many expressions are met for the first time.
"""

from __future__ import annotations

import random
import re

_TABLE = """
verb: read ask find list count inspect compare fetch probe query watch collect sample trace
noun: errors latency queue lag replicas releases sessions jobs workers pods disks memory connections locks
noun: leaders backups certificates caches partitions consumers tokens mounts routes shards timers quotas
noun: threads indexes snapshots records invoices orders carts searches uploads mails payments refunds streams
output: rate amount total share level depth age load seen found measured reported current usual
change: stop start drain restart scale move freeze flush rotate promote
team: payments checkout search identity storage network messaging billing media platform
zone: eu-west-1 eu-central-1 us-east-1 us-west-2 ap-south-1
tool: deploy svcctl topicctl pgctl cachectl queuectl nodectl poolctl
label: service pool cluster shard tenant
field: release state owner leader version weight lag count size mode
metric: http_requests_total queue_messages_ready process_open_fds node_load1 replication_lag_seconds
metric: consumer_group_lag cache_connected_clients request_duration_seconds_count jobs_failed_total
"""
_WORDS: dict[str, list[str]] = {}
for _name, _, _line in (line.partition(": ") for line in _TABLE.split("\n") if line):
    _WORDS.setdefault(_name, []).extend(_line.split())

_HEAD = """\
# yaml-language-server: $schema=../../schemas/runbook.v1.json
runbook: <name>
title: Bring the <noun> of <team> back to normal
kind: recovery
owner: <team>-sre
reviewed: 2026-11-01
symptoms: The <noun> of <team> are not what they were an hour ago.
impact: Customers of <team> wait longer, or see errors.
inputs:
  service:
    type: string
    pattern: "^[a-z][a-z0-9-]*$"
  hosts:
    type: array
    items:
      type: string
    maxItems: <whole>
  limit:
    type: number
    default: <limit>
triggers:
  - source: alertmanager
    when: alert.status == "firing" && alert.labels.alertname == "<team>-<noun>"
    inputs:
      service: "${{ alert.labels.service }}"
      hosts: "${{ alert.annotations.hosts.split(',') }}"
steps:
"""
_METRIC_REQUIRED = """\
  - id: <id>
    title: Is anything wrong with the <noun>?
    prometheus:
      query: 'max(<metric>{<label>="${{ inputs.service }}"})'
    outputs:
      <output>: result.value
    require:
      - that: steps.<id>.<output> > inputs.limit * <limit>
        else: "The <noun> are at ${{ steps.<id>.<output> }}; there is nothing to do."
"""
_STATE = """\
  - id: <id>
    title: What is the <field> of the <noun>?
    ssh:
      hosts: "${{ inputs.hosts }}"
      run: [<tool>, <field>, "${{ inputs.service }}", --json]
      output: json
    effect: read
    outputs:
      <output>: string(result[0].json.<field>)
"""
_METRIC = """\
  - id: <id>
    title: How many <noun> are there in <zone>?
    prometheus:
      query: 'sum(rate(<metric>{<label>="${{ inputs.service }}", zone="<zone>"}[<small>m]))'
    outputs:
      <output>: result.value
"""
_REQUEST = """\
  - id: <id>
    title: Ask <team> about its <noun>
    http:
      url: "https://<team>.example.org/<noun>/${{ inputs.service }}?zone=<zone>"
    outputs:
      <output>: double(result.json.<field>)
"""
_COUNTED = """\
  - id: <id>
    ssh:
      hosts: "${{ inputs.hosts }}"
      run: [<tool>, list, <noun>, --zone, <zone>]
      output: lines
    effect: read
    outputs:
      <output>: double(result.filter(r, r.rc == 0 && r.lines.size() > <small>).size())
"""
_AWAITED = """\
  - id: <id>
    prometheus:
      query: 'max(<metric>{<label>="${{ inputs.service }}", zone="<zone>"})'
    until: result.value < <limit>
    within: <small>m
"""
_GUARDED = """\
  - id: <id>
    when: steps.<earlier>.<read> > <limit>
    http:
      url: "https://<team>.example.org/<noun>?above=${{ steps.<earlier>.<read> }}"
"""
_COMPUTED = """\
  - id: <id>
    outputs:
      <output>: steps.<earlier>.<read> / <limit> + inputs.limit
"""
_WAIT = """\
  - id: <id>
    wait: <whole>s
"""
_SENT = """\
  - id: <id>
    title: Set the <field> of the <noun> to <whole>
    http:
      method: PUT
      url: "https://<team>.example.org/<noun>"
      json:
        <field>: <whole>
    effect: change
    idempotent: true
    undo:
      http:
        method: DELETE
        url: "https://<team>.example.org/<noun>"
"""
_COMMANDED = """\
  - id: <id>
    title: Have <tool> <change> the <noun>
    ssh:
      hosts: "${{ inputs.hosts }}"
      run: [<tool>, <change>, "${{ inputs.service }}"]
    effect: change
    done:
      ssh:
        run: [<tool>, <field>, "${{ inputs.service }}"]
      until: result.all(r, r.rc == 0 && r.stdout.contains("<change>-<whole>"))
    undo:
      ssh:
        run: [<tool>, undo-<change>, "${{ inputs.service }}", --<field>, "<whole>"]
"""
_PLAYED = """\
  - id: <id>
    title: Have Ansible <change> the <noun>
    ansible:
      playbook: <team>/<change>-<noun>.yml
      hosts: "${{ inputs.hosts }}"
    effect: change
    idempotent: true
    irreversible: the playbook decides what runs where
"""
_BATCHED = """\
  - id: <id>
    title: <change> the <noun>, a few hosts at a time
    approval:
      from: incident_commander
      confirm: "${{ inputs.service }}"
    for_each:
      as: host
      in: "${{ inputs.hosts }}"
      batches: [1, 25%, 100%]
    ssh:
      hosts: ["${{ host }}"]
      run: [<tool>, <change>, "${{ inputs.service }}"]
    effect: change
    done:
      ssh:
        run: [<tool>, <field>, "${{ inputs.service }}", --json]
        output: json
      until: string(result.json.<field>) != steps.<state>.<was>
    undo:
      ssh:
        run: [<tool>, set, "${{ inputs.service }}", "${{ steps.<state>.<was> }}"]
    verify:
      step: <first>
      until: result.value < <limit>
      within: 5m
      stable: 1m
"""
_BLOCK = """\
  - id: <id>
    title: Put the <noun> in <zone> right
    approval: incident_commander
    when: steps.<earlier>.<read> > <limit>
    steps:
"""

_LOOKS = (_METRIC, _REQUEST, _METRIC, _COUNTED, _COMPUTED, _COMPUTED, _AWAITED, _GUARDED)
_CHANGES = (_COMMANDED, _SENT, _PLAYED)
_GROUP = 10
"""Steps that belong together: six that look, and four around a change."""


def write_runbook(number: int, steps: int) -> tuple[str, str]:
    """The name and the text of runbook `number`, always the same; blocks count, and the steps in them."""
    return _Writer(number).runbook(steps)


class _Writer:
    def __init__(self, number: int) -> None:
        self._chance = random.Random(number)
        self._number = number
        self._ids: set[str] = set()
        self._unread: list[dict[str, str]] = []
        """The steps with a decimal number as output, those that nothing has read yet."""
        self._known: dict[str, str] = {}
        """Words of the first steps: `first`, and `state` with its output `was`."""

    def runbook(self, steps: int) -> tuple[str, str]:
        words = self._words()
        words["name"] = f"recover-{words['team']}-{words['noun']}-{self._number}"
        text = [_fill(_HEAD, words), self._first(), self._state()]
        groups, rest = divmod(steps - 2, _GROUP)
        for group in range(groups):
            text += (self._look(kind) for kind in self._chance.sample(_LOOKS, 6))
            text += self._batches() if group == 1 else self._block()
        text += (self._look(_AWAITED if number % 2 else _GUARDED) for number in range(rest))
        self._unread = self._unread or [self._known]
        outputs = (f"  {each['id']}: steps.{each['id']}.{each['output']}\n" for each in self._unread)
        return words["name"], "".join((*text, "outputs:\n", *outputs))

    def _first(self) -> str:
        words = self._words()
        self._known |= {"first": words["id"], "id": words["id"], "output": words["output"]}
        return _fill(_METRIC_REQUIRED, words)

    def _state(self) -> str:
        words = self._words()
        self._known |= {"state": words["id"], "was": words["output"]}
        return _fill(_STATE, words)

    def _look(self, kind: str) -> str:
        words = self._words()
        if "<earlier>" in kind and not self._unread:
            kind = _METRIC
        text = self._step(kind, words)
        if "<output>" in kind:
            self._unread.append(words)
        return text

    def _block(self) -> list[str]:
        block = self._step(_BLOCK)
        inside = "".join(self._step(kind) for kind in self._chance.sample(_CHANGES, 2))
        return [block, re.sub("(?m)^", "    ", inside).rstrip(" "), self._step(_WAIT)]

    def _batches(self) -> list[str]:
        return [self._step(_BATCHED), *(self._look(kind) for kind in (_COMPUTED, _WAIT, _AWAITED))]

    def _step(self, kind: str, words: dict[str, str] | None = None) -> str:
        words = {**self._known, **(words or self._words())}
        if "<earlier>" in kind:
            earlier = self._unread.pop(self._chance.randrange(len(self._unread)))
            words |= {"earlier": earlier["id"], "read": earlier["output"]}
        return _fill(kind, words)

    def _words(self) -> dict[str, str]:
        """What one step is about, and an id that no other one has."""
        words = {name: self._chance.choice(choices) for name, choices in _WORDS.items()}
        while (name := f"{words['verb']}_{words['noun']}") in self._ids:
            words |= {each: self._chance.choice(_WORDS[each]) for each in ("verb", "noun")}
        self._ids.add(name)
        limit = self._chance.uniform(0.01, 90.0)
        return {
            **words,
            "id": name,
            "limit": f"{limit:.2f}",
            "small": str(self._chance.randrange(2, 15)),
            "whole": str(self._chance.randrange(10, 400)),
        }


def _fill(kind: str, words: dict[str, str]) -> str:
    return re.sub(r"<(\w+)>", lambda found: words[found.group(1)], kind)
