"""From the parameters of a step, and what the worker's configuration allows, to what is executed."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json

Output: TypeAlias = Literal["text", "lines", "json"]

PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")
"""Variables of the worker that every program gets, where the worker has them."""
# What finds or loads code is said by whoever configures the worker: a runbook must not choose other code.
_LOADING = re.compile(r"PATH|LD_.*|DYLD_.*")
_SECRET = re.compile(r".*(?:SECRET|TOKEN|PASSWORD|PASSWD|PASSPHRASE|API_?KEY|PRIVATE_?KEY).*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the worker's configuration lets steps run, and how."""

    programs: tuple[str, ...] = ()
    """Names, looked up in the worker's `PATH`, and absolute paths."""
    environment: tuple[str, ...] = ()
    """Further variables of the worker that programs get."""
    directory: Path | None = None
    """Where they run; the root of the file system otherwise, where no program finds a file of its own."""


@dataclass(frozen=True, slots=True)
class Order:
    name: str
    """The program as the step calls it."""
    program: str
    """Its file."""
    argv: tuple[str, ...]
    """With the name."""
    env: Mapping[str, str]
    directory: Path
    stdin: bytes
    output: Output
    hidden: tuple[str, ...]
    """Secrets among the variables that come from the worker."""


def read_order(params: Mapping[str, Json], allowed: Allowed) -> Order:
    """`params` fit the action's schema. Raises InvalidInput for what no program can be given and for a
    program that is not listed, ActionRefused for one that this worker does not have."""
    directory = allowed.directory or Path("/")
    if not directory.is_dir():
        raise ActionRefused(
            f"nothing was executed: this worker has no folder `{directory}` (`command.directory`)"
        )
    argv = tuple(_word(f"run[{place}]", word) for place, word in enumerate(params["run"]))
    passed = {name: os.environ[name] for name in (*PASSED, *allowed.environment) if name in os.environ}
    return Order(
        name=argv[0],
        program=_program(argv[0], allowed.programs),
        argv=argv,
        env={**passed, **_env(params.get("env") or {})},
        directory=directory,
        stdin=params.get("stdin", "").encode("utf-8", "replace"),
        output=params.get("output", "text"),
        hidden=tuple(value for name, value in passed.items() if _SECRET.fullmatch(name)),
    )


def _program(name: str, programs: tuple[str, ...]) -> str:
    known = {Path(entry).name: entry for entry in reversed(programs)} | {entry: entry for entry in programs}
    entry = known.get(name)
    if entry is None:
        listed = ", ".join(f"`{each}`" for each in programs) or "none"
        raise InvalidInput(
            f"command: `{name}` is no program that this worker's configuration lists under "
            f"`command.programs`; it lists {listed}"
        )
    found = shutil.which(entry)
    if found is None:
        where = "" if "/" in entry else " in its `PATH`"
        raise ActionRefused(f"nothing was executed: this worker has no program `{entry}`{where}")
    return str(Path(found).absolute())


def _env(env: Mapping[str, Json]) -> dict[str, str]:
    for name in env:
        if _LOADING.fullmatch(name):
            raise InvalidInput(
                f"command: `env` has `{name}`, which decides what code is executed; that is for the worker's "
                "configuration to say (`command.environment`)"
            )
    return {name: _word(f"env.{name}", value) for name, value in env.items()}


def _word(place: str, word: Json) -> str:
    """Numbers and booleans are written as YAML and JSON write them."""
    if isinstance(word, bool):
        return "true" if word else "false"
    text = str(word)
    if "\0" in text:
        raise InvalidInput(f"command: `{place}` has a NUL character, which no program can be given")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InvalidInput(f"command: `{place}` is not valid Unicode") from None
    return text
