"""One attempt of an activity at one task, whatever its action is.

`perform` is the activity; `attempt` checks, acts and waits; `polling` asks until a condition holds; `heart`
is what Temporal hears meanwhile, and what the next attempt remembers; `repeating` and `reattaching` say what
that one may do; `room` and `keeping` are for what is too large for the history.
"""
