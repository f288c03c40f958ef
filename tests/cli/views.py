"""Runs as the state query gives them, made by hand: one that asks, one that has ended, one full of tricks."""

from __future__ import annotations

from dataclasses import replace

from stanch.contract import (
    Change,
    Claim,
    Effected,
    Found,
    Kept,
    Moment,
    Request,
    RunLease,
    RunView,
    Spent,
    StepView,
    Tick,
)
from stanch.language.plan import Call, Link, Suggestion
from stanch.lease.words import held_by

CAREFUL = "each batch verified before the next; 30s pause"
NOON = 1_795_420_800.0
"""2026-11-23 08:00:00 UTC: when every one of these runs started."""
NOW = NOON + 42

HOSTS = ("web1", "web2", "web3")
DIGEST = "4be2a91c03d7f00d" * 4

REQUEST = Request(
    id="roll_back",
    step="roll_back",
    kind="approval",
    question="Put the previous release back? (3 changes)",
    roles=("incident_commander",),
    choices=("approve", "deny"),
    changes=tuple(
        Change(
            target=host,
            command="deploy rollback checkout",
            done='deploy current checkout --json, until result.json.release != "2026.11.2"',
            undo="deploy redeploy checkout 2026.11.2",
        )
        for host in HOSTS
    ),
    evidence=("errors.rate = 0.2", 'current.bad = "2026.11.2"'),
    opened=NOON + 2,
    until=NOON + 1802,
    asked=("incident_commander",),
    digest=DIGEST,
)

WAITING = RunView(
    run="run/rollback-release/9f3c2a1b5d6e7f80",
    runbook="rollback-release",
    title="Roll back a bad release",
    digest="1a2b3c4d5e6f7a8b" * 4,
    phase="waiting",
    severity="SEV2",
    mode="live",
    started_by="alert:alertmanager",
    started=NOON,
    inputs={"service": "checkout", "hosts": list(HOSTS)},
    url="http://127.0.0.1:8233/namespaces/default/workflows/run%2Frollback-release%2F9f3c2a1b5d6e7f80",
    steps=(
        StepView("errors", "Read the error rate", "succeeded", NOON, NOON + 0.3),
        StepView("current", "Which release runs where?", "succeeded", NOON + 0.3, NOON + 1.9),
        StepView("roll_back", "Put the previous release back", "asking", NOON + 2),
    ),
    requests=(REQUEST,),
    timeline=(
        Moment(NOON, "step_started", "Read the error rate", "errors"),
        Moment(NOON + 0.3, "step_succeeded", "rate = 0.2", "errors"),
        Moment(NOON + 0.3, "step_started", "Which release runs where?", "current"),
        Moment(NOON + 1.9, "step_succeeded", 'bad = "2026.11.2"', "current"),
        Moment(NOON + 2, "asked", "Put the previous release back? (3 changes)", "roll_back"),
        Moment(NOON + 2, "paged", "paged incident_commander", "roll_back"),
    ),
    spent=Spent(automation=2.0, waiting=10.0),
    as_of=NOW - 30,
)


def _effect(host: str, at: float) -> Effected:
    undo = Call("ssh", {"hosts": [host], "run": ["deploy", "redeploy", "checkout", "2026.11.2"]}, one=True)
    return Effected("roll_back", host, "deploy rollback checkout", at, undo)


ENDED = replace(
    WAITING,
    phase="succeeded",
    outcome="succeeded",
    ended=NOON + 3720,
    outputs={"released": "2026.11.2"},
    requests=(),
    steps=(
        *WAITING.steps[:2],
        StepView("roll_back", "Put the previous release back", "succeeded", NOON + 2, NOON + 3719),
        StepView("roll_back[0]", "Put the previous release back: web1", "succeeded", NOON + 62, NOON + 64),
        StepView("report", "Tell the customers", "skipped", NOON + 3719, NOON + 3719, "nobody to tell"),
    ),
    timeline=(
        *WAITING.timeline,
        Moment(NOON + 62, "decided", "approve by dana (unverified, via cli)", "roll_back", "dana"),
        Moment(NOON + 3719, "step_succeeded", "3 of 3 done", "roll_back"),
        Moment(NOON + 3719, "step_skipped", "nobody to tell", "report"),
        Moment(NOON + 3720, "run_ended", "succeeded"),
    ),
    ledger=tuple(_effect(host, NOON + 64 + place) for place, host in enumerate(HOSTS)),
    spent=Spent(automation=30.4, waiting=60.0, soaking=3629.6),
)

