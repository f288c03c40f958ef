"""A call of a Plan as one line, near to what one would type; `${{ }}` stays as it is."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace

from stanch.language.encode import canonical
from stanch.language.plan import MANUAL, Call, Check, Json, Poll
from stanch.language.render.orders import order_text
from stanch.language.render.phrases import poll_timing

_PLAIN = re.compile(r"[\w@%+=:,./-]+|\S*\$\{\{.*\}\}\S*")


def call_text(call: Call) -> str:
    """`ssh web1, web2: deploy current shop`, `manual technical_lead: merge the change`."""
    params = dict(call.params)
    hosts = params.pop("hosts", None)
    where = "" if hosts is None else f" {_hosts(hosts)}:"
    if "as" in params and hosts is not None:
        where = f" as {params['as']}{where}"
    if call.action == MANUAL:
        return _by_hand(call)
    if call.zone:
        return f"in zone {call.zone}: {call_text(replace(call, zone=''))}"
    if (order := order_text(call.action, call.params, _text)) is not None:
        return _one_line(order) + ("" if hosts is None else f" on {_hosts(hosts)}")
    if isinstance(run := params.get("run"), list):
        rest = " ".join(_word(word) for word in run)
    elif "url" in params:
        rest = f"{params.get('method', 'GET')} {params['url']}"
    elif "query" in params:
        rest = str(params["query"])
    else:
        rest = " ".join(f"{name}={_word(value)}" for name, value in params.items())
    return f"{call.action}{where} {_one_line(rest)}".rstrip()


def check_text(check: Check) -> str:
    """`http GET http://...; until ..., every 2s, within 2m`."""
    return f"{call_text(check.call)}; {poll_text(check.poll)}"


def poll_text(poll: Poll) -> str:
    worse = f", unless {' '.join(poll.worse.split())}" if poll.worse else ""
    return f"until {' '.join(poll.until.split())}{worse}, {poll_timing(poll)}"


def _by_hand(call: Call) -> str:
    params = call.params
    text = f"{MANUAL} {params.get('who', '')}: {_one_line(str(params.get('do', '')))}"
    checklist = params.get("checklist")
    if isinstance(checklist, list):
        return text + "".join(f" [ ] {_one_line(str(line))}" for line in checklist)
    return f"{text} [ ] {checklist}" if checklist else text


def _hosts(hosts: Json) -> str:
    return ", ".join(map(str, hosts)) if isinstance(hosts, list) else str(hosts)


def _text(value: Json) -> str:
    return value if isinstance(value, str) else canonical(value).decode()


def _word(value: Json) -> str:
    text = _text(value)
    return text if _PLAIN.fullmatch(text) else shlex.quote(text)


def _one_line(text: str) -> str:
    """The line breaks are written out; the spaces between quotes are somebody's data."""
    return "\\n".join(text.splitlines())
