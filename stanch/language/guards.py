"""What conditions say about steps: whether they ran, and whether a precondition has to wait for one."""

from __future__ import annotations

import re

from stanch.language.chains import chains, reads_step, roots
from stanch.language.document import RequireDoc
from stanch.language.template import Hole, UnclosedHole, split

_ASKING = frozenset({"ok", "ran", "failed", "denied"})
_HAS = re.compile(r"\bhas\s*\(\s*steps\s*\.\s*(\w+)\s*\.\s*\w+\s*\)", re.ASCII)
_HAS_INCIDENT = re.compile(r"\bhas\s*\(\s*run\s*\.\s*incident\b", re.ASCII)
INCIDENT = "run.incident"
"""Stands among the ids of steps (none has a `.`) for the incident that a run may belong to."""


def asserts(cel: str) -> frozenset[str]:
    """Ids of the steps whose state, or whose output's existence, the expression asks for; also INCIDENT."""
    states = {
        chain.parts[1]
        for chain in chains(cel)
        if len(chain.parts) >= 3 and chain.parts[0] == "steps" and chain.parts[2] in _ASKING
    }
    if "has" not in cel:
        return frozenset(states)
    incident = {INCIDENT} if _HAS_INCIDENT.search(cel) else set()
    return frozenset(states.union(_HAS.findall(cel), incident))


def is_checked_after(require: RequireDoc, step: str) -> bool:
    """Whether a precondition of the step `step` reads what only its action gives: it is checked behind it."""
    try:
        holes = [part.cel for part in split(require.message.text) if isinstance(part, Hole)]
    except UnclosedHole:
        holes = []
    return any("result" in roots(cel) or reads_step(cel, step) for cel in (require.that.cel, *holes))
