"""How the commands that Stanch prints have to be typed, so that they work when they are pasted."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Program:
    """`name` as it is typed in this folder, and what has to stand before it in another terminal."""

    name: str = "stanch"
    environment: Mapping[str, str] = field(default_factory=dict)

    def line(self, *words: str) -> str:
        """One line for a shell."""
        before = [f"{name}={shlex.quote(value)}" for name, value in self.environment.items()]
        return " ".join([*before, *map(shlex.quote, (self.name, *words))])


def this_program(environment: Mapping[str, str] | None = None, argv0: str | None = None) -> Program:
    """`stanch` when the PATH finds this very program by that name, else the path by which it was started."""
    started = Path(sys.argv[0] if argv0 is None else argv0)
    found = shutil.which("stanch")
    if started.name != "stanch" or not started.exists() or (found and started.samefile(found)):
        return Program("stanch", environment or {})
    absolute = started.absolute()
    here = Path.cwd()
    name = absolute.relative_to(here) if absolute.is_relative_to(here) else absolute
    return Program(str(name), environment or {})
