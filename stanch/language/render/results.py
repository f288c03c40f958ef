"""What an action gave, as one line for the person who decides next: the fact first, how it was had last."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from stanch.language.encode import canonical
from stanch.language.plan import Json
from stanch.language.render import sparkline

Result: TypeAlias = Mapping[str, Json]

_SHOWN = 4
"""Results, rows or records that are told one by one."""
_LONGEST = 120
"""Characters of one text or value in a line."""


def line_of(value: Json) -> str | None:
    """A line about `value` if it is series, or what an action gave; None for any other value.

    It is recognised by what only such a result has, so an output that is the whole result is told as well.
    """
    if (told := sparkline.summary(value)) is not None:
        return told
    if isinstance(value, Mapping):
        return _of_one(value)
    if not isinstance(value, list | tuple) or not value:
        return None
    told_each = [_of_one(each) if isinstance(each, Mapping) else None for each in value[:_SHOWN]]
    lines = [line for line in told_each if line is not None]
    return None if len(lines) < len(told_each) else _some(lines, len(value))


def _of_one(result: Result) -> str | None:
    for words, form in _FORMS.items():
        if all(word in result for word in words):
            try:
                return form(result)
            except (KeyError, TypeError, AttributeError, ValueError):
                # A stand-in of a rehearsal, or an output that only looks like it.
                return None
    return None


def _http(result: Result) -> str:
    where = f" at {_cut(result['connected_to'])}" if "connected_to" in result else ""
    url = result["url"].partition("?")[0]
    told = f"{result['method']} {_cut(url)}{where}: {result['status']} in {_seconds(result['seconds'])}"
    if "pages" in result:
        more = ", and there is more" if result["truncated"] else ""
        told += f", {_count(result.get('count', 0), 'item')} on {_count(result['pages'], 'page')}{more}"
    return told


def _prometheus(result: Result) -> str:
    """An instant query; a range is series."""
    series = result["series"]
    if not series:
        return "no series"
    shared = len(series) > 1
    told = [
        f"{_labels(each['labels'])} {_sample(each)}" if shared else _sample(each) for each in series[:_SHOWN]
    ]
    return _some(told, len(series))


def _tls(result: Result) -> str:
    left = f"{_number(result['days_left'])} days left"
    state = "trusted" if result["trusted"] else f"NOT TRUSTED ({_cut(result['error'])})"
    return f"{result['to']}: {state}, {left}, issued by {_cut(result['issuer'])}"


def _tcp(result: Result) -> str:
    state = "open in" if result["open"] else f"NOT OPEN ({_cut(result['error'])}) after"
    said = f", says {_cut(result['banner'])}" if result.get("banner") else ""
    return f"{result['to']}: {state} {_seconds(result['seconds'])}{said}"


def _dns(result: Result) -> str:
    told = [
        f"{each['name']} {each['type']} {', '.join(map(_cut, each['values']))} (ttl {each['ttl']})"
        if each["values"]
        else f"{each['name']} has no {each['type']}"
        for each in result["answers"][:_SHOWN]
    ]
    return _some(told, len(result["answers"])) or "no records"


def _logs(result: Result) -> str:
    more = " or more" if result["truncated"] else ""
    if not result["lines"]:
        return "no lines"
    return f"{_count(result['count'], 'line')}{more}, the newest: {_cut(result['lines'][-1]['line'])}"


def _sql(result: Result) -> str:
    rows = result["rows"]
    where = f"{result['database']}: {_count(result['count'], 'row')}"
    told = [
        ", ".join(f"{name}={_value(row[name])}" for name in result["columns"])
        if len(row) > 1 or len(rows) > 1
        # One number is the answer itself.
        else ", ".join(f"{name} is {_value(held)}" for name, held in row.items())
        for row in rows[:_SHOWN]
    ]
    return f"{where}: {_some(told, len(rows))}" if rows else where


def _command(result: Result) -> str:
    where = f"{result['host']}: " if "host" in result else ""
    said = str(result["stdout"] or result["stderr"]).strip().splitlines()
    state = "" if result["rc"] == 0 else f"exit status {result['rc']}"
    last = _cut(said[-1].strip()) if said else ""
    return where + (": ".join(filter(None, (state, last))) or "done, and said nothing")


_FORMS: Mapping[tuple[str, ...], Callable[[Result], str]] = {
    ("method", "url", "status", "accepted", "seconds"): _http,
    ("query", "type", "series"): _prometheus,
    ("to", "trusted", "days_left", "issuer"): _tls,
    ("to", "open", "seconds", "error"): _tcp,
    ("answers", "old_ttl"): _dns,
    ("lines", "count", "truncated"): _logs,
    ("database", "columns", "rows", "count"): _sql,
    ("rc", "stdout", "stderr"): _command,
}
"""By what a result of that action always has, and no other's."""


def _some(told: Sequence[str], count: int) -> str:
    more = f"; and {count - len(told)} more" if count > len(told) else ""
    return "; ".join(told) + more


def _sample(series: Result) -> str:
    return _number(series["value"]) if "value" in series else str(series["special"])


def _labels(labels: Result) -> str:
    return _cut(", ".join(f"{name}={labels[name]}" for name in sorted(labels) if name != "__name__"))


def _value(value: Json) -> str:
    if isinstance(value, float):
        return _number(value)
    return _cut(value if isinstance(value, str) else canonical(value).decode())


def _number(value: Json) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _seconds(seconds: float) -> str:
    if seconds >= 1:
        return f"{_number(seconds)} s"
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 else "less than 1 ms"


def _count(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' * (count != 1)}"


def _cut(text: str) -> str:
    line = " ".join(text[: 4 * _LONGEST].split())
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 3]}..."
