"""The pinned requirements serve what pyproject.toml asks for, and each pin carries hashes."""

from __future__ import annotations

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.project.checkout import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
REQUIRED: list[str] = PROJECT["dependencies"]
EVERYTHING = REQUIRED + [requirement for extra in EXTRAS.values() for requirement in extra]
BUILD = [
    line
    for line in (ROOT / "requirements" / "build.in").read_text().splitlines()
    if line and not line.startswith("#")
]


def entries(name: str) -> list[str]:
    """Each requirement of the file `name` with its continuation lines, comments left out."""
    lines = (ROOT / "requirements" / name).read_text().replace("\\\n", " ").splitlines()
    return [line for line in lines if line and not line.lstrip().startswith("#")]


def pins(name: str) -> dict[str, Version]:
    return {
        canonicalize_name(found.group(1)): Version(found.group(2))
        for line in entries(name)
        if (found := re.match(r"([\w.-]+)==(\S+)", line))
    }


@pytest.mark.parametrize(
    ("name", "asked"),
    [("dev.txt", EVERYTHING + BUILD), ("runtime.txt", REQUIRED + BUILD)],
    ids=["dev", "runtime"],
)
def test_each_dependency_is_pinned_to_a_version_that_fits(name: str, asked: list[str]) -> None:
    pinned = pins(name)
    for requirement in map(Requirement, asked):
        version = pinned.get(canonicalize_name(requirement.name))
        assert version is not None, f"`{requirement}` is not in requirements/{name}; run `make lock`"
        assert requirement.specifier.contains(version), (
            f"{version} does not fit `{requirement}`; run `make lock`"
        )


@pytest.mark.parametrize("name", ["dev.txt", "runtime.txt"])
def test_each_line_is_one_exact_pin_with_hashes(name: str) -> None:
    odd = [
        line
        for line in entries(name)
        if not re.fullmatch(
            r"[\w.-]+(?:\[[\w,-]+\])?==[\w.+!]+(?: ; [^#]+?)?(?:\s+--hash=sha256:[0-9a-f]{64})+", line
        )
    ]
    assert odd == []


def test_what_is_shipped_is_what_was_tested() -> None:
    dev = pins("dev.txt")
    assert {name: version for name, version in pins("runtime.txt").items() if dev.get(name) != version} == {}
