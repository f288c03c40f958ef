"""The live details that the Temporal Web UI shows, as far as they are not a question's own."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from stanch.conductor import describe
from stanch.contract import RunPolicy
from stanch.language.plan import Approval, Call, ForEach, Link, Step
from tests.support.host import Host
from tests.support.plans import change, given, plan, read

IC = Approval(("incident_commander",))


def details(*links: Link) -> str:
    look = read(outputs={"page": "result.json"})
    fix = change(approval=Approval(("incident_commander",)), links=links)
    return describe.details(
        Host(given(plan(look, fix))).start().succeed({"json": "x> [y](javascript:z)"}).state
    )


def test_links_can_be_followed() -> None:
    text = details(Link("Dash*board*", "https://grafana.example.org/d/${{ inputs.service }}"))
    assert "- Dash\\*board\\*: <https://grafana.example.org/d/checkout>" in text


def test_what_is_no_address_is_no_link() -> None:
    text = details(
        Link("Page", "https://x.example.org/${{ steps.look.page }}"), Link("Odd", "javascript:alert(1)")
    )
    assert "`https://x.example.org/x> [y](javascript:z)`" in text
    assert "`javascript:alert(1)`" in text
    assert "<javascript" not in text


def test_a_person_who_stopped_the_run_comes_first_with_the_way_on() -> None:
    host = Host(given(plan(read(), change()), revision=2)).start().succeed({"json": {}})
    host = host.order("pause", reason="wait *here*").order("hold", reason="the wrong cluster")
    text = describe.details(host.state)
    assert text.startswith("**Paused:** alice paused it at ")
    assert "wait \\*here\\*" in text
    places = [
        text.index(word)
        for word in (
            "`stanch resume ",
            "**On hold",
            "`stanch release ",
            "**Waiting for",
            "Its time stands still",
        )
    ]
    assert places == sorted(places)


def test_what_is_kept_back_is_named_when_nothing_is_asked() -> None:
    host = Host(given(plan(read(), change()), revision=2)).start().succeed({"json": {}})
    host = host.order("hold", reason="the wrong cluster").decide("approve")
    assert "Kept back: `fix`" in describe.details(host.state)
    assert describe.phase_of(host.state) == "on_hold"


def test_an_incident_s_hold_names_the_command_that_ends_it() -> None:
    host = Host(given(plan(read(), change()), revision=2)).start().succeed({"json": {}})
    host = host.order("hold", reason="x", incident="db-down")
    assert "`stanch incident release db-down`" in describe.details(host.state)


def test_a_paused_run_without_a_question_has_the_phase_paused() -> None:
    host = Host(given(plan(read()), revision=2)).start().order("pause", reason="x")
    assert describe.phase_of(host.state) == "paused"


def test_what_runs_alike_on_several_targets_is_told_once_for_all_of_them() -> None:
    there = Call("ssh", {"hosts": ["${{ host }}"], "run": ["fix"]}, one=True)
    loop = ForEach("host", f"${{{{ {[f'web{number}' for number in range(25)]} }}}}", (1,))
    fix = Step(id="fix", effect="change", call=there, approval=IC, irreversible="gone", for_each=loop)
    text = describe.details(Host(given(plan(fix), revision=2)).start().state)
    (line,) = [line for line in text.splitlines() if "`web0`" in line]
    assert line.startswith("- `web0`, `web1`, ")
    assert line.endswith("`web19` and 5 more: `fix`")


def asked_page(approval: Approval, policy: RunPolicy) -> str:
    held = replace(given(plan(change(approval=approval)), revision=2), policy=policy)
    return describe.details(Host(held).start().state)


def test_a_page_offers_no_signal_that_would_have_no_effect() -> None:
    text = asked_page(Approval(("incident_commander",)), RunPolicy(unsigned="refuse"))
    assert "A Signal that is sent from this page has no effect" in text
    assert "send the Signal" not in text
    assert "`stanch approve " in text
    assert "`stanch deny " in text


def test_a_page_says_how_many_agree_and_what_is_typed_to_confirm() -> None:
    approval = Approval(
        ("incident_commander", "technical_lead"), quorum=2, of_roles=2, confirm="switch `it` off"
    )
    text = asked_page(approval, RunPolicy())
    assert "Needed: incident\\_commander and technical\\_lead, each of them." in text
    assert "and confirm by typing `switch 'it' off`" in text
    assert '"confirm": "THE TEXT ABOVE"' in text


@pytest.mark.parametrize("paused", [False, True])
def test_silence_over_work_by_hand_fails_its_step_and_is_told_so_with_its_day(paused: bool) -> None:
    by_hand = Step(
        id="look", call=Call("manual", {"who": "dba", "do": "look"}), effect="read", timeout=86_400
    )
    host = Host(given(plan(by_hand), revision=2)).start()
    host = host.order("pause", reason="x") if paused else host
    text = describe.details(host.state)
    assert "without an answer: the step fails." in text
    assert paused or f"Answer until **{datetime.fromtimestamp(host.request.until, UTC):%Y-%m-%d}" in text
