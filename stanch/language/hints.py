"""What to write instead of a value that does not fit, where a form of it shows what was meant.

Asked only about what was refused. By the word that has the value: people write `retry: 3` and `revert: 72h`
because other tools, or neighbouring words, take it like that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.duration import format_duration
from stanch.language.misfit import Misfit
from stanch.language.plan import Json

_Hint: TypeAlias = Callable[[Json], str | None]

_PLAIN = re.compile(r"[A-Za-z0-9_./$][A-Za-z0-9_./ ${}=<>-]*")
_SHORT = 60
_PARTS = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]+)[\s,]*(?:and\s+)?")
_CLOCK = re.compile(r"(?:(\d{1,2}):)?(\d{1,2}):(\d{2})")
_SECONDS = {"ms": 0.001, "milli": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_KINDS = frozenset({"string", "integer", "number", "boolean", "array", "object"})
TYPES = {
    **dict.fromkeys(
        ("str", "text", "varchar", "char", "email", "uuid", "password", "choice", "select"), "string"
    ),
    **dict.fromkeys(("int", "long", "int32", "int64", "integral", "port"), "integer"),
    **dict.fromkeys(("float", "double", "decimal", "num"), "number"),
    **dict.fromkeys(("bool", "flag", "checkbox"), "boolean"),
    **dict.fromkeys(("list", "strings", "set", "tuple", "[]string"), "array"),
    **dict.fromkeys(("dict", "map", "mapping", "hash", "struct", "json"), "object"),
}
"""By what other tools call them: the types of JSON Schema."""


def value_hint(name: str, misfit: Misfit) -> str | None:
    """What to write for `name` instead of the value that was refused."""
    value, title = misfit.value, misfit.title or ""
    if isinstance(value, str) and "{{" in value and "${{" not in value:
        return "what is filled in stands in `${{ }}`: `${{ inputs.NAME }}`"
    if title.startswith("a duration"):
        return _duration(name, value)
    if title.startswith("a name such as") and isinstance(value, str):
        return _named(name, value, "-" if "`-`" in title else "_", misfit.of_name)
    if title.startswith("a role such as") and isinstance(value, str):
        return _named(name, value, "_", of_name=False)
    if title.startswith(("a date such as", "a statement without")) and isinstance(value, str):
        return _date(name, value) if title.startswith("a date") else _statement(value)
    if misfit.path[-2:-1] in (("inputs",), ("fields",)) and misfit.keyword == "type":
        word = value.lower() if isinstance(value, str) else "string"
        return f"write `{name}: {{type: {word if word in _KINDS else TYPES.get(word, 'string')}}}`"
    if misfit.keyword == "const" and value is not False:
        return f"write `{name}: {str(misfit.wanted).lower()}`"
    by_word = _BY_WORD.get(name)
    hint = None if by_word is None or misfit.of_name else by_word(value)
    return hint if hint is not None else _by_kind(name, misfit)


def _by_kind(name: str, misfit: Misfit) -> str | None:
    value = misfit.value
    if misfit.keyword != "type" or value is None:
        return None
    if misfit.wanted == "array" and not isinstance(value, dict):
        return _write(name, f"[{_text(value)}]")
    if isinstance(value, dict) and len(value) == 1 and "string" in misfit.wanted:
        ((key, inner),) = value.items()
        return None if isinstance(inner, dict | list) else f'quote what is text: `"{key}: {_text(inner)}"`'
    if misfit.wanted == "array":
        return f"put `- ` before it, as `{name}` is a list"
    return None


def _write(name: str, value: str) -> str | None:
    return f"write `{name}: {value}`" if len(value) <= _SHORT and "\n" not in value else None


def _text(value: Json) -> str:
    """A value as it may stand in brackets."""
    if isinstance(value, list):
        return f"[{', '.join(map(_text, value))}]"
    if isinstance(value, str):
        bare = _PLAIN.fullmatch(value) and "{" not in value
        return value if bare else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False)


# --- forms of text ----------------------------------------------------------------------------------------


def _duration(name: str, value: Json) -> str | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return f"say the unit: `{name}: {value:g}s` for seconds, `{value:g}m` for minutes"
    if not isinstance(value, str):
        return None
    seconds = _seconds(value.strip().lower())
    return None if not seconds else _write(name, format_duration(seconds))


def _seconds(text: str) -> float | None:
    if text.isdigit():
        return None
    if (clock := _CLOCK.fullmatch(text)) is not None:
        hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return hours * 3600.0 + minutes * 60 + seconds
    if text.startswith("p"):
        text = text.removeprefix("p").replace("t", "")
    total, at = 0.0, 0
    while (part := _PARTS.match(text, at)) is not None:
        unit = part.group(2)
        known = _SECONDS.get(unit) or _SECONDS.get(unit[:5]) or _SECONDS.get(unit[0])
        if known is None or (len(unit) > 1 and not _UNIT.fullmatch(unit)):
            return None
        total, at = total + float(part.group(1)) * known, part.end()
    return total if at == len(text) else None


_UNIT = re.compile(r"ms|millis?(econds?)?|s(ecs?|econds?)?|m(ins?|inutes?)?|h(rs?|ours?)?|d(ays?)?|w(eeks?)?")


def _named(name: str, value: str, joint: str, of_name: bool) -> str | None:
    split = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", value)
    better = joint.join(re.findall(r"[a-z0-9]+", split.lower()))
    if not better[:1].isalpha() or better == value or len(better) > _SHORT:
        return None
    return f"write `{better}`" if of_name else f"write `{name}: {better}`"


def _date(name: str, value: str) -> str | None:
    if (found := re.fullmatch(r"(\d{4})[/.-](\d{1,2})[/.-](\d{1,2})(?:[T ].*)?", value)) is None:
        return "year, month and day, with `-` between them"
    year, month, day = found.groups()
    return f"write `{name}: {year}-{int(month):02}-{int(day):02}`"


def _statement(value: str) -> str | None:
    """SQL into which a value was put as text."""
    if (found := re.search(r"\$\{\{\s*([\w.]+)\s*\}\}", value)) is None:
        return None
    word = found.group(1).rpartition(".")[2]
    return f'write `%({word})s` there, without quotes, and `params: {{{word}: "{found.group(0)}"}}` beside it'


# --- by word ----------------------------------------------------------------------------------------------


def _revert(value: Json) -> str | None:
    if isinstance(value, str) and (seconds := _seconds(value.lower())):
        after = format_duration(seconds) if " " in value else value
        return f"write `revert: {{after: {after}}}`"
    return "write `revert: end_of_run`, or when it comes back: `revert: {after: 72h}`"


def _approval(value: Json) -> str | None:
    if isinstance(value, list):
        return _write("approval", f"{{from: {_text(value)}}}") and (
            f"write `approval: {{from: {_text(value)}}}`, and `any: 1` in it if one of them is enough"
        )
    return "name the role that agrees: `approval: incident_commander`"


def _for_each(value: Json) -> str | None:
    name, items = "item", value
    if isinstance(value, str):
        told = re.fullmatch(r"(\w+) in (.+)", value.strip())
        name, items = (told.group(1), told.group(2)) if told is not None else ("item", value.strip())
        inner = re.fullmatch(r"\$?\{\{\s*(.*?)\s*\}\}", items)
        items = f'"${{{{ {inner.group(1) if inner is not None else items} }}}}"'
        return _write("for_each", f"{{as: {name}, in: {items}}}")
    return _write("for_each", f"{{as: {name}, in: {_text(items)}}}") if isinstance(items, list) else None


def _in(value: Json) -> str | None:
    return (
        f'write `in: "${{{{ {value.strip()} }}}}"`'
        if isinstance(value, str) and len(value) < _SHORT
        else None
    )


def _retry(value: Json) -> str | None:
    times = value if isinstance(value, int) and value > 0 and not isinstance(value, bool) else 3
    return f"write `retry: {{times: {times}, every: 5s}}`"


def _on_failure(value: Json) -> str | None:
    if value in ("retry", "retries") or (isinstance(value, dict) and "retry" in value):
        return (
            "repeat it with `retry: {times: 3, every: 5s}`; `on_failure` says what comes behind the last try"
        )
    return _meaning(
        value,
        {
            "continue": ("ignore", "skip", "proceed", "next", True),
            "stop": ("fail", "abort", "exit", "halt", "error", "end", False),
            "undo": ("rollback", "revert", "roll_back", "compensate"),
            "ask": ("pause", "wait", "prompt", "page", "notify", "escalate"),
        },
        "on_failure",
    )


def _effect(value: Json) -> str | None:
    return _meaning(
        value,
        {
            "read": ("none", "no", "readonly", "read-only", "read_only", "safe", "nothing", False),
            "change": (
                "write",
                "modify",
                "mutate",
                "update",
                "delete",
                "destructive",
                "yes",
                "changes",
                True,
            ),
        },
        "effect",
    )


def _meaning(value: Json, known: Mapping[str, tuple[Json, ...]], name: str) -> str | None:
    asked = value.lower() if isinstance(value, str) else value
    return next((f"write `{name}: {word}`" for word, others in known.items() if asked in others), None)


def _type(value: Json) -> str | None:
    meant = TYPES.get(value.lower()) if isinstance(value, str) else None
    return None if meant is None else f"write `type: {meant}`"


def _is(_: Json) -> str | None:
    return "`confirmed` is a cause, `suspect` may be one, `cleared` is none, `unknown` is not known"


def _only_true(name: str) -> _Hint:
    return lambda value: f"leave `{name}` out: that is what it means without it" if value is False else None


def _reason(name: str) -> _Hint:
    return lambda _: (
        f"say why: `{name}: a restart cannot be taken back`"
        if name == "irreversible"
        else (f"say why nobody has to agree: `{name}: it only clears a cache`")
    )


def _action(name: str, form: str) -> _Hint:
    return lambda _: f"write `{name}: {form}`"


def _run(value: Json) -> str | None:
    if not isinstance(value, str):
        return None
    if re.search(r"[|;&<>$`*\n\"']", value) and not value.startswith("${{"):
        return "a command is a list of words; what needs a shell stands in `script: ...` instead"
    return _write("run", f"[{', '.join(map(_text, value.split()))}]")


def _outputs(_: Json) -> str | None:
    return "give each value a name: `outputs: {value: result.value}`"


def _secret(value: Json) -> str | None:
    if not isinstance(value, str) or any(char.isspace() for char in value):
        return None
    kind, _, rest = value.partition("/")
    if kind == "vault" and "/" in rest and "#" not in rest:
        return f"say which field of it: `secret: {value}#FIELD`"
    if kind == "kubernetes" and rest.count("/") == 0 and rest:
        return f"write `secret: kubernetes/NAMESPACE/{rest}{'' if '#' in rest else '#KEY'}`"
    return f"write `secret: env/{value}`" if re.fullmatch(r"[A-Z_][A-Z0-9_]*", value) else None


def _require(value: Json) -> str | None:
    that = _text(value) if isinstance(value, str) and len(value) < _SHORT else "..."
    return f"write `- that: {that}` and, below `that`, `else:` with what a person reads when it does not hold"


def _url(value: Json) -> str | None:
    if (
        isinstance(value, str)
        and "://" not in value
        and re.fullmatch(r"[\w.-]+\.[\w-]+(:\d+)?(/\S*)?", value)
    ):
        return _write("url", f"https://{value}")
    return None


def _steps(value: Json) -> str | None:
    first = (
        next((name for name in value if name.isidentifier()), "NAME") if isinstance(value, dict) else "NAME"
    )
    return f"each step begins with `- id: {first}`, and its words stand below `id`"


def _hosts(value: Json) -> str | None:
    if isinstance(value, str) and value in ("all", "*", "any", "everything"):
        return 'name each of them: `hosts: [web1, web2]`, or `hosts: "${{ inputs.hosts }}"`'
    return None


_BY_WORD: Mapping[str, _Hint] = {
    "revert": _revert,
    "approval": _approval,
    "for_each": _for_each,
    "in": _in,
    "retry": _retry,
    "on_failure": _on_failure,
    "effect": _effect,
    "type": _type,
    "is": _is,
    "idempotent": _only_true("idempotent"),
    "parallel": _only_true("parallel"),
    "irreversible": _reason("irreversible"),
    "unattended": _reason("unattended"),
    "run": _run,
    "hosts": _hosts,
    "url": _url,
    "outputs": _outputs,
    "secret": _secret,
    "require": _require,
    "silence": lambda _: "write `silence: {after: 20m, then: abort}`",
    "then": lambda _: "silence is never a yes: `then: deny` is a no, `then: abort` ends the run",
    "links": lambda value: (
        f"write `- {{title: Dashboard, url: {json.dumps(value)}}}`" if isinstance(value, str) else None
    ),
    "ask": _action("ask", "{from: technical_lead, fields: {answer: {type: string}}}"),
    "fields": _action("fields", "{answer: {type: string}}"),
    "steps": _steps,
    "inputs": _action("inputs", "{service: {type: string}}"),
    "manual": _action("manual", "{who: technical_lead, do: Restart it.}"),
    "http": _action("http", "{url: https://...}"),
    "prometheus": _action("prometheus", "{query: up}"),
    "ssh": _action("ssh", "{hosts: [web1], run: [uptime]}"),
    "command": _action("command", "{run: [gcloud, compute, instances, list]}"),
    "ansible": _action("ansible", "{playbook: site.yml, hosts: [web1]}"),
    "undo": _action("undo", "{ssh: {run: [...]}}"),
    "done": _action("done", "{ssh: {run: [...]}, until: result.rc == 0, within: 2m}"),
    "verify": _action("verify", "{step: ID, until: result.value < 0.01, within: 5m}"),
}
"""Beside what its kind says already; None where the message says enough."""


__all__ = ["TYPES", "value_hint"]
