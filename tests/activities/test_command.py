"""Programs on the worker: real ones, that end well, badly, too late and never."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import psutil
import pytest
from jsonschema import Draft202012Validator

from activities.action import Context
from activities.command import Command
from stanch.contract import ActionTask
from stanch.errors import ActionRefused, InvalidInput, OutcomeUnknown
from stanch.language.plan import Call, Json
from stanch.schemas import load_catalogue
from tests.activities.bench import Bench
from tests.activities.conftest import Beats
from tests.activities.served import until
from tests.project.checkout import ROOT

PROGRAMS = ("sh", "cat", "printf", "true", "sleep", "nowhere-to-be-found")


@pytest.fixture
def command() -> Command:
    return Command(PROGRAMS)


def shell(script: str, *arguments: str, **others: Json) -> dict[str, Json]:
    return {"run": ["sh", "-c", script, "sh", *arguments], **others}


def running(mark: str) -> list[int]:
    """The processes that have `mark` among their arguments, but for those that are over."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "status"])
        if mark in (process.info["cmdline"] or ()) and process.info["status"] != psutil.STATUS_ZOMBIE
    ]


# --- what a step gets -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("output", "prints", "more"),
    [
        ("text", "a\nb\n", {}),
        ("lines", "a\r\nb\n", {"lines": ["a", "b"]}),
        ("lines", "", {"lines": []}),
        ("json", '[1, {"a": null}]', {"json": [1, {"a": None}]}),
    ],
)
async def test_output_is_text_and_what_the_step_wants_of_it(
    command: Command, context: Context, output: str, prints: str, more: Mapping[str, Json]
) -> None:
    result = await command.perform({"run": ["printf", "%s", prints], "output": output}, context)
    spec = load_catalogue().actions["command"]
    Draft202012Validator(spec.result).validate(result)
    seconds = result.pop("seconds")
    assert seconds >= 0
    assert result == {"rc": 0, "stdout": prints, "stderr": "", "truncated": False, **more}
    assert command.failure(result) is None


async def test_an_argument_arrives_as_it_is(command: Command, context: Context) -> None:
    odd = ["$(id) `id` ;", "-x", "a b\n", "ü", "", True, 3, 0.5]
    result = await command.perform({"run": ["printf", "%s|", *odd]}, context)
    assert result["stdout"] == "$(id) `id` ;|-x|a b\n|ü||true|3|0.5|"


@pytest.mark.parametrize("size", [0, 7, 3 << 20])
async def test_stdin_arrives_whole_and_ends(command: Command, context: Context, size: int) -> None:
    count = shell("wc -c", stdin="x" * size)
    assert (await command.perform(count, context))["stdout"].strip() == str(size)


async def test_a_program_need_not_read_its_stdin(command: Command, context: Context) -> None:
    result = await command.perform({"run": ["true"], "stdin": "x" * (3 << 20)}, context)
    assert result["rc"] == 0


@pytest.mark.parametrize(
    ("script", "rc", "says"),
    [
        ("echo one >&2; echo two >&2; exit 3", 3, "it ended with status 3: two"),
        ("exit 255", 255, "it ended with status 255"),
        ("kill -9 $$", -1, "it was ended by a signal"),
    ],
)
async def test_an_exit_status_is_a_result_and_a_failure_of_the_step(
    command: Command, context: Context, script: str, rc: int, says: str
) -> None:
    result = await command.perform(shell(script), context)
    assert (result["rc"], command.failure(result)) == (rc, says)


async def test_a_program_does_not_inherit_what_python_ignores(command: Command, context: Context) -> None:
    result = await command.perform(shell("kill -PIPE $$"), context)
    assert result["rc"] == -1


async def test_long_text_is_kept_by_its_ends_and_stored_whole(command: Command, beats: Beats) -> None:
    wholes: dict[str, tuple[str, bool]] = {}

    def take(name: str, text: str, *, cut: bool) -> None:
        wholes[name] = (text, cut)

    context = beats.context()
    told = Context(key=context.key, timeout=30, one=False, beat=context.beat, whole=take)
    text = "".join(f"line {number}\n" for number in range(20_000))
    result = await command.perform({"run": ["cat"], "stdin": text}, told)
    assert result["truncated"] is True
    assert result["stdout"].startswith("line 0\n")
    assert result["stdout"].endswith("line 19999\n")
    assert len(result["stdout"]) < 66 * 1024
    assert wholes == {"stdout": (text, False)}


async def test_data_that_is_too_long_is_refused_and_not_cut(command: Command, context: Context) -> None:
    with pytest.raises(ActionRefused, match="ended with status 0, but its output is longer than 1048576"):
        await command.perform({"run": ["cat"], "stdin": "x" * (2 << 20), "output": "lines"}, context)


async def test_output_that_is_no_json_is_refused_unless_the_program_failed(
    command: Command, context: Context
) -> None:
    with pytest.raises(ActionRefused, match=r"its output is not JSON: .* line 1, column 1: `sorry`"):
        await command.perform({"run": ["printf", "sorry"], "output": "json"}, context)
    result = await command.perform(shell("echo sorry; exit 1", output="json"), context)
    assert (result["rc"], "json" in result) == (1, False)


