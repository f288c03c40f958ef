"""What to write where a word is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_MISSING: Mapping[tuple[str, str], str] = {
    ("the runbook", "runbook"): "runbook: NAME",
    ("the runbook", "kind"): "kind: recovery",
    ("the runbook", "owner"): "owner: TEAM",
    ("the runbook", "steps"): "steps:",
    ("this step", "id"): "id: NAME",
    ("manual", "who"): "who: technical_lead",
    ("manual", "do"): "do: WHAT TO DO",
    ("http", "url"): "url: https://...",
    ("prometheus", "query"): "query: up",
    ("", "hosts"): "hosts: [web1]",
    ("require", "that"): "that: CONDITION",
    ("require", "else"): "else: WHAT A PERSON READS WHEN IT DOES NOT HOLD",
    ("for_each", "as"): "as: item",
    ("for_each", "in"): 'in: "${{ inputs.NAME }}"',
    ("approval", "from"): "from: incident_commander",
    ("ask", "from"): "from: technical_lead",
    ("ask", "fields"): "fields: {answer: {type: string}}",
    ("silence", "after"): "after: 20m",
    ("silence", "then"): "then: abort",
    ("retry", "times"): "times: 3",
    ("findings", "when"): "when: CONDITION",
    ("findings", "is"): "is: suspect",
    ("findings", "text"): "text: WHAT A PERSON READS",
    ("links", "title"): "title: Dashboard",
    ("links", "url"): "url: https://...",
    ("triggers", "source"): "source: alertmanager",
    ("triggers", "when"): 'when: alert.status == "firing" && alert.labels.alertname == "NAME"',
    ("", "type"): "type: string",
    ("", "until"): "until: result.value < 0.01",
}
"""By what has the word, or by the word alone: what to write for one that is missing."""


def missing_hint(owner: str, names: Sequence[str]) -> str | None:
    """What to write where `owner` lacks these words."""
    forms = [_MISSING.get((owner, name)) or _MISSING.get(("", name)) for name in names]
    known = [form for form in forms if form is not None]
    if len(known) < len(names):
        return None
    if len(names) == 1:
        return known[0] if known[0].startswith("name ") else f"write `{known[0]}`"
    return "\n".join(["write", *(f"  {form}" for form in known)])
