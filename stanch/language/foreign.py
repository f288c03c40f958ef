"""Words that other tools have for what a word of the language says: nobody forgets the old ones in a day."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from stanch.language.tree import Mapping as MappingNode
from stanch.language.tree import Node
from stanch.language.tree import Sequence as SequenceNode

_STEP = "this step"
_TOP = "the runbook"


def _by_foreign(**names: str) -> Mapping[str, str]:
    """`title="name description"`, turned around."""
    return {each: word.strip("_") for word, others in names.items() for each in others.split()}


_POLL = _by_foreign(
    every="interval period delay frequency poll_interval",
    within="timeout deadline max_wait",
    until="condition",
)
_SYNONYMS: Mapping[str, Mapping[str, str]] = {
    _TOP: _by_foreign(
        steps="jobs tasks stages actions workflow plays procedure",
        title="name description summary",
        inputs="vars variables parameters params args arguments",
        owner="team author maintainer owners contact",
        reviewed="last_reviewed updated last_updated review_date",
        severities="severity priority",
        triggers="on trigger alerts",
        require="preconditions assert",
        locks="concurrency mutex lock",
        symptoms="symptom",
        outputs="output",
    ),
    _STEP: _by_foreign(
        title="name description desc display_name label summary",
        id="key",
        when="if only_if condition unless",
        for_each="loop with_items foreach each matrix strategy items repeat",
        outputs="output exports set",
        timeout="timeout_minutes timeout_seconds max_duration deadline",
        retry="retries attempts retrystrategy",
        on_failure="on_error onerror failure",
        undo="rollback compensate on_rollback",
        require="assert precondition preconditions fail_when failed_when",
        approval="approve approvers approved_by manual_approval gate",
        ask="prompt question input",
        wait="sleep pause delay",
        runbook="call include import template include_tasks import_tasks workflow subworkflow",
        verify="validate healthcheck health_check post_check",
        irreversible="no_undo",
        zone="task_queue queue worker runner location",
    ),
    "retry": _by_foreign(
        times="attempts max max_attempts retries count limit", every="delay interval backoff wait sleep"
    ),
    "for_each": _by_foreign(
        batches="batch batch_size serial size",
        pause="delay sleep wait",
        **{"as": "item var name loop_var", "in": "list items of over values from"},
    ),
    "approval": _by_foreign(
        **{"from": "role roles by who approvers group"}, silence="timeout", quorum="count min"
    ),
    "ask": _by_foreign(
        **{"from": "role roles who to"}, show="text question message", fields="inputs answers"
    ),
    "require": _by_foreign(
        **{"that": "if condition assert check expr when", "else": "message msg error text fail"}
    ),
    "findings": _by_foreign(
        when="if condition",
        text="message msg title",
        suggest="runbook action",
        **{"is": "status severity level"},
    ),
    "links": _by_foreign(title="name text label", url="href link"),
    "triggers": _by_foreign(
        source="type from provider", when="if condition match filter", inputs="with params vars"
    ),
    "ssh": _by_foreign(
        run="command cmd commands exec args argv",
        hosts="host target targets server servers",
        script="shell bash sh",
        env="environment vars",
        **{"as": "user username become_user run_as"},
    ),
    "command": _by_foreign(run="command cmd exec args argv program", env="environment vars", stdin="input"),
    "ansible": _by_foreign(hosts="host targets", vars="extra_vars variables env", args="arguments params"),
    "http": _by_foreign(
        url="uri endpoint address",
        body="data payload content",
        query="params parameters",
        accept="expect status status_code expected_status",
        method="verb",
    ),
    "prometheus": _by_foreign(query="expr promql expression metric", server="url endpoint datasource"),
    "manual": _by_foreign(
        do="text description instructions message action", who="role owner assignee", checklist="steps items"
    ),
    "done": _POLL,
    "verify": _POLL,
    "when": _POLL,
}
"""By what has the word: a word of another tool to ours."""

_INSIDE = "what an action takes stands inside of it: `http: {url: ...}`"
_SHELL = "a command runs on hosts: `ssh: {hosts: [web1], run: [systemctl, restart, api]}`"
_TOOLS = ("kubectl", "helm", "docker", "systemctl", "systemd", "service", "psql", "python")
_ORDER = "steps run from top to bottom, so take it out; what has to be true stands in `when` or `require`"
_TOLD: Mapping[str, Mapping[str, str]] = {
    _STEP: {
        **dict.fromkeys(("with", "params", "parameters", "args", "arguments"), _INSIDE),
        **dict.fromkeys(("run", "cmd", "shell", "bash", "exec", "sh"), _SHELL),
        **dict.fromkeys(
            ("needs", "depends_on", "dependencies", "depends", "after", "requires", "next"), _ORDER
        ),
        **dict.fromkeys(
            ("uses", "type", "action", "module", "plugin"), "the action is a key: `http: {url: ...}`"
        ),
        **dict.fromkeys(
            ("env", "environment"), "write it inside of the action: `ssh: {..., env: {RATE: ...}}`"
        ),
        **dict.fromkeys(
            ("vars", "variables"), "values of a step stand in `outputs`, those of a run in `inputs`"
        ),
        **dict.fromkeys(
            ("hosts", "host", "target", "targets", "delegate_to", "runs_on"),
            "write it inside of the action: `ssh: {hosts: [web1], run: [...]}`",
        ),
        **dict.fromkeys(
            ("become", "become_user", "user", "sudo"),
            "write it inside of the action: `ssh: {hosts: [web1], as: root, run: [...]}`",
        ),
        **dict.fromkeys(("else", "otherwise"), "write a second step with the opposite `when`"),
        **dict.fromkeys(("switch", "case", "branch"), "write a step for each case, with a `when` of its own"),
        **dict.fromkeys(
            ("debug", "msg", "message", "echo", "print", "log", "notify"),
            'what people read stands in findings: `findings: [{when: "true", is: unknown, text: ...}]`',
        ),
        **dict.fromkeys(
            ("ignore_errors", "continue_on_error", "allow_failure"), "write `on_failure: continue`"
        ),
        "register": "give what is read later a name: `outputs: {value: result.stdout}`",
        "changed_when": "say what the action does: `effect: read` or `effect: change`",
        **dict.fromkeys(
            ("curl", "wget", "request", "webhook", "rest", "get", "post", "api"),
            "write `http: {url: https://...}`",
        ),
        **dict.fromkeys(_TOOLS, _SHELL),
        "tags": "take it out: a run has all steps whose `when` holds",
    },
    _TOP: {
        "name": "`runbook` is the name of the file, `title` is what people read",
        "description": "say what it does in `title`, and when it is needed in `symptoms`",
        "hosts": "write it inside of an action: `ssh: {hosts: [web1], run: [...]}`",
        "env": "what differs from run to run stands in `inputs`; `env` belongs to `ssh`",
        "version": "take it out: the file's history has its versions",
        **dict.fromkeys(("apiversion", "metadata", "spec"), "a runbook begins with `runbook: NAME`"),
        **dict.fromkeys(("become", "gather_facts", "runs_on", "defaults", "permissions"), "take it out"),
        "approval": "it belongs to the step that changes something, or to a block around several",
        "timeout": "it belongs to a step, or to a block around several",
    },
    "ssh": dict.fromkeys(("become", "sudo"), "write `as: root`"),
    **dict.fromkeys(("done", "verify", "undo", "when"), dict.fromkeys(_TOOLS, _SHELL)),
    "input": {"required": "take it out: an input without a `default` must be given"},
}
"""By what has the word: what to do about one that has no counterpart."""

_FILES: Sequence[tuple[str, str]] = (
    ("jobs", "a workflow of GitHub Actions"),
    ("apiVersion", "an object of Kubernetes"),
    ("stages", "a pipeline"),
)
"""By a word at the top of a file: what it is."""
START = (
    "a runbook begins with\n  runbook: NAME\n  title: WHAT IT DOES\n  kind: recovery\n  owner: TEAM\n  steps:"
)
"""The lines without which nothing is a runbook."""


def other_file(root: Node) -> str | None:
    """What a file is that has the words of another tool at its top, and not those of a runbook."""
    match root:
        case MappingNode() if root.entry("steps") is None:
            return next((what for word, what in _FILES if root.entry(word) is not None), None)
        case SequenceNode():
            plays = (item for item in root.items if isinstance(item, MappingNode))
            return "a playbook of Ansible" if any(each.entry("hosts") for each in plays) else None
        case _:
            return None


def meant_by(owner: str, word: str, known: Collection[str]) -> str | None:
    """Our word for a `word` of another tool, inside of `owner`; None when it has none there."""
    meant = _SYNONYMS.get(owner, {}).get(_plain(word))
    return meant if meant in known else None


def told_about(owner: str, word: str) -> str | None:
    """What to do about a word of another tool for which there is no single word inside of `owner`."""
    return _TOLD.get(owner, {}).get(_plain(word))


def _plain(word: str) -> str:
    return word.lower().replace("-", "_")
