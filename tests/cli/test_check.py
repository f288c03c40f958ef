"""`stanch check` in its formats, as programs and terminals get them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from tests.cli.processes import STANCH, bare_environment, stanch

GOOD = """\
runbook: {name}
title: An example
kind: diagnosis
owner: team
reviewed: 2999-01-01
steps:
  - id: look
    wait: 1s
"""


def runbook(folder: Path, name: str, more: str = "") -> Path:
    """A runbook reviewed in the far future, which is one piece of advice, and what `more` adds to it."""
    path = folder / f"{name}.yaml"
    path.write_text(GOOD.format(name=name) + more, encoding="utf-8")
    return path


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    return runbook(tmp_path, "broken", "  - id: look\n    wait: 1s\n")


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = runbook(tmp_path, "good")
    path.write_text(f"# stanch: allow RB213 made for a test\n{path.read_text()}")
    return path


def test_every_format_says_the_same(broken: Path, tmp_path: Path) -> None:
    ended = {
        form: stanch("check", "--format", form, ".", cwd=tmp_path) for form in ("json", "sarif", "github")
    }
    assert {each.returncode for each in ended.values()} == {1}
    assert {each.stderr for each in ended.values()} == {"1 runbook: 1 error, 1 warning\n"}
    told = [(each["code"], each["path"], each["line"]) for each in json.loads(ended["json"].stdout)]
    assert told == [("RB213", "broken.yaml", 5), ("RB208", "broken.yaml", 9)]
    (run,) = json.loads(ended["sarif"].stdout)["runs"]
    places = [each["locations"][0]["physicalLocation"] for each in run["results"]]
    assert told == [
        (each["ruleId"], place["artifactLocation"]["uri"], place["region"]["startLine"])
        for each, place in zip(run["results"], places, strict=True)
    ]
    warning, error = ended["github"].stdout.splitlines()
    assert warning.startswith("::warning file=broken.yaml,line=5,")
    assert error.startswith("::error file=broken.yaml,line=9,")


def test_text_is_the_default(broken: Path) -> None:
    assert stanch("check", broken).stdout == stanch("check", "--format", "text", broken).stdout != ""


def test_the_short_way_to_json_is_the_same_json(broken: Path) -> None:
    assert stanch("check", "--json", broken).stdout == stanch("check", "--format", "json", broken).stdout
    assert stanch("check", "--json", "--format", "json", broken).returncode == 1


def test_two_formats_at_once_are_wrong_usage(broken: Path) -> None:
    ended = stanch("check", "--json", "--format", "sarif", broken)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "`--json` and `--format sarif` contradict each other" in ended.stderr


@pytest.mark.parametrize("form", ["text", "github"])
def test_nothing_wrong_prints_nothing(form: str, good: Path) -> None:
    ended = stanch("check", "--format", form, good)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "1 runbook: 0 errors, 0 warnings\n")


def test_nothing_wrong_is_an_empty_list_and_a_run_without_results(good: Path) -> None:
    assert json.loads(stanch("check", "--format", "json", good).stdout) == []
    assert json.loads(stanch("check", "--format", "sarif", good).stdout)["runs"][0]["results"] == []


def test_advice_that_a_comment_allows_does_not_count(good: Path) -> None:
    assert stanch("check", "--strict", good).returncode == 0
    good.write_text(good.read_text().replace(" made for a test", ""))
    assert stanch("check", good).stderr == "1 runbook: 1 error, 0 warnings\n"


def test_diagnostics_are_sorted_by_path_however_the_files_were_named(tmp_path: Path) -> None:
    files = [runbook(tmp_path, name) for name in ("c", "a", "b")]
    told = json.loads(stanch("check", "--json", *files).stdout)
    assert [Path(each["path"]).name for each in told] == ["a.yaml", "b.yaml", "c.yaml"]


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_thousands_of_diagnostics_come_in_order(form: str, tmp_path: Path) -> None:
    """In the process's own minute; the renderers themselves take a fraction of a second."""
    for name in ("a", "b"):
        keys = "".join(f"key{number}: 日本 {number}\n" for number in range(3000))
        long_line = ", ".join(f"x{number}: 1" for number in range(2000))
        runbook(tmp_path, name, f"{keys}inputs: {{{long_line}}}\n")
    ended = stanch("check", "--format", form, ".", cwd=tmp_path)
    if form == "json":
        places = [(each["path"], each["line"], each["column"]) for each in json.loads(ended.stdout)]
        assert places == sorted(places)
    assert ended.returncode == 1
    assert sum(ended.stdout.count(f"{name}.yaml") for name in ("a", "b")) >= 10_000


