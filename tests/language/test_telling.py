"""What only tells people is no change, and nothing in the language repeats it."""

from __future__ import annotations

import pytest

from stanch.language.render.phrases import TELLING
from stanch.schemas import load_catalogue
from tests.language.cases import HEAD, really_compiled

TELL = """\
  - id: tell
    notify:
      channel: a
      text: It fails.
"""
FIX = """\
  - id: fix
    approval: incident_commander
    ssh:
      hosts: [web1]
      run: [x]
    effect: change
    irreversible: it is over
"""


def codes(steps: str, kind: str = "recovery") -> list[str]:
    text = HEAD.replace("recovery", kind) + "steps:\n" + steps
    return [each.code for each in really_compiled(text).diagnostics]


@pytest.mark.parametrize("kind", ["recovery", "diagnosis"])
def test_it_needs_nobody_s_leave_and_no_way_back(kind: str) -> None:
    assert codes(TELL, kind) == []
    assert codes(TELL + "    on_failure: continue\n    retry: {times: 2, every: 5s}\n", kind) == []


def test_it_cannot_be_called_a_change() -> None:
    assert codes(TELL + "    effect: change\n") == ["RB511"]


@pytest.mark.parametrize("word", ["done", "verify"])
def test_no_check_tells_people(word: str) -> None:
    check = "{notify: {channel: a, text: x}, until: result.id == '', within: 1m}"
    known = "    idempotent: true\n" if word == "verify" else ""
    assert codes(f"{FIX}{known}    {word}: {check}\n") == ["RB508"]


def test_nothing_waits_by_telling_people() -> None:
    assert codes(TELL + "    until: result.id != ''\n    within: 1m\n") == ["RB508"]


def test_no_verification_repeats_it() -> None:
    verify = "    verify: {step: tell, until: result.id == '', within: 1m}\n"
    assert codes(f"{TELL}{FIX}    idempotent: true\n{verify}") == ["RB307"]


def test_those_that_tell_are_named_where_a_step_is_put_into_words() -> None:
    assert set(TELLING) == {name for name, spec in load_catalogue().actions.items() if spec.tells}
