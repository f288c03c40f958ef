"""`git` as this action runs it: in a private folder, without prompts, hooks, or anybody's configuration.

What it reads comes from outside: names and paths stand behind `--end-of-options` or `--`, and a repository is
reached by no protocol that runs a program of its choice (`ext::`).
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from activities.action import Context
from activities.command.order import Order
from activities.command.process import Execution
from activities.output import one_line
from stanch.errors import ActionRefused, OutcomeUnknown, Unreachable
from stanch.language.plan import Json

_LIMITS = (1024 * 1024, 64 * 1024)
_PASSED = ("PATH", "TMPDIR", "SSH_AUTH_SOCK")
_AUTHOR = {"NAME": "Stanch", "EMAIL": "stanch@localhost"}
_SET = {
    "core.hooksPath": "/dev/null",
    "core.fsmonitor": "false",
    "core.quotePath": "false",
    "advice.detachedHead": "false",
    "gc.auto": "0",
}
_AWAY = re.compile(
    r"could not resolve|couldn't connect|failed to connect|connection (refused|timed out|reset|closed)"
    r"|network is unreachable|no route to host|operation timed out|returned error: (429|5\d\d)|early eof",
    re.IGNORECASE,
)
_SAID = re.compile(r"^(?:fatal|error|remote|ERROR):?\s*(.*)$|^\s*!\s+(.*)$")


@dataclass(frozen=True, slots=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def words(self) -> str:
        """Git's own words for what went wrong, on one line."""
        found = (_SAID.match(line) for line in (self.err + "\n" + self.out).splitlines())
        told = [next(filter(None, match.groups()), "") for match in found if match]
        return one_line("; ".join(dict.fromkeys(filter(None, told))) or self.err)[:400]


class Git:
    """Runs in `folder`, which is this call's own, for at most `context.timeout` in all."""

    def __init__(
        self, folder: Path, context: Context, system: str, settings: Mapping[str, Json], ssh: Path | None
    ) -> None:
        program = shutil.which("git")
        if program is None:
            raise ActionRefused("nothing was executed: this worker has no program `git` in its `PATH`")
        self._program = program
        self._folder = folder
        self._context = context
        self._system = system
        self._ends = time.monotonic() + context.timeout
        self._env = _environment(folder, settings, context, ssh)

    async def __call__(self, *words: str, stdin: str = "", ok: tuple[int, ...] = (0,)) -> Said:
        """What it said, with an exit status in `ok`. Raises ActionRefused for another."""
        said = await self._run(words, stdin)
        if said.code not in ok:
            raise ActionRefused(f"`{self._system}`: `git {words[0]}`: {said.words}")
        return said

    async def reach(self, *words: str) -> Said:
        """A reading of the repository itself. Raises Unreachable where it gives no answer, ActionRefused."""
        said = await self._run(words)
        if said.code == 0:
            return said
        failed = Unreachable if _AWAY.search(said.err) else ActionRefused
        raise failed(f"`{self._system}`: `git {words[0]}`: {said.words}")

    async def push(self, *words: str) -> Said:
        """A push, whatever became of it."""
        return await self._run(("push", *words))

    async def _run(self, words: tuple[str, ...], stdin: str = "") -> Said:
        self._context.beat(f"git {words[0]}")
        order = Order(
            name="git",
            program=self._program,
            argv=("git", *words),
            env=self._env,
            directory=self._folder,
            stdin=stdin.encode("utf-8", "replace"),
            output="text",
            hidden=(),
        )
        execution = Execution(order, _LIMITS)
        # How far the whole has come is for the action to tell.
        silent = replace(
            self._context, timeout=max(0.1, self._ends - time.monotonic()), so_far=lambda *_: None
        )
        await execution.run(silent)
        if execution.code is None:
            told = f"`{self._system}`: `git {words[0]}` did not end within {execution.seconds:.0f}s"
            raise (OutcomeUnknown if words[0] == "push" else Unreachable)(told)
        return Said(execution.code, execution.stdout.text(), execution.stderr.text())


def _environment(
    folder: Path, settings: Mapping[str, Json], context: Context, ssh: Path | None
) -> dict[str, str]:
    given = dict(_SET)
    if (header := _header(settings)) is not None:
        context.hide([header.rpartition(" ")[2]])
        given[f"http.{settings['url']}.extraHeader"] = header
    if "ca_file" in settings:
        given["http.sslCAInfo"] = settings["ca_file"]
    numbered = {
        f"GIT_CONFIG_{part}_{at}": text
        for at, (name, value) in enumerate(given.items())
        for part, text in (("KEY", name), ("VALUE", value))
    }
    return {
        **{name: os.environ[name] for name in _PASSED if name in os.environ},
        **{f"GIT_{who}_{name}": value for who in ("AUTHOR", "COMMITTER") for name, value in _AUTHOR.items()},
        **numbered,
        "GIT_CONFIG_COUNT": str(len(given)),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_ASKPASS": "/bin/false",
        "SSH_ASKPASS_REQUIRE": "never",
        "GIT_EDITOR": "/bin/false",
        "GIT_SSH_COMMAND": _ssh(settings, ssh),
        "GIT_SSH_VARIANT": "ssh",
        "HOME": str(folder),
        "LC_ALL": "C",
    }


def _ssh(settings: Mapping[str, Json], config: Path | None) -> str:
    """Git gives this one to a shell."""
    words = ["ssh", "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
    words += ["-F", str(config)] if config is not None else []
    words += ["-i", settings["file"], "-o", "IdentitiesOnly=yes"] if "file" in settings else []
    return shlex.join(words)


def _header(settings: Mapping[str, Json]) -> str | None:
    """The credentials for a repository that is reached over HTTP."""
    secret = settings.get("token", settings.get("password"))
    if secret is None or not settings["url"].startswith(("http://", "https://")):
        return None
    pair = f"{settings.get('user', 'x-access-token')}:{secret}"
    return f"Authorization: Basic {b64encode(pair.encode()).decode()}"
