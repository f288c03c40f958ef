"""Procedures of other teams, retold in the language: nothing is wrong with them but what is not built yet.

All of them are read from beside the checkout when they are there; those under a permissive licence are copied
into `tests/data/real-runbooks/`, so the test always has something to read.
"""

from __future__ import annotations

import re
from collections import Counter
from datetime import date
from functools import cache

import pytest
import yaml

from stanch.language.compile import Compiled, compile_library
from stanch.language.diagnostics import is_error
from stanch.schemas import load_catalogue
from tests.language.cases import CHECKOUT, HERE

COPIED = CHECKOUT / "tests" / "data" / "real-runbooks"
BESIDE = CHECKOUT.parent / "shared" / "real-runbooks"
FOLDER = BESIDE if BESIDE.is_dir() else COPIED
DRAFTS = sorted(path.stem for path in FOLDER.glob("*.yaml"))
TODAY = date(2026, 8, 25)

NOT_BUILT = "RB205"
"""An action that this release does not have."""
IMPROVED = yaml.safe_load((HERE / "data" / "improved.yaml").read_text(encoding="utf-8"))
"""What is changed in the drafts, and why."""
WORDS = "aws|command|dns|flag|kubectl|notify|page|pipeline|silence|sql|ticket"
"""The actions that the drafts use and that are still to be built."""
USED = re.compile(rf"(?:^ *(?:- )?|[{{,] ?)({WORDS}):(?! {{(?:after|type):)", re.MULTILINE)


def text_of(draft: str) -> str:
    text = (FOLDER / f"{draft}.yaml").read_text(encoding="utf-8")
    for change in IMPROVED:
        if change["of"] == draft:
            assert text.count(change["old"]) == 1, change
            text = text.replace(change["old"], change["new"])
    return text


@cache
def library() -> dict[str, Compiled]:
    """All of them together, since they may call each other, and one that they call and nobody has retold."""
    stand_in = (HERE / "data" / "vm-performance.yaml").read_text(encoding="utf-8")
    files = [("vm-performance.yaml", stand_in), *((f"{draft}.yaml", text_of(draft)) for draft in DRAFTS)]
    compiled = compile_library(files, load_catalogue(), TODAY)
    return {path.removesuffix(".yaml"): found for (path, _), found in zip(files, compiled, strict=True)}


@pytest.mark.parametrize("draft", DRAFTS)
def test_a_real_procedure_is_refused_only_for_actions_that_are_not_built(draft: str) -> None:
    found = [each for each in library()[draft].diagnostics if is_error(each)]
    others = [f"{each.code} at {each.span.line}: {each.message}" for each in found if each.code != NOT_BUILT]
    assert others == []


@pytest.mark.parametrize("draft", DRAFTS)
def test_an_action_that_is_not_built_is_one_diagnostic_each(draft: str) -> None:
    found = (each for each in library()[draft].diagnostics if each.code == NOT_BUILT)
    named = Counter(each.message.split("`")[1] for each in found)
    uncommented = re.sub(r"(?m)^ *#.*$|  +# .*$", "", text_of(draft))
    built = load_catalogue().actions
    assert named == Counter(name for name in USED.findall(uncommented) if name not in built)


def test_what_a_real_procedure_calls_compiles_too() -> None:
    assert library()["vm-performance"].diagnostics == ()


def test_the_copied_procedures_are_there() -> None:
    assert len(list(COPIED.glob("*.yaml"))) == 4


def test_every_improvement_is_of_a_draft() -> None:
    if FOLDER is BESIDE:
        assert {change["of"] for change in IMPROVED} <= set(DRAFTS)