@pytest.mark.parametrize(
    ("wish", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_a_terminal_gets_colour_unless_its_owner_wants_none(
    wish: dict[str, str], coloured: bool, broken: Path
) -> None:
    screen, device = pty.openpty()
    environment = {name: held for name, held in bare_environment(TERM="xterm").items() if name != "NO_COLOR"}
    process = subprocess.Popen(
        [STANCH, "check", broken],
        stdin=subprocess.DEVNULL,
        stdout=device,
        stderr=subprocess.DEVNULL,
        env=environment | wish,
    )
    os.close(device)
    seen = b""
    while True:
        try:
            seen += os.read(screen, 65_536)
        except OSError:  # the other end is closed
            break
    os.close(screen)
    assert process.wait(timeout=60) == 1
    assert b"RB208" in seen
    assert (b"\x1b[1;31merror[RB208]\x1b[0m" in seen) == coloured


@pytest.mark.parametrize("form", ["text", "json", "sarif", "github"])
def test_a_pipe_gets_no_colour(form: str, broken: Path) -> None:
    assert "\x1b" not in stanch("check", "--format", form, broken, TERM="xterm").stdout


BAD_LADDER = """\
policy:
  ladders:
    incident_commander:
      default:
        rungs:
          - {after: 0s, page: tecnical_lead}
        silence: {after: 10m, then: deny}
"""


def test_a_configuration_is_checked_as_what_it_is(tmp_path: Path) -> None:
    (tmp_path / "stanch.yaml").write_text(BAD_LADDER)
    ended = stanch("check", "stanch.yaml", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "1 configuration: 1 error, 0 warnings\n")
    assert "stanch.yaml:6:31" in ended.stdout
    assert "did you mean `technical_lead`?" in ended.stdout
    (tmp_path / "other.yaml").write_text(BAD_LADDER.replace("tec", "tech"))
    ended = stanch("check", "other.yaml", "--json", cwd=tmp_path, STANCH_CONFIG="other.yaml")
    assert (ended.returncode, ended.stdout) == (0, "[]\n")


def test_a_wrong_key_of_a_person_is_shown_at_its_place(tmp_path: Path) -> None:
    key = "1b9KP8znF7A4i8wnSevBSK2ZabI_Re4bYF_Vh3hXasQ"
    people = f"policy:\n  people:\n    alice: {{keys: [{{public: {key}}}]}}\n    bob: {{codes: [{key}]}}\n"
    (tmp_path / "stanch.yaml").write_text(people)
    (found,) = json.loads(stanch("check", "stanch.yaml", "--json", cwd=tmp_path).stdout)
    assert (found["code"], found["line"], found["column"]) == ("RB204", 4, 19)
    assert "this key stands under `people.alice.keys[0]` already" in found["message"]


def test_without_paths_the_configuration_is_checked_with_what_it_names(good: Path, tmp_path: Path) -> None:
    (tmp_path / "stanch.yaml").write_text("runbooks: [ours]\n")
    ours = tmp_path / "ours"
    ours.mkdir()
    good.rename(ours / good.name)
    ended = stanch("check", cwd=tmp_path)
    assert (ended.returncode, ended.stderr) == (0, "1 runbook and 1 configuration: 0 errors, 0 warnings\n")
    (tmp_path / "stanch.yaml").write_text(f"runbooks: [ours]\n{BAD_LADDER}")
    assert stanch("check", cwd=tmp_path).returncode == 1