# --- what may be run, and with what -----------------------------------------------------------------------


async def test_only_listed_programs_run(command: Command, context: Context) -> None:
    for name in ("id", "/bin/sh", "./sh", ""):
        with pytest.raises(InvalidInput, match=r"lists under `command\.programs`; it lists `sh`, `cat`"):
            await command.perform({"run": [name]}, context)
    with pytest.raises(InvalidInput, match="it lists none"):
        await Command().perform({"run": ["true"]}, context)


async def test_a_listed_path_is_called_by_its_last_part_or_whole(tmp_path: Path, context: Context) -> None:
    tool = tmp_path / "release-tool"
    tool.write_text('#!/bin/sh\necho "$0 $1"\n')
    tool.chmod(0o755)
    command = Command((str(tool),))
    for name in ("release-tool", str(tool)):
        assert (await command.perform({"run": [name, "x"]}, context))["stdout"] == f"{tool} x\n"


async def test_what_cannot_be_started_was_not_executed(tmp_path: Path, context: Context) -> None:
    for name, text in (("garbage", "\0"), ("astray", "#!/no/such/interpreter\n")):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    there = [str(tmp_path / name) for name in ("garbage", "astray")]
    command = Command((*there, "nowhere-to-be-found", "true"))
    for run, says in (
        (there[:1], "could not be started: Exec format error"),
        (there[1:], "could not be started: No such file"),
        (["nowhere-to-be-found"], "this worker has no program `nowhere-to-be-found` in its `PATH`"),
        (["true", "x" * 200_000], "could not be started: Argument list too long"),
    ):
        with pytest.raises(ActionRefused, match=f"nothing was executed: .*{says}"):
            await command.perform({"run": run}, context)
    elsewhere = Command(("true",), directory=tmp_path / "gone")
    with pytest.raises(ActionRefused, match="nothing was executed: this worker has no folder"):
        await elsewhere.perform({"run": ["true"]}, context)


