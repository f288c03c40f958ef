"""Commands over a real OpenSSH server: what arrives there, what comes back, and what ends them."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.output import Capture
from activities.ssh import SshAction
from activities.ssh.command import read_command
from activities.ssh.outcome import settle
from activities.ssh.session import Finished
from stanch.contract import TargetEnd
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown, Unreachable, retryable
from stanch.language.plan import Json
from stanch.schemas import load_catalogue
from tests.activities.conftest import Beats
from tests.support.sshd import Farm

SHOW_ARGV = ["python3", "-c", "import json, sys; print(json.dumps(sys.argv[1:]))"]
SHOW_STDIN = ["python3", "-c", "import sys; print(repr(sys.stdin.buffer.read()))"]
WHERE = {"script": 'echo "$STANCH_HOST"'}
NASTY = [
    "",
    "two words",
    "it's",
    '"quoted"',
    "first\nsecond\n",
    "$(touch /tmp/never)",
    "`id`",
    "$HOME",
    "a;b|c&d>e<f",
    "*",
    "~",
    "=ls",
    "!!",
    "\\",
    "{a,b}",
    "#no comment",
    "-n",
    "grün 漢字 🚒",
    "\t",
]


@pytest.fixture(params=["read", "change"])
def beats(request: pytest.FixtureRequest) -> Beats:
    """A read is executed plainly and a change under a marker; what follows holds for both."""
    return Beats(changes=request.param == "change")


reads = pytest.mark.parametrize("beats", ["read"], indirect=True)
"""What a change does better; `test_ssh_marker` has it."""


class EachAnew(SshAction):
    """Every `perform` of a change is an execution of its own, also in the same context."""

    async def perform(self, params: Mapping[str, Json], context: Context) -> Json:
        key = f"{context.key}/{uuid4()}" if context.key else ""
        return await super().perform(params, replace(context, key=key))


@pytest.fixture
async def ssh(farm: Farm) -> AsyncIterator[SshAction]:
    """Hosts on which nothing runs that an earlier test has left behind, and an action for them."""
    await until(lambda: all(host.commands() == [] for host in farm.hosts.values()))
    action = EachAnew(farm.config_file)
    yield action
    await action.close()


async def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        await asyncio.sleep(0.02)


def web1(**params: Any) -> dict[str, Any]:
    return {"hosts": ["web1"], **params}


# --- what arrives ------------------------------------------------------------------------------------------


async def test_arguments_arrive_as_they_are(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=[*SHOW_ARGV, *NASTY], output="json"), one)
    assert result["json"] == NASTY


async def test_a_program_is_found_on_the_hosts_path(ssh: SshAction, farm: Farm, one: Context) -> None:
    program = farm.bin / "deploy"
    program.write_text('#!/bin/sh\necho "{\\"release\\": \\"$STANCH_HOST-$2\\"}"\n')
    program.chmod(0o755)
    result = await ssh.perform(web1(run=["deploy", "current", "api"], output="json"), one)
    assert result["json"] == {"release": "web1-api"}


async def test_numbers_and_booleans_arrive_as_yaml_writes_them(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=[*SHOW_ARGV, 3, 0.5, True], output="json"), one)
    assert result["json"] == ["3", "0.5", "true"]


@pytest.mark.parametrize("program", ["if", "while", "NAME=value", "a b", "$(id)"])
async def test_the_program_is_a_name_and_never_shell_syntax(
    ssh: SshAction, one: Context, program: str
) -> None:
    result = await ssh.perform(web1(run=[program]), one)
    assert result["rc"] == 127
    assert program in result["stderr"]


async def test_variables_reach_a_program_as_they_are(ssh: SshAction, one: Context) -> None:
    env = {f"NASTY_{place}": value for place, value in enumerate(NASTY)}
    show = ["python3", "-c", "import json, os; print(json.dumps(dict(os.environ)))"]
    result = await ssh.perform(web1(run=show, env=env, output="json"), one)
    assert {name: result["json"].get(name) for name in env} == env


async def test_variables_reach_a_script_and_the_script_is_not_rewritten(ssh: SshAction, one: Context) -> None:
    script = "for word in one 'two words'; do\n  printf '%s:%s\\n' \"$NAME\" \"$word\"\ndone # it's\n"
    result = await ssh.perform(web1(script=script, env={"NAME": "$(id) 'x'"}, output="lines"), one)
    assert result["lines"] == ["$(id) 'x':one", "$(id) 'x':two words"]


async def test_stdin_arrives_to_the_last_byte(ssh: SshAction, one: Context) -> None:
    text = "zeile äöü\n" * 100_000
    result = await ssh.perform(web1(run=["sha256sum"], stdin=text), one)
    assert result["stdout"].split()[0] == hashlib.sha256(text.encode()).hexdigest()


async def test_a_command_that_reads_finds_the_end_when_no_stdin_is_given(
    ssh: SshAction, one: Context
) -> None:
    result = await ssh.perform(web1(run=SHOW_STDIN), one)
    assert result["stdout"] == "b''\n"


async def test_a_script_is_not_eaten_by_a_command_in_it_that_reads(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(script="cat\necho after", stdin="given\n", output="lines"), one)
    assert result["lines"] == ["given", "after"]


async def test_stdin_that_nobody_reads_does_no_harm(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=["true"], stdin="x" * 5_000_000), one)
    assert result["rc"] == 0


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"hosts": []}, "`hosts` is empty"),
        ({"hosts": "web1"}, "`hosts` must be a list"),
        ({"hosts": ["-oProxyCommand=id"]}, "no host name"),
        ({"hosts": ["$(id)"]}, "no host name"),
        ({"as": "a;id"}, "no user name"),
        ({"hosts": ["web1", "web2", "web1"]}, "`web1` twice"),
        ({"run": []}, "`run` must be a list"),
        ({"run": "deploy now"}, "`run` must be a list"),
        ({"run": ["x", {"a": 1}]}, "`run[1]` must be a string"),
        ({"run": ["x", "a\0b"]}, "`run[1]` has a NUL"),
        ({"run": ["x", "\ud800"]}, "`run[1]` is not valid Unicode"),
        ({"run": ["x"], "script": "x"}, "not both"),
        ({"run": None}, "give `run`"),
        ({"env": {"A B": "x"}}, "`A B`, which is no name"),
        ({"env": {"A=B": "x"}}, "`A=B`, which is no name"),
        ({"output": "xml"}, "`output` is `xml`"),
        ({"parallel": 0}, "`parallel` is `0`"),
        ({"as": ""}, "`as` is ``"),
        ({"run": ["x", "y" * 200_000]}, "longer than 100 KiB"),
        ({"hsots": ["web1"]}, "no parameter `hsots`"),
    ],
)
async def test_wrong_parameters_are_named(
    ssh: SshAction, context: Context, params: dict[str, Any], says: str
) -> None:
    with pytest.raises(InvalidInput, match="ssh: ") as raised:
        await ssh.perform({"hosts": ["web1"], "run": ["true"], **params}, context)
    assert says in str(raised.value)


# --- what comes back ---------------------------------------------------------------------------------------


async def test_results_come_in_the_order_of_the_hosts(ssh: SshAction, context: Context) -> None:
    hosts = ["web3", "web1", "web2"]
    results = await ssh.perform({"hosts": hosts, **WHERE}, context)
    assert [(each["host"], each["stdout"]) for each in results] == [(host, f"{host}\n") for host in hosts]


async def test_one_target_gives_one_object_and_one_item_a_list(
    ssh: SshAction, context: Context, one: Context
) -> None:
    assert (await ssh.perform(web1(**WHERE), one))["host"] == "web1"
    assert [each["host"] for each in await ssh.perform(web1(**WHERE), context)] == ["web1"]


@pytest.mark.parametrize("output", ["text", "lines", "json"])
async def test_a_result_is_what_the_schema_says(ssh: SshAction, one: Context, output: str) -> None:
    result = await ssh.perform(web1(run=["echo", "[1, 2]"], output=output), one)
    Draft202012Validator(load_catalogue().actions["ssh"].result).validate(result)
    assert result["stdout"] == "[1, 2]\n"
    assert (result.get("lines"), result.get("json")) == {
        "text": (None, None),
        "lines": (["[1, 2]"], None),
        "json": (None, [1, 2]),
    }[output]


async def test_lines_are_only_cut_at_line_ends(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=["printf", "a\\r\\n\\nb\\v\\342\\200\\250c"], output="lines"), one)
    assert result["lines"] == ["a", "", "b\v\u2028c"]
    assert (await ssh.perform(web1(run=["true"], output="lines"), one))["lines"] == []


async def test_an_exit_status_is_a_result_and_a_failure_of_the_step(
    ssh: SshAction, one: Context, context: Context
) -> None:
    result = await ssh.perform(
        web1(script="echo out; echo first >&2; echo 'no such release' >&2; exit 3"), one
    )
    assert (result["rc"], result["stdout"]) == (3, "out\n")
    assert ssh.failure(result) == "`web1` ended with status 3: no such release"

    script = 'test "$STANCH_HOST" = web1 || exit 7'
    results = await ssh.perform({"hosts": ["web1", "web2", "web3"], "script": script}, context)
    assert ssh.failure(results) == ("2 of 3 hosts: `web2` ended with status 7; `web3` ended with status 7")
    assert ssh.failure(results[0]) is None


async def test_a_command_that_a_signal_ended_has_ended(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(script="echo before; kill -9 $$"), one)
    # Under a marker a shell stands in between, and that only says 128 and the signal's number.
    rc, says = (137, "ended with status 137") if one.key else (-1, "was ended by a signal")
    assert (result["rc"], result["stdout"]) == (rc, "before\n")
    assert ssh.failure(result) == f"`web1` {says}"


@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("all good", "Expecting value at line 1, column 1: `all good`"),
        ('{\n  "release": oops\n}', 'Expecting value at line 2, column 14: `"release": oops`'),
        ("", "Expecting value at line 1, column 1"),
        ("[NaN]", "`NaN` is no JSON number"),
        ('["\\ud800"]', "surrogate"),
        ("[" * 500 + "]" * 500, "nested more than 100 deep"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
async def test_output_that_is_not_json_is_refused_with_the_place(
    ssh: SshAction, one: Context, printed: str, says: str
) -> None:
    with pytest.raises(ActionRefused) as raised:
        await ssh.perform(web1(run=["cat"], stdin=printed, output="json"), one)
    assert str(raised.value).startswith("`web1` ended with status 0, but its output is not JSON: ")
    assert says in str(raised.value)


async def test_a_failed_command_need_not_print_json(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(script="echo sorry; exit 1", output="json"), one)
    assert (result["rc"], "json" in result) == (1, False)
    result = await ssh.perform(web1(script="echo '{}'; exit 1", output="json"), one)
    assert (result["rc"], result["json"]) == (1, {})


async def test_long_output_keeps_both_ends_and_says_what_is_cut(ssh: SshAction, one: Context) -> None:
    script = "seq 1 200000; seq 1 50000 >&2"
    result = await ssh.perform(web1(script=script), one)
    assert result["truncated"] is True
    for name, last, limit in (("stdout", 200_000, 64 * 1024), ("stderr", 50_000, 16 * 1024)):
        text = result[name]
        assert text.startswith("1\n2\n3\n")
        assert text.endswith(f"\n{last - 1}\n{last}\n")
        whole = sum(len(str(number)) + 1 for number in range(1, last + 1))
        assert f"\n[... {whole - limit} bytes cut ...]\n" in text
        assert len(text) < limit + 100


async def test_short_output_is_complete(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=["head", "-c", str(64 * 1024), "/dev/zero"]), one)
    assert result["truncated"] is False
    assert result["stdout"] == "\ufffd" * 64 * 1024


async def test_output_that_is_no_text_is_replaced(ssh: SshAction, one: Context) -> None:
    result = await ssh.perform(web1(run=["printf", "a\\0b\\377c\\303\\274"]), one)
    assert result["stdout"] == "a\ufffdb\ufffdc\u00fc"
    json.dumps(result, ensure_ascii=False).encode()


@pytest.mark.parametrize("output", ["json", "lines"])
async def test_output_that_becomes_data_is_never_cut(ssh: SshAction, one: Context, output: str) -> None:
    count = 190_000
    script = f"printf '[0'; seq -f ',%.0f' 1 {count}; echo ']'"
    with pytest.raises(
        ActionRefused, match=rf"`web1` ended with status 0, but .* what is cut is no `{output}`"
    ):
        await ssh.perform(web1(script=script, output=output), one)
    script = f"printf '[0'; seq -f ',%.0f' 1 {count // 2}; echo ']'"
    result = await ssh.perform(web1(script=script, output=output), one)
    assert len(result[output]) == count // 2 + 1
    assert result["truncated"] is True  # the text beside it


async def test_all_hosts_share_the_space_of_one_answer(ssh: SshAction, context: Context) -> None:
    hosts = ["web1", "web2", "web3"]
    script = "printf '[0'; seq -f ',%.0f' 1 90000; echo ']'"
    with pytest.raises(ActionRefused, match="the command ended on all hosts, but its output is"):
        await ssh.perform({"hosts": hosts, "script": script, "output": "json"}, context)


async def test_control_characters_do_not_burst_the_history(ssh: SshAction, context: Context) -> None:
    script = "head -c 1000000 /dev/zero | tr '\\0' '\\1'"
    results = await ssh.perform({"hosts": ["web1", "web2", "web3"], "script": script}, context)
    assert len(json.dumps(results, ensure_ascii=False).encode()) < 2 * 1024 * 1024
    assert all(each["truncated"] and "bytes cut" in each["stdout"] for each in results)


async def test_a_daemon_left_behind_does_not_hold_the_step(ssh: SshAction, one: Context, farm: Farm) -> None:
    before = time.monotonic()
    result = await ssh.perform(web1(script="sleep 20 & echo $!"), one)
    assert result["rc"] == 0
    assert time.monotonic() - before < 10
    # By its number: the tests of another process run their own `sleep` in the same account.
    ended = await ssh.perform(web1(run=["kill", result["stdout"].strip()]), one)
    assert ended["rc"] == 0


# --- what ends it ------------------------------------------------------------------------------------------


@reads
async def test_a_connection_cut_in_mid_command_leaves_the_outcome_unknown(
    ssh: SshAction, farm: Farm, context: Context
) -> None:
    running = asyncio.create_task(ssh.perform(web1(run=["sleep", "20"]), context))
    await until(lambda: bool(farm["web1"].commands()))
    farm["web1"].cut()
    with pytest.raises(OutcomeUnknown, match=r"^`web1` \(127.0.0.1:\d+\): the connection was lost"):
        await running


@reads
async def test_what_is_known_of_the_other_hosts_is_told(ssh: SshAction, farm: Farm, beats: Beats) -> None:
    script = 'test "$STANCH_HOST" != web2 || sleep 20; test "$STANCH_HOST" != web3'
    running = asyncio.create_task(
        ssh.perform({"hosts": ["web1", "web2", "web3"], "script": script}, beats.context())
    )
    await until(lambda: running.done() or "2 of 3 hosts done" in beats.notes)
    assert not running.done(), running.exception()
    farm["web2"].cut()
    with pytest.raises(OutcomeUnknown) as raised:
        await running
    assert str(raised.value).startswith("`web2` (127.0.0.1:")
    assert str(raised.value).endswith("; `web1` ended with status 0; `web3` ended with status 1")


async def test_a_command_that_outlives_its_time_is_stopped_and_unknown(
    ssh: SshAction, farm: Farm, beats: Beats
) -> None:
    with pytest.raises(OutcomeUnknown, match=r"still running after [01]s; it was stopped with SIGTERM$"):
        await ssh.perform(web1(run=["sleep", "20"]), beats.context(timeout=1))
    assert farm["web1"].commands() == []


async def test_a_command_that_ignores_sigterm_is_killed(ssh: SshAction, farm: Farm, beats: Beats) -> None:
    script = "trap '' TERM; while :; do sleep 0.1; done"
    with pytest.raises(OutcomeUnknown, match="stopped with SIGKILL"):
        await ssh.perform(web1(script=script), beats.context(timeout=1))
    await until(lambda: farm["web1"].commands() == [])


@reads
async def test_a_host_that_freezes_is_unknown_and_not_asked_again_on_that_connection(
    ssh: SshAction, farm: Farm, beats: Beats
) -> None:
    running = asyncio.create_task(ssh.perform(web1(run=["sleep", "20"]), beats.context(timeout=1)))
    await until(lambda: bool(farm["web1"].commands()))
    frozen = farm["web1"].freeze()
    before = time.monotonic()
    try:
        with pytest.raises(OutcomeUnknown, match=r"\(SIGTERM, SIGKILL\) and may still be running"):
            await running
        assert (await ssh.perform(web1(**WHERE), beats.context(one=True)))["rc"] == 0
        assert time.monotonic() - before < 8
    finally:
        farm["web1"].thaw(frozen)
    await until(lambda: farm["web1"].commands() == [])


async def test_cancelling_stops_the_command_at_once(ssh: SshAction, farm: Farm, beats: Beats) -> None:
    context = beats.context()
    running = asyncio.create_task(
        ssh.perform({"hosts": ["web1", "web2"], "script": "sleep 20; echo late"}, context)
    )
    await until(lambda: all(farm[name].executes("sleep") for name in ("web1", "web2")))
    before = time.monotonic()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert time.monotonic() - before < 8
    assert farm["web1"].commands() == farm["web2"].commands() == []
    assert beats.ends == [TargetEnd("web1", "stopped"), TargetEnd("web2", "stopped")]
    # The connection has survived.
    assert (await ssh.perform(web1(**WHERE), context))[0]["rc"] == 0


async def test_cancelling_tells_each_hosts_end_apart(ssh: SshAction, farm: Farm, beats: Beats) -> None:
    script = 'test "$STANCH_HOST" = web1 && exit 3; sleep 20'
    params = {"hosts": ["web1", "web2", "web3"], "script": script, "parallel": 2}
    running = asyncio.create_task(ssh.perform(params, beats.context()))
    await until(lambda: farm["web2"].executes("sleep") and farm["web3"].executes("sleep"))
    frozen = farm["web3"].freeze()
    try:
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
    finally:
        farm["web3"].thaw(frozen)
    assert beats.ends == [
        TargetEnd("web1", "done", "status 3"),
        TargetEnd("web2", "stopped"),
        # A command under a marker can be reached over another connection.
        TargetEnd("web3", "stopped" if beats.changes else "running"),
    ]
    await until(lambda: farm["web3"].commands() == [])


async def test_hosts_whose_turn_never_came_are_told_apart_from_those_in_doubt(
    ssh: SshAction, beats: Beats
) -> None:
    params = {"hosts": ["web1", "web2"], "run": ["sleep", "20"], "parallel": 1}
    with pytest.raises(OutcomeUnknown) as raised:
        await ssh.perform(params, beats.context(timeout=1))
    assert "`web1` (127.0.0.1:" in str(raised.value)
    assert "still running" in str(raised.value)
    assert "its turn did not come in time" in str(raised.value)
    assert [end.state for end in raised.value.ends] == ["stopped", "not_started"]


def test_what_some_hosts_did_is_never_tried_again_by_itself() -> None:
    """A connection that breaks after all hosts were reached and before the sending: no test can hit that."""
    command = read_command({"hosts": ["a", "b", "c"], "run": ["x"]})
    done = Finished(0, Capture(10), Capture(10), complete=True, seconds=0.1)
    away = Unreachable("`b` (b:22): it refused the connection")
    with pytest.raises(ActionRefused) as raised:
        settle(command, [done, away, done])
    assert not retryable(type(raised.value))
    assert str(raised.value) == "`b` (b:22): it refused the connection; `a`, `c` ended with status 0"
    with pytest.raises(Unreachable, match=r"^nothing was executed, because of 3 of 3 hosts: "):
        settle(command, [away, away, away])


async def test_a_step_with_no_time_left_runs_nothing(ssh: SshAction, beats: Beats) -> None:
    with pytest.raises(Unreachable, match=r"^nothing was executed"):
        await ssh.perform(web1(run=["touch", "never"]), beats.context(timeout=0))


async def test_a_long_command_says_that_it_lives(ssh: SshAction, beats: Beats) -> None:
    await ssh.perform({"hosts": ["web1", "web2"], "script": "sleep 2.5"}, beats.context())
    assert beats.notes[0] == "connected to 2 of 2 hosts"
    assert beats.notes.count("0 of 2 hosts done") >= 1
    assert beats.notes[-1] == "2 of 2 hosts done"


async def test_parallel_limits_how_many_run_at_once(ssh: SshAction, context: Context) -> None:
    script = "date +%s.%N; sleep 0.2; date +%s.%N"
    results = await ssh.perform(
        {"hosts": ["web1", "web2", "web3"], "script": script, "parallel": 1, "output": "lines"}, context
    )
    times = sorted(tuple(map(float, each["lines"])) for each in results)
    assert times[0][1] <= times[1][0]
    assert times[1][1] <= times[2][0]
