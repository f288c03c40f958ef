"""Units of systemd and links to releases as what is typed: `ssh web1 -- systemctl restart shop`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from stanch.language.plan import Json
from stanch.language.render.guide.markdown import code
from stanch.language.render.guide.ssh import ssh
from stanch.language.render.guide.values import spelled

_VERBS: Mapping[str, tuple[str, ...]] = {
    "started": ("start",),
    "stopped": ("stop",),
    "restarted": ("restart",),
    "reloaded": ("reload",),
    "enabled": ("enable",),
    "disabled": ("disable",),
    "masked": ("mask", "--now"),
    "unmasked": ("unmask",),
}


def systemd(params: Mapping[str, Json]) -> Iterator[str]:
    unit = params.get("unit", "")
    if "restore" in params:
        yield from _back(params, "restore", lambda each: _unit_back(each, unit))
    elif "set" in params:
        wanted = params["set"]
        verbs = _VERBS.get(wanted) if isinstance(wanted, str) else None
        if verbs is None:
            yield f"So that the unit {code(spelled(unit))} is {code(spelled(wanted))}:"
        yield from _run(params, [_typed(params, ["systemctl", *(verbs or ["<what makes it so>"]), unit])])
    else:
        yield from _run(params, [_typed(params, ["systemctl", "--no-pager", "status", unit])])


def release(params: Mapping[str, Json]) -> Iterator[str]:
    path = spelled(params.get("path", ""))
    if "restore" in params:
        yield from _back(params, "restore", lambda each: _switched(params, path, each["release"]))
    elif "to" in params:
        yield from _run(params, _switched(params, path, params["to"]))
    elif "away_from" in params:
        bad = code(spelled(params["away_from"]))
        yield f"Where the link `current` leads to {bad}, lead it to the release that was made before that."
        yield "Which that is, the newest first:"
        yield from _run(params, _listing(path)[1:])
        yield "Then:"
        yield from _run(params, _switched(params, path, "<the release before it>"))
    else:
        yield from _run(params, _listing(path))


def _listing(path: str) -> list[list[Json]]:
    return [["ls", "-ld", f"{path}/current"], ["ls", "-lt", f"{path}/releases"]]


def _switched(params: Mapping[str, Json], path: str, to: Json) -> list[list[Json]]:
    """By another name first: a link is replaced in one moment, and not written anew."""
    new = f"{path}/.current-new"
    return [
        _typed(params, ["ln", "-s", f"releases/{spelled(to)}", new]),
        _typed(params, ["mv", "-T", new, f"{path}/current"]),
    ]


def _unit_back(each: Mapping[str, Json], unit: Json) -> list[list[Json]]:
    words: list[str] = []
    match each.get("file"):
        case "masked":
            words.append("mask")
        case "enabled":
            words += ["unmask", "enable"]
        case "disabled":
            words += ["unmask", "disable"]
        case "free":
            words.append("unmask")
    if isinstance(active := each.get("active"), bool):
        words.append("start" if active else "stop")
    return [["systemctl", word, unit] for word in words]


def _back(
    params: Mapping[str, Json], name: str, of: Callable[[Mapping[str, Json]], Sequence[list[Json]]]
) -> Iterator[str]:
    restored = params[name]
    for each in restored if isinstance(restored, list) else []:
        if isinstance(each, Mapping):
            yield from _run({**params, "hosts": [each["host"]]}, of(each))


def _typed(params: Mapping[str, Json], words: list[Json]) -> list[Json]:
    match params.get("sudo"):
        case True:
            return ["sudo", *words]
        case {"user": user}:
            return ["sudo", "-u", user, *words]
        case {}:
            return ["sudo", *words]
    return words


def _run(params: Mapping[str, Json], lines: Sequence[list[Json]]) -> Iterator[str]:
    passed = {word: params[word] for word in ("hosts", "as") if word in params}
    for words in lines:
        yield from ssh({**passed, "run": words})
