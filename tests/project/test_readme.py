"""README.md shows the shipped runbook and a real diagnostic, and names commands that there are."""

from __future__ import annotations

import re
from datetime import date

from stanch.language.compile import compile_runbook
from stanch.language.render.text import render_text
from stanch.schemas import load_catalogue
from tests.project.checkout import ROOT

PAGE = (ROOT / "README.md").read_text(encoding="utf-8")
PATH = "runbooks/rollback/rollback-release.yaml"
BLOCKS: dict[str, list[str]] = {
    language: re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) for language in ("yaml", "text")
}
RUNBOOK = (ROOT / PATH).read_text(encoding="utf-8")


def block(language: str, holding: str) -> str:
    (found,) = (text for text in BLOCKS[language] if holding in text)
    return found


def uncommented(text: str) -> str:
    return "\n".join(re.sub(r"\s+#.*", "", line).rstrip() for line in text.splitlines())


def test_the_step_is_the_one_that_ships() -> None:
    assert uncommented(block("yaml", "id: roll_back")) in uncommented(RUNBOOK)


def test_the_diagnostic_is_what_the_mistake_gives() -> None:
    text = RUNBOOK.replace('in: "${{ inputs.hosts }}"', 'in: "${{ inputs.hots }}"')
    found = compile_runbook(PATH, text, load_catalogue(), date(2026, 11, 23)).diagnostics
    assert render_text(found, {PATH: text}, colour=False).strip() == block("text", "error[").strip()


def test_every_target_of_make_that_a_page_names_is_one() -> None:
    targets = set(re.findall(r"^([a-z]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for name in ("README.md", "CONTRIBUTING.md", "docs/operations.md"):
        page = (ROOT / name).read_text(encoding="utf-8")
        named = set(re.findall(r"(?:`|^)make ([a-z]+)", page, re.MULTILINE))
        assert named
        assert named <= targets, name
