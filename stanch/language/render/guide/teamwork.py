"""Repositories, tickets and channels: what a person types or does there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from stanch.language.plan import Json
from stanch.language.render.guide import shell
from stanch.language.render.guide.markdown import block, code
from stanch.language.render.guide.shell import Word
from stanch.language.render.guide.values import spelled

Params = Mapping[str, Json]


def pull_request(params: Params) -> Iterator[str]:
    place = f" {spelled(params['repository'])}" if "repository" in params else ""
    asked = params.get("revert")
    asked = asked if isinstance(asked, Mapping) else {}
    base = spelled(params.get("base", "<its default branch>"))
    if "request" in asked:
        branch = code(spelled(asked["request"]))
        yield f"Close the request of the branch {branch} and delete the branch."
        yield "If it was merged, revert it by another request."
        return
    yield f"In a copy of the repository{place}:"
    branch = spelled(params.get("branch", "<a new branch>"))
    lines: list[list[Word]] = [
        ["git", "switch", "-c", branch, f"origin/{base}"],
        *_reverting(asked),
        ["git", "push", "origin", branch],
    ]
    yield block("\n".join(map(shell.line, lines)), "sh")
    merged = ", and merge it" if params.get("merge") is True else ""
    yield f"Of a merge, give {code('-m 1')} too. Then ask for it to be merged into {code(base)}{merged}."


def _reverting(asked: Params) -> Iterator[list[Word]]:
    if "last_change_of" in asked:
        path = spelled(asked["last_change_of"])
        yield ["git", "log", "-1", "--first-parent", "--format=%H", "HEAD", "--", path]
        yield ["git", "revert", "<that commit>"]
    elif "after" in asked:
        yield ["git", "revert", "--no-edit", f"{spelled(asked['after'])}..HEAD"]
    else:
        yield ["git", "revert", "--no-edit", spelled(asked.get("commit", ""))]


def notify(params: Params) -> Iterator[str]:
    called = f", calling {', '.join(map(code, _each(params['mention'])))}" if "mention" in params else ""
    yield f"Tell the channel {_place(params, 'channel')}{called}:"
    yield from _message(params)


def page(params: Params) -> Iterator[str]:
    whom = (
        code(spelled(params["role"]))
        if "role" in params
        else f"whoever is on call at {_place(params, 'service')}"
    )
    if params.get("resolve") is True:
        yield f"Resolve the page of {whom} that is known as {code(spelled(params.get('key', '')))}."
        return
    yield f"Page {whom}:"
    yield from _message(params)


def pipeline(params: Params) -> Iterator[str]:
    place = f" in {code(spelled(params['system']))}" if "system" in params else ""
    ref = f" at {code(spelled(params['ref']))}" if "ref" in params else ""
    given = params.get("inputs")
    yield f"Start the job {code(spelled(params.get('job', '')))}{place}{ref}{', with:' if given else '.'}"
    if isinstance(given, Mapping) and given:
        yield block("\n".join(f"{name}: {spelled(value)}" for name, value in given.items()), "text")
    elif given:
        yield block(spelled(given), "text")
    if params.get("follow", True) is not False:
        yield "Wait until it has ended. All but success is a failure."


def ticket(params: Params) -> Iterator[str]:
    place = _place(params, "tracker")
    match params:
        case {"comment": {"ticket": key, "text": text}}:
            yield f"Write under the ticket {code(spelled(key))} ({place}):"
            yield block(spelled(text), "text")
        case {"transition": {"ticket": key, "to": state}}:
            yield f"Move the ticket {code(spelled(key))} ({place}) to {code(spelled(state))}."
        case {"create": created} if isinstance(created, Mapping):
            yield f"Open a ticket in {place}:"
            yield from _message(created)


def _message(params: Params) -> Iterator[str]:
    links = params.get("links")
    lines = [spelled(params[name]) for name in ("title", "text") if name in params]
    lines += map(_link, links if isinstance(links, list) else ())
    yield block("\n\n".join(lines), "text")


def _link(link: Json) -> str:
    if not isinstance(link, Mapping):
        return spelled(link)
    return f"{spelled(link['title'])}: {spelled(link['url'])}"


def _place(params: Params, name: str) -> str:
    return code(spelled(params[name])) if name in params else f"that {name}"


def _each(value: Json) -> list[str]:
    return [spelled(each) for each in value] if isinstance(value, list) else [spelled(value)]
