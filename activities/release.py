"""The action `release`: which release an application's link `current` leads to, on each host.

    /srv/shop/releases/v41/
    /srv/shop/releases/v42/
    /srv/shop/current -> releases/v42

The link is replaced by one `rename`, so whoever opens a file through it finds one release or the other. What
runs already goes on with the old one: starting it anew is another step's. Switching twice is switching once;
it runs under a marker of `ssh` all the same, so that a lost worker's host is asked instead of a person.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from activities.action import Context, Standing
from activities.remote import Remote
from stanch.errors import ActionRefused, OutcomeUnknown
from stanch.language.plan import Json

_MOST = 100
"""Releases of a host that are listed, the newest of them."""

# `mv -T` never puts the new link into the folder that the old one leads to. GNU and busybox have it.
_SCRIPT = """\
cd -- "$path" || exit
if [ -n "$to" ]; then
    [ -d "releases/$to" ] || { echo "there is no release $to" >&2; exit 1; }
    was=$(readlink current)
    [ "$was" = "$from" ] || { echo "somebody else has switched it to $was in this moment" >&2; exit 1; }
    new=.current-$$
    trap 'rm -f "$new"' EXIT
    ln -s "${from%"$name"}$to" "$new" && mv -fT "$new" current || exit
fi
[ ! -e current ] || [ -L current ] || { echo "$path/current is no link" >&2; exit 1; }
printf 'link %s\\n' "$(readlink current 2>/dev/null)"
printf 'since %s\\n' "$(stat -c %Y current 2>/dev/null)"
stat -c '%Y %n' releases/*/ 2>/dev/null
exit 0
"""


@dataclass(frozen=True, slots=True)
class Place:
    """What is there on one host."""

    host: str
    path: str
    link: str
    """Where `current` leads, as it is written; empty when there is none."""
    since: int
    """When it was switched, in seconds since the epoch; 0 where the host does not tell."""
    releases: tuple[tuple[int, str], ...]
    """When each was made, and its name; the oldest first."""

    @property
    def names(self) -> list[str]:
        return [name for _, name in self.releases]

    @property
    def current(self) -> str:
        """Empty when the link leads to no release."""
        where = self.link.removeprefix(f"{self.path.rstrip('/')}/").removeprefix("./").rstrip("/")
        folder, _, name = where.partition("/")
        return name if folder == "releases" and "/" not in name else ""

    @property
    def previous(self) -> str:
        """The release before the current one; empty when there is none."""
        at = self.names.index(self.current) if self.current in self.names else 0
        return self.names[at - 1] if at else ""

    def data(self, *, changed: bool) -> dict[str, Json]:
        return {
            "host": self.host,
            "path": self.path,
            "current": self.current,
            "previous": self.previous,
            "since": self.since,
            "releases": [{"name": name, "at": at} for at, name in self.releases[: -_MOST - 1 : -1]],
            "changed": changed,
        }


class Release(Remote):
    """`release` as an action, over the connections of `ssh`."""

    name = "release"

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """One result a host: `host path current previous since releases changed`."""
        places = await self._places(params, context)
        if not context.key:
            return _result([place.data(changed=False) for place in places], context)
        goals = _goals(params, places)
        orders = {
            place.host: {
                "path": place.path,
                "to": goals[place.host],
                "from": place.link,
                "name": place.link[len(place.link.rstrip("/")) - len(place.current) :],
            }
            for place in places
            if goals[place.host] != place.current
        }
        context.beat(f"{len(orders)} of {len(places)} hosts to be switched")
        printed = await self._change(params, _SCRIPT, orders, context)
        after = [
            _read_place(place.host, place.path, printed[place.host]) if place.host in orders else place
            for place in places
        ]
        if other := [place for place in after if place.current != goals[place.host]]:
            raise OutcomeUnknown(f"it was switched, and then leads elsewhere on {_listed(other)}")
        return _result([place.data(changed=place.host in orders) for place in after], context)

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        places = await self._places(params, context)
        goals = _goals(params, places)
        back = [{"host": place.host, "release": place.current} for place in places]
        return Standing(
            all(place.current == goals[place.host] for place in places),
            _result([place.data(changed=False) for place in places], context),
            {"to": None, "away_from": None, "restore": back},
        )

    async def _places(self, params: Mapping[str, Json], context: Context) -> list[Place]:
        path = params["path"].rstrip("/")
        env = {"path": path, "to": "", "from": "", "name": ""}
        printed = await self._read(params, _SCRIPT, env, context)
        return [_read_place(host, path, text) for host, text in printed.items()]


def _read_place(host: str, path: str, printed: str) -> Place:
    link, since, *rest = printed.splitlines()
    releases = []
    for line in rest:
        at, _, name = line.partition(" ")
        releases.append((int(at), name.rstrip("/").rpartition("/")[2]))
    releases.sort(key=lambda each: (each[0], _natural(each[1])))
    moment = since.removeprefix("since ")
    return Place(
        host, path, link.removeprefix("link "), int(moment) if moment.isdigit() else 0, tuple(releases)
    )


def _natural(name: str) -> list[tuple[int, str]]:
    """`v9` before `v10`."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _goals(params: Mapping[str, Json], places: Sequence[Place]) -> dict[str, str]:
    """Host to the release that it is to have. What one host cannot have is refused for all: ActionRefused."""
    path = params["path"]
    if lost := [place for place in places if not place.current]:
        there = ", ".join(f"`{place.host}`: {place.link or 'there is none'}" for place in lost)
        raise ActionRefused(f"`{path}/current` leads to no release: {there}; nothing was switched")
    if "restore" in params:
        kept = {each["host"]: each["release"] for each in params["restore"]}
        goals = {place.host: kept.get(place.host, place.current) for place in places}
    elif "to" in params:
        goals = {place.host: params["to"] for place in places}
    else:
        bad = params["away_from"]
        goals = {place.host: place.previous if place.current == bad else place.current for place in places}
        if first := [place for place in places if not goals[place.host]]:
            raise ActionRefused(
                f"there is no release before `{bad}` on {_listed(first)}; nothing was switched"
            )
    if without := [place for place in places if goals[place.host] not in place.names]:
        told = "; ".join(
            f"`{place.host}` has no `{goals[place.host]}`, it has {', '.join(place.names[-5:]) or 'none'}"
            for place in without[:5]
        )
        raise ActionRefused(f"{told}; nothing was switched")
    return goals


def _result(results: Sequence[Json], context: Context) -> Json:
    return results[0] if context.one else list(results)


def _listed(places: Sequence[Place]) -> str:
    return ", ".join(f"`{place.host}`" for place in places)
