"""The commander's wheel as it is typed: each order does what its one line says, or is refused."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from stanch.cli.exits import DONE, NO, USAGE
from tests.cli.terminal import Said, Terminal

pytestmark = pytest.mark.xdist_group("cli-live")


def done(said: Said) -> str:
    assert said.returncode == DONE, said.stderr
    return said.stdout.strip()


def refused(said: Said) -> str:
    assert (said.returncode, said.stdout) == (NO, ""), said.stdout + said.stderr
    return said.stderr.splitlines()[-1]


def name(run: str) -> str:
    return run.removeprefix("run/")


def test_a_paused_run_begins_nothing_though_it_is_approved_until_it_is_resumed(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    said = done(terminal("pause", run, "--reason", "wait for the network team"))
    assert said.startswith(f"{name(run)} is paused, nothing new begins; go on: ")
    assert said.endswith(f" resume {name(run)}")
    assert "The run is paused, so time stands still." in terminal("show", run).stdout
    said = done(terminal("approve", run))
    assert said.startswith("approve recorded; nothing begins while the run is paused; go on: ")
    seen = terminal.until(run, lambda view: view.parked)
    assert (seen.parked, seen.paused.startswith("dana paused it at ")) == (("switch_off",), True)
    shown = terminal("show", run).stdout
    assert shown.startswith("PAUSED: dana paused it at ")
    assert terminal.switch.on
    # As it is printed, it can be pasted.
    line = next(line for line in shown.splitlines() if " resume " in line)
    assert done(terminal(*shlex.split(line)[1:])) == f"{name(run)} goes on"
    assert terminal.ended(run).outcome == "succeeded"
    assert not terminal.switch.on


def test_a_held_run_looks_and_asks_but_changes_nothing(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    said = done(terminal("hold", run, "--reason", "the wrong feature"))
    assert said.startswith(f"{name(run)} holds its fire, diagnosis goes on; end it: ")
    assert said.endswith(f" release {name(run)}")
    said = done(terminal("approve", run))
    assert said.startswith("approve recorded; no change begins while it is on hold; end that: ")
    terminal.until(run, lambda view: view.parked)
    assert terminal("show", run).stdout.startswith("ON HOLD, no change begins: dana ")
    assert terminal.switch.on
    assert done(terminal("release", run)) == f"{name(run)} may change things again"
    assert terminal.ended(run).outcome == "succeeded"


def test_the_runs_that_wait_for_a_person_are_listed_first(terminal: Terminal) -> None:
    older = terminal.start()
    terminal.asked(older)
    done(terminal("pause", older, "--reason", "first"))
    for _ in range(3):
        run = terminal.start()
        terminal.asked(run)
        done(terminal("deny", run, "--reason", "not this one"))
        terminal.ended(run)
    listed = json.loads(terminal("runs", "--json").stdout)
    phases = [(line["phase"] in ("waiting", "paused", "on_hold") and not line["ended"]) for line in listed]
    assert phases == sorted(phases, reverse=True)
    done(terminal("abort", older, "--reason", "over"))


def test_a_step_is_skipped_and_the_run_goes_on(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    assert done(terminal("skip", run, "--reason", "it is off already")) == "`switch_off` is skipped"
    assert terminal.ended(run).outcome == "succeeded"
    assert terminal.switch.on


def test_a_failed_step_is_tried_again_with_other_inputs_and_asks_again(
    terminal: Terminal, switch_beside: str
) -> None:
    terminal.switch.broken = True
    run = terminal.start()
    terminal.asked(run)
    done(terminal("approve", run))
    terminal.until(run, lambda view: view.requests and view.requests[0].kind == "failure")
    odd = terminal("retry", run, "-i", "ulr=x", "--reason", "another one")
    assert (odd.returncode, "did you mean `url`?" in odd.stderr) == (USAGE, True)
    said = done(terminal("retry", run, "-i", f"url={switch_beside}", "--reason", "the other one works"))
    assert said.startswith("`switch_off` is tried again with url changed")
    asked = terminal.until(run, lambda view: view.requests and view.requests[0].kind == "approval")
    assert switch_beside in asked.requests[0].changes[0].command
    done(terminal("approve", run))
    assert terminal.ended(run).outcome == "succeeded"
    assert terminal.switch.on


def test_what_was_changed_is_taken_back_by_one_command(terminal: Terminal) -> None:
    run = terminal.start("two.yaml")
    terminal.asked(run)
    done(terminal("approve", run))
    terminal.until(run, lambda view: view.requests and view.requests[0].step == "again")
    assert not terminal.switch.on
    said = done(terminal("undo", run, "--to", "switch_off", "--reason", "it did not help"))
    assert said.startswith("taking back what was changed, up to and including `switch_off`: ")
    ended = terminal.ended(run)
    assert (ended.outcome, [effect.undone for effect in ended.ledger]) == ("aborted", [True])
    assert terminal.switch.on


def test_a_role_is_handed_over_and_its_open_request_with_it(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    said = done(terminal("handover", run, "--to", "mona", "--reason", "end of my shift"))
    assert said == "incident_commander is mona from now on; 1 open request now theirs"
    assert "dana" in refused(terminal("approve", run))
    done(terminal("approve", run, user="mona"))
    assert terminal.ended(run).roles == {"incident_commander": ("mona",)}


def test_who_is_looking_is_shown_and_the_line_for_it_is_gone(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    shown = terminal("show", run).stdout
    line = next(line for line in shown.splitlines() if " ack " in line)
    assert done(terminal(*shlex.split(line)[1:])) == "dana is looking; nobody else is paged for a while"
    shown = terminal("show", run).stdout
    assert "  Seen: dana is looking at it\n" in shown
    assert " ack " not in shown
    done(terminal("abort", run, "--reason", "over"))


def test_the_severity_of_a_run_is_changed(terminal: Terminal) -> None:
    run = terminal.start()
    terminal.asked(run)
    said = done(terminal("severity", run, "--to", "sev1", "--reason", "all customers"))
    assert said == f"{name(run)} is SEV1 now"
    done(terminal("abort", run, "--reason", "over"))


def test_a_line_of_a_checklist_is_ticked_and_shown_with_who_did(terminal: Terminal) -> None:
    run = terminal.start("choose.yaml")
    terminal.asked(run)
    done(terminal("answer", run, "side=left"))
    terminal.until(run, lambda view: view.requests and view.requests[0].kind == "manual")
    none = terminal("tick", run, "7")
    assert (none.returncode, "lines 1 to 1" in none.stderr) == (USAGE, True)
    assert done(terminal("tick", run, "1")).startswith("ticked; all 1 lines are done")
    assert "ticked already: line 1 by dana" in refused(terminal("tick", run, "1"))
    done(terminal("abort", run, "--reason", "over"))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("resume",), "is not paused"),
        (("release",), "is not on hold"),
        (("undo", "--reason", "x"), ""),
        (("withdraw", "--reason", "x"), "dana has decided nothing that could be withdrawn"),
    ],
)
def test_an_order_that_makes_no_sense_is_refused_with_the_reason(
    terminal: Terminal, words: tuple[str, ...], why: str
) -> None:
    run = terminal.start()
    terminal.asked(run)
    verb, *options = words
    assert why in refused(terminal(verb, run, *options))
    done(terminal("abort", run, "--reason", "over"))
    assert "has ended" in refused(terminal(verb, run, *options))


def test_an_incident_holds_and_releases_its_runs(terminal: Terminal) -> None:
    run = terminal.start("switch-off.yaml", "--incident", "cli-down")
    terminal.asked(run)
    unknown = terminal("incident", "hold", "cli-dwon", "--reason", "x")
    assert (unknown.returncode, "there is no incident `cli-dwon`" in unknown.stderr) == (USAGE, True)
    said = done(terminal("incident", "hold", "cli-down", "--reason", "the wrong cluster"))
    assert said == "the incident cli-down is on hold (1 of 1 runs)"
    shown = terminal("incident", "show", "cli-down").stdout
    assert shown.startswith("ON HOLD, no change begins: dana put the incident cli-down on hold at ")
    assert f"  {name(run)}: on hold\n" in shown
    assert "its incident holds it" in refused(terminal("release", run))
    listed = terminal("incident", "list").stdout
    assert re.search(r"^INCIDENT +STATE +RUNS", listed)
    assert re.search(r"^cli-down +\S.* 1 ", listed, re.MULTILINE)
    done(terminal("approve", run))
    terminal.until(run, lambda view: view.parked)
    said = done(terminal("incident", "release", "cli-down", "--json"))
    assert json.loads(said)["message"] == "the incident cli-down is released (1 of 1 runs)"
    assert terminal.ended(run).outcome == "succeeded"
