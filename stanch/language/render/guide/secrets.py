"""Secrets of a guide: never their values; their references, and the variables that hold them meanwhile."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from stanch.language.encode import to_data
from stanch.language.plan import Json, Plan
from stanch.language.render.guide.markdown import code

_TAKEN = frozenset({"PATH", "HOME", "IFS", "PWD", "SHELL", "USER", "ENV", "PS1", "UID"})
"""Variables that a shell itself lives by."""


def variables(plan: Plan) -> dict[str, str]:
    """A name for each secret of the Plan and of those that it calls, by reference."""
    found: dict[str, str] = {}
    for reference in dict.fromkeys(_references(to_data(plan)["steps"])):
        found[reference] = _free(_name(reference), found)
    for child in plan.children.values():
        for reference in dict.fromkeys(_references(to_data(child)["steps"])):
            if reference not in found:
                found[reference] = _free(_name(reference), found)
    return found


def secrets_of(named: Mapping[str, str]) -> Iterator[str]:
    """Where each of them is, in Markdown."""
    for reference, variable in named.items():
        kind, _, rest = reference.partition("/")
        where = {
            "env": f"the environment variable {code(rest)} of Stanch's worker",
            "file": f"the content of the file {code(rest)} on Stanch's worker",
            "vault": f"{code(rest)} in HashiCorp Vault",
            "kubernetes": f"{code(rest)} of Kubernetes' secrets",
        }.get(kind, "ask whoever runs Stanch")
        yield f"{code(reference)}: {where}; below it is {code(f'${variable}')}"


def _references(data: Json) -> Iterator[str]:
    if isinstance(data, Mapping):
        if set(data) == {"secret"} and isinstance(data["secret"], str):
            yield data["secret"]
            return
        for held in data.values():
            yield from _references(held)
    elif isinstance(data, list):
        for held in data:
            yield from _references(held)


def _name(reference: str) -> str:
    last = re.split(r"[/#]", reference.rstrip("/"))[-1]
    name = re.sub(r"[^A-Za-z0-9]+", "_", last).strip("_").upper() or "SECRET"
    return f"SECRET_{name}" if name in _TAKEN or name[0].isdigit() else name


def _free(name: str, found: Mapping[str, str]) -> str:
    taken = set(found.values())
    return next(each for each in (name, *(f"{name}_{at}" for at in range(2, 10_000))) if each not in taken)
