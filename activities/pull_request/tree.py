"""A copy of a repository for one call: find what is to be taken back, and make the commit that does it.

The copy begins with the newest commits and gets the others only where what is asked for is older.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from activities.pull_request.git import Git, Said
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_DEPTH = 50
_MOST = 200
"""Commits that one request takes back, and files that its result names."""
_MARK = "Stanch-Request"
"""Trailer of a commit of ours, with the branch's name: by it a commit that was merged is known again."""
_REF = re.compile(r"^([0-9a-f]{40,64})\t(\S+)$", re.MULTILINE)
_HEAD = re.compile(r"^ref: refs/heads/(\S+)\tHEAD$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Heads:
    """What the repository has: `base` is its commit there; `branch` None where there is no such branch."""

    name: str
    base: str
    branch: str | None


@dataclass(frozen=True, slots=True)
class Made:
    """A commit that takes others back."""

    commit: str
    reverted: tuple[str, ...]
    files: tuple[str, ...]
    title: str


class Tree:
    """The repository at `url`, of which `git` has a folder for a copy."""

    def __init__(self, git: Git, url: str) -> None:
        self._git = git
        self._url = url
        self._whole = False

    async def heads(self, base: str | None, branch: str) -> Heads:
        """Raises Unreachable, and ActionRefused where there is no branch `base`; its default branch unless
        that is given."""
        names = [f"refs/heads/{name}" for name in (base, branch) if name is not None]
        said = await self._git.reach("ls-remote", "--symref", "--end-of-options", self._url, "HEAD", *names)
        found = {name: commit for commit, name in _REF.findall(said.out)}
        usual = _HEAD.search(said.out)
        name = base if base is not None else usual[1] if usual else ""
        at = found.get(f"refs/heads/{name}") or (found.get("HEAD") if base is None else None)
        if at is None:
            raise ActionRefused(f"the repository has no branch `{name}`")
        return Heads(name, at, found.get(f"refs/heads/{branch}"))

    async def begin(self, heads: Heads) -> None:
        await self._git("init", "-q", "--template=", ".")
        await self._fetch(heads, f"--depth={_DEPTH}")

    async def again(self, heads: Heads) -> None:
        """The base has moved on."""
        await self._fetch(heads)

    async def _fetch(self, heads: Heads, *options: str) -> None:
        wanted = f"+refs/heads/{heads.name}:refs/remotes/origin/base"
        await self._git.reach("fetch", "-q", "--no-tags", *options, "--end-of-options", self._url, wanted)

    async def _deepen(self, heads: Heads) -> bool:
        """Get the rest of the history; False when it was there."""
        if self._whole:
            return False
        self._whole = True
        shallow = await self._git("rev-parse", "--is-shallow-repository")
        if shallow.out.strip() == "true":
            await self._fetch(heads, "--unshallow")
        return True

    # --- what is there ------------------------------------------------------------------------------------

    async def merged(self, heads: Heads, branch: str) -> str | None:
        """The newest commit of the base that was made by the request of this branch."""
        return await self._marked(branch, heads.base)

    async def _marked(self, branch: str, *among: str) -> str | None:
        form = f"--format=%H%x09%(trailers:key={_MARK},valueonly,separator=%x2C)"
        said = await self._git("log", "--first-parent", form, "--end-of-options", *among)
        marked = (line.split("\t") for line in said.out.splitlines())
        return next((commit for commit, *of in marked if branch in of), None)

    async def open(self, heads: Heads, branch: str) -> None:
        """Get what is on `branch`, too. Raises ActionRefused where that is somebody else's."""
        there = f"+refs/heads/{branch}:refs/remotes/origin/request"
        depth = f"--depth={_DEPTH}"
        await self._git.reach("fetch", "-q", "--no-tags", depth, "--end-of-options", self._url, there)
        if await self._marked(branch, "refs/remotes/origin/request", f"^{heads.base}") is None:
            raise ActionRefused(f"the branch `{branch}` is somebody else's: give the request another name")

    async def describe(self, commit: str) -> Made:
        """What a commit of ours has taken back, by its own words."""
        said = await self._git("show", "-s", "--format=%s%n%B", "--end-of-options", commit)
        title, _, message = said.out.partition("\n")
        reverted = re.findall(r"^This reverts commit ([0-9a-f]{40,64})\.$", message, re.MULTILINE)
        return Made(commit, tuple(reverted), await self._files(f"{commit}^1", commit), title)

    async def _files(self, before: str, after: str) -> tuple[str, ...]:
        said = await self._git("diff", "--name-only", "--end-of-options", before, after)
        return tuple(said.out.splitlines())[:_MOST]

    # --- what is to be taken back -------------------------------------------------------------------------

    async def wanted(self, asked: Mapping[str, Json], heads: Heads) -> tuple[str, ...]:
        """The commits to take back, newest first. Raises ActionRefused."""
        while True:
            found = await self._found(asked, heads)
            # Of the oldest that are here nobody knows what they changed.
            if found and not await self._cut(found[-1]):
                return found
            if not await self._deepen(heads):
                return found or self._refuse(asked, heads)

    async def _found(self, asked: Mapping[str, Json], heads: Heads) -> tuple[str, ...]:
        git, base = self._git, heads.base
        if "last_change_of" in asked:
            log = ("log", "-1", "--first-parent", "--format=%H", "--end-of-options", base, "--")
            return tuple((await git(*log, asked["last_change_of"])).out.split())
        name = asked.get("after", asked.get("commit", ""))
        said = await git(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}", ok=(0, 1, 128)
        )
        commit = said.out.strip()
        if said.code or not commit or await self._apart(commit, base):
            return ()
        if "after" not in asked:
            return (commit,)
        listed = await git("rev-list", "--first-parent", "--end-of-options", base, f"^{commit}")
        commits = tuple(listed.out.split())
        if len(commits) > _MOST:
            raise ActionRefused(f"{len(commits)} commits came after `{name}`; {_MOST} at most are taken back")
        if not commits:
            raise ActionRefused(f"nothing came after `{name}` on `{heads.name}`")
        return commits

    async def _apart(self, commit: str, base: str) -> bool:
        said = await self._git("merge-base", "--is-ancestor", commit, base, ok=(0, 1, 128))
        return said.code != 0

    async def _cut(self, commit: str) -> bool:
        said = await self._git("rev-list", "-1", "--parents", "--end-of-options", commit)
        return len(said.out.split()) == 1

    def _refuse(self, asked: Mapping[str, Json], heads: Heads) -> tuple[str, ...]:
        if "last_change_of" in asked:
            path = asked["last_change_of"]
            raise ActionRefused(f"no commit of `{heads.name}` has touched `{path}`")
        name = asked.get("after", asked.get("commit"))
        raise ActionRefused(f"there is no commit `{name}` on `{heads.name}`")

    # --- the way back -------------------------------------------------------------------------------------

    async def revert(
        self, commits: tuple[str, ...], heads: Heads, branch: str, title: str | None, body: str | None
    ) -> Made:
        """Take `commits` back in one commit. Raises ActionRefused for conflicts, with the files."""
        git = self._git
        await git("checkout", "-q", "--detach", heads.base)
        for commit in commits:
            parents = await git("rev-list", "-1", "--parents", "--end-of-options", commit)
            # A merge is taken back for the branch that it was made into.
            mainline = ("-m", "1") if len(parents.out.split()) > 2 else ()
            said = await git("revert", "--no-commit", *mainline, commit, ok=(0, 1, 128))
            if said.code:
                await self._conflict(said, commit, heads)
        if not (await git("diff", "--cached", "--quiet", ok=(0, 1))).code:
            raise ActionRefused(f"nothing of it is left on `{heads.name}`: taking it back changes no file")
        subject = title or await self._subject(commits)
        told = "\n".join(f"This reverts commit {commit}." for commit in commits)
        message = "\n\n".join(filter(None, [subject, body, told, f"{_MARK}: {branch}"]))
        await git("commit", "-q", "--no-verify", "--cleanup=whitespace", "-F", "-", stdin=f"{message}\n")
        made = (await git("rev-parse", "HEAD")).out.strip()
        return Made(made, commits, await self._files(heads.base, made), subject)

    async def _conflict(self, said: Said, commit: str, heads: Heads) -> None:
        found = await self._git("diff", "--name-only", "--diff-filter=U")
        files = ", ".join(f"`{name}`" for name in found.out.splitlines()[:20])
        why = f"conflicts in {files}" if files else said.words
        raise ActionRefused(
            f"{commit[:12]} cannot be taken back on `{heads.name}` by itself: {why}; nothing was pushed"
        )

    async def _subject(self, commits: tuple[str, ...]) -> str:
        if len(commits) > 1:
            return f"Revert {len(commits)} commits"
        said = await self._git("show", "-s", "--format=%s", "--end-of-options", commits[0])
        return f'Revert "{said.out.strip()[:200]}"'

    # --- sending ------------------------------------------------------------------------------------------

    async def push(self, commit: str, to: str, expected: str | None) -> None:
        """Make the branch `to`, which is at `expected` now, or not there, be at `commit`.

        Raises ActionRefused when it is not so, and OutcomeUnknown."""
        lease = f"--force-with-lease=refs/heads/{to}:{expected or ''}"
        there = f"{commit}:refs/heads/{to}"
        said = await self._git.push("--porcelain", lease, "--end-of-options", self._url, there)
        if said.code == 0:
            return
        try:
            now = (await self.heads(None, to)).branch
        except (Unreachable, ActionRefused) as error:
            raise OutcomeUnknown(f"`git push`: {said.words}; and it cannot be asked: {error}") from None
        if now != commit:
            raise ActionRefused(f"the repository did not take `{to}`: {said.words}")

    async def delete(self, branch: str, at: str) -> None:
        lease = f"--force-with-lease=refs/heads/{branch}:{at}"
        said = await self._git.push(
            "--porcelain", lease, "--end-of-options", self._url, f":refs/heads/{branch}"
        )
        if said.code:
            raise ActionRefused(f"the repository did not delete `{branch}`: {said.words}")

    async def joined(self, commit: str, heads: Heads, branch: str) -> str:
        """A commit that has the base as it is now, and `commit`. Raises ActionRefused for conflicts."""
        git = self._git
        await git("checkout", "-q", "--detach", heads.base)
        message = f"Merge the revert {commit[:12]}\n\n{_MARK}: {branch}\n"
        said = await git("merge", "-q", "--no-edit", "-m", message, commit, ok=(0, 1))
        if said.code:
            await self._conflict(said, commit, heads)
        return (await git("rev-parse", "HEAD")).out.strip()