FAILED = replace(
    WAITING,
    phase="waiting",
    mode="drill",
    requests=(
        replace(
            REQUEST,
            id="roll_back.2",
            kind="failure",
            question="Put the previous release back: it failed. What now?",
            choices=("retry", "skip", "undo", "abort"),
            changes=(),
            evidence=("web2: `deploy rollback checkout` ended with status 3: no release before it",),
            roles=("incident_commander", "technical_lead"),
            asked=("incident_commander", "technical_lead", "mona"),
            silence="abort",
        ),
        replace(
            REQUEST,
            id="drop",
            question="Drop the old index?",
            irreversible="an index of this size takes two days to build",
            confirm="orders_by_day",
            quorum=2,
            answers=("dana",),
            changes=(Change("db1", "psql -c 'drop index orders_by_day'"),),
        ),
    ),
    ledger=(replace(_effect("web1", NOON + 9), undone=True), replace(_effect("web2", NOON + 11), undo=None)),
)

FOUND = (
    Found("look", "confirmed", "No firewall rule lets the health checkers in."),
    Found(
        "ports",
        "suspect",
        "The probe asks port 8080, the service listens on 80.",
        Suggestion("allow-health-checks", {"project": "shop", "ports": [80, 8080], "why": "it's asked"}),
    ),
)
LINKS = (
    Link("Which replicas there are", "https://grafana.example.org/d/replicas?var-database=orders"),
    Link("https://wiki.example.org/failover", "https://wiki.example.org/failover"),
)
KEPT = (
    Kept("deployments.json", "look", "3f" * 32, 18_432, path="3f/3fa84c.json"),
    Kept("controller.log", "look", "9b" * 32, 5_000_000, truncated=True, path="9b/9b0471.txt"),
    Kept("core", "look", error="it is larger than the limit"),
)

ASKING = replace(
    WAITING,
    title="Promote a replica",
    requests=(
        replace(
            REQUEST,
            id="which",
            kind="ask",
            question="Which replica shall take over?",
            roles=("technical_lead",),
            choices=("answer", "abort"),
            changes=(),
            show="Two replicas are healthy.\n\nThe one with the smaller lag loses less.\n",
            fields={
                "replica": {"type": "string", "enum": ["db2", "db3"], "description": "The new primary"},
                "why": {"type": "string", "minLength": 10},
                "hours": {"type": "integer", "minimum": 1, "default": 48},
                "tell": {"type": "array", "items": {"enum": ["support", "sales"]}, "default": []},
            },
            links=LINKS,
            findings=FOUND,
            silence="abort",
            asked=("technical_lead",),
        ),
    ),
    findings=FOUND,
    kept=KEPT,
)

BY_HAND = replace(
    WAITING,
    requests=(
        replace(
            REQUEST,
            id="dns",
            kind="manual",
            question="Move the names",
            roles=("technical_lead",),
            choices=("done", "fail", "abort"),
            changes=(),
            evidence=(),
            show="Merge the change and run authdns-update.",
            checklist=("gitlab.example.org answers from the new host", "nobody is logged in on the old one"),
            silence="abort",
        ),
    ),
    ledger=(
        replace(_effect("web1", NOON + 9), reverts=""),
        replace(_effect("web2", NOON + 9), undo=None, reverts="window", part_of="window"),
    ),
)

TWO_ROLES = replace(
    WAITING,
    requests=(
        replace(
            REQUEST,
            roles=("incident_commander", "service_owner"),
            quorum=2,
            of_roles=2,
            changes=tuple(replace(each, revert="at the end of the run") for each in REQUEST.changes),
            answers=("dana",),
        ),
    ),
)

NOTED = replace(
    WAITING,
    requests=(
        replace(
            REQUEST,
            id="roll_back.2",
            notes=(
                "asked again: hosts was web1, web2 and is web1, web2, web3",
                "the severity is SEV1 since 08:00:12 UTC",
            ),
            targets=3,
            shares=("3 of 14 in web",),
            batches=(f"1 host, then 2; {CAREFUL}; stops after the first failure",),
            holders=("alice", "bob"),
            acknowledged="mona",
            asked=("incident_commander", "incident_commander (bob)", "mona"),
            quorum=2,
            answers=("bob",),
        ),
    ),
    roles={"incident_commander": ("bob",)},
)

