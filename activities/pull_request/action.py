"""The action itself: make the request, find it again, merge it, and take it back.

A request is known by its branch, which has its name from the run and the step: so an attempt that was lost is
found by the next one. What was merged is known by a trailer in its commit.
"""

from __future__ import annotations

import asyncio
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from activities.action import Context, Standing
from activities.afterwards import executed
from activities.marks import mark_of, stem_of
from activities.pull_request.forge import Forge, GitHub, GitLab, Request, State
from activities.pull_request.git import Git
from activities.pull_request.tree import Heads, Made, Tree
from activities.systems import Systems
from activities.web.api import Api
from activities.web.exchange import Web
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, Unreachable
from stanch.language.plan import Json

KINDS = ("git", "github", "gitlab")
_GITHUB = "https://api.github.com"
_TRIES = 3
"""How often a merge is tried while others merge."""


@dataclass(slots=True)
class _Work:
    """One call: what it is about, and how far it has come."""

    system: str
    branch: str
    tree: Tree
    heads: Heads
    forge: Forge | None
    request: Request | None
    sent: bool = False


class PullRequest:
    """`pull_request` as an action; `ssh`: the OpenSSH configuration for repositories over ssh. Close it when
    the worker ends."""

    name = "pull_request"

    def __init__(self, systems: Systems, ssh: Path | None = None) -> None:
        self._systems = systems
        self._ssh = ssh
        self._web = Web()

    async def close(self) -> None:
        await self._web.close()

    def failure(self, _: Json) -> str | None:
        return None

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """`number url branch base commit state merged reverted files`."""
        async with self._work(params, context) as work:
            try:
                return await _made(work, params)
            except asyncio.CancelledError:
                context.ended((TargetEnd(work.system, "unknown" if work.sent else "not_started"),))
                raise

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        async with self._work(params, context) as work:
            now, commit = await _now(work)
            done = now == "merged" or (now == "open" and not params.get("merge", False))
            if "request" in params["revert"]:
                earlier, _ = await _now(await _earlier(work, params["revert"]["request"]))
                return Standing(done or earlier in (None, "closed"), _result(work, now, None))
            made = await work.tree.describe(commit) if done and commit else None
            back = {
                "revert": {"request": work.branch},
                "branch": f"{work.branch}-back",
                "title": None,
                "body": None,
            }
            return Standing(done, _result(work, now, made), back)

    @asynccontextmanager
    async def _work(self, params: Mapping[str, Json], context: Context) -> AsyncIterator[_Work]:
        system = self._systems.named(params.get("repository"), KINDS)
        settings = await self._systems.find(system, KINDS, context)
        forge, url = await self._forge(system, settings, context)
        branch = params.get("branch") or branch_of(context.key)
        with tempfile.TemporaryDirectory(prefix="stanch-", ignore_cleanup_errors=True) as folder:
            git = Git(Path(folder), context, system, {**settings, "url": url}, self._ssh)
            tree = Tree(git, url)
            heads = await tree.heads(params.get("base"), branch)
            await tree.begin(heads)
            request = await forge.find(branch) if forge is not None else None
            yield _Work(system, branch, tree, heads, forge, request)

    async def _forge(
        self, system: str, settings: Mapping[str, Json], context: Context
    ) -> tuple[Forge | None, str]:
        kind = settings["kind"]
        needed = "url" if kind == "git" else "project"
        if needed not in settings:
            raise InvalidInput(f"the system `{system}` is a `{kind}` and needs a `{needed}`")
        if kind == "git":
            return None, settings["url"]
        place = {"url": _GITHUB if kind == "github" else "https://gitlab.com", **settings}
        api = Api(self._web, system, place, context)
        forge: Forge = (GitHub if kind == "github" else GitLab)(api, settings["project"])
        return forge, settings.get("repository") or await forge.place()


def branch_of(key: str) -> str:
    """`stanch/rollback-a1b2-revert-3c9d1f20`: of one step of one run, whichever attempt at it this is."""
    stem = stem_of(key)
    run, _, step = stem.rpartition("/")
    told = re.sub(r"[^A-Za-z0-9]+", "-", f"{run.partition('@')[0].removeprefix('run/')[:60]}-{step[:40]}")
    return f"stanch/{told.strip('-')}-{mark_of(stem)[:8]}"


