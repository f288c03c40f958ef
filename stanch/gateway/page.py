"""A run as one HTML page, to be read on a phone: what is asked, what it rests on, how it went.

It needs no script and fetches nothing. All of a run is data of somebody else, an alert as much as a reason:
no text reaches the page but through `_text`, and none of it becomes an attribute, but links that are https or
http addresses.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from hashlib import sha256
from html import escape

from stanch.conductor.describe import flat
from stanch.contract import Change, Moment, Request, RunView, StepView
from stanch.language.render.phrases import who_agrees
from stanch.language.render.plot import plot

_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.45 sans-serif;max-width:44rem;margin:0 auto;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.3rem;margin:0}h2{font-size:1.05rem;margin:1.4rem 0 .3rem}
section.asked{border:2px solid #d1242f;border-radius:6px;padding:.2rem .8rem .8rem}
pre,code{font:.85rem/1.4 monospace;white-space:pre-wrap}
pre{margin:.2rem 0;padding:.4rem;border:1px solid #8c959f}
ul{padding-left:1.2rem;margin:.2rem 0}figure{margin:.6rem 0}small,.quiet{opacity:.75}
table{border-collapse:collapse}td{padding:.1rem .6rem .1rem 0;vertical-align:top}
td:first-child{white-space:nowrap}
"""
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'; "
        f"style-src 'sha256-{b64encode(sha256(_STYLE.encode()).digest()).decode()}'"
    ),
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
_LONGEST = 4000
_MOST = 200
"""Lines of a list; the newest where it is a timeline."""
_AGAIN = 20
"""Seconds after which the page of a run that goes on asks for itself anew."""


def render_page(view: RunView) -> str:
    parts = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        "" if view.outcome else f'<meta http-equiv="refresh" content="{_AGAIN}">',
        f"<title>{_text(view.title)}</title><style>{_STYLE}</style></head><body>",
        *_head(view),
        *(part for request in view.requests for part in _asked(view, request)),
        *_list("What it found", [f"{each.verdict}: {each.text}" for each in view.findings]),
        *_plots(view),
        *_changed(view),
        *_steps(view.steps),
        *_timeline(view.timeline),
        "</body></html>",
    ]
    return "\n".join(filter(None, parts))


def _head(view: RunView) -> Iterator[str]:
    yield f"<h1>{_text(view.title)}</h1>"
    words = (view.outcome or view.phase).replace("_", " ")
    said = f"{words}: {view.reason}" if view.outcome and view.reason else words
    yield f"<p><b>{_text(said)}</b>, {_text(view.severity)}, started {_moment(view.started)} "
    yield f"by {_text(view.started_by)}<br><small>{_text(view.run)}</small></p>"
    for told, why in (("Paused", view.paused), ("Nothing new begins", view.full), ("On hold", view.held)):
        if why:
            yield f"<p><b>{told}:</b> {_text(why)}</p>"


def _asked(view: RunView, request: Request) -> Iterator[str]:
    """In the order in which it is needed, as in the terminal."""
    yield f'<section class="asked"><h2>{_text(request.question)}</h2>'
    roles = who_agrees(request.roles, request.quorum, request.of_roles) or "anybody"
    until = f"; without an answer until {_moment(request.until)}: {request.silence}" if request.until else ""
    yield f"<p>{_text(f'Asked: {roles}{until}')}</p>"
    yield from (f"<p>! {_text(note)}</p>" for note in request.notes)
    if request.show:
        yield _block(request.show)
    if request.changes:
        yield "<h2>Will run, in this order</h2>"
        yield from (_change(change) for change in request.changes[:_MOST])
        if (more := len(request.changes) - _MOST) > 0:
            yield f"<p>and {more} more</p>"
    if request.irreversible:
        yield f"<p><b>NO WAY BACK:</b> {_text(request.irreversible)}</p>"
    yield from _list("It is done when", request.checklist)
    yield from _list("Because", request.evidence)
    if request.links:
        yield "<h2>Look here</h2><ul>"
        yield from (f"<li>{_link(link.title, link.url)}</li>" for link in request.links)
        yield "</ul>"
    yield "<h2>Answer</h2>"
    yield from map(_block, _answers(view, request))
    yield "</section>"


