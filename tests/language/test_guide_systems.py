"""Calls on systems in a guide: what is pasted reaches the system's own program, whatever is in the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stanch.language.plan import Call
from stanch.language.render.guide import document
from stanch.schemas import load_catalogue
from tests.language.guides import Shell, commands, guide_of
from tests.language.test_guide_commands import HOSTILE

NAMES = [
    value
    for value in HOSTILE
    if value and not (value.startswith("-") or any(char in value for char in "\n\t;\x1b"))
]


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


def typed(shell: Shell, program: str, call: Call, inputs: dict[str, Any] | None = None) -> list[list[str]]:
    """The arguments of each `program` that the guide would have a person type."""
    return [words for line in commands(guide_of(call, inputs)) for words in shell.runs(line, program)]


@pytest.mark.parametrize(
    ("program", "call", "expected"),
    [
        ("nc", Call("tcp", {"to": "db1:5432"}), ["-vz", "-w", "5", "db1", "5432"]),
        ("dig", Call("dns", {"resolve": "www.a.org"}), ["www.a.org", "A", "+noall", "+answer"]),
        ("patronictl", Call("postgres", {"switchover": {"to": "pg2"}}), ["switchover", "--candidate", "pg2"]),
        ("patronictl", Call("postgres", {"failover": {"to": "pg2"}}), ["failover", "--candidate", "pg2"]),
        ("patronictl", Call("postgres", {}), ["list"]),
        (
            "amtool",
            Call("silence", {"matchers": {"a": ["b.c", "d"]}, "for": "2h", "comment": "Why."}),
            [
                *("silence", "add", "--alertmanager.url=<the address of Alertmanager>"),
                *("--duration=2h", "--comment=Why.", r"a=~b\.c|d"),
            ],
        ),
        (
            "kubectl",
            Call(
                "kubernetes", {"server": "eu", "scale": {"namespace": "shop", "name": "web", "replicas": 3}}
            ),
            ["--context", "<the cluster eu>", "-n", "shop", "scale", "deployment/web", "--replicas=3"],
        ),
        (
            "aws",
            Call(
                "aws", {"service": "rds", "api": "RebootDBInstance", "with": {"DBInstanceIdentifier": "a b"}}
            ),
            ["rds", "reboot-db-instance", "--cli-input-json", '{"DBInstanceIdentifier": "a b"}'],
        ),
    ],
)
def test_a_call_is_typed_with_the_program_of_its_system(
    shell: Shell, program: str, call: Call, expected: list[str]
) -> None:
    assert typed(shell, program, call) == [expected]


def test_a_revert_is_typed_as_git_takes_it(shell: Shell) -> None:
    call = Call("pull_request", {"revert": {"after": "1a2b3c4"}, "base": "main", "branch": "back"})
    assert typed(shell, "git", call) == [
        ["switch", "-c", "back", "origin/main"],
        ["revert", "--no-edit", "1a2b3c4..HEAD"],
        ["push", "origin", "back"],
    ]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_of_a_statement_reaches_psql_as_it_is(shell: Shell, value: str) -> None:
    call = Call(
        "sql",
        {
            "database": "orders",
            "query": "SELECT '%%', %(name)s",
            "params": {"name": "${{ inputs.name }}"},
        },
    )
    (line,) = commands(guide_of(call, {"name": value}))
    assert shell.runs(line, "psql") == [["<the address of orders>", "-v", f"name={value}"]]
    assert "SELECT '%', :'name';" in line
    assert not (shell.bin / "owned").exists()


@pytest.mark.parametrize("value", NAMES)
@pytest.mark.parametrize(
    ("program", "params"),
    [
        ("redis-cli", {"failover": {"to": "${{ inputs.x }}:1"}}),
        ("patronictl", {"switchover": {"away_from": "${{ inputs.x }}"}}),
    ],
)
def test_a_name_is_one_word_whatever_is_in_it(
    shell: Shell, program: str, params: dict[str, Any], value: str
) -> None:
    action = "redis" if program == "redis-cli" else "postgres"
    calls = typed(shell, program, Call(action, params), {"x": value})
    assert calls
    assert any(value in words for words in calls[0:1])
    assert not (shell.bin / "owned").exists()


@pytest.mark.parametrize(
    "call",
    [
        Call("haproxy", {"backend": "web", "servers": ["${{ inputs.x }}"], "set": {"state": "drain"}}),
        Call("dns", {"zone": "a.org", "names": ["${{ inputs.x }}"], "set": {"a": "192.0.2.1"}}),
        Call("dns", {"zone": "a.org", "names": ["www"], "set": {"cname": "${{ inputs.x }}"}}),
        Call("tcp", {"to": "${{ inputs.x }}:22"}),
        Call("kubernetes", {"server": "eu", "drain": {"node": "${{ inputs.x }}"}}),
    ],
)
@pytest.mark.parametrize("value", ["-o", "web1; disable server web/web2", "a\nupdate delete b.a.org"])
def test_what_would_be_an_option_or_another_command_is_not_printed_as_one(call: Call, value: str) -> None:
    guide = guide_of(call, {"x": value})
    assert "**Stop.**" in guide
    assert commands(guide) == []


def test_names_of_a_zone_are_whole_in_an_update() -> None:
    params = {
        "zone": "a.org",
        "names": ["www", "@", "api.a.org"],
        "set": {"cname": ["b.net", "c.net", "d.net"]},
    }
    (update,) = commands(guide_of(Call("dns", params)))
    added = [line for line in update.splitlines() if line.startswith("update add")]
    assert added == [
        "update add www.a.org. <its TTL so far> CNAME b.net",
        "update add a.org. <its TTL so far> CNAME c.net",
        "update add api.a.org. <its TTL so far> CNAME d.net",
    ]
    assert "update delete www.a.org. A\n" in update


def test_a_text_of_a_record_stays_one_line_of_the_update() -> None:
    params = {"zone": "a.org", "names": "@", "set": {"txt": "${{ inputs.x }}", "ttl": 60}}
    (update,) = commands(guide_of(Call("dns", params), {"x": "v=DKIM1; k=rsa\nupdate delete b.a.org"}))
    assert 'update add a.org. 60 TXT "v=DKIM1; k=rsa update delete b.a.org"' in update.splitlines()


def test_who_changes_by_hand_looks_first_and_knows_what_the_way_back_is() -> None:
    params = {"server": "lb", "backend": "web", "servers": ["web1"], "set": {"state": "drain"}}
    guide = guide_of(Call("haproxy", params, knows=True), effect="change")
    show, drain = commands(guide)
    assert "show servers state web" in show
    assert "set server web/web1 state drain" in drain
    assert "write down what it shows" in guide
    assert guide.count("Set again what was there before.") == 2  # beside the step, and at the end
    assert "Nobody wrote down a way back" not in guide


def test_the_way_back_is_typed_where_it_does_not_need_what_was_there() -> None:
    silence = Call("silence", {"matchers": {"a": "b"}, "for": "2h"}, knows=True)
    made, *ended = commands(guide_of(silence, effect="change"))
    assert "silence add" in made
    assert len(ended) == 2
    assert all("amtool silence expire" in line and "a=b" in line for line in ended)
    drain = Call("kubernetes", {"server": "eu", "drain": {"node": "n1"}}, knows=True)
    _, *back = commands(guide_of(drain, effect="change"))
    assert [line.split()[-2:] for line in back] == [["uncordon", "n1"]] * 2


def test_of_every_action_the_reader_is_told_what_is_needed() -> None:
    assert set(load_catalogue().actions) - {"manual"} == set(document._TOOLS)
