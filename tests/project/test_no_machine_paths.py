"""What is tracked names no machine that it was made on, and no place that packages come from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.project.checkout import ROOT, files, text

# Written so that no pattern finds itself.
MACHINE = [
    r"(?<![\w./-])/(?:work|root)/",
    r"(?<![\w./-])/(?:home|Users)/(?!stanch\b)[\w.-]+",
    r"(?<![\w./-])/tmp/[\w.-]+/",
    r"(?<![\w./-])/opt/(?:pypi|wheels)",
]
INDEX = [
    r"\bpypi[.]org",
    r"pythonhosted[.]org",
    r"registry[.]npmjs",
    r"deb[.]debian[.]org",
    r"proxy[.]golang[.]org",
    r"--(?:extra-)?index-url[ =]",
    r"--find-links[ =]",
    r"^(?:extra-)?index-url\s*=",
]


def here() -> list[str]:
    """This very checkout and this person's home, unless they are too short to mean anything."""
    places = {str(ROOT), str(Path.home())}
    return [rf"(?<![\w./-]){re.escape(place)}(?![\w-])" for place in places if place.count("/") > 1]


def found(patterns: list[str], content: str) -> list[str]:
    return [match.group() for pattern in patterns for match in re.finditer(pattern, content, re.MULTILINE)]


@pytest.mark.parametrize(
    ("patterns", "kind"),
    [(MACHINE + here(), "a path of one machine"), (INDEX, "a package index")],
    ids=["machine", "index"],
)
def test_no_tracked_file_names(patterns: list[str], kind: str) -> None:
    hits = {name: found(patterns, content) for name in files() if (content := text(name))}
    assert {name: hit for name, hit in hits.items() if hit} == {}, kind


@pytest.mark.parametrize(
    "line",
    ["see /" + "work/main", "HOME=/" + "home/jo", "(/" + "Users/jo/src)", "`/" + "tmp/spike/v`"],
)
def test_a_machine_path_is_recognised(line: str) -> None:
    assert found(MACHINE + here(), line)


@pytest.mark.parametrize(
    "line", ["https://host.example/" + "work/x", "runbooks/" + "root/x", "/app/stanch", "/home" + "/stanch"]
)
def test_an_ordinary_path_is_not_taken_for_a_machine_path(line: str) -> None:
    assert not found(MACHINE, line)


@pytest.mark.parametrize(
    "line", ["https://pypi" + ".org/simple", "--extra-" + "index-url x", "index" + "-url = x"]
)
def test_a_package_index_is_recognised(line: str) -> None:
    assert found(INDEX, line)
