"""Short ways to write many runbooks, and to compile them together."""

from __future__ import annotations

from stanch.language.compile import Compiled, compile_library
from stanch.language.diagnostics import Diagnostic
from stanch.language.plan import Plan
from tests.language.cases import TODAY, catalogue, files_of

LOOK = """\
inputs: {node: {type: string, pattern: "^[a-z0-9]+$"}}
steps:
  - id: look
    http: {url: "http://${{ inputs.node }}/"}
    outputs: {status: result.status, names: '["a", "b"]'}
outputs: {status: steps.look.status, names: steps.look.names}
"""
CHANGE = """\
steps:
  - {id: out, ssh: {hosts: [web1], run: [x]}, effect: change, idempotent: true, irreversible: a test}
"""
MAYBE = ", when: run.mode == 'live'"
ASKED = ", approval: incident_commander"
TRIGGER = "triggers: [{source: alertmanager, when: alert.status == 'firing' && alert.labels.a == 'b'}]\n"


def library(fragment: str) -> dict[str, Compiled]:
    """What becomes of each file, by path."""
    files = files_of(fragment)
    found = compile_library(files, catalogue(), TODAY)
    return {path: each for (path, _), each in zip(files, found, strict=True)}


def told(fragment: str) -> list[Diagnostic]:
    """Without advice on what a short example leaves out."""
    silent = {"RB305", "RB306", "RB534"}
    found = library(fragment).values()
    return [each for file in found for each in file.diagnostics if each.code not in silent]


def codes(fragment: str) -> list[str]:
    return [f"{each.path.removesuffix('.yaml')} {each.code}" for each in told(fragment)]


def plan_of(fragment: str, path: str = "a.yaml") -> Plan:
    found = library(fragment)[path]
    assert found.plan is not None, found.diagnostics
    return found.plan


def file(name: str, rest: str) -> str:
    return f"# {name}.yaml\nrunbook: {name}\n{rest}"


def calling(*names: str, rest: str = "", more: str = "") -> str:
    """The steps of a runbook that calls `names`, each with `rest` beside it."""
    steps = "".join(f"  - {{id: call_{name.replace('-', '_')}, runbook: {name}{rest}}}\n" for name in names)
    return f"{more}steps:\n{steps}"


def many(*documents: str) -> str:
    return "---\n".join(documents)
