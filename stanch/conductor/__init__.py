"""The conductor: a pure state machine that says what a run does next. No I/O, no clock, no randomness.

`machine.Conductor.step(state, event) -> (state, commands)`. Read `state`, `events` and `commands` first, then
the table in `machine`; `begin`, `act`, `asking`, `finish` and `undoing` are its rows' handlers.
"""
