"""Rehearsals: a runbook against scripted answers, people and clock.

Read it top to bottom: `parse` makes a `document` of a file, `bind` holds it against the Plan that it
rehearses, `stage` lets the conductor run it (`people` and `stanch.drill.scripted` answer), `happened` is what
came of it, `compare` finds where that differs from what should have, and `coverage` names what no rehearsal
has tried.
"""
