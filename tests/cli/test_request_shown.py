"""What is asked, as it stands on a terminal: by target, with what is only known later, whatever its text."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stanch.cli.program import Program
from stanch.cli.render_request import render_request
from stanch.cli.style import Style
from stanch.conductor import describe
from stanch.contract import RunPolicy
from stanch.language.plan import Approval, Call, Check, Finding, ForEach, Poll, Step
from tests.support.host import Host
from tests.support.plans import LADDER, given, plan, read

IC = Approval(("incident_commander",))
HOSTILE = (
    "<img src=x onerror=alert(1)> `x` \x1b[8mhidden\x1b[0m \u202edesrever\n"
    "rm -rf / \x9b2J **b** [l](javascript:x)"
)


def shown(host: Host) -> str:
    view = describe.view(host.state, host.now)
    return "\n".join(render_request(view, view.requests[0], Program(), host.now, Style(width=60)))


def change(name: str, run: list[str], hosts: list[str], **fields: object) -> Step:
    call = Call("ssh", {"hosts": hosts, "run": run})
    return Step(id=name, effect="change", call=call, irreversible="no way", **fields)  # type: ignore[arg-type]


def asking(*steps: Step, pools: dict[str, tuple[str, ...]] | None = None) -> Host:
    policy = RunPolicy(ladders={"incident_commander": LADDER}, pools=pools or {})
    block = Step(id="block", title="All of it", steps=steps, approval=IC)
    return Host(given(plan(block), policy=policy, revision=2)).start()


def test_changes_stand_by_target_in_their_order() -> None:
    rounds = Step(
        id="each",
        steps=(
            change("drain", ["drain"], ["${{ host }}"]),
            change("name", ["name", "${{ host }}"], ["${{ host }}"]),
        ),
        for_each=ForEach("host", "${{ inputs.hosts }}", (1,)),
    )
    alike = replace(
        rounds,
        id="alike",
        steps=(change("one", ["one"], ["${{ host }}"]), change("two", ["two"], ["${{ host }}"])),
    )
    text = shown(asking(rounds, alike, pools={"web": tuple(f"web{number}" for number in range(14))}))
    told = text[text.index("Will run") : text.index("NO WAY BACK")].splitlines()
    assert [line.strip() for line in told if line.strip()] == [
        "Will run, in this order",
        "3 targets: 3 of 14 in web",
        "each: 3 hosts, one by one; stops after the first failure",
        "alike: 3 hosts, one by one; stops after the first failure",
        *(
            "web1",
            "$ drain",
            "$ name web1",
            "web2",
            "$ drain",
            "$ name web2",
            "web3",
            "$ drain",
            "$ name web3",
        ),
        *("web1, web2, web3", "$ one", "$ two"),
    ]


def test_what_is_only_known_later_says_after_what() -> None:
    look = read("look", outputs={"leader": "result.json", "all": "result.json"})
    verify = Check(Call("http", {"url": "http://x"}), Poll("result.status == 200", within=60))
    first = change("fix", ["move", "${{ steps.look.leader + ':5432' }}"], ["web1"], verify=verify)
    loop = ForEach("host", "${{ steps.look.all }}", (1,), most=5)
    text = shown(asking(look, first, change("rest", ["fix"], ["${{ host }}"], for_each=loop)))
    assert "    $ move <steps.look.leader + ':5432', known after \"look\">\n" in text
    assert "    helped when: GET http://x, until result.status == 200\n" in text
    assert "    known later: steps.look.leader\n" in text
    assert '  at most 5 targets, known after "look"\n    $ fix\n' in text
    assert '  1 target: at most 5 targets, known after "look"\n' in text


@pytest.mark.parametrize("place", ["command", "target", "late", "found"])
def test_text_from_outside_steers_neither_a_terminal_nor_a_page(place: str) -> None:
    word = HOSTILE if place == "command" else "word"
    where = HOSTILE if place == "target" else "web1"
    found = (Finding("true", "suspect", HOSTILE),) if place == "found" else ()
    look = read("look", findings=found, outputs={"v": "result.v"})
    late = ["${{ inputs.hostile + steps.look.v }}"] if place == "late" else []
    inner = Step(id="fix", steps=(look, change("in", ["fix", word, *late], [where])), approval=IC)
    which = plan(replace(look, id="first"), inner)
    host = Host(given(which, inputs={"hostile": HOSTILE}, revision=2)).start().succeed({"v": HOSTILE})
    terminal, page = shown(host), describe.details(host.state)
    for text in (terminal, page):
        assert not any(char in text for char in "\x1b\x9b\u202e")
        assert not any(line.strip().startswith("rm -rf") for line in text.splitlines())
    outside_of_code = "".join(page.split("`")[::2])
    assert "<img" not in outside_of_code.replace("\\<img", "")
    assert "](" not in outside_of_code


def test_a_huge_command_is_cut_and_says_by_how_much() -> None:
    host = asking(change("fix", ["fix", "x" * 300_000], ["web1"]), change("many", ["a\n" * 500], ["web1"]))
    terminal, page = shown(host), describe.details(host.state)
    assert len(terminal) < 20_000
    assert "[296,004 more characters: `show --json` has all of them]" in terminal
    assert "more characters: `show --json`" in terminal[terminal.index("$ 'a") :]
    assert len(page) < 5_000
    assert "... (299,704 more characters)`" in page
    assert len(host.request.changes[0].command) == 300_004
