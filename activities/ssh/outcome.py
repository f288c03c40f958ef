"""Many hosts, one answer: results in the order of the hosts, or the one error that is true of all."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NoReturn

from activities.output import WHOLE, TakeWhole, last_line, leave_it
from activities.printed import json_of, lines_of
from activities.ssh.command import Command
from activities.ssh.session import KILLED, Finished
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, OutcomeUnknown, StanchError, Unreachable
from stanch.language.plan import Json

STDOUT = 64 * 1024
STDERR = 16 * 1024
"""Bytes of text of one host."""
ALL_STDOUT = 512 * 1024
ALL_STDERR = 128 * 1024
"""Bytes of text of all hosts of one step; the history keeps them, and Temporal takes 2 MiB at once."""
ALL_WHOLE = 64 << 20
"""Bytes of text of all hosts that are stored beside the history, where that has only head and tail."""
DATA = 1024 * 1024
"""Bytes of output that becomes data (`lines`, `json`), of one host and of all: not cut, but refused."""
_MOST = 1536 * 1024
_NAMES = 10


def limits(command: Command) -> tuple[int, int]:
    """How many bytes of stdout and stderr to read of each host."""
    stdout, stderr = _text_limits(len(command.hosts))
    whole = min(WHOLE, ALL_WHOLE // len(command.hosts) // 2)
    return (max(stdout, whole) if command.output == "text" else DATA), max(stderr, whole)


def settle(
    command: Command, outcomes: Sequence[Finished | StanchError], whole: TakeWhole = leave_it
) -> list[Json]:
    """`outcomes` in the order of `command.hosts`: the results, if every host has one. Else, in this order:

    - OutcomeUnknown, if that is so for any host;
    - Unreachable, if nothing was executed anywhere, so that trying again is safe;
    - ActionRefused: some hosts did it and others did not. Not Unreachable, which Temporal would try again, on
      those that did it too.
    """
    finished = [outcome for outcome in outcomes if isinstance(outcome, Finished)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, StanchError)]
    if not errors:
        try:
            return _results(command, finished, whole)
        except ActionRefused as error:
            # It ran, whatever is wrong with what it printed.
            raise ActionRefused(str(error), ends=_ends(command, outcomes)) from None
    if not finished and all(isinstance(error, Unreachable) for error in errors):
        nothing_done(errors, len(command.hosts))
    family = OutcomeUnknown if any(isinstance(error, OutcomeUnknown) for error in errors) else ActionRefused
    raise family("; ".join([*few(errors), *_ended(command, outcomes)]), ends=_ends(command, outcomes))


def end_of(host: str, outcome: Finished | StanchError) -> TargetEnd:
    """How it ended on one host."""
    if isinstance(outcome, Finished):
        return TargetEnd(host, "done", f"status {outcome.rc}")
    if isinstance(outcome, OutcomeUnknown):
        return outcome.ends[0] if outcome.ends else TargetEnd(host, "unknown")
    return TargetEnd(host, "not_started")


def nothing_done(errors: Sequence[StanchError], hosts: int) -> NoReturn:
    """The error for a step that was not begun because of `errors`, on any of `hosts` hosts."""
    # Trying again helps only if it may help with each of them.
    kinds = {type(error) for error in errors}
    family = kinds.pop() if len(kinds) == 1 else ActionRefused
    some = f", because of {len(errors)} of {hosts} hosts" if hosts > 1 else ""
    raise family(f"nothing was executed{some}: {'; '.join(few(errors))}")


def not_reached(errors: Sequence[StanchError], hosts: int, *, again: bool) -> NoReturn:
    """The error for hosts that could not be reached, before anything was sent by this attempt. `again`: an
    earlier one may have executed it."""
    if not again:
        nothing_done(errors, hosts)
    why = "; ".join(few(errors))
    raise OutcomeUnknown(f"it may have been executed, and how it ended cannot be collected: {why}")


def failure(result: Json) -> str | None:
    """The hosts whose status is not 0, each with the last line of its stderr."""
    results = result if isinstance(result, list) else [result]
    failed = [_failed(host) for host in results if host["rc"] != 0]
    if not failed:
        return None
    some = f"{len(failed)} of {len(results)} hosts: " if len(results) > 1 else ""
    return some + "; ".join(_few(failed))


def _failed(result: Json) -> str:
    how = "was ended by a signal" if result["rc"] == KILLED else f"ended with status {result['rc']}"
    line = last_line(result["stderr"])
    return f"`{result['host']}` {how}" + (f": {line}" if line else "")


def _results(command: Command, finished: Sequence[Finished], whole: TakeWhole) -> list[Json]:
    limit = _text_limits(len(finished))
    pairs = list(zip(command.hosts, finished, strict=True))
    results = [_result(command, host, ended, limit) for host, ended in pairs]
    if command.output != "text" and (size := sum(map(_data_size, results))) > DATA:
        raise ActionRefused(
            f"the command ended on all hosts, but its output is {size} bytes together; as `{command.output}` "
            f"at most {DATA} are taken, so let it print less"
        )
    # Control characters grow sixfold in JSON.
    if len(json.dumps(results, ensure_ascii=False).encode("utf-8", "replace")) > _MOST:
        limit = (limit[0] // 8, limit[1] // 8)
        results = [_result(command, host, ended, limit) for host, ended in pairs]
    for host, ended in pairs:
        for name, stream, most in (("stdout", ended.stdout, limit[0]), ("stderr", ended.stderr, limit[1])):
            if stream.cut(most):
                whole(f"{name} of {host}", stream.text(), cut=stream.cut() > 0)
    return results


def _result(command: Command, host: str, ended: Finished, limit: tuple[int, int]) -> dict[str, Json]:
    cut = ended.stdout.cut(limit[0]) or ended.stderr.cut(limit[1])
    result: dict[str, Json] = {
        "host": host,
        "rc": ended.rc,
        "stdout": ended.stdout.text(limit[0]),
        "stderr": ended.stderr.text(limit[1]),
        "truncated": cut > 0 or not ended.complete,
        "seconds": round(ended.seconds, 3),
    }
    if command.output == "lines":
        _refuse_cut(command, host, ended)
        result["lines"] = lines_of(ended.stdout.text())
    elif command.output == "json" and (ended.rc == 0 or not ended.stdout.cut()):
        _refuse_cut(command, host, ended)
        try:
            result["json"] = json_of(ended.stdout.kept())
        except ValueError as error:
            # A program that fails often prints a sentence instead.
            if ended.rc == 0:
                raise ActionRefused(
                    f"`{host}` ended with status 0, but its output is not JSON: {error}"
                ) from None
    return result


def _refuse_cut(command: Command, host: str, ended: Finished) -> None:
    if ended.stdout.cut() or not ended.complete:
        why = f"longer than {DATA} bytes" if ended.stdout.cut() else "incomplete, as the connection was lost"
        raise ActionRefused(
            f"`{host}` ended with status {ended.rc}, but its output is {why}, "
            f"and what is cut is no `{command.output}`"
        )


def _data_size(result: dict[str, Json]) -> int:
    data = result.get("json", result.get("lines"))
    return len(json.dumps(data, ensure_ascii=False).encode("utf-8", "replace"))


def _text_limits(hosts: int) -> tuple[int, int]:
    return min(STDOUT, ALL_STDOUT // hosts), min(STDERR, ALL_STDERR // hosts)


def _ended(command: Command, outcomes: Sequence[Finished | StanchError]) -> list[str]:
    """The hosts that ran it, grouped by how it ended there."""
    groups: dict[int, list[str]] = {}
    for host, outcome in zip(command.hosts, outcomes, strict=True):
        if isinstance(outcome, Finished):
            groups.setdefault(outcome.rc, []).append(f"`{host}`")
    return [f"{', '.join(_few(hosts))} ended with status {rc}" for rc, hosts in sorted(groups.items())]


def _ends(command: Command, outcomes: Sequence[Finished | StanchError]) -> tuple[TargetEnd, ...]:
    return tuple(end_of(host, outcome) for host, outcome in zip(command.hosts, outcomes, strict=True))


def few(errors: Sequence[StanchError]) -> list[str]:
    """What they say, of as many as a person reads."""
    return _few([str(error) for error in errors])


def _few(items: list[str]) -> list[str]:
    return items if len(items) <= _NAMES else [*items[:_NAMES], f"and {len(items) - _NAMES} more"]
