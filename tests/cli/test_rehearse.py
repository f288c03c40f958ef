"""`stanch rehearse`, and what `stanch check` says of rehearsals, as terminals and programs get them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.cli.processes import stanch

CHECKOUT = Path(__file__).resolve().parents[2]
RUNBOOK = """\
runbook: look
title: Look
kind: diagnosis
owner: team
reviewed: 2999-01-01
inputs:
  host: {type: string, pattern: "^[a-z]+$"}
steps:
  - id: health
    title: Is it well?
    http: {url: "http://${{ inputs.host }}/"}
    outputs: {well: result.json.well == true}
  - id: more
    when: "!steps.health.well"
    wait: 30s
outputs:
  well: steps.health.well
"""
GOOD = """\
rehearsal: it-is-well
runbook: look
inputs: {host: web}
given:
  health: {json: {well: true}, takes: 2s}
expect:
  outcome: succeeded
  steps: [health]
  outputs: {well: true}
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder as a team has it: runbooks, and drills beside them."""
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "drills").mkdir()
    (tmp_path / "runbooks" / "look.yaml").write_text(f"# stanch: allow RB213 made for a test\n{RUNBOOK}")
    (tmp_path / "drills" / "well.yaml").write_text(GOOD)
    (tmp_path / "stanch.yaml").write_text("runbooks: [runbooks]\n")
    return tmp_path


def rehearse(place: Path, *arguments: str) -> tuple[int, str, str]:
    ended = stanch("rehearse", *arguments, cwd=place)
    return ended.returncode, ended.stdout, ended.stderr


def as_data(place: Path, *arguments: str) -> Any:
    return json.loads(rehearse(place, "--json", *arguments)[1])


def add(place: Path, name: str, text: str) -> None:
    (place / "drills" / f"{name}.yaml").write_text(text)


def test_a_line_for_each_with_how_long_it_took_there_and_here(place: Path) -> None:
    status, out, err = rehearse(place)
    assert status == 0
    (line,) = out.splitlines()
    assert line.split()[:3] == ["✓", "look/it-is-well", "2s"]
    assert line.endswith(" ms")
    assert err.startswith("1 rehearsal in ")
    assert err.endswith(": 1 as expected, 0 not\n")


def test_a_difference_is_shown_with_its_place(place: Path) -> None:
    add(place, "well", GOOD.replace("outputs: {well: true}", "outputs: {well: false}"))
    status, out, err = rehearse(place)
    first, *details = out.splitlines()
    assert status == 1
    assert first.startswith("✗ look/it-is-well")
    assert details == [
        "    drills/well.yaml:9:19: `outputs` differs",
        "    --- expected",
        "    +++ happened",
        "    -well: false",
        "    +well: true",
        "    it ended as `succeeded`",
    ]
    assert err.endswith(": 0 as expected, 1 not\n")


def test_everything_is_there_as_data(place: Path) -> None:
    add(place, "b", GOOD.replace("it-is-well", "other").replace("[health]", "[health, more]"))
    data = as_data(place, "--coverage", "--timeline")
    other, well = sorted(data["rehearsals"], key=lambda each: each["passed"])
    assert (well["rehearsal"], well["outcome"], well["seconds"]) == ("it-is-well", "succeeded", 2.0)
    assert well["differences"] == well["diagnostics"] == []
    assert well["timeline"][0]["kind"] == "run_started"
    (found,) = other["differences"]
    assert (found["what"], found["line"], found["diff"][-1]) == ("`steps` differs", 8, "-- more")
    assert (found["expected"], found["happened"]) == (["- health", "- more"], ["- health"])
    (gap,) = data["coverage"]
    assert (gap["path"], gap["line"], gap["step"], gap["word"]) == ("runbooks/look.yaml", 14, "more", "")
    assert data["diagnostics"] == []
    assert as_data(place)["coverage"] is None


def test_branches_that_nobody_takes_are_named_and_count_only_if_somebody_wants_that(place: Path) -> None:
    status, out, err = rehearse(place, "--coverage")
    assert status == 0
    assert "runbooks/look.yaml:14: `more` never runs" in out.splitlines()
    assert "1 branch not taken" in err
    assert rehearse(place, "--coverage", "--strict")[0] == 1
    assert rehearse(place, "--strict")[0] == 0


def test_a_runbook_that_nobody_rehearses_is_named(place: Path) -> None:
    text = RUNBOOK.replace("runbook: look", "runbook: other")
    (place / "runbooks" / "other.yaml").write_text(text)
    assert "runbooks/other.yaml:1: `other` has no rehearsal" in rehearse(place, "--coverage")[1].splitlines()


def test_what_happens_is_told_moment_by_moment(place: Path) -> None:
    out = rehearse(place, "--timeline")[1]
    assert "      2s  ✓ health: well = true" in out
    assert "      2s  - more: `!steps.health.well` does not hold" in out


def test_a_script_that_lacks_something_is_told_what_to_write(place: Path) -> None:
    add(place, "well", GOOD.replace("health: {json", "more: {}\n  # health: {json"))
    status, out, _ = rehearse(place)
    assert status == 1
    assert "error[RB703]" in out
    add(
        place,
        "well",
        "\n".join(line for line in GOOD.splitlines() if "health: {" not in line and line != "given:") + "\n",
    )
    status, out, _ = rehearse(place)
    assert status == 1
    assert "error[RB707]: `health` is reached, and the script does not say what it gives" in out
    assert "write `health: {json: {well: ...}}` under `given`" in out
    assert as_data(place)["rehearsals"][0]["diagnostics"][0]["code"] == "RB707"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (GOOD.replace("runbook: look", "runbook: lok"), "RB701"),
        (GOOD.replace("[health]", "[helth]"), "RB702"),
        (GOOD.replace("host: web", "host: 3"), "RB704"),
        (GOOD.replace("well: true}, t", "well: true}, x: 1, t"), "RB201"),
        (f"{GOOD}---\n{GOOD}", "RB706"),
        ("rehearsal: [\n", "RB101"),
        ("rehersal: x\nrunbook: look\nexpect: {outcome: failed}\n", "RB201"),
        ("- 1\n", "RB203"),
        ("\x00", "RB110"),
    ],
)
def test_check_says_what_is_wrong_with_a_rehearsal_and_rehearse_does_not_run_it(
    place: Path, text: str, code: str
) -> None:
    add(place, "well", text)
    status, out, _ = rehearse(place, "drills/well.yaml")
    assert status == 1
    assert f"error[{code}]" in out
    assert "drills/well.yaml:" in out
    assert out.count("✓") == (code == "RB706"), "the first of the twins is run"
    if text.startswith("rehearsal:"):
        ended = stanch("check", "--json", "drills", cwd=place)
        assert ended.returncode == 1
        assert code in [each["code"] for each in json.loads(ended.stdout)]


def test_a_misspelt_first_word_does_not_leave_a_file_out_without_a_word(place: Path) -> None:
    add(place, "second", GOOD.replace("rehearsal:", "reharsal:"))
    status, out, _ = rehearse(place)
    assert status == 1
    assert "`reharsal` is not a word of the rehearsal" in out
    assert "did you mean `rehearsal`?" in out


def test_a_rehearsal_of_a_runbook_with_errors_says_where_to_look(place: Path) -> None:
    (place / "runbooks" / "look.yaml").write_text(RUNBOOK.replace("inputs.host", "inputs.hots"))
    status, out, _ = rehearse(place)
    assert status == 1
    assert "error[RB705]: `look` has errors, so it cannot be rehearsed" in out
    assert "`stanch check runbooks/look.yaml` says which" in out


def test_check_looks_at_runbooks_and_rehearsals_and_tells_them_apart(place: Path) -> None:
    ended = stanch("check", cwd=place)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr == "1 runbook and 1 rehearsal and 1 configuration: 0 errors, 0 warnings\n"
    assert stanch("check", "drills", cwd=place).stderr == "1 rehearsal: 0 errors, 0 warnings\n"
    assert stanch("check", "runbooks", cwd=place).stderr == "1 runbook: 0 errors, 0 warnings\n"


def test_the_runbook_that_is_checked_beside_it_is_the_one_that_is_rehearsed(place: Path) -> None:
    (place / "elsewhere").mkdir()
    text = (
        (place / "runbooks" / "look.yaml")
        .read_text()
        .replace("id: health", "id: state")
        .replace("s.health", "s.state")
    )
    (place / "elsewhere" / "look.yaml").write_text(text)
    found = json.loads(stanch("check", "--json", "elsewhere", "drills", cwd=place).stdout)
    assert [each["code"] for each in found] == ["RB702", "RB702"]
    assert rehearse(place, "--runbooks", "elsewhere")[0] == 1
    assert rehearse(place)[0] == 0


def test_rehearsals_may_lie_beside_the_runbooks(place: Path) -> None:
    (place / "drills" / "well.yaml").rename(place / "runbooks" / "look-is-well.yaml")
    assert rehearse(place, "runbooks")[0] == 0
    assert stanch("check", "runbooks", cwd=place).returncode == 0
    assert stanch("plan", "look", cwd=place).returncode == 0


def test_the_policy_is_the_configured_one(place: Path) -> None:
    text = (place / "runbooks" / "look.yaml").read_text()
    (place / "runbooks" / "look.yaml").write_text(
        text.replace("    wait: 30s", "    ask: {from: scribe, fields: {why: {type: string}}}").replace(
            '"!steps', '"steps'
        )
    )
    (place / "stanch.yaml").write_text(
        "runbooks: [runbooks]\npolicy: {people: {dora: {}}, ladders: {scribe: {default: "
        "{rungs: [{after: 0s, page: dora}], silence: {after: 7m, then: abort}}}}}\n"
    )
    add(
        place,
        "well",
        GOOD.partition("expect:")[0]
        + "people: {more: silent}\nexpect: {outcome: aborted, pages: [dora], took: 7m2s}\n",
    )
    assert rehearse(place)[:1] == (0,), rehearse(place)[1]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "there is no file or folder `nowhere`"),
        (["runbooks"], "there is no rehearsal below `runbooks`"),
        (["empty"], "there is no rehearsal (`*.yaml`) below `empty`"),
        (["--runbooks", "nowhere"], "`nowhere` does not exist"),
    ],
)
def test_wrong_usage_is_said_in_a_line(place: Path, arguments: list[str], says: str) -> None:
    (place / "empty").mkdir()
    status, out, err = rehearse(place, *arguments)
    assert (status, out) == (2, "")
    assert says in err
    assert len(err.splitlines()) == 1


def test_text_from_a_script_cannot_steer_a_terminal(place: Path) -> None:
    add(place, "well", GOOD.replace("{json: {well: true}, takes: 2s}", '{fails: "\\e]0;x\\a \\u202e"}'))
    out = rehearse(place, "--timeline")[1]
    assert "\x1b" not in out
    assert "\\x1b]0;x" in out


def test_without_a_folder_of_ones_own_what_ships_is_rehearsed(tmp_path: Path) -> None:
    status, out, _ = rehearse(tmp_path)
    assert status == 0
    assert "rollback-release/nobody-answers" in out
