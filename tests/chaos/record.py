"""What the hosts keep themselves: each `turn` adds a line when it begins and one when it has ended.

The file is only ever added to (`>>`, one line a write), outside of everything that Stanch keeps on a host,
and what a host answers to `turn state` is read from it: there is no other truth.
"""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias, cast

Verb: TypeAlias = Literal["on", "off"]

PROGRAM = """\
#!/bin/sh
# turn on|off|state CHANGE RUN [SECONDS]
set -eu
record={folder}/$STANCH_HOST
if [ "$1" = state ]; then
    awk -v change="$2" -v run="$3" '
        $2 == "ended" && $4 == change && $5 == run {{ state = $3 }}
        END {{ print state == "" ? "off" : state }}
    ' "$record"
    exit
fi
echo "$(date +%s.%N) began $1 $2 $3" >>"$record"
sleep "$4"
echo "$(date +%s.%N) ended $1 $2 $3" >>"$record"
echo "turned $1 $2"
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """One line: `verb CHANGE` for `run` began, or has ended, on `host` at the moment `at`."""

    host: str
    at: float
    ended: bool
    verb: Verb
    change: str
    run: str


def install(programs: Path, folder: Path, hosts: tuple[str, ...]) -> None:
    """Put `turn` into `programs`; the records are files in `folder`, where every host's account may write."""
    for host in hosts:
        file = folder / host
        file.touch()
        file.chmod(0o666)
    program = programs / "turn"
    program.write_text(PROGRAM.format(folder=shlex.quote(str(folder))))
    program.chmod(0o755)


def read(folder: Path) -> list[Turn]:
    """Of all hosts, in order of time. Raises ValueError for a line that no `turn` has written."""
    found = [_turn(file.name, line) for file in folder.iterdir() for line in file.read_text().splitlines()]
    return sorted(found, key=lambda turn: turn.at)


def _turn(host: str, line: str) -> Turn:
    at, what, verb, change, run = line.split()
    if what not in ("began", "ended") or verb not in ("on", "off"):
        raise ValueError(f"{host}: `{line}`")
    return Turn(host, float(at), what == "ended", cast(Verb, verb), change, run)
