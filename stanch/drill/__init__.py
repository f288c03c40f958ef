"""Drills without an outside world. Pure: the clock is scripted, and nothing is read or sent.

Read it top to bottom: `kind` tells documents apart, `parse` makes a `rehearsal` of one, `bind` holds it
against the Plan that it rehearses, `stage` lets the conductor run it (`outside` and `people` answer),
`happened` is what came of it, `compare` finds where that differs from what should have, and `coverage` names
what no rehearsal has tried.
"""
