"""The live details that the Temporal Web UI shows, as far as they are not a question's own."""

from __future__ import annotations

from stanch.conductor import describe
from stanch.language.plan import Approval, Link
from tests.support.host import Host
from tests.support.plans import change, given, plan, read


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
