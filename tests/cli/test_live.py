"""The commands against a real Temporal and a real worker, as a person in another terminal types them."""

from __future__ import annotations

import dataclasses
import json
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from stanch.contract import RunView
from tests.cli.live import RUNBOOK, Switch, working
from tests.cli.processes import STANCH
from tests.cli.terminal import Terminal
from tests.support.process import ending
from tests.support.temporal import start_temporal

pytestmark = pytest.mark.xdist_group("cli-live")


def test_the_command_that_show_prints_approves_the_run_when_it_is_pasted(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    shown = terminal("show", run).stdout
    printed = next(line.strip() for line in shown.splitlines() if " approve " in line)
    assert "--digest" in printed
    answer = subprocess.run(
        ["sh", "-c", printed],
        cwd=terminal.folder,
        env={**terminal.environment, "STANCH_USER": "dana"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert (answer.returncode, answer.stdout) == (0, "approve recorded\n")
    assert "Switch it off?" in answer.stderr
    ended = terminal.ended(run)
    assert (ended.outcome, ended.outputs, terminal.switch.on) == ("succeeded", {"was": True}, False)
    assert [effect.target for effect in ended.ledger] == [terminal.switch.url[7:-1]]
    assert "by dana" in terminal("show", run).stdout


def test_a_run_as_json_is_all_of_its_view(terminal: Terminal) -> None:
    run = terminal.start()
    asked = terminal.asked(run)
    shown = json.loads(terminal("show", run, "--json").stdout)
    assert shown["requests"][0]["digest"] == asked.digest
    assert set(shown) == {field.name for field in dataclasses.fields(RunView)}


def test_a_run_that_is_watched_shows_each_moment_and_each_question_once(terminal: Terminal) -> None:
    command = [str(STANCH), "run", "switch-off.yaml", "-i", f"url={terminal.switch.url}", "--watch"]
    with ending(
        subprocess.Popen(
            command, cwd=terminal.folder, env=terminal.environment, stdout=subprocess.PIPE, text=True
        )
    ) as watching:
        assert watching.stdout
        run = watching.stdout.readline().strip()
        told = ""
        while "ANSWER NEEDED" not in told:
            told += watching.stdout.readline()
            assert watching.poll() is None
        assert terminal("approve", run).returncode == 0
        told += watching.communicate(timeout=30)[0]
    assert watching.returncode == 0
    assert told.count("== ANSWER NEEDED ==") == 1
    assert told.count("? switch_off: Switch it off?") == 1
    assert "approve by dana" in told
    assert "waiting for a person" in told
    assert "\x1b" not in told
    assert "\r" not in told


def test_a_run_that_is_watched_as_json_is_an_object_a_line(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    assert terminal("approve", run).returncode == 0
    watched = terminal("watch", run, "--json")
    events = [json.loads(line) for line in watched.stdout.splitlines()]
    assert watched.returncode == 0
    assert {event["event"] for event in events} <= {"moment", "request", "ended"}
    assert events[-1]["run"]["outcome"] == "succeeded"
    assert [event["kind"] for event in events if event["event"] == "moment"].count("asked") == 1


def test_a_denial_ends_the_run_and_watching_it_with_1(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    assert terminal("deny", run, "--reason", "not tonight").returncode == 0
    watched = terminal("watch", run)
    assert watched.returncode == 1
    assert "not tonight" in watched.stdout
    assert (terminal.switch.on, terminal.switch.posts) == (True, 0)


def test_a_digest_of_something_else_is_refused_and_nothing_is_recorded(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    refused = terminal("approve", run, "--digest", "0123456789ab")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert refused.stderr.splitlines()[-1].startswith("error: what is asked is not what you read")
    assert terminal.asked(run).id == "switch_off"


def test_whoever_started_a_run_may_not_approve_it(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    refused = terminal("approve", run, user="rob")
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == "error: rob started this run and may not approve its steps"


def test_a_second_answer_is_refused(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    assert terminal("approve", run).returncode == 0
    terminal.ended(run)
    late = terminal("approve", run)
    assert (late.returncode, late.stderr) == (
        1,
        f"error: nothing is asked in `{run}`; it has ended: succeeded\n",
    )


def test_a_step_that_failed_can_be_tried_again(terminal: Terminal) -> None:
    terminal.switch.broken = True
    run = terminal.start()
    terminal.asked(run)
    assert terminal("approve", run).returncode == 0
    failed = terminal.until(run, lambda seen: seen.requests and seen.requests[0].kind == "failure")
    assert "retry" in failed.requests[0].choices
    wrong = terminal("decide", run, "done", "--reason", "x")
    assert (wrong.returncode, wrong.stdout) == (1, "")
    terminal.switch.broken = False
    again = terminal("decide", run, "retry", "--reason", "it answers again", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["choice"] == "retry"
    assert terminal.ended(run).outcome == "succeeded"


def test_an_abort_ends_the_run(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    assert terminal("abort", run, "--reason", "wrong feature").returncode == 0
    assert terminal.ended(run).outcome == "aborted"
    again = terminal("abort", run, "--reason", "again")
    assert again.returncode == 1
    assert again.stderr.startswith("error: ")


def test_a_run_that_was_ended_in_temporal_itself_asks_nothing_any_more(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    with ending(
        subprocess.Popen([STANCH, "watch", run], env=terminal.environment, stdout=subprocess.PIPE, text=True)
    ) as watching:
        assert watching.stdout
        while "ANSWER NEEDED" not in watching.stdout.readline():
            assert watching.poll() is None
        terminal.terminate(run)
        told, _ = watching.communicate(timeout=60)
    assert watching.returncode == 1
    assert "aborted: its workflow was terminated in Temporal" in told
    shown = terminal("show", run)
    assert "ANSWER NEEDED" not in shown.stdout
    assert "✗ aborted: its workflow was terminated in Temporal" in shown.stdout


def test_a_part_of_a_name_means_the_only_run_that_goes_on(terminal: Terminal) -> None:
    (terminal.folder / "part.yaml").write_text(RUNBOOK.replace("runbook: switch-off", "runbook: part"))
    ended, run = (terminal.start("part.yaml") for _ in range(2))
    deadline = time.monotonic() + 30
    while sum("part/" in line for line in terminal("runs").stdout.splitlines()) < 2:
        assert time.monotonic() < deadline
    assert "could be any of: " in terminal("show", "part").stderr
    assert terminal("abort", ended, "--reason", "enough").returncode == 0
    while (shown := terminal("show", "part", "--json")).returncode:
        assert time.monotonic() < deadline, shown.stderr
    assert json.loads(shown.stdout)["run"] == run
    assert terminal("abort", "part", "--reason", "enough").returncode == 0


def test_runs_are_listed_with_their_phase(terminal: Terminal) -> None:
    """Temporal's list follows its histories after a moment."""
    run = terminal.start()
    terminal.asked(run)

    def listed(*options: str) -> dict[str, Any]:
        return {line["run"]: line for line in json.loads(terminal("runs", "--json", *options).stdout)}

    deadline = time.monotonic() + 30
    while listed("--open").get(run, {}).get("phase") != "waiting":
        assert time.monotonic() < deadline
    # As a table or, since other runs may have made it too wide, each on lines of its own.
    assert re.search(rf"^\? +{re.escape(run[4:])}\s+waiting,? +SEV3", terminal("runs").stdout, re.MULTILINE)
    assert terminal("abort", run, "--reason", "enough").returncode == 0
    terminal.ended(run)
    while run in listed("--open"):
        assert time.monotonic() < deadline
    assert run in listed()


def test_a_run_is_found_by_a_part_of_its_name(terminal: Terminal) -> None:
    run = terminal.start()
    deadline = time.monotonic() + 30
    while terminal("show", run.rsplit("/", 1)[-1]).returncode != 0:
        assert time.monotonic() < deadline
    lost = terminal("show", "nothing-like-this")
    assert (lost.returncode, lost.stdout) == (2, "")
    assert lost.stderr == "error: there is no run `nothing-like-this`; list them with `stanch runs`\n"


def test_ctrl_c_leaves_a_watched_run_alone(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    with ending(
        subprocess.Popen(
            [STANCH, "watch", run],
            cwd=terminal.folder,
            env=terminal.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
    ) as watching:
        assert watching.stdout
        while "ANSWER NEEDED" not in watching.stdout.readline():
            assert watching.poll() is None
        watching.send_signal(signal.SIGINT)
        _, complaint = watching.communicate(timeout=30)
    assert (watching.returncode, complaint.strip()) == (130, "")
    assert terminal.asked(run).id == "switch_off"


def test_without_a_worker_show_gives_up_and_watch_goes_on_until_there_is_one(
    tmp_path: Path, switch: Switch
) -> None:
    with start_temporal(tmp_path) as server:
        terminal = Terminal(server.address, tmp_path, switch)
        run = terminal.start()
        with ending(
            subprocess.Popen(
                [STANCH, "watch", run],
                env=terminal.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        ) as watching:
            assert watching.stdout
            assert watching.stderr
            shown = terminal("show", run)
            assert (shown.returncode, shown.stdout) == (3, "")
            assert shown.stderr == (
                f"error: the run `{run}` cannot be read: no worker answers within 10 s; "
                "is a worker running (`stanch up`)?\n"
            )
            assert watching.stderr.readline().startswith("no answer, still trying: ")
            with working(server.address, tmp_path):
                while "ANSWER NEEDED" not in watching.stdout.readline():
                    assert watching.poll() is None
                assert terminal("deny", run, "--reason", "enough").returncode == 0
                watching.communicate(timeout=30)
        assert watching.returncode == 1
