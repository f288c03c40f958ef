"""What a person reads of a call: its targets and the command itself. Secrets are shown as references."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from stanch.contract import ActionTask, Change, Request
from stanch.errors import EvaluationError
from stanch.language.encode import canonical
from stanch.language.evaluate import Scope, render, show
from stanch.language.plan import Call, Check, Json, Revert
from stanch.language.render.orders import as_whom, order_text
from stanch.language.render.phrases import revert_words

TARGET_ENDS = {
    "done": "it had ended by itself",
    "not_started": "nothing was executed",
    "stopped": "stopped",
    "running": "was told to stop, and did not: it may still be running",
    "unknown": "nobody knows how it ended",
}
"""State of a `TargetEnd`, in words."""


_TARGETS = ("hosts", "database", "to")
"""Parameters that name what is touched."""


def target_of(call: Call) -> str:
    """Hosts, or the host of a URL; empty when the call names none."""
    return ", ".join(targets_of(call))


def targets_of(call: Call) -> tuple[str, ...]:
    named = next((call.params[word] for word in _TARGETS if word in call.params), None)
    if isinstance(named, list):
        return tuple(str(each) for each in named)
    if isinstance(named, str):
        return (named,)
    named_by = ("url", "server", "provider", "system")
    url = next((call.params[word] for word in named_by if call.params.get(word)), None)
    return (_host_of(url),) if isinstance(url, str) else ()


def is_single(call: Call) -> bool:
    """Whether it surely touches no more than one target, so that one answer tells of all of it."""
    hosts = call.params.get("hosts")
    return call.one or (not isinstance(hosts, str) and len(targets_of(call)) <= 1)


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).netloc or url
    except ValueError:
        return url


def command_of(call: Call) -> str:
    """The command as one would type it, as far as the action has such a form, and in which zone."""
    return _typed(call) + (f" (zone {call.zone})" if call.zone else "")


def _typed(call: Call) -> str:
    params = call.params
    match call.action:
        case "ssh" | "command" if isinstance(params.get("run"), list):
            return as_whom(params, _word) + shlex.join(_word(word) for word in params["run"])
        case "ssh" if "script" in params:
            return as_whom(params, _word) + _with_env(
                f"sh: {str(params['script']).rstrip()}", params.get("env")
            )
        case "ansible":
            return _ansible(params)
        case "http":
            body = next((params[name] for name in ("json", "form", "body") if name in params), None)
            text = f"{params.get('method', 'GET')} {params.get('url', '')}"
            if "connect_to" in params:
                text += f" (at {_word(params['connect_to'])})"
            return text if body is None else f"{text} {_word(body)}"
        case "manual":
            return f"{params.get('who', '')}: {params.get('do', '')}"
        case "prometheus" | "sql":
            values = params.get("params")
            return str(params.get("query", "")) + (f" with {_word(values)}" if values else "")
    rest = {name: value for name, value in params.items() if name != "hosts"}
    return order_text(call.action, params, _word) or f"{call.action} {_word(rest)}"


def change_of(task: ActionTask, undo: Call | None, revert: str = "") -> Change:
    """The change that `task` is; `undo` may still hold `${{ }}` that only the change itself will settle."""
    return Change(
        target=target_of(task.call),
        command=command_of(task.call),
        done=check_text(task.done, task.scope) if task.done else "",
        undo=command_of(undo) if undo else "",
        revert=revert,
    )


def revert_text(revert: Revert, scope: Scope, child: str = "") -> str:
    """When a borrowed change comes back, in words; what is not known yet stays as it is written.

    `child` is the runbook that the change belongs to, if that is not the run's own: it is put back at the end
    of that one.
    """

    def fill(text: str) -> str:
        try:
            return show(render(text, scope))
        except EvaluationError:
            return text

    if revert.at == "end_of_run" and child:
        return f"at the end of `{child}`"
    words = revert_words(revert, fill)
    # A run of revision 1 acts on no revert that outlives it, and whoever approves must not believe it does.
    return words if revert.at in ("end_of_block", "end_of_run") else f"by hand, {words}"


def page_text(head: str, request: Request) -> str:
    """What wakes somebody: the question, then what would run where or what went wrong; 400 characters."""
    commands: dict[str, list[str]] = {}
    for change in request.changes:
        commands.setdefault(change.command, []).append(change.target)
    told = [
        f"{', '.join(filter(None, dict.fromkeys(targets)))}: {command}".removeprefix(": ")
        for command, targets in commands.items()
    ]
    shown = (request.show,) if request.show else request.evidence
    lines = [f"{head}: {request.question}", *request.batches[:3], *(told or shown)]
    return " | ".join(" ".join(line.split()) for line in lines)[:400]


def check_text(check: Check, scope: Scope) -> str:
    """The check's command and condition, with the values of the names that the condition compares with."""
    until = check.poll.until
    read = {name: value for name, value in _leaves(scope) if re.search(rf"\b{re.escape(name)}\b", until)}
    values = ", ".join(f"{name} is {brief(value)}" for name, value in read.items())
    return f"{command_of(check.call)}, until {until}" + (f" ({values})" if values else "")


def _leaves(scope: Scope) -> Iterator[tuple[str, Json]]:
    """Names and values that a condition can read: `steps.current.bad`, `inputs.service`, `host`."""
    for name, held in scope.items():
        if isinstance(held, Mapping) and name in ("steps", "inputs", "run"):
            yield from ((f"{name}.{inner}", value) for inner, value in _leaves(held))
        elif isinstance(held, Mapping):
            yield from ((f"{name}.{inner}", value) for inner, value in held.items())
        elif "." not in name:
            yield name, held


def shown(value: Json) -> Json:
    """`value` with secret references as readable text."""
    if isinstance(value, Mapping):
        if set(value) == {"secret"}:
            return f"[secret {value['secret']}]"
        return {key: shown(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [shown(held) for held in value]
    return value


def brief(value: Json) -> str:
    """`value` for a line that people read: numbers to four digits, the rest as `show` writes it, cut."""
    return f"{value:.4g}" if isinstance(value, float) else show(value)[:120]


def _word(value: Json) -> str:
    plain = shown(value)
    return plain if isinstance(plain, str) else canonical(plain).decode()


def _with_env(text: str, env: Json) -> str:
    if not isinstance(env, Mapping) or not env:
        return text
    return " ".join(f"{name}={shlex.quote(_word(value))}" for name, value in env.items()) + f" {text}"


def _ansible(params: Mapping[str, Json]) -> str:
    return _ansible_what(params) + _ansible_how(params)


def _ansible_how(params: Mapping[str, Json]) -> str:
    """Whom it leaves out, as whom it acts, and whether it acts at all."""
    become = params.get("become")
    tags, skipped = (
        ",".join(map(_word, given)) if isinstance(given, list) else given
        for given in (params.get("tags"), params.get("skip_tags"))
    )
    options = {
        "--limit": params.get("limit"),
        "--tags": tags,
        "--skip-tags": skipped,
        "--become-user": "root" if become is True else become or None,
    }
    said = [f" {name} {shlex.quote(_word(value))}" for name, value in options.items() if value is not None]
    return "".join(said) + (" --check" if params.get("check") is True else "")


def _ansible_what(params: Mapping[str, Json]) -> str:
    if "module" in params:
        return f"ansible -m {params['module']} -a {shlex.quote(_word(params.get('args', '')))}"
    playbook = params.get("playbook")
    name = playbook if isinstance(playbook, str) else "(inline playbook)"
    extra = params.get("vars")
    return f"ansible-playbook {name}" + (f" -e {shlex.quote(_word(extra))}" if extra else "")
