"""Every code of rehearsals has a page, whose examples are what it says they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from stanch.cli.played import play
from stanch.cli.rehearsals import load_rehearsals
from stanch.config import Policy
from stanch.drill.rehearsal import stage
from stanch.language.diagnostics import CODES
from stanch.schemas import load_catalogue
from tests.drill.support import HEAD
from tests.language.test_diagnostics_pages import example, sections

CHECKOUT = Path(__file__).resolve().parents[2]
OURS = sorted(code for code in CODES if code.startswith("RB7"))
REST = {
    "inputs": "inputs: {service: checkout, hosts: [web1]}",
    "given": "given: {errors: {json: {error_rate: 0.2}}, current: {json: {release: v42}}}",
    "people": "people: {roll_back: silent}",
    "expect": "expect: {outcome: failed}",
}
"""What an example leaves out to stay short."""


def whole(document: str) -> str:
    """An example's document, with what it leaves out, as far as that makes no difference to it."""
    needed = {"expect"} if "runbook: example" in document else REST.keys()
    missing = [line for word, line in REST.items() if word in needed and f"\n{word}:" not in f"\n{document}"]
    return "\n".join([document.rstrip("\n"), *missing, ""])


def said(text: str, folder: Path) -> list[str]:
    """The codes for an example: before it is run, and in the run if there are none."""
    runbooks, drills = folder / "runbooks", folder / "drills"
    runbooks.mkdir()
    drills.mkdir()
    documents = text.split("---\n")
    own = [each for each in documents if each.startswith("runbook:")]
    for runbook in own:
        head = HEAD.partition("\n")[2]
        name, _, rest = runbook.partition("\n")
        (runbooks / "example.yaml").write_text(f"{name}\n{head}{rest}")
    rehearsals = [whole(each) for each in documents if each not in own]
    (drills / "it.yaml").write_text("---\n".join(rehearsals))
    held = load_rehearsals([drills / "it.yaml"], [CHECKOUT / "runbooks", runbooks])
    (file,) = held.files
    if file.diagnostics:
        return [each.code for each in file.diagnostics]
    played = [play(bound, Policy(), load_catalogue()) for bound in file.rehearsals]
    return [found.code for each in played if each.verdict for found in each.verdict.diagnostics]


@pytest.mark.parametrize("code", OURS)
def test_the_problematic_example_is_one_diagnostic_and_the_correct_one_none(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stage, "MOST_EVENTS", 300)
    parts = sections(code)
    for name, expected in (("Problematic", [code]), ("Correct", [])):
        folder = tmp_path / name
        folder.mkdir()
        assert said(example(parts[name]), folder) == expected
    assert parts["Why"].strip()


def test_the_page_on_endless_rehearsals_says_after_how_many_events_they_are_broken_off() -> None:
    assert f"After {stage.MOST_EVENTS:,} events" in sections("RB710")["Why"]
