"""The three rings: what import-linter checks can fail, and what it cannot see is checked here.

import-linter knows the modules of this project one by one, but of a library only that it is imported. So the
clock (`datetime` is a value, `datetime.now` is not), the parts of `temporalio`, and modules that nobody has
entered into its contracts yet are found here, in the syntax tree.
"""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.project.checkout import ROOT, python_files

PURE = ("conductor", "contract", "drill", "errors", "incident", "language", "lease", "oncall", "proof")
"""Members of the pure ring, below `stanch`."""
CHECKOUT_ONLY = {"activities", "bench", "devtools", "tests", "worker", "workflows"}
"""Top-level names that the wheel does not hold."""

CLOCKS = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"},
    "uuid": {"uuid1", "uuid4"},
}
NONDETERMINISTIC = {"random", "secrets", "time"}
PARTS = {"urllib.request", "uuid.uuid1", "uuid.uuid4"}
"""Forbidden parts of modules that are values otherwise (`urllib.parse`, `uuid.UUID`)."""
TEMPORAL_IN_WORKFLOWS = {"common", "contrib", "converter", "exceptions", "workflow"}


# --- the rules that the syntax tree shows ---------------------------------------------------------------


def imports(tree: ast.AST) -> Iterator[tuple[str, int]]:
    """Dotted names that are imported anywhere in the tree; `from a import b` gives `a.b`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            for alias in node.names:
                yield f"{node.module}.{alias.name}", node.lineno


def impure(tree: ast.AST) -> list[str]:
    """Clock, randomness and files used in the tree, as `line: what`."""
    hits = [
        (line, name)
        for name, line in imports(tree)
        if name.split(".")[0] in NONDETERMINISTIC or name in PARTS or name.rpartition(".")[0] in PARTS
    ]
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=owner) | ast.Attribute(attr=owner), attr=attribute):
                if attribute in CLOCKS.get(owner, ()):
                    hits.append((node.lineno, f"{owner}.{attribute}"))
            case ast.Call(func=ast.Name(id="open" | "input" | "print" as builtin)):
                hits.append((node.lineno, builtin))
    return [f"{line}: {what}" for line, what in sorted(hits)]


def beyond(tree: ast.AST, allowed: set[str]) -> list[str]:
    """Imports of this project's own modules outside `allowed` (top-level names, and `stanch.<member>`)."""
    hits = []
    for name, line in imports(tree):
        top, _, rest = name.partition(".")
        own = f"stanch.{rest.split('.')[0]}" if top == "stanch" else top
        if (top == "stanch" or top in CHECKOUT_ONLY) and own not in allowed:
            hits.append(f"{line}: {own}")
    return hits


def temporal_parts(tree: ast.AST) -> list[str]:
    """Parts of the Temporal SDK that a workflow has no business with."""
    return [
        f"{line}: {name}"
        for name, line in imports(tree)
        if name.split(".")[0] == "temporalio"
        and name.split(".")[1:2] != []
        and name.split(".")[1] not in TEMPORAL_IN_WORKFLOWS
    ]


def ring(name: str) -> str:
    parts = Path(name).with_suffix("").parts
    if parts[0] == "stanch":
        return "pure" if len(parts) > 1 and parts[1] in PURE else "stanch"
    return parts[0]


def broken(name: str, tree: ast.AST) -> list[str]:
    """Every rule of its ring that the module `name` breaks."""
    pure = {f"stanch.{member}" for member in PURE}
    match ring(name):
        case "pure":
            return impure(tree) + beyond(tree, pure)
        case "workflows":
            allowed = pure | {"workflows", "stanch.visibility"}
            return impure(tree) + beyond(tree, allowed) + temporal_parts(tree)
        case "stanch":
            return [hit for hit in beyond(tree, set()) if not hit.partition(": ")[2].startswith("stanch")]
        case _:
            return []


