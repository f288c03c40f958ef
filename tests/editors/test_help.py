"""What an editor offers at the cursor, and what it says over a word."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.editors.language_server import CARET, LanguageServer
from tests.editors.written import PLACE, WRITTEN, content, modeline, nowhere

pytestmark = pytest.mark.xdist_group("editors")

RUNBOOK = (PLACE / "rollback-release.yaml").read_text(encoding="utf-8")
SCHEMA = content("runbook.v1.json")
STEP = SCHEMA["$defs"]["step"]["properties"]


def offered(server: LanguageServer, text: str) -> dict[str, str]:
    """The words that may stand at the caret; a proposal that fills in several lines at once is left out."""
    found = server.open(text, nowhere()).completions()
    return {word: said for word, said in found.items() if not said.startswith("```")}


def over(server: LanguageServer, text: str) -> str:
    """What is shown at the caret, as a person reads it."""
    return re.sub(r"\\([\\`*_{}\[\]#+!$])", r"\1", server.open(text, nowhere()).hover())


def behind(line: str, written: str) -> str:
    """The shipped runbook with `written` on a line of its own behind the first `line`."""
    assert f"{line}\n" in RUNBOOK
    return RUNBOOK.replace(f"{line}\n", f"{line}\n{written}\n", 1)


@pytest.mark.parametrize("schema", WRITTEN)
def test_an_empty_document_is_offered_the_words_of_its_schema(server: LanguageServer, schema: str) -> None:
    words = offered(server, modeline(schema) + CARET)
    assert words.keys() == content(schema)["properties"].keys()
    assert all(words.values())


def test_a_step_is_offered_every_word_that_it_does_not_have_yet(server: LanguageServer) -> None:
    words = offered(server, behind("    effect: change", f"    {CARET}"))
    step = RUNBOOK.partition("  - id: roll_back\n")[2].partition("  - id: now\n")[0]
    there = {"id", *re.findall(r"^    (\w+):", step, re.MULTILINE)}
    assert words.keys() == STEP.keys() - there
    assert words["retry"] == SCHEMA["$defs"]["retry"]["description"]
    assert all(words.values())


def test_a_new_step_is_offered_every_word(server: LanguageServer) -> None:
    words = offered(server, f"{modeline('runbook.v1.json')}steps:\n  - {CARET}\n")
    assert words.keys() == STEP.keys()
    assert all(words.values())


@pytest.mark.parametrize(
    "word", ["approval", "ask", "for_each", "findings", "retry", "revert", "undo", "verify"]
)
def test_a_word_offers_what_may_stand_in_it(server: LanguageServer, word: str) -> None:
    item = "- " if word == "findings" else ""
    text = f"{modeline('runbook.v1.json')}steps:\n  - id: a\n    {word}:\n      {item}{CARET}\n"
    words = offered(server, text)
    assert inside(STEP[word]) <= words.keys()
    assert all(words.values())


def inside(word: Any) -> set[str]:
    """The words that stand directly in this one, in whichever of its forms."""
    names = set(word.get("properties", ()))
    for part in (target(word, SCHEMA), word.get("then"), word.get("items"), *word.get("anyOf", ())):
        names |= inside(part) if part and part is not word else set()
    return names


def test_an_approval_offers_the_roles_of_an_incident(server: LanguageServer) -> None:
    words = offered(server, RUNBOOK.replace("approval: incident_commander", f"approval: {CARET}", 1))
    assert words.keys() == {"incident_commander", "technical_lead", "communications_lead", "scribe"}
    assert all(words.values())


def test_an_action_is_offered_its_parameters(server: LanguageServer) -> None:
    words = offered(
        server, behind('      run: [deploy, current, "${{ inputs.service }}", --json]', f"      {CARET}")
    )
    params = content("actions/ssh.v1.json")["$defs"]["params"]["properties"]
    assert words.keys() == params.keys() - {"hosts", "run", "output"}
    assert words["env"] == params["env"]["description"]


@pytest.mark.parametrize(
    ("line", "values"),
    [
        ("    effect: change", {"read", "change"}),
        ("      method: GET", {"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"}),
        ("      output: json", {"text", "lines", "json"}),
        ("kind: rollback", set(SCHEMA["properties"]["kind"]["enum"])),
    ],
)
def test_a_word_with_few_values_offers_them(server: LanguageServer, line: str, values: set[str]) -> None:
    word = line.partition(":")[0]
    assert offered(server, RUNBOOK.replace(line, f"{word}: {CARET}", 1)).keys() == values


def test_a_value_is_offered_with_what_it_means(server: LanguageServer) -> None:
    said = offered(server, behind("    effect: change", f"    on_failure: {CARET}"))
    assert said == dict(zip(STEP["on_failure"]["enum"], STEP["on_failure"]["enumDescriptions"], strict=True))


@pytest.mark.parametrize("word", sorted(STEP))
def test_a_word_of_a_step_is_explained_when_it_is_pointed_at(server: LanguageServer, word: str) -> None:
    text = (
        f"{modeline('runbook.v1.json')}steps:\n  - id: a\n    {word}{CARET}: {sample(STEP[word], SCHEMA)}\n"
    )
    text = text.replace("  - id: a\n    id", "  - id")
    assert explanation(STEP[word], SCHEMA) in over(server, text)


@pytest.mark.parametrize("schema", WRITTEN)
def test_a_word_at_the_top_is_explained_when_it_is_pointed_at(server: LanguageServer, schema: str) -> None:
    for word, inner in content(schema)["properties"].items():
        shown = over(server, f"{modeline(schema)}{word}{CARET}: {sample(inner, content(schema))}\n")
        assert explanation(inner, content(schema)) in shown, word


def test_a_parameter_is_explained_when_it_is_pointed_at(server: LanguageServer) -> None:
    shown = over(server, RUNBOOK.replace("      run: [", f"      ru{CARET}n: [", 1))
    assert content("actions/ssh.v1.json")["$defs"]["params"]["properties"]["run"]["description"] in shown


def explanation(word: Any, schema: Any) -> str:
    return str(word["description"] if "description" in word else target(word, schema)["description"])


def sample(word: Any, schema: Any) -> str:
    """Something that may stand behind a word: an editor explains what fits."""
    kind = word.get("type") or target(word, schema).get("type")
    return {"object": "{}", "array": "[]", "boolean": "true"}.get(kind if isinstance(kind, str) else "", "x")


def target(word: Any, schema: Any) -> Any:
    reference = word.get("$ref", "")
    return schema["$defs"][reference.removeprefix("#/$defs/")] if reference.startswith("#") else word
