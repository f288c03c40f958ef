"""What the tests of the language share: a small catalogue, a day, and short ways to compile."""

from __future__ import annotations

import json
import re
from datetime import date
from functools import cache
from pathlib import Path

from stanch.language.catalogue import Catalogue, action_spec
from stanch.language.compile import Compiled, compile_runbook
from stanch.language.diagnostics import Diagnostic
from stanch.schemas import load_catalogue

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[1]
TODAY = date(2026, 11, 23)

HEAD = """\
runbook: example
title: An example
kind: recovery
owner: team
reviewed: 2026-11-01
"""
LOOK = """\
steps:
  - id: look
    prometheus:
      query: up
    require:
      - that: result.value > 0.0
        else: It is down.
"""
_DIVIDER = re.compile(r"^---\n", re.MULTILINE)


@cache
def catalogue() -> Catalogue:
    """Four small actions that no change of the real ones can disturb, with the real schema of a runbook."""
    actions = {}
    for path in sorted((HERE / "data" / "actions").glob("*.v1.json")):
        name = path.name.removesuffix(".v1.json")
        actions[name] = action_spec(name, json.loads(path.read_text(encoding="utf-8")))
    schema = json.loads((CHECKOUT / "schemas" / "runbook.v1.json").read_text(encoding="utf-8"))
    return Catalogue(actions=actions, runbook_schema=schema)


def compiled(text: str | bytes, path: str = "example.yaml") -> Compiled:
    return compile_runbook(path, text, catalogue(), TODAY)


def really_compiled(text: str, path: str = "example.yaml") -> Compiled:
    """Compiled with the actions that this release has."""
    return compile_runbook(path, text, load_catalogue(), TODAY)


def files_of(fragment: str) -> list[tuple[str, str]]:
    """A fragment as files (path, text): what begins with `# NAME.yaml` stands in one of its own."""
    found: list[tuple[str, str]] = []
    for document in _DIVIDER.split(fragment):
        named = re.match(r"# (\S+\.yaml)\n", document)
        if named or not found:
            found.append((named.group(1) if named else "example.yaml", whole(document)))
        else:
            found[-1] = (found[-1][0], f"{found[-1][1]}\n---\n{whole(document)}")
    return found


def whole(fragment: str) -> str:
    """A fragment as a file of runbooks: what it leaves out is filled in with something harmless."""
    return "\n---\n".join(map(_whole, _DIVIDER.split(fragment)))


def _whole(text: str) -> str:
    if not text.strip():
        return text
    if not re.search(r"^steps:", text, re.MULTILINE):
        text = text + "\n" + LOOK if not text.startswith("- ") else "steps:\n" + _indented(text)
    missing = [line for line in HEAD.splitlines() if not _has_key(text, line.partition(":")[0])]
    return "\n".join([*missing, text])


def _has_key(text: str, key: str) -> bool:
    return re.search(rf"^(# )?{key}:", text, re.MULTILINE) is not None


def _indented(text: str) -> str:
    return "".join(f"  {line}" for line in text.splitlines(keepends=True))


def diagnose(fragment: str) -> tuple[Diagnostic, ...]:
    """The diagnostics of a fragment, without those about inputs, outputs and items that nothing reads."""
    found = compiled(whole(fragment)).diagnostics
    return tuple(each for each in found if each.code not in ("RB305", "RB306", "RB534"))


def codes(fragment: str) -> list[str]:
    return [each.code for each in diagnose(fragment)]
