"""A file on each of the hosts: read, written, removed, or brought back.

A write is the same however often it is done, so it has no marker: whoever comes after a lost worker looks,
and writes where it is not so. It goes over the connections that `ssh` keeps.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import replace
from typing import NoReturn

from activities.action import Context, Standing
from activities.file.remote import Answer, answer, making, telling
from activities.file.state import LARGEST, State, is_text, wanted
from activities.ssh import SshAction
from activities.ssh.command import PARALLEL, Command, read_hosts, read_user
from activities.ssh.outcome import end_of, few, nothing_done
from activities.ssh.session import Finished
from activities.ssh.sudo import read_sudo
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, StanchError, Unreachable
from stanch.language.plan import Json

ALL = 512 * 1024
"""Bytes of all files of one step that is read."""
KEPT = 64 * 1024
"""Bytes of all files that are there before a change, to be in the ledger as its way back."""
_WORDS = ("absent", "content", "restore")
_FORMS = {"content": None, "encoding": None, "mode": None, "absent": None}


class File:
    """Reads and writes files over the connections of `ssh`, which is closed by whoever made it."""

    name = "file"

    def __init__(self, ssh: SshAction) -> None:
        self._ssh = ssh

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        """One result a host: `host path exists changed size mode owner`, of a read with `content`."""
        given = _Given(params)
        if context.one and len(given.hosts) != 1:
            raise InvalidInput(f"file: one host was expected in `hosts`, there are {len(given.hosts)}")
        found = await self._read(given, context)
        results = _contents(given, found) if given.reads else await self._make(given, found, context)
        return results[0] if context.one else results

    async def look(self, params: Mapping[str, Json], context: Context) -> Standing:
        given = _Given(params)
        found = await self._read(given, context)
        done = all(each.is_whole and given.wanted(host).fits(each.state) for host, each in found.items())
        results: list[Json] = [given.result(host, each, changed=False) for host, each in found.items()]
        result = results[0] if context.one and len(results) == 1 else results
        return Standing(done, result, _way_back(found))

    def failure(self, result: Json) -> str | None:  # noqa: ARG002 (what failed is an error)
        return None

    async def close(self) -> None:
        """Nothing of its own is kept."""

    # --- on the hosts -------------------------------------------------------------------------------------

    async def _read(self, given: _Given, context: Context) -> dict[str, Answer]:
        """What is there, by host. Raises Unreachable, ActionRefused."""
        outcomes = await self._ssh.run(given.command(given.hosts, telling(given.path)), _plain(context))
        found: dict[str, Answer] = {}
        errors: list[StanchError] = []
        for host, outcome in zip(given.hosts, outcomes, strict=True):
            try:
                found[host] = _answer(given, host, outcome)
            except OutcomeUnknown as error:
                errors.append(Unreachable(str(error)))  # it was only asked
            except StanchError as error:
                errors.append(error)
        if errors:
            nothing_done(errors, len(given.hosts))
        return found

    async def _make(self, given: _Given, found: Mapping[str, Answer], context: Context) -> list[Json]:
        """Make it so where it is not, at once on all hosts that want the same."""
        groups: dict[State, list[str]] = {}
        for host, each in found.items():
            state = given.wanted(host)
            if not (each.is_whole and state.fits(each.state)):
                groups.setdefault(state, []).append(host)
        orders = [
            given.command(tuple(hosts), making(given.path, state), state.content or b"")
            for state, hosts in groups.items()
        ]
        ran = await asyncio.gather(*(self._ssh.run(order, _plain(context)) for order in orders))
        outcomes: dict[str, Finished | StanchError] = {
            host: outcome
            for order, several in zip(orders, ran, strict=True)
            for host, outcome in zip(order.hosts, several, strict=True)
        }
        made: dict[str, Answer] = {}
        for host, outcome in outcomes.items():
            try:
                made[host] = _answer(given, host, outcome)
            except StanchError as error:
                outcomes[host] = error
        if len(made) < len(outcomes):
            _not_all(outcomes)
        return [given.result(host, made.get(host, found[host]), changed=host in made) for host in given.hosts]


class _Given:
    """The parameters of a call."""

    def __init__(self, params: Mapping[str, Json]) -> None:
        self.hosts = read_hosts(params.get("hosts"), "file")
        self.path = _path(params.get("path"))
        self.encoding = params.get("encoding", "text")
        self._user = read_user(params.get("as"), "file")
        self._sudo = read_sudo(params.get("sudo"))
        self._parallel = params.get("parallel", PARALLEL)
        said = [word for word in _WORDS if word in params]
        self.reads = not said
        if len(said) > 1:
            raise InvalidInput(f"file: give `{said[0]}` or `{said[1]}`, not both")
        if self.reads and "mode" in params:
            raise InvalidInput("file: `mode` needs `content`")
        self._restored: Mapping[str, State] = {}
        self._same = State(None)
        if "restore" in said:
            self._restored = {host: wanted(state) for host, state in params["restore"].items()}
            if lacking := [host for host in self.hosts if host not in self._restored]:
                raise InvalidInput(f"file: `restore` has nothing of `{lacking[0]}`")
        elif said:
            self._same = wanted(params)

    def wanted(self, host: str) -> State:
        return self._restored.get(host, self._same)

    def command(self, hosts: tuple[str, ...], line: str, stdin: bytes = b"") -> Command:
        return Command(
            hosts=hosts,
            line=line,
            stdin=stdin,
            output="json",  # its limit on what is kept of stdout is the one that is needed
            user=self._user,
            parallel=self._parallel,
            reattach=False,
            sudo=self._sudo,
        )

    def result(self, host: str, found: Answer, *, changed: bool) -> dict[str, Json]:
        state = found.state
        exists = found.word == "file"
        return {
            "host": host,
            "path": self.path,
            "exists": exists,
            "changed": changed,
            "size": found.size if exists else 0,
            "mode": f"{state.mode:04o}" if exists else "",
            "owner": state.owner if exists else "",
        }


def _path(path: Json) -> str:
    if not isinstance(path, str) or not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise InvalidInput(f"file: `path` is `{path}`; it is a file's absolute path")
    return path


def _plain(context: Context) -> Context:
    """Without what belongs to a change that its host knows by its key."""
    return replace(context, key="", again=False, one=False)


def _answer(given: _Given, host: str, outcome: Finished | StanchError) -> Answer:
    """Raises what the outcome is, or ActionRefused for a no of the host."""
    if isinstance(outcome, StanchError):
        raise outcome
    said = answer(outcome.stdout.kept())
    if said.word == "refused":
        raise ActionRefused(f"`{host}`: {given.path}: {said.text.removeprefix('ls: cannot access ')}")
    if not said.word or outcome.rc != 0:
        told = (outcome.stderr.text().strip().splitlines() or ["no answer"])[-1][:200]
        raise ActionRefused(f"`{host}`: {given.path}: status {outcome.rc}: {told}")
    return said


def _contents(given: _Given, found: Mapping[str, Answer]) -> list[Json]:
    if (size := sum(each.size for each in found.values())) > ALL:
        raise ActionRefused(f"file: these files are {size} bytes together, and at most {ALL} are read")
    results: list[Json] = []
    for host, each in found.items():
        result = given.result(host, each, changed=False)
        if (content := each.state.content) is not None:
            if not each.is_whole:
                why = f"at most {LARGEST} are read" if each.size > LARGEST else "it changed while it was read"
                raise ActionRefused(
                    f"`{host}`: {given.path} has {each.size} bytes, and {why}; read a part of it with `ssh`"
                )
            if given.encoding == "base64":
                result["content"] = base64.b64encode(content).decode()
            elif is_text(content):
                result["content"] = content.decode()
            else:
                raise ActionRefused(f"`{host}`: {given.path} is no text; read it with `encoding: base64`")
        results.append(result)
    return results


def _way_back(found: Mapping[str, Answer]) -> Mapping[str, Json] | None:
    """What was there, host by host, where that is small enough for a ledger."""
    if sum(each.size for each in found.values()) > KEPT or not all(each.is_whole for each in found.values()):
        return None
    return {**_FORMS, "restore": {host: each.state.data() for host, each in found.items()}}


def _not_all(outcomes: Mapping[str, Finished | StanchError]) -> NoReturn:
    """Some hosts have it and others do not, or nobody knows."""
    errors = [outcome for outcome in outcomes.values() if isinstance(outcome, StanchError)]
    unknown = any(isinstance(error, OutcomeUnknown) for error in errors)
    if len(errors) == len(outcomes) and not unknown:
        nothing_done(errors, len(outcomes))
    made = [f"`{host}`" for host, outcome in outcomes.items() if isinstance(outcome, Finished)]
    rest = [f"it was done on {', '.join(made)}"] if made else []
    ends = tuple(end_of(host, outcome) for host, outcome in outcomes.items())
    raise (OutcomeUnknown if unknown else ActionRefused)("; ".join([*few(errors), *rest]), ends=ends)
