"""The garbage collector rests while runbooks are compiled, and is not missed."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from stanch.language.collector import no_collection
from tests.language.cases import CHECKOUT


def test_the_collector_rests_inside_and_works_again_behind() -> None:
    with no_collection():
        assert not gc.isenabled()
        with no_collection():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_made_inside_is_collected_later_like_anything_else() -> None:
    with no_collection():
        circle: list[object] = []
        circle.append(circle)
        del circle
    assert gc.get_freeze_count() == 0
    assert gc.collect() > 0


def test_the_collector_works_again_behind_an_error() -> None:
    with pytest.raises(ValueError, match="wrong"), no_collection():
        raise ValueError("wrong")
    assert gc.isenabled()


def test_whoever_has_switched_the_collector_off_finds_it_off() -> None:
    gc.disable()
    try:
        with no_collection():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_nothing_that_is_made_of_a_runbook_waits_for_the_collector() -> None:
    code = (
        "import gc, sys\n"
        "from datetime import date\n"
        "from pathlib import Path\n"
        "from stanch.language.compile import compile_runbook\n"
        "from stanch.schemas import load_catalogue\n"
        "def compiled(path):\n"
        "    found = compile_runbook(path, Path(path).read_text(), load_catalogue(), date(2026, 11, 23))\n"
        "    return found.plan is not None\n"
        "compiled(sys.argv[1])\n"
        "gc.collect()\n"
        "gc.disable()\n"
        "print(compiled(sys.argv[1]), gc.collect())\n"
    )
    runbook = CHECKOUT / "runbooks" / "rollback" / "rollback-release.yaml"
    done = subprocess.run(
        [sys.executable, "-c", code, str(runbook)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "True 0\n"
