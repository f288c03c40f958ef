"""What an editor says of a rehearsal: it offers and explains its words, and underlines mistakes."""

from __future__ import annotations

import pytest

from tests.editors.language_server import CARET, LanguageServer, Problem
from tests.editors.written import CHECKOUT, content, modeline, nowhere

pytestmark = pytest.mark.xdist_group("editors")

SCHEMA = content("drill.v1.json")
NAME = CHECKOUT / "drills" / "rehearsals" / "rollback-release" / "a-host-fails.yaml"
SHIPPED = modeline("drill.v1.json") + NAME.read_text(encoding="utf-8").partition("\n")[2]


def offered(server: LanguageServer, text: str) -> dict[str, str]:
    found = server.open(text, nowhere()).completions()
    return {word: said for word, said in found.items() if not said.startswith("```")}


def test_a_step_of_the_script_is_offered_what_may_be_said_of_it(server: LanguageServer) -> None:
    words = offered(server, f"{modeline('drill.v1.json')}rehearsal: x\ngiven:\n  look:\n    {CARET}\n")
    assert words.keys() == SCHEMA["$defs"]["take"]["properties"].keys()
    assert all(words.values())


def test_what_is_expected_is_offered_its_words(server: LanguageServer) -> None:
    words = offered(server, f"{modeline('drill.v1.json')}rehearsal: x\nexpect:\n  {CARET}\n")
    assert words.keys() >= SCHEMA["$defs"]["expect"]["properties"].keys()
    assert all(words.values())


def test_an_answer_is_offered_the_choices(server: LanguageServer) -> None:
    words = offered(server, f"{modeline('drill.v1.json')}rehearsal: x\npeople:\n  fix: {CARET}\n")
    assert {"approve", "deny", "silent", "retry"} <= words.keys()


@pytest.mark.parametrize(
    ("line", "word"),
    [
        ("    done:\n      json", "done"),
        ("    items:", "items"),
        ("  ledger:", "ledger"),
        ("  reason:", "reason"),
    ],
)
def test_a_word_is_explained_when_it_is_pointed_at(server: LanguageServer, line: str, word: str) -> None:
    assert line in SHIPPED
    text = SHIPPED.replace(line, line.replace(word, f"{word[:2]}{CARET}{word[2:]}", 1), 1)
    shown = server.open(text, nowhere()).hover()
    owner = "take" if word in ("done", "items") else "expect"
    first = SCHEMA["$defs"][owner]["properties"][word]["description"].split("`")[0][:30]
    assert first in shown


@pytest.mark.parametrize(
    ("old", "new", "underlined", "says"),
    [
        ("  outcome: failed", "  outcome: broken", "broken", "Value is not accepted."),
        ("  outcome: failed", "  outcom: failed", "outcom", "Property outcom is not allowed."),
        ("    - approve", "    - agree", "agree", "Value is not accepted."),
        ("runbook: rollback-release", "runbook: Rollback", "Rollback", "must be a name such as"),
        (
            "rehearsal: a-host-fails",
            "reharsal: a-host-fails",
            "reharsal",
            "Property reharsal is not allowed.",
        ),
    ],
)
def test_a_mistake_is_underlined(
    server: LanguageServer, old: str, new: str, underlined: str, says: str
) -> None:
    assert old in SHIPPED
    problems: list[Problem] = server.open(SHIPPED.replace(old, new, 1), nowhere()).problems()
    assert any(each.text == underlined and each.message.startswith(says) for each in problems), problems


def test_nothing_is_underlined_in_a_good_one(server: LanguageServer) -> None:
    assert server.open(SHIPPED, nowhere()).problems() == []
