"""A call on what a team works with, as one line: `pull_request config: take back 1a2b3c, and merge it`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from stanch.language.plan import Json

Word: TypeAlias = Callable[[Json], str]
Params: TypeAlias = Mapping[str, Json]


def pull_request(params: Params, word: Word) -> str:
    place = f" {word(params['repository'])}" if "repository" in params else ""
    base = f" on {word(params['base'])}" if "base" in params else ""
    merged = ", and merge it" if params.get("merge") is True else ""
    return f"pull_request{place}: take back {_reverted(params.get('revert', ''), word)}{base}{merged}"


def _reverted(asked: Json, word: Word) -> str:
    match asked:
        case {"commit": commit}:
            return word(commit)
        case {"after": commit}:
            return f"all after {word(commit)}"
        case {"last_change_of": path}:
            return f"the last change of {word(path)}"
        case {"request": branch}:
            return f"the request of {word(branch)}"
    return word(asked)


def notify(params: Params, word: Word) -> str:
    place = f" {word(params['channel'])}" if "channel" in params else ""
    called = f", calling {', '.join(map(word, _listed(params['mention'])))}" if "mention" in params else ""
    return f"notify{place}{called}: {_said(params, word)}"


def page(params: Params, word: Word) -> str:
    whom = f" {word(params.get('role', params.get('service', '')))}".rstrip()
    if params.get("resolve") is True:
        return f"page{whom}: resolve {word(params.get('key', ''))}"
    return f"page{whom}: {word(params.get('text', ''))}"


def pipeline(params: Params, word: Word) -> str:
    place = f" {word(params['system'])}" if "system" in params else ""
    ref = f" at {word(params['ref'])}" if "ref" in params else ""
    left = "" if params.get("follow", True) is not False else ", and leave it to itself"
    return f"pipeline{place}: start {word(params.get('job', ''))}{ref}{_inputs(params, word)}{left}"


def _inputs(params: Params, word: Word) -> str:
    given = params.get("inputs")
    if isinstance(given, Mapping):
        told = ", ".join(f"{name}={word(value)}" for name, value in given.items())
    else:
        told = word(given) if given else ""
    return f" with {told}" if told else ""


def ticket(params: Params, word: Word) -> str:
    place = f"ticket {word(params['tracker'])}" if "tracker" in params else "ticket"
    match params:
        case {"create": {"title": title}}:
            return f"{place}: open {word(title)}"
        case {"comment": {"ticket": key, "text": text}}:
            return f"{place}: comment on {word(key)}: {word(text)}"
        case {"transition": {"ticket": key, "to": state}}:
            return f"{place}: move {word(key)} to {word(state)}"
    return place


def _said(params: Params, word: Word) -> str:
    title = f"{word(params['title'])}: " if "title" in params else ""
    return f"{title}{word(params.get('text', ''))}"


def _listed(value: Json) -> list[Json]:
    return list(value) if isinstance(value, list | tuple) else [value]
