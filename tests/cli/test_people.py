"""Questions beyond yes and no: values, work by hand, and what is shown with them."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import shlex
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stanch.cli.exits import NO, USAGE
from tests.cli.processes import STANCH
from tests.cli.terminal import Terminal

pytestmark = pytest.mark.xdist_group("cli-live")


class Keyboard:
    """A command at a terminal of its own."""

    def __init__(self, process: subprocess.Popen[bytes], screen: int) -> None:
        self._process = process
        self._screen = screen
        self.said = ""

    def until(self, text: str) -> None:
        """Read on until the screen ends with `text`."""
        self._read(lambda: self.said.endswith(text))

    def type(self, line: str) -> None:
        os.write(self._screen, f"{line}\n".encode())

    def end(self) -> int:
        """The exit status."""
        self._read(lambda: False)
        return self._process.wait(30)

    def _read(self, enough: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 60
        while not enough():
            assert time.monotonic() < deadline, self.said
            ready, _, _ = select.select([self._screen], [], [], 0.2)
            try:
                more = os.read(self._screen, 4096) if ready else b""
            except OSError:  # Linux says so when nobody has the other end any more
                return
            self.said += more.decode().replace("\r\n", "\n")


@contextmanager
def keyboard(terminal: Terminal, *arguments: str, user: str = "dana") -> Iterator[Keyboard]:
    ours, theirs = pty.openpty()
    environment = {**terminal.environment, "STANCH_USER": user, "NO_COLOR": "1"}
    with subprocess.Popen(
        [STANCH, *arguments], cwd=terminal.folder, env=environment, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        try:
            yield Keyboard(process, ours)
        finally:
            process.kill()
            os.close(ours)


def printed(text: str, words: str) -> list[str]:
    """The command that a run prints for an answer, without the program."""
    line = next(line.strip() for line in text.splitlines() if f" {words} " in f"{line} ")
    return shlex.split(line)[1:]


def test_a_question_for_values_shows_what_is_known_and_what_may_be_answered(terminal: Terminal) -> None:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    shown = terminal("show", run).stdout
    assert "  side: one of left, right\n" in shown
    assert "  hours: a whole number, at least 1, 48 if it is left away\n" in shown
    assert "  - confirmed: It is on.\n" in shown
    assert f"    {terminal.switch.url}\n" in shown
    suggested = printed(shown, "run switch-off")
    assert suggested == ["run", "switch-off", "-i", f"url={terminal.switch.url}"]


def test_values_that_are_typed_are_answered_as_their_fields_want_them(terminal: Terminal) -> None:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    answer = printed(terminal("show", run).stdout, "answer")
    given = terminal(*answer, "side=left", "hours=7")
    assert (given.returncode, given.stdout) == (0, "answer recorded\n"), given.stderr
    terminal.until(run, lambda seen: seen.requests and seen.requests[0].kind == "manual")
    finished(terminal, run)
    assert terminal.ended(run).outputs == {"side": "left", "hours": 7}


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ((), "field `side` is missing"),
        (("side=up",), "field `side` must be one of `left` or `right`"),
        (("side=left", "hours=0"), "field `hours`"),
        (("sid=left",), "there is no field `sid`; did you mean `side`?"),
    ],
)
def test_a_wrong_value_is_refused_in_the_run_s_own_words(
    terminal: Terminal, values: tuple[str, ...], why: str
) -> None:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    for command in (
        ("answer", run, *values),
        ("decide", run, "answer", *(word for value in values for word in ("--value", value))),
    ):
        refused = terminal(*command)
        assert (refused.returncode, refused.stdout) == (NO, "")
        assert why in refused.stderr.splitlines()[-1]
    assert terminal.asked(run).kind == "ask"


def test_a_terminal_is_asked_for_each_value_until_it_fits(terminal: Terminal) -> None:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    with keyboard(terminal, "answer", run) as screen:
        screen.until("  1) left\n  2) right\nside: ")
        screen.type("up")
        screen.until("must be one of `left` or `right`, not `up`\nside: ")
        screen.type("2")
        screen.until("\nhours: a whole number, at least 1, 48 if it is left away\nhours: ")
        screen.type("")
        assert screen.end() == 0, screen.said
    assert screen.said.endswith("answer recorded\n")
    terminal.until(run, lambda seen: seen.requests and seen.requests[0].kind == "manual")
    finished(terminal, run)
    assert terminal.ended(run).outputs == {"side": "right", "hours": 48}


def finished(terminal: Terminal, run: str) -> None:
    """The work by hand is done, and somebody says so."""
    assert terminal("tick", run, "1").returncode == 0
    assert terminal("decide", run, "done").returncode == 0


def by_hand(terminal: Terminal) -> str:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    assert terminal("answer", run, "side=left").returncode == 0
    terminal.until(run, lambda seen: seen.requests and seen.requests[0].kind == "manual")
    return run


def test_work_by_hand_is_shown_with_its_checklist_and_said_to_be_done_by_the_printed_command(
    terminal: Terminal, worker_folder: Path
) -> None:
    run = by_hand(terminal)
    shown = terminal("show", run).stdout
    assert "\nGo there and look.\n\nIt is done when\n   1 [ ] the lamp is red\n" in shown
    early = terminal(*printed(shown, "decide"))
    assert (early.returncode, "not ticked yet: 1 `the lamp is red`" in early.stderr) == (NO, True)
    ticked = terminal(*printed(shown, "tick"))
    assert ticked.stdout.startswith("ticked; all 1 lines are done, so say that it is: "), ticked.stderr
    assert "\n   1 [x] the lamp is red (dana, " in terminal("show", run).stdout
    done = terminal(*printed(shown, "decide"))
    assert (done.returncode, done.stdout) == (0, "done recorded\n"), done.stderr
    ended = terminal.ended(run)
    assert ended.outcome == "succeeded"
    (kept,) = ended.kept
    shown = terminal("show", run).stdout
    assert f"  look: answer.json, {kept.size} B\n    {kept.path}\n" in shown
    assert json.loads((worker_folder / "evidence" / kept.path).read_bytes()) == {"on": True}


def test_at_a_terminal_all_lines_are_ticked_by_saying_that_they_are_true(terminal: Terminal) -> None:
    run = by_hand(terminal)
    with keyboard(terminal, "decide", run, "done") as screen:
        screen.until("Is every line of the checklist true? [y/N]: ")
        screen.type("y")
        assert screen.end() == 0, screen.said
    told = [moment.text for moment in terminal.ended(run).timeline]
    assert any(text.startswith("dana ticks line 1, `the lamp is red` (") for text in told)


def test_work_that_cannot_be_done_fails_its_step_and_needs_a_reason(terminal: Terminal) -> None:
    run = by_hand(terminal)
    silent = terminal("decide", run, "fail")
    assert (silent.returncode, silent.stderr.splitlines()[-1]) == (NO, "error: `fail` needs a reason")
    assert terminal("decide", run, "fail", "--reason", "the door is locked").returncode == 0
    assert "dana could not do it: the door is locked" in terminal.ended(run).reason


def test_at_a_terminal_work_with_a_checklist_is_not_done_before_all_of_it_is_true(terminal: Terminal) -> None:
    run = by_hand(terminal)
    with keyboard(terminal, "decide", run, "done") as screen:
        screen.until("Is every line of the checklist true? [y/N]: ")
        screen.type("")
        assert screen.end() == NO
    assert "nothing was sent" in screen.said
    assert terminal.asked(run).kind == "manual"


def test_values_for_another_choice_are_wrong_usage(terminal: Terminal) -> None:
    run = by_hand(terminal)
    wrong = terminal("decide", run, "done", "--value", "side=left")
    assert (wrong.returncode, wrong.stdout) == (USAGE, "")
    assert wrong.stderr == "error: values belong to an `answer`; `done` has none\n"


def test_the_end_of_a_watched_run_repeats_what_it_found_and_kept(terminal: Terminal) -> None:
    run = by_hand(terminal)
    finished(terminal, run)
    terminal.ended(run)
    watched = terminal("watch", run).stdout
    end = watched[watched.index("✓ succeeded") :]
    assert "What it found\n  - confirmed: It is on.\n" in end
    assert re.search(r"look: answer.json, \d+ B", end)