async def _now(work: _Work) -> tuple[State | None, str]:
    """How the request stands, None where there is none, and its commit."""
    if (merged := await work.tree.merged(work.heads, work.branch)) is not None:
        return "merged", merged
    request = work.request
    if request is not None and request.state != "open":
        return request.state, request.commit
    if work.heads.branch is None or (work.forge is not None and request is None):
        return None, ""
    await work.tree.open(work.heads, work.branch)
    return "open", work.heads.branch


async def _earlier(work: _Work, branch: str) -> _Work:
    """The request that is to be taken back."""
    heads = await work.tree.heads(work.heads.name, branch)
    request = await work.forge.find(branch) if work.forge is not None else None
    return _Work(work.system, branch, work.tree, heads, work.forge, request)


async def _made(work: _Work, params: Mapping[str, Json]) -> Json:
    asked, merge = params["revert"], bool(params.get("merge", False))
    now, commit = await _now(work)
    if now == "closed":
        raise ActionRefused(f"somebody has closed the request of `{work.branch}`: {_url(work)}")
    if "request" in asked:
        earlier = await _earlier(work, asked["request"])
        state, merged = await _now(earlier)
        if state == "open":
            return await _closed(earlier)
        if state in (None, "closed"):
            return _result(work, state, None)
        asked = {"commit": merged}
    if now == "merged":
        return _result(work, now, await work.tree.describe(commit))
    if now is None and work.heads.branch is None:
        commits = await work.tree.wanted(asked, work.heads)
        title, body = params.get("title"), params.get("body")
        made = await work.tree.revert(commits, work.heads, work.branch, title, body)
    else:
        # An earlier attempt has come as far as this.
        assert work.heads.branch is not None
        await work.tree.open(work.heads, work.branch)
        made = await work.tree.describe(work.heads.branch)
    return await _sent(work, made, str(params.get("body", "")), merge=merge)


async def _sent(work: _Work, made: Made, body: str, *, merge: bool) -> Json:
    work.sent = True
    if work.forge is None and merge:
        return _result(work, "merged", await _merged(work, made))
    if work.heads.branch is None:
        await work.tree.push(made.commit, work.branch, None)
    if work.forge is None:
        return _result(work, "open", made)
    try:
        if work.request is None:
            told = "\n".join(f"Reverts {commit}" for commit in made.reverted)
            told = "\n\n".join(filter(None, [body, told]))
            work.request = await work.forge.ask(work.branch, work.heads.name, made.title, told)
        if merge:
            work.request = await work.forge.merge(work.request, made.commit)
    except (ActionRefused, Unreachable) as error:
        where = f"the request is open, {work.request.url}" if work.request else f"`{work.branch}` is pushed"
        end = TargetEnd(work.system, "stopped", where)
        raise ActionRefused(f"{error}; {where}", ends=(end,)) from None
    return _result(work, work.request.state, made)


async def _merged(work: _Work, made: Made) -> Made:
    """In a repository without requests: onto the base, as it is by then. Raises ActionRefused."""
    tree, commit = work.tree, made.commit
    for left in reversed(range(_TRIES)):
        try:
            await tree.push(commit, work.heads.name, work.heads.base)
        except ActionRefused:
            heads = await tree.heads(work.heads.name, work.branch)
            if heads.base == work.heads.base or not left:
                raise
            work.heads = heads
            await tree.again(heads)
            commit = await tree.joined(made.commit, heads, work.branch)
        else:
            return Made(commit, made.reverted, made.files, made.title)
    raise AssertionError


async def _closed(work: _Work) -> Json:
    """Take back a request that nobody has merged."""
    if work.forge is not None and work.request is not None:
        await work.forge.close(work.request)
    if work.heads.branch is not None:
        with executed(f"the request of `{work.branch}`"):
            await work.tree.delete(work.branch, work.heads.branch)
    return _result(work, "closed", None)


def _url(work: _Work) -> str:
    return work.request.url if work.request is not None else ""


def _result(work: _Work, state: State | None, made: Made | None) -> Json:
    return {
        "number": work.request.number if work.request is not None else 0,
        "url": _url(work),
        "branch": work.branch,
        "base": work.heads.name,
        "commit": made.commit if made is not None else "",
        "state": state or "none",
        "merged": state == "merged",
        "reverted": list(made.reverted) if made is not None else [],
        "files": list(made.files) if made is not None else [],
    }