def _answers(view: RunView, request: Request) -> Iterator[str]:
    """Pages take no answers: who decides does it with a key or a token of their own."""
    bound = f"--request {request.id} --digest {request.digest[:12]}"
    if request.kind == "approval":
        yield f"stanch approve {view.run} {bound}"
        yield f"stanch deny {view.run} --request {request.id} --reason WHY"
    elif request.kind == "ask":
        values = " ".join(f"--value {name}=..." for name in request.fields)
        yield f"stanch decide {view.run} answer {bound} {values}"
    else:
        for choice in request.choices:
            yield f"stanch decide {view.run} {choice} --request {request.id} --reason WHY"


def _change(change: Change) -> str:
    told = [f"<b>{_text(change.target)}</b>" if change.target else "", _block(change.command)]
    for words, text in (
        ("done when", change.done),
        ("helped when", change.verify),
        ("way back", change.undo),
        ("put back", change.revert),
        ("known later", ", ".join(change.late)),
    ):
        told += [f"<small>{words}: {_text(text)}</small><br>"] if text else []
    return "".join(told)


def _plots(view: RunView) -> Iterator[str]:
    drawn = [(each.name, svg) for each in view.plots if (svg := plot(each.series, each.name))]
    if drawn:
        yield "<h2>How it went</h2>"
    for name, svg in drawn:
        yield f"<figure><figcaption>{_text(name)}</figcaption>{svg}</figure>"


def _changed(view: RunView) -> Iterator[str]:
    if not view.ledger:
        return
    yield "<h2>What it changed</h2>"
    for effect in view.ledger[-_MOST:]:
        undone = " (taken back)" if effect.undone else ""
        where = _text(effect.target or effect.step)
        yield f"{_moment(effect.at)} <b>{where}</b>{undone}{_block(effect.command)}"


def _steps(steps: tuple[StepView, ...]) -> Iterator[str]:
    if not steps:
        return
    yield "<h2>Steps</h2><table>"
    for step in steps[-_MOST:]:
        note = f"<br><small>{_text(step.note)}</small>" if step.note else ""
        title = _text(step.title or step.path)
        yield f"<tr><td>{_text(step.phase.replace('_', ' '))}</td><td>{title}{note}</td></tr>"
    yield "</table>"


def _timeline(timeline: tuple[Moment, ...]) -> Iterator[str]:
    yield "<h2>Timeline (UTC)</h2><table>"
    for moment in timeline[-_MOST:]:
        at = datetime.fromtimestamp(moment.at, UTC).strftime("%H:%M:%S")
        step = f"{moment.step}: " if moment.step else ""
        by = f" ({moment.by})" if moment.by and moment.by not in moment.text else ""
        text = moment.text or moment.kind.removeprefix("step_").replace("_", " ")
        yield f"<tr><td>{at}</td><td>{_text(f'{step}{text}{by}')}</td></tr>"
    yield "</table>"


def _list(title: str, lines: tuple[str, ...] | list[str]) -> Iterator[str]:
    if lines:
        yield f"<h2>{title}</h2><ul>"
        yield from (f"<li>{_text(line)}</li>" for line in lines[-_MOST:])
        yield "</ul>"


def _link(title: str, url: str) -> str:
    """A link for what is an address, and else a text that nobody can follow."""
    if not re.fullmatch(r"https?://[^\s<>\"'`\\\x00-\x20\x7f]+", url[:2000]):
        return f"{_text(title)}: <code>{_text(url)}</code>"
    return f'<a href="{escape(url[:2000])}" rel="noreferrer noopener">{_text(title)}</a>'


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def _block(text: str) -> str:
    """Its line breaks are kept."""
    return f"<pre>{chr(10).join(_text(line) for line in text[:_LONGEST].splitlines())}</pre>"


def _text(text: str) -> str:
    return escape(flat(text, _LONGEST))
