"""A Plan with all that a Plan can hold, for what renders, describes or checks Plans."""

from __future__ import annotations

from stanch.language.plan import (
    FORMAT,
    Approval,
    Ask,
    Call,
    Check,
    Child,
    Finding,
    ForEach,
    Link,
    Plan,
    Poll,
    Require,
    Retry,
    Revert,
    Silence,
    Step,
    Suggestion,
)

LOOK = Step(
    id="look",
    title="Look at everything at once",
    parallel=True,
    on_failure="continue",
    limit=300.0,
    steps=(
        Step(
            id="latency",
            call=Call(
                "prometheus", {"query": "max(http_request_seconds)", "server": "https://prom.example.org"}
            ),
            poll=Poll("result.value < 0.5", 300.0, every=10.0, stable=60.0),
            outputs={"seconds": "result.value"},
        ),
        Step(
            id="members",
            title="Who leads, who follows?",
            call=Call("http", {"url": "https://${{ node }}:8008/patroni", "accept": [200, 503]}, one=True),
            for_each=ForEach("node", ["db1", "db2"]),
            outputs={"role": "string(result.json.role)"},
            keep={"members.json": "result.json"},
            retry=Retry(2),
            findings=(
                Finding("result.status == 503", "suspect", "${{ node }} is not healthy."),
                Finding(
                    "result.json.role == 'primary' && result.json.lag > 1000",
                    "confirmed",
                    "The leader is behind.",
                    Suggestion("restart-node", {"node": "${{ node }}", "hard": True}),
                ),
            ),
            links=(Link("Members of ${{ inputs.host }}", "https://grafana.example.org/d/members"),),
        ),
    ),
)

CHANGE = Step(
    id="change",
    title="Change it",
    effect="change",
    call=Call(
        "ssh", {"hosts": ["${{ host }}"], "run": ["x", "a b", "${{ run.id }}"], "as": "root"}, one=True
    ),
    done=Check(Call("http", {"url": "http://x/"}), Poll("result.status == 200", 60.0)),
    undo=Call(
        "ssh", {"hosts": ["${{ host }}"], "script": 'echo "$A"\nexit 0', "env": {"A": "it's"}}, one=True
    ),
    verify=Check(
        Call("prometheus", {"query": "up"}),
        Poll("result.value > 0.0", 60.0, stable=9.0, worse="result.value > 9.0"),
    ),
    outputs={"code": "result.rc"},
    require=(Require("result.rc == 0", "No.", after=True),),
    for_each=ForEach("host", ["a", "b", "c"], (1, "50%"), 2.0, 1, most=3),
    retry=Retry(2),
    on_failure="ask",
    most_targets=1,
)

BLOCK = Step(
    id="block",
    title="A block",
    when="inputs.limit > 1",
    approval=Approval(("a", "b"), "${{ inputs.host }}", 2, Silence(1200.0, "abort"), of_roles=2),
    undo=Call("http", {"method": "DELETE", "url": "https://x.example.org/all"}),
    revert=Revert("end_of_run"),
    limit=3600.0,
    steps=(
        CHANGE,
        Step(
            id="rule",
            title="Block it at the edge",
            effect="change",
            call=Call(
                "http",
                {
                    "method": "POST",
                    "url": "https://x.example.org/rules",
                    "json": {"why": "${{ inputs.host }}"},
                    "auth": {"bearer": {"secret": "env/EDGE_TOKEN"}},
                },
            ),
            outputs={"id": "result.json.id"},
            idempotent=True,
            undo=Call(
                "http", {"method": "DELETE", "url": "https://x.example.org/rules/${{ steps.rule.id }}"}
            ),
            revert=Revert(
                "when",
                when=Check(
                    Call("prometheus", {"query": "sum(hits)"}), Poll("result.value == 0.0", 0.0, every=3600.0)
                ),
                not_before="${{ string(inputs.limit) }}h",
                at_most="720h",
                roles=("a",),
            ),
        ),
        Step(
            id="gone",
            effect="change",
            call=Call("ansible", {"playbook": "wipe.yml", "hosts": ["a"], "vars": {"x": 1}, "check": False}),
            irreversible="it is gone",
            unattended="a test",
        ),
    ),
)

PEOPLE = (
    Step(
        id="which",
        title="Which one?",
        ask=Ask(
            ("technical_lead", "service_owner"),
            {
                "node": {"type": "string", "enum": "${{ steps.members.results.map(m, m.item) }}"},
                "hours": {"type": "integer", "minimum": 1, "default": 48},
            },
            show="Roles: ${{ steps.members.results.map(m, m.role).join(', ') }}",
            silence=Silence(900.0, "abort"),
        ),
    ),
    Step(id="sure", ask=Ask(("a",), {"sure": {"type": "boolean"}}, show_findings=True)),
    Step(
        id="hand",
        title="Move the names",
        effect="change",
        call=Call(
            "manual",
            {
                "who": "technical_lead",
                "do": "Merge the change for ${{ steps.which.node }}.",
                "checklist": ["the name answers", "nobody is logged in"],
                "links": ["https://wiki.example.org/names"],
            },
        ),
        undo=Call("manual", {"who": "technical_lead", "do": "Revert it."}),
        timeout=1800.0,
        revert=Revert("after", after="72h"),
        on_failure="ask",
    ),
)

RESTART = Plan(
    runbook="restart-node",
    title="Restart a node",
    kind="maintenance",
    owner="team",
    inputs={"node": {"type": "string"}, "hard": {"type": "boolean", "default": False}},
    require=(Require("inputs.node != ''", "There is no node."),),
    steps=(
        Step(
            id="out",
            title="Take ${{ inputs.node }} out",
            effect="change",
            call=Call("ssh", {"hosts": ["${{ inputs.node }}"], "run": ["lb", "out"]}, one=True),
            undo=Call("ssh", {"hosts": ["${{ inputs.node }}"], "run": ["lb", "in"]}, one=True),
            revert=Revert("end_of_block"),
            idempotent=True,
            on_failure="undo",
        ),
        Step(id="again", when="inputs.hard", child=Child("restart-node", {"node": "${{ inputs.node }}"})),
    ),
    outputs={"node": "inputs.node"},
)

EVERYTHING = Plan(
    runbook="everything",
    title='All "words" <at once>',
    kind="recovery",
    owner="team",
    inputs={"host": {"type": "string"}, "limit": {"type": "integer", "default": 3}},
    require=(Require("inputs.limit > 0", "The limit is ${{ inputs.limit }}."),),
    locks=("host/${{ inputs.host }}",),
    outputs={"code": "steps.change.results.map(r, r.code)"},
    links=(Link("Dashboard", "https://grafana.example.org/d/${{ inputs.host }}"),),
    format=FORMAT,
    symptoms="It hurts.",
    impact="Nobody can write.",
    severities=("SEV1", "SEV2"),
    steps=(
        LOOK,
        *PEOPLE,
        BLOCK,
        Step(
            id="nodes",
            title="Restart them",
            approval=Approval(("incident_commander",)),
            child=Child("restart-node", {"node": "${{ node }}"}),
            for_each=ForEach("node", "${{ steps.members.results.map(m, m.item) }}", (1,), empty_ok=True),
            outputs={"done": "result.outputs.node"},
        ),
        Step(id="late", outputs={"text": '"a" + "b"'}, require=(Require("steps.change.ok", "It failed."),)),
        Step(id="end", wait="30s"),
    ),
    children={"restart-node": RESTART},
)