async def test_a_program_gets_few_variables_and_its_folder(
    tmp_path: Path, context: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "TZ", "TMPDIR", "LANG", "ABSENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setenv("PASSED", "along")
    monkeypatch.setenv("WITHHELD", "from it")
    command = Command(("env", "pwd"), environment=("PASSED", "ABSENT"), directory=tmp_path)
    given = {"env": {"OWN": "x=y", "TZ": "CET", "COUNT": 3, "ON": True}}
    found = await command.perform({"run": ["env"], "output": "lines", **given}, context)
    path = f"PATH={os.environ['PATH']}"
    assert sorted(found["lines"]) == sorted([path, "TZ=CET", "PASSED=along", "OWN=x=y", "COUNT=3", "ON=true"])
    assert (await command.perform({"run": ["pwd"]}, context))["stdout"] == f"{tmp_path.resolve()}\n"


@pytest.mark.parametrize("name", ["PATH", "LD_PRELOAD", "DYLD_INSERT_LIBRARIES"])
async def test_a_step_cannot_choose_the_code_that_is_executed(
    command: Command, context: Context, name: str
) -> None:
    with pytest.raises(InvalidInput, match=f"`env` has `{name}`, which decides what code is executed"):
        await command.perform({"run": ["true"], "env": {name: "elsewhere"}}, context)


@pytest.mark.parametrize("params", [{"run": ["true", "a\0b"]}, {"run": ["true"], "env": {"A": "a\0b"}}])
async def test_what_no_program_can_be_given_is_named(
    command: Command, context: Context, params: dict[str, Json]
) -> None:
    with pytest.raises(InvalidInput, match=r"command: `(run\[1\]|env\.A)` has a NUL character"):
        await command.perform(params, context)


async def test_a_program_holds_nothing_of_the_worker_open(command: Command, context: Context) -> None:
    held, other = os.pipe()
    os.set_inheritable(other, True)
    try:
        result = await command.perform(shell("ls /proc/self/fd | wc -l"), context)
    finally:
        os.close(held)
        os.close(other)
    assert int(result["stdout"]) == 4  # its three streams, and the folder that `ls` reads


async def test_no_secret_of_a_step_or_of_the_worker_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {"FOR_ENV": "secret-in-env", "FOR_STDIN": "secret-in-stdin", "CLOUD_TOKEN": "secret-of-worker"}
    for name, secret in secrets.items():
        monkeypatch.setenv(name, secret)
    bench = Bench(Command(("sh",), environment=("CLOUD_TOKEN",)))
    call = shell(
        'echo "$A $CLOUD_TOKEN" "$(cat)"; echo "$A $CLOUD_TOKEN" >&2; exit 1',
        env={"A": {"secret": "env/FOR_ENV"}},
        stdin={"secret": "env/FOR_STDIN"},
    )
    task = ActionTask(call=Call("command", call), step="leak", effect="change", timeout=20)
    error = await bench.error(task)
    assert "[secret] [secret]" in str(error)
    told = json.dumps([str(error), repr(error.details), repr(bench.beats)])
    assert not [secret for secret in secrets.values() if secret in told]


# --- how it ends ------------------------------------------------------------------------------------------

STUBBORN = 'trap "" TERM; : >"$1"; echo "$1"; sleep 600 & sleep 600; sleep 600'
"""It and its child ignore the polite word."""


async def test_a_program_that_outlives_its_time_is_ended_with_its_children(
    command: Command, beats: Beats, tmp_path: Path
) -> None:
    mark = str(tmp_path / "begun")
    with pytest.raises(OutcomeUnknown, match="`sh` was still running after 5s and was ended") as caught:
        await command.perform(shell(STUBBORN, mark), beats.context(timeout=5))
    (end,) = caught.value.ends
    assert (end.target, end.state, end.output) == ("sh", "stopped", mark)
    assert running(mark) == []


async def test_a_polite_program_has_time_to_leave(command: Command, context: Context, tmp_path: Path) -> None:
    begun, left = tmp_path / "begun", tmp_path / "left"
    polite = 'trap "echo bye >$2; exit 0" TERM; : >"$1"; while :; do sleep 0.05; done'
    task = asyncio.create_task(command.perform(shell(polite, str(begun), str(left)), context))
    await until(begun.exists)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left.read_text() == "bye\n"


async def test_cancelling_ends_it_and_tells_what_became_of_it(
    command: Command, beats: Beats, context: Context
) -> None:
    mark = f"cancelled-{os.getpid()}"
    task = asyncio.create_task(command.perform(shell('echo "at $1"; exec sleep 600', mark), context))
    await until(lambda: "`sh` runs for 1s" in beats.notes)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [(end.target, end.state, end.output) for end in beats.ends] == [("sh", "stopped", f"at {mark}")]
    assert running(mark) == []


async def test_what_a_program_leaves_behind_ends_with_it(command: Command, context: Context) -> None:
    result = await command.perform(shell("sleep 600 & echo $!"), context)
    assert not result["truncated"]
    left = int(result["stdout"])
    await until(lambda: not psutil.pid_exists(left) or psutil.Process(left).status() == "zombie")


DAEMON = """\
setsid sh -c 'echo $$ > "$1"; exec sleep 600' sh "$1" &
while ! [ -s "$1" ]; do sleep 0.01; done
"""


@pytest.mark.parametrize("output", ["text", "lines"])
async def test_a_daemon_that_holds_the_output_open_holds_nobody_up(
    command: Command, context: Context, tmp_path: Path, output: str
) -> None:
    daemon = tmp_path / "daemon"
    leave = shell(DAEMON, str(daemon), output=output)
    try:
        if output == "text":
            assert (await command.perform(leave, context))["truncated"] is True
        else:
            with pytest.raises(ActionRefused, match="ended with status 0, but its output is incomplete"):
                await command.perform(leave, context)
        assert psutil.Process(int(daemon.read_text())).is_running(), "who leaves the group is left alone"
    finally:
        os.kill(int(daemon.read_text()), signal.SIGKILL)


WORKER = """\
import asyncio, sys
from activities.action import Context
from activities.command import Command
context = Context(key="", timeout=600, one=False, beat=lambda note: None)
params = {"run": ["sh", "-c", sys.argv[1], "sh", sys.argv[2]]}
asyncio.run(Command(("sh",)).perform(params, context))
"""


@pytest.mark.parametrize("script", [STUBBORN, ': >"$1"; sleep 600', ': >"$1"; while :; do sleep 1; done'])
async def test_a_worker_that_is_killed_takes_its_programs_with_it(script: str, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    with subprocess.Popen(  # noqa: ASYNC220 - it only starts
        [sys.executable, "-c", WORKER, script, str(begun)], cwd=ROOT, stderr=subprocess.DEVNULL
    ) as worker:
        await until(begun.exists)
        os.kill(worker.pid, signal.SIGKILL)
    await until(lambda: running(str(begun)) == [])


async def test_a_program_whose_guard_is_killed_is_in_doubt(command: Command, context: Context) -> None:
    mark = f"unguarded-{os.getpid()}"
    task = asyncio.create_task(command.perform(shell("echo $$; exec sleep 600", mark), context))

    def guards() -> list[psutil.Process]:
        return [process for pid in running(mark) if (process := psutil.Process(pid)).children()]

    await until(lambda: len(guards()) == 1)
    (guard,) = guards()
    program = guard.children()[0]
    guard.kill()
    with pytest.raises(OutcomeUnknown, match="the guard of `sh` was killed, and nobody knows"):
        await task
    program.kill()


async def test_parameters_that_do_not_fit_are_refused_before_anything_runs(command: Command) -> None:
    bench = Bench(command)
    wrong: list[dict[str, Json]] = [
        {},
        {"run": []},
        {"run": "true"},
        {"run": ["true"], "script": "id"},
        {"run": ["true"], "env": {"A B": "c"}},
    ]
    for params in wrong:
        task = ActionTask(call=Call("command", params), step="it", effect="read", timeout=5)
        assert "`command" in str(await bench.error(task))
