"""The whole guide: when it is for, what is needed, the steps, the ways back, and who is next."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.language.encode import plan_digest
from stanch.language.plan import Json, Plan, all_steps
from stanch.language.render.guide.markdown import block, bullets, code, heading, prose, ticks
from stanch.language.render.guide.people import COMMANDER, Facts, escalation, named, roles_of
from stanch.language.render.guide.place import Gathered, Place, numbered
from stanch.language.render.guide.secrets import secrets_of, variables
from stanch.language.render.guide.steps import links, required, steps
from stanch.language.render.guide.undo import borrowed, lent, ways_back
from stanch.language.render.guide.values import Late, Values, spelled

_TOOLS: Mapping[str, str] = {
    "ssh": "a shell with `ssh`, and a login on the hosts",
    "command": "a shell where Stanch's worker runs, as its account",
    "http": "a shell with `curl`",
    "prometheus": "Prometheus in a browser, or `curl`",
    "ansible": "`ansible`, in the folder of the Ansible project",
    "aws": "`aws`, and a login",
    "dns": "`dig`; for what is changed, `nsupdate` and the zone's key",
    "file": "a shell with `ssh`, and a login on the hosts",
    "flag": "a login where the feature flags are kept",
    "haproxy": "`socat`, and a way to HAProxy's socket",
    "kubernetes": "`kubectl`, and a login on the cluster",
    "logs": "Loki in a browser, or `logcli`",
    "notify": "a login where the channel is, or a mail program",
    "page": "a way to page people",
    "pipeline": "a login where the jobs are started",
    "postgres": "a login on a member of the Patroni cluster, with `patronictl`",
    "pull_request": "`git`, and leave to push to the repository",
    "redis": "`redis-cli`, and a way to the sentinels",
    "release": "a shell with `ssh`, and a login on the hosts",
    "silence": "Alertmanager in a browser, or `amtool`",
    "sql": "`psql`, and a login on the databases",
    "systemd": "a shell with `ssh`, and a login on the hosts",
    "tcp": "a shell with `nc`",
    "ticket": "a login where the tickets are",
    "tls": "a shell with `openssl`",
}
_GOOD: Mapping[str, str] = {
    "http": "What `curl` prints begins with a line such as `HTTP/1.1 200 OK`. Unless a step says otherwise, "
    "`200` to `399` is good, but not `301`, `307` or `308`; all else has failed.",
    "ssh": "A command over `ssh` went well when `echo $?` behind it says `0`.",
}


def plan_guide(plan: Plan, inputs: Mapping[str, Json], facts: Facts) -> str:
    """Markdown. `inputs` are those that are known; the others are left to be filled in by hand."""
    values = _values(plan, inputs)
    gathered = Gathered()
    place = Place(
        plan=plan,
        plans={**plan.children, plan.runbook: plan},
        facts=facts,
        values=values,
        gathered=gathered,
        numbers=numbered(plan.steps),
        calling={plan.runbook: "1"},
    )
    body = list(steps(plan.steps, place))
    paragraphs = [
        *_head(plan),
        *_first(plan, place),
        heading(2, "Step by step"),
        *body,
        *borrowed([*lent(plan.steps, place), *place.home, *gathered.borrowed]),
        *_end(plan, place),
        *_back(gathered),
        heading(2, "If nobody answers"),
        *escalation(_roles(plan), plan.owner, facts),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _values(plan: Plan, inputs: Mapping[str, Json]) -> Values:
    values = Values(secrets=variables(plan))
    for name in plan.inputs:
        known = inputs[name] if name in inputs else Late(f"inputs.{name}")
        values = values.bind(f"inputs.{name}", known)
    return values


def _roles(plan: Plan) -> tuple[str, ...]:
    found = roles_of(plan)
    changes = any(
        step.effect == "change" for each in (plan, *plan.children.values()) for step in all_steps(each.steps)
    )
    return found if COMMANDER in found or not changes else (*found, COMMANDER)


def _head(plan: Plan) -> Iterator[str]:
    yield heading(1, prose(plan.title) or code(plan.runbook))
    yield f"{prose(plan.kind)} · {code(plan.runbook)} · plan {code(plan_digest(plan)[:12])}"
    if plan.symptoms:
        yield f"**When:** {prose(plan.symptoms)}"
    if plan.impact:
        yield f"**Impact:** {prose(plan.impact)}"
    if plan.severities:
        yield f"**Only at:** {', '.join(plan.severities)}"
    yield f"**Whoever knows more:** the team {prose(plan.owner)}"


def _first(plan: Plan, place: Place) -> Iterator[str]:
    yield heading(2, "Before you start")
    yield bullets(
        [
            "Go from top to bottom. Read a step to its end before you type anything.",
            "`<...>` is something that you know by then: put it in place of the whole `<...>`.",
            "Where a step says **write down**, do so: later steps need it.",
            "A step fails and does not say what then? Stop, and tell whoever leads the incident.",
            "Who follows this guide is not who says yes, and silence is never a yes.",
            *(_GOOD[action] for action in _GOOD if action in _used(plan)),
        ]
    )
    if plan.links:
        yield "Have a look at:"
        yield from links(plan.links, place)
    if needed := list(_needed(plan, place)):
        yield "You need:"
        yield ticks(needed)
    yield from _inputs(plan, place.values)
    yield from _secrets(place.values)
    for each in plan.require:
        yield from required(place, each.that, each.message)


def _needed(plan: Plan, place: Place) -> Iterator[str]:
    used = _used(plan)
    yield from (told for action, told in _TOOLS.items() if action in used)
    for lock in plan.locks:
        yield f"nobody else works on {code(place.values.text(lock))}, and everybody knows that you do"
    for role in _roles(plan):
        yield f"you know how to reach {named(role, place.facts)}"


def _used(plan: Plan) -> set[str]:
    """The actions of all steps, checks and ways back."""
    plans = (plan, *plan.children.values())
    found = [step for each in plans for step in all_steps(each.steps)]
    looks = [(step.done, step.verify, step.revert and step.revert.when) for step in found]
    checks = [check.call.action for each in looks for check in each if check]
    return {*checks, *(call.action for step in found for call in (step.call, step.undo) if call)}


def _inputs(plan: Plan, values: Values) -> Iterator[str]:
    if not plan.inputs:
        return
    yield "The values for which this is written:"
    yield bullets(_input(name, schema, values) for name, schema in plan.inputs.items())
    if any(isinstance(values.cel(f"inputs.{name}"), Late) for name in plan.inputs):
        yield "Fill in what is missing. Below, a missing value is `<inputs.NAME>`."


def _input(name: str, schema: Json, values: Values) -> str:
    value = values.cel(f"inputs.{name}")
    said = (schema.get("description") or schema.get("type") or "") if isinstance(schema, Mapping) else ""
    shown = "________" if isinstance(value, Late) else code(spelled(value))
    return f"{code(name)} = {shown}" + (f" ({prose(str(said).rstrip('.'))})" if said else "")


def _secrets(values: Values) -> Iterator[str]:
    if not values.secrets:
        return
    yield "**Secrets.** Get them from the place that is named, and type each of them once; nothing is shown:"
    yield bullets(secrets_of(values.secrets))
    lines = [f"read -rs {variable} && export {variable}" for variable in values.secrets.values()]
    yield block("\n".join(lines), "sh")
    yield "When you are done, close that shell."


def _end(plan: Plan, place: Place) -> Iterator[str]:
    if plan.outputs:
        yield heading(2, "At the end")
        yield "Tell the others:"
        yield bullets(f"{prose(name)}: {place.reader.value(cel)}" for name, cel in plan.outputs.items())


def _back(gathered: Gathered) -> Iterator[str]:
    if gathered.backs:
        yield heading(2, "The ways back, the newest change first")
        yield "Only what you have done, and only when whoever leads the incident says so."
        yield from ways_back(gathered.backs)
