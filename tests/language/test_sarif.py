"""SARIF as OASIS publishes it: its schema, from an npm package (`tests/npm/`), decides what is right."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
from jsonschema import Draft4Validator

from stanch.language.diagnostics import CODES, Diagnostic, Related, Severity, in_order
from stanch.language.render.sarif import render_sarif
from stanch.language.source import Span
from tests.language.cases import CHECKOUT, compiled

_FILE = "tests/npm/node_modules/@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json"
SCHEMA = json.loads((CHECKOUT / _FILE).read_text(encoding="utf-8"))
URI = re.compile(r"(?:file://)?(?:[A-Za-z0-9._~!$&'()*+,;=@/-]|%[0-9A-F]{2})+")
"""What RFC 3986 lets a path have, without `:`, which would begin with a scheme."""


def rendered(*found: Diagnostic) -> Any:
    """The log as a program reads it, valid by the published schema."""
    log = json.loads(json.dumps(render_sarif(found, "1.2.3")))
    assert [error.message for error in Draft4Validator(SCHEMA).iter_errors(log)] == []
    return log


def said(
    code: str = "RB302",
    path: str = "a.yaml",
    message: str = "it is wrong",
    hint: str | None = None,
    related: tuple[Related, ...] = (),
) -> Diagnostic:
    return Diagnostic(code, CODES[code].severity, message, path, Span(1, 2, 1, 4), related, hint)


def test_a_log_of_every_code_is_valid() -> None:
    found = [
        said(code, message=f"no `\x1b[2J` in `${{{{ x }}}}` \u2028 {code}", hint="`}`") for code in CODES
    ]
    (run,) = rendered(*found)["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert [rule["id"] for rule in rules] == sorted(CODES)
    for result, diagnostic in zip(run["results"], found, strict=True):
        rule = rules[result["ruleIndex"]]
        assert result["ruleId"] == rule["id"] == diagnostic.code
        assert result["level"] == rule["defaultConfiguration"]["level"] == diagnostic.severity.value
        assert rule["shortDescription"]["text"] == CODES[diagnostic.code].meaning
        assert (CHECKOUT / rule["help"]["text"].split()[0]).is_file()


def test_the_schema_notices_what_is_wrong() -> None:
    for key in ("message", "ruleIndex"):
        log = json.loads(json.dumps(render_sarif([said()], "1.2.3")))
        log["runs"][0]["results"][0][key] = "wrong"
        assert list(Draft4Validator(SCHEMA).iter_errors(log))


def test_nothing_wrong_is_a_run_without_results() -> None:
    log = rendered()
    assert log["version"] == "2.1.0"
    (run,) = log["runs"]
    assert (run["tool"]["driver"]["name"], run["tool"]["driver"]["version"]) == ("stanch", "1.2.3")
    assert run["results"] == run["tool"]["driver"]["rules"] == []


def test_a_rule_says_whether_its_code_can_be_allowed() -> None:
    rules = rendered(*map(said, ("RB218", "RB306", "RB501")))["runs"][0]["tool"]["driver"]["rules"]
    assert [rule["fullDescription"]["text"] for rule in rules] == [
        "An `allow` comment that nothing needs. Advice: the runbook compiles.",
        (
            "An output that nothing reads. Advice: the runbook compiles, "
            "and `# stanch: allow RB306 <reason>` silences it."
        ),
        "A change that nobody approves. An error: the runbook does not compile.",
    ]


def test_only_rules_that_occur_are_listed_each_once() -> None:
    (run,) = rendered(said("RB501"), said("RB306"), said("RB501"))["runs"]
    assert [rule["id"] for rule in run["tool"]["driver"]["rules"]] == ["RB306", "RB501"]
    assert [result["ruleIndex"] for result in run["results"]] == [1, 0, 1]


def test_a_result_has_its_place_its_hint_and_what_explains_it() -> None:
    related = (Related(Span(5, 6, 7, 8), "first here"), Related(Span(9, 1, 9, 2), "and here"))
    (result,) = rendered(said(hint="write `x`", related=related))["runs"][0]["results"]
    assert result["message"]["text"] == "it is wrong.\nHint: write `x`"
    assert result["locations"] == [
        {
            "physicalLocation": {
                "artifactLocation": {"uri": "a.yaml"},
                "region": {"startLine": 1, "startColumn": 2, "endLine": 1, "endColumn": 4},
            }
        }
    ]
    first, second = result["relatedLocations"]
    assert first["physicalLocation"]["region"] == {
        "startLine": 5,
        "startColumn": 6,
        "endLine": 7,
        "endColumn": 8,
    }
    assert [each["message"]["text"] for each in (first, second)] == ["first here", "and here"]
    assert [each["id"] for each in (first, second)] == [1, 2]


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("runbooks/rollback/api.yaml", "runbooks/rollback/api.yaml"),
        ("../api.yaml", "../api.yaml"),
        ("a b/100%/#1?.yaml", "a%20b/100%25/%231%3F.yaml"),
        ("c:x.yaml", "c%3Ax.yaml"),
        ("größe.yaml", "gr%C3%B6%C3%9Fe.yaml"),
        ("not-utf8-\udcff.yaml", "not-utf8-%FF.yaml"),
        ("[a]\\b.yaml", "%5Ba%5D%5Cb.yaml"),
        ("/srv/a b.yaml", "file:///srv/a%20b.yaml"),
    ],
)
def test_a_path_is_written_as_a_uri(path: str, uri: str) -> None:
    (result,) = rendered(said(path=path))["runs"][0]["results"]
    found = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert found == uri
    assert URI.fullmatch(found)
    assert unquote(urlsplit(found).path, errors="surrogateescape") == path


def test_columns_are_counted_as_the_log_says() -> None:
    text = (
        'runbook: a\ntitle: "👍 e\u0301 日本"\nkind: diagnosis\nowner: t\nreviewed: 2026-11-01\n'
        'steps: [{title: "👍👍 日", id: a, wait: 1s, "👍": 日}]\n'
    )
    found = compiled(text, "a.yaml").diagnostics
    (run,) = rendered(*found)["runs"]
    assert run["columnKind"] == "unicodeCodePoints"
    lines = re.split("|".join(map(re.escape, run["newlineSequences"])), text)
    marked = set()
    for result in run["results"]:
        region = result["locations"][0]["physicalLocation"]["region"]
        assert region["startLine"] == region["endLine"]
        line = lines[region["startLine"] - 1]
        marked.add(line[region["startColumn"] - 1 : region["endColumn"] - 1])
    assert '"👍"' in marked


def test_results_stand_in_the_order_of_the_diagnostics() -> None:
    found = in_order([said(path="b.yaml"), said("RB101", path="b.yaml"), said(path="a.yaml")])
    assert [each.severity for each in found] == [Severity.ERROR] * 3
    results = rendered(*found)["runs"][0]["results"]
    assert [
        (each["locations"][0]["physicalLocation"]["artifactLocation"]["uri"], each["ruleId"])
        for each in results
    ] == [("a.yaml", "RB302"), ("b.yaml", "RB101"), ("b.yaml", "RB302")]
