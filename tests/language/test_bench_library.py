"""The runbooks that `bench/compile.py` measures with are such as people write."""

from __future__ import annotations

import pytest

from bench._library import write_runbook
from stanch.language.plan import all_steps
from tests.language.cases import really_compiled


@pytest.mark.parametrize("number", range(10))
def test_a_runbook_of_the_benchmark_has_its_steps_and_no_mistake(number: int) -> None:
    name, text = write_runbook(number, 40)
    found = really_compiled(text, f"{name}.yaml")
    assert found.plan is not None, found.diagnostics
    assert len(all_steps(found.plan.steps)) == 40


def test_no_two_runbooks_of_the_benchmark_are_alike() -> None:
    texts = [write_runbook(number, 40)[1] for number in range(50)]
    assert len(set(texts)) == 50
    assert texts == [write_runbook(number, 40)[1] for number in range(50)]