def test_no_module_breaks_a_rule_of_its_ring() -> None:
    found = {name: broken(name, ast.parse((ROOT / name).read_text(), name)) for name in python_files()}
    assert {name: rules for name, rules in found.items() if rules} == {}


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("stanch/conductor/machine.py", "from datetime import datetime\nnow = datetime.now()"),
        ("stanch/conductor/machine.py", "import datetime\nnow = datetime.datetime.now(datetime.UTC)"),
        ("stanch/language/read.py", "from datetime import date\nday = date.today()"),
        ("stanch/language/read.py", "import time"),
        ("stanch/language/read.py", "from uuid import uuid4"),
        ("stanch/language/read.py", "text = open('x').read()"),
        ("stanch/language/read.py", "import urllib.request"),
        ("stanch/language/read.py", "from urllib.request import urlopen"),
        ("stanch/language/read.py", "from stanch.gateway import app"),
        ("stanch/language/read.py", "from stanch import newcomer"),
        ("stanch/oncall/rotation.py", "import random"),
        ("stanch/contract.py", "import worker"),
        ("workflows/runbook.py", "import uuid\nkey = uuid.uuid4()"),
        ("workflows/runbook.py", "from temporalio.client import Client"),
        ("workflows/runbook.py", "from temporalio import activity"),
        ("workflows/runbook.py", "from stanch.records import store"),
        ("stanch/cli/up.py", "import worker"),
        ("stanch/cli/up.py", "def command():\n    from workflows.runbook import Runbook"),
    ],
)
def test_a_broken_rule_is_found_out(name: str, source: str) -> None:
    assert len(broken(name, ast.parse(source))) == 1


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("stanch/conductor/machine.py", "from datetime import datetime\nat = datetime.fromtimestamp(0)"),
        ("stanch/conductor/machine.py", "from stanch.language.plan import Plan\nfrom stanch import contract"),
        (
            "workflows/runbook.py",
            "from temporalio import workflow\nnow = workflow.now()\nkey = workflow.uuid4()",
        ),
        ("stanch/language/read.py", "from urllib.parse import quote\nfrom uuid import UUID"),
        ("workflows/runbook.py", "from workflows.timeline import Timeline\nimport asyncio"),
        ("stanch/gateway/app.py", "import time\nfrom stanch.client import connect"),
        ("worker.py", "import workflows, activities"),
    ],
)
def test_what_a_ring_may_do_passes(name: str, source: str) -> None:
    assert broken(name, ast.parse(source)) == []


# --- the contracts of pyproject.toml --------------------------------------------------------------------

LINTER: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS: dict[str, dict[str, Any]] = {contract["id"]: contract for contract in LINTER["contracts"]}


def test_the_contracts_name_each_pure_module_that_exists() -> None:
    there = {
        f"stanch.{member}"
        for member in PURE
        if (ROOT / "stanch" / member).is_dir() or (ROOT / "stanch" / f"{member}.py").is_file()
    }
    assert set(CONTRACTS["pure"]["source_modules"]) == there
    assert set(CONTRACTS["yaml"]["source_modules"]) == there | {"workflows"}


def lint(where: Path) -> str:
    """What import-linter says about the modules below `where`, with this project's contracts."""
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    done = subprocess.run(command, cwd=where, check=False, capture_output=True, text=True)
    assert "Contracts:" in done.stdout, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A tree with every module that the contracts name, empty but for the one import that is an exception."""
    named = {"stanch.language.read", *LINTER["root_packages"]}
    for contract in CONTRACTS.values():
        for key in ("source_modules", "forbidden_modules", "modules"):
            named |= {name for name in contract.get(key, ()) if name.split(".")[0] in LINTER["root_packages"]}
    for name in named:
        folder = tmp_path.joinpath(*name.split("."))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "__init__.py").touch()
    for name in ("events", "read"):
        (tmp_path / f"stanch/language/{name}").mkdir(exist_ok=True)
        (tmp_path / f"stanch/language/{name}/__init__.py").write_text("import yaml\n")
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return tmp_path


def test_the_contracts_hold_for_a_tree_that_keeps_them(small: Path) -> None:
    assert f"Contracts: {len(CONTRACTS)} kept, 0 broken" in lint(small)


def test_each_contract_breaks_for_an_import_that_it_forbids(small: Path) -> None:
    """One wrong import a contract, and one more that only leads there through another module."""
    wrong = {
        "pure": ("stanch/conductor", "import socket"),
        "yaml": ("stanch/language/parse", "import yaml"),
        "workflows": ("workflows/runbook", "import stanch.language.parse, paramiko"),
        "package": ("stanch/config", "import stanch.cli"),
        "apart": ("activities/ssh", "import workflows.runbook"),
        "effects": ("activities/http", "import devtools"),
    }
    assert wrong.keys() == CONTRACTS.keys()
    for module, line in wrong.values():
        (small / module).mkdir(exist_ok=True)
        (small / module / "__init__.py").write_text(line + "\n")
    (small / "stanch/cli/__init__.py").write_text("import workflows\n")
    said = lint(small)
    words = " ".join(said.split())
    verdicts = {name: f"{contract['name']} BROKEN" in words for name, contract in CONTRACTS.items()}
    assert verdicts == dict.fromkeys(CONTRACTS, True), said
