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
