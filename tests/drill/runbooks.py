"""Small runbooks to rehearse, each about one thing."""

READ = """\
steps:
  - id: look
    http: {url: "http://x/"}
    outputs: {status: result.status}
outputs: {status: steps.look.status}
"""

WAIT = """\
steps:
  - id: drained
    prometheus: {query: sum(requests)}
    until: result.value == 0.0
    every: 10s
    within: 1m
    stable: 15s
"""

CHANGE = """\
steps:
  - id: restart
    title: Restart it
    approval: incident_commander
    ssh: {hosts: [web1], run: [systemctl, restart, shop]}
    effect: change
    timeout: 1m
    done:
      ssh: {run: [systemctl, is-active, shop], output: lines}
      until: result.lines == ["active"]
      every: 5s
      within: 30s
    undo:
      ssh: {run: [systemctl, stop, shop]}
"""

LOOP = """\
inputs: {hosts: {type: array, items: {type: string}, maxItems: 9}}
steps:
  - id: each
    approval: incident_commander
    for_each: {as: host, in: "${{ inputs.hosts }}", batches: [1, 2], pause: 10s, empty: ok}
    ssh: {hosts: ["${{ host }}"], run: [restart]}
    effect: change
    idempotent: true
    irreversible: a restart has no way back
    outputs: {said: result.stdout}
outputs: {said: "steps.each.results.map(r, r.ok, r.said)"}
"""

FAN = """\
inputs: {hosts: {type: array, items: {type: string}, maxItems: 9}}
steps:
  - id: ask
    ssh: {hosts: "${{ inputs.hosts }}", run: [uptime], output: lines}
    effect: read
    outputs: {said: "result.map(r, r.host + ' ' + r.lines[0])"}
outputs: {said: steps.ask.said}
"""

PARALLEL = """\
steps:
  - id: looks
    parallel: true
    on_failure: continue
    timeout: 20s
    steps:
      - {id: a, http: {url: "http://a/"}}
      - {id: b, http: {url: "http://b/"}}
  - {id: then, wait: 1s}
"""

CHILD = """\
runbook: example
title: An example
kind: recovery
owner: team
reviewed: 2026-11-01
inputs: {nodes: {type: array, items: {type: string}, maxItems: 5}}
steps:
  - id: each
    approval: incident_commander
    for_each: {as: node, in: "${{ inputs.nodes }}"}
    runbook: restart-node
    inputs: {node: "${{ node }}"}
    outputs: {version: result.outputs.version}
outputs: {versions: "steps.each.results.map(r, r.version)"}
---
runbook: restart-node
title: Restart a node
kind: recovery
owner: team
reviewed: 2026-11-01
inputs: {node: {type: string}}
require: [{that: inputs.node != "db0", else: "Not ${{ inputs.node }}."}]
steps:
  - id: restart
    ssh: {hosts: ["${{ inputs.node }}"], run: [restart]}
    effect: change
    idempotent: true
    undo: {ssh: {run: [stop]}}
    revert: end_of_run
  - id: look
    http: {url: "http://${{ inputs.node }}/"}
    outputs: {version: string(result.json.version)}
    findings: [{when: "true", is: cleared, text: "${{ inputs.node }} runs ${{ steps.look.version }}"}]
outputs: {version: steps.look.version}
"""

ASK = """\
steps:
  - id: which
    title: Which one?
    ask:
      from: technical_lead
      show: There are two.
      fields:
        node: {type: string, enum: [db1, db2]}
        sure: {type: boolean, default: true}
  - id: hand
    title: Do it
    manual: {who: technical_lead, do: "Restart ${{ steps.which.node }}.", checklist: [It is up]}
    effect: change
    within: 30m
    undo: {manual: {who: technical_lead, do: Stop it.}}
    on_failure: undo
outputs: {node: steps.which.node, sure: steps.which.sure}
"""
