"""A call of a Plan as one line, near to what one would type; `${{ }}` stays as it is."""

from __future__ import annotations

import re
import shlex

from stanch.language.duration import format_duration
from stanch.language.encode import canonical
from stanch.language.plan import Call, Check, Json, Poll

_PLAIN = re.compile(r"[\w@%+=:,./-]+|\S*\$\{\{.*\}\}\S*")


def call_text(call: Call) -> str:
    """`ssh web1, web2: deploy current shop`."""
    params = dict(call.params)
    hosts = params.pop("hosts", None)
    where = "" if hosts is None else f" {_hosts(hosts)}:"
    if isinstance(run := params.get("run"), list):
        rest = " ".join(_word(word) for word in run)
    elif "url" in params:
        rest = f"{params.get('method', 'GET')} {params['url']}"
    elif "query" in params:
        rest = str(params["query"])
    else:
        rest = " ".join(f"{name}={_word(value)}" for name, value in params.items())
    return f"{call.action}{where} {rest}".rstrip()


def check_text(check: Check) -> str:
    """`http GET http://...; until ..., every 2s, within 2m`."""
    return f"{call_text(check.call)}; {poll_text(check.poll)}"


def poll_text(poll: Poll) -> str:
    text = f"until {poll.until}, every {format_duration(poll.every)}, within {format_duration(poll.within)}"
    return text + (f", stable for {format_duration(poll.stable)}" if poll.stable else "")


def _hosts(hosts: Json) -> str:
    return ", ".join(map(str, hosts)) if isinstance(hosts, list) else str(hosts)


def _word(value: Json) -> str:
    text = value if isinstance(value, str) else canonical(value).decode()
    return text if _PLAIN.fullmatch(text) else shlex.quote(text)
