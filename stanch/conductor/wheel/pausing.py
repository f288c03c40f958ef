"""Pause, resume, hold, release.

A pause stops clocks too: the ladders of open requests, and the limits of blocks that are under way. At
`resume` both have left what they had before. A hold stops the limit of what it keeps a part of back. An
action that is under way has its own time limit, which neither moves, nor do they a `wait` that has begun.
"""

from __future__ import annotations

from stanch.conductor.authority.people import clock
from stanch.conductor.authority.proving import mark
from stanch.conductor.requests import requesting
from stanch.conductor.state import State
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import clocks, parking
from stanch.contract import Order
from stanch.language.duration import format_duration


def note(turn: Turn, order: Order, kind: str, text: str) -> None:
    """An order in the timeline: what was ordered, why, by whom, and how sure that is."""
    said = f"{text}: {order.reason}" if order.reason else text
    turn.note(kind, f"{said} ({mark(turn, order)}, via {order.via})", step=order.step, by=order.by)


# --- pause ------------------------------------------------------------------------------------------------


def pause_refusal(state: State, _: Order) -> str:
    if state.aborting:
        return f"the run is being ended ({state.aborting}); `hold` keeps back what it still takes back"
    return f"the run is paused already: {state.paused}" if state.paused else ""


def pause(turn: Turn, order: Order) -> None:
    turn.paused = f"{order.by} paused it at {clock(turn.at)}: {order.reason}"
    turn.paused_at = turn.at
    note(turn, order, "paused", f"paused by {order.by}")
    clocks.set_limits(turn)


def resume_refusal(state: State, _: Order) -> str:
    if state.paused:
        return ""
    return f"the run is not paused{_last(state, 'resumed')}"


def resume(turn: Turn, order: Order) -> None:
    seconds = turn.at - turn.paused_at
    note(turn, order, "resumed", f"resumed by {order.by} after {format_duration(round(seconds))}")
    turn.paused, turn.paused_at = "", 0.0
    clocks.set_limits(turn)
    requesting.thaw(turn, seconds)
    parking.unpark(turn)


# --- hold -------------------------------------------------------------------------------------------------


def hold_refusal(state: State, order: Order) -> str:
    # One that is being ended may still put something back, so it can be held too.
    if order.incident in state.holds:
        return f"the run is on hold already: {state.holds[order.incident]}"
    return ""


def hold(turn: Turn, order: Order) -> None:
    what = f"the incident {order.incident}" if order.incident else "it"
    set_hold(turn, order.incident, f"{order.by} put {what} on hold at {clock(turn.at)}: {order.reason}")
    note(turn, order, "held", f"on hold by {order.by}: no change begins")


def set_hold(turn: Turn, incident: str, text: str) -> None:
    turn.holds[incident] = text
    turn.held = "; ".join(turn.holds.values())


def release_refusal(state: State, order: Order) -> str:
    if order.incident in state.holds:
        return ""
    if not state.holds:
        return f"the run is not on hold{_last(state, 'released')}"
    if order.incident:
        return f"the incident {order.incident} does not hold this run: {state.held}"
    return f"its incident holds it, and is to be released as a whole: {state.held}"


def release(turn: Turn, order: Order) -> None:
    del turn.holds[order.incident]
    turn.held = "; ".join(turn.holds.values())
    still = f"; still: {turn.held}" if turn.held else ""
    note(turn, order, "released", f"released by {order.by}{still}")
    if not turn.held:
        parking.unpark(turn)


def _last(state: State, kind: str) -> str:
    """Who has done so before, if somebody has: two people reach for the wheel at once."""
    done = next((each for each in reversed(state.timeline) if each.kind == kind and each.by), None)
    return f"; {done.by} {kind} it at {clock(done.at)}" if done else ""
