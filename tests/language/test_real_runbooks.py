"""Procedures of other teams, retold in the language: nothing is wrong with them but what is not built yet.

All of them are read from beside the checkout when they are there; those under a permissive licence are copied
into `tests/data/real-runbooks/`, so the test always has something to read.
"""

from __future__ import annotations

import re
from datetime import date

import pytest
import yaml

from stanch.language.compile import compile_runbook
from stanch.language.diagnostics import is_error
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT, HERE

COPIED = CHECKOUT / "tests" / "data" / "real-runbooks"
BESIDE = CHECKOUT.parent / "shared" / "real-runbooks"

NOT_BUILT = {"RB205", "RB206"}

IMPROVED = yaml.safe_load((HERE / "data" / "improved.yaml").read_text(encoding="utf-8"))
"""What is changed in the drafts, and why."""


def documents() -> list[tuple[str, str]]:
    folder = BESIDE if BESIDE.is_dir() else COPIED
    texts = [
        text for path in sorted(folder.glob("*.yaml")) for text in path.read_text("utf-8").split("\n---\n")
    ]
    return [(name(text), text) for text in texts]


def name(text: str) -> str:
    found = re.search(r"^runbook: (\S+)$", text, re.MULTILINE)
    assert found is not None
    return found.group(1)


@pytest.mark.parametrize(("runbook", "text"), documents(), ids=[runbook for runbook, _ in documents()])
def test_a_real_procedure_is_refused_only_for_what_is_not_built_yet(runbook: str, text: str) -> None:
    for change in IMPROVED:
        if change["of"] == runbook:
            assert change["old"] in text
            text = text.replace(change["old"], change["new"])
    found = compile_runbook(f"{runbook}.yaml", text, load_catalogue(), date(2026, 8, 25)).diagnostics
    wrong = [f"{each.code} at {each.span.line}: {each.message}" for each in found if is_error(each)]
    assert [line for line in wrong if line[:5] not in NOT_BUILT] == []
    assert wrong, "each of them uses something that this release does not have"


def test_the_copied_procedures_are_there() -> None:
    assert len(list(COPIED.glob("*.yaml"))) == 4


def test_an_action_that_is_not_built_is_one_diagnostic_each() -> None:
    text = (COPIED / "12-emergency-banner.yaml").read_text(encoding="utf-8")
    found = compile_runbook("emergency-banner.yaml", text, load_catalogue(), date(2026, 8, 25)).diagnostics
    kubectl = [each for each in found if each.code == "RB205"]
    assert len(kubectl) == text.count("kubectl:")