PAUSED = replace(
    WAITING,
    phase="waiting",
    paused="alice paused it at 08:00 UTC: the network team looks at the same hosts",
    parked=("report",),
)

HELD = replace(
    WAITING,
    held="alice put the incident db-down on hold at 08:00 UTC: the wrong cluster",
    holds={"db-down": "alice put the incident db-down on hold at 08:00 UTC: the wrong cluster"},
    parked=("roll_back",),
    findings=FOUND,
)

OTHER = Claim("run/failover/7c1f", "e7", "x#1", severity="SEV1", started_by="alice", granted=NOON - 600)
QUEUING = replace(
    WAITING,
    phase="queuing",
    requests=(),
    leases=(
        RunLease("db/orders", "db/orders#1", "held", NOON, "e1"),
        RunLease("service/checkout", "service/checkout#2", "waiting", NOON, "e1", ahead=2, holders=(OTHER,)),
    ),
    parked=("",),
    timeline=(
        Moment(NOON, "lease", "holds `db/orders`"),
        Moment(NOON, "lease", f"waits for `service/checkout`: {held_by([OTHER], 2)}"),
        Moment(NOON, "paged", "paged incident_commander"),
    ),
)
BROKEN = replace(
    WAITING,
    phase="queuing",
    requests=(),
    leases=(
        RunLease(
            "service/checkout",
            "service/checkout#2",
            "broken",
            NOON,
            "e1",
            said="mona broke it at 08:00 UTC: the failover leads",
        ),
    ),
    parked=("roll_back",),
)

TICKED = replace(
    BY_HAND,
    requests=(replace(BY_HAND.requests[0], ticked=(Tick(1, "mona", NOON + 20),)),),
)

REVIEWED = replace(
    ENDED,
    resolved=NOON + 90,
    mitigated=NOON + 125,
    agenda=("dana broke the glass at 2026-11-23 08:01 UTC: approve of `roll_back`; take out the code 1f2e",),
)

ESC = "\x1b]0;owned\x07\x1b[8m"
HOSTILE = replace(
    WAITING,
    run=f"run/rollback-release/{ESC}",
    title=f"{ESC}title",
    started_by=f"alert:\n{ESC}",
    phase=f"{ESC}phase",
    reason=ESC,
    inputs={f"{ESC}in": ESC, "nested": {"a": [ESC]}},
    outputs={f"{ESC}out": ESC},
    outcome="failed",
    url=f"http://{ESC}",
    steps=(StepView(f"errors{ESC}", ESC, f"p{ESC}", NOON, 0.0, ESC),),
    requests=(
        replace(
            REQUEST,
            id=ESC,
            question=f"roll {ESC}back\u202e?",
            roles=(ESC,),
            evidence=(f"line\none{ESC}",),
            changes=(Change(ESC, f"rm{ESC}\n-rf \u2028/", ESC, ESC, ESC),),
            choices=("approve", "deny", "answer", "done"),
            irreversible=ESC,
            confirm=ESC,
            digest=ESC,
            asked=(ESC + "x",),
            answers=(ESC,),
            fields={ESC: {"type": "string", "enum": [ESC], "description": ESC, "default": ESC}},
            show=f"{ESC}\n{ESC}",
            checklist=(ESC,),
            links=(Link(ESC, f"http://{ESC}"),),
            findings=(Found(ESC, "suspect", ESC, Suggestion(ESC, {ESC: ESC})),),
            targets=1,
            shares=(ESC,),
            batches=(ESC,),
            holders=(ESC,),
            acknowledged=ESC,
            ticked=(Tick(0, ESC, NOON),),
            notes=(ESC,),
        ),
    ),
    paused=ESC,
    held=ESC,
    holds={ESC: ESC},
    parked=(ESC,),
    roles={ESC: (ESC,)},
    agenda=(ESC,),
    findings=(Found(ESC, "suspect", ESC, Suggestion(ESC, {ESC: ESC})),),
    kept=(Kept(ESC, ESC, ESC, 1, path=ESC), Kept(ESC, ESC, error=ESC)),
    timeline=(Moment(NOON, f"k{ESC}", f"first\nsecond{ESC}", ESC, f"by{ESC}"),),
    ledger=(
        Effected(ESC, ESC, ESC, NOON, Call(ESC, {ESC: ESC})),
        Effected(ESC, "", ESC, NOON, None, False, ESC, ESC),
        Effected(ESC, "", ESC, NOON, part_of=ESC),
    ),
)
