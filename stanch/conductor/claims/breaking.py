"""A lease is broken: the run that holds it is told to, and holds it no more.

What is under way is not stopped. No change and no way back of it begins from then on, until whoever commands
releases it: then it queues for the lease again. What the run took after the broken lease it gives back before
it queues, for everybody takes leases in one order.
"""

from __future__ import annotations

from dataclasses import replace

from stanch.conductor.authority.people import clock
from stanch.conductor.claims import taking
from stanch.conductor.claims.claimed import Claimed
from stanch.conductor.state import Node, Phase, State
from stanch.conductor.turn import Turn
from stanch.conductor.wheel import parking, pausing, places
from stanch.contract import Order
from stanch.lease import words


def refusal(state: State, order: Order) -> str:
    named = [claim for claim in state.claims.values() if claim.lease.name == order.lease]
    if any(claim.held for claim in named):
        return ""
    if not order.lease:
        return "`break` needs the name of a lease; `stanch leases` lists them"
    if broken := next((claim for claim in named if claim.lease.state == "broken"), None):
        return f"it is broken already: {broken.lease.said}"
    if named:
        return _who_holds(named[0])
    held = ", ".join(f"`{claim.lease.name}`" for claim in state.claims.values() if claim.held)
    return f"the run does not hold `{order.lease}`; it holds {held or 'nothing'}"


def _who_holds(claim: Claimed) -> str:
    name, holders = claim.lease.name, claim.lease.holders
    told = "".join(f"; `{words.to_break(each, name)}`" for each in holders[:3])
    return f"this run waits for `{name}` and does not hold it{told or '; ask again in a moment'}"


def obey(turn: Turn, order: Order) -> None:
    said = f"{order.by} broke it at {clock(turn.at)}: {order.reason}"
    for key, claim in list(turn.claims.items()):
        if claim.lease.name == order.lease and claim.held:
            lease = replace(claim.lease, state="broken", since=turn.at, said=said)
            taking.put(turn, key, replace(taking.stop_timer(turn, claim), lease=lease))
    taking.ring(turn, order.lease)
    pausing.note(
        turn, order, "lease", f"`{order.lease}` is broken by {order.by}, no change begins{_going_on(turn)}"
    )


def _going_on(turn: Turn) -> str:
    told = under_way(turn.before)
    return f" ({told} under way and not stopped)" if told else ""


def answer(state: State, name: str) -> str:
    """What whoever breaks it has to know; `state` is the run before it."""
    told = under_way(state)
    return f"`{name}` is broken" + (f"; {told} under way and not stopped" if told else "")


def under_way(state: State) -> str:
    """Which changes are under way, as a subject: `roll_back[1]` is; empty when none is."""
    found = [
        f"`{node.path or 'a way back'}`"
        for node in map(state.nodes.__getitem__, state.live)
        if _changes(state, node)
    ]
    more = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"{', '.join(found[:3])}{more} {'are' if len(found) > 1 else 'is'}" if found else ""


def _changes(state: State, node: Node) -> bool:
    if not node.key:
        return False
    begun = node.phase in (Phase.ACTING, Phase.DOUBTING, Phase.STOPPING)
    return node.phase is Phase.UNDOING or (begun and places.step_of(state, node).effect == "change")


# --- release ----------------------------------------------------------------------------------------------


def release_refusal(state: State, order: Order) -> str:
    """As without leases; but one that is broken is queued for again, whether the run is on hold or not."""
    lost = broken(state)
    if order.incident or not lost:
        return pausing.release_refusal(state, order)
    gives_back = [claim for claim in taking.since_broken(state.claims).values() if claim.held]
    if gives_back and (told := under_way(state)):
        names = ", ".join(f"`{claim.lease.name}`" for claim in gives_back)
        return f"{told} under way, and {names} is given back before it queues again; release it after that"
    return ""


def release(turn: Turn, order: Order) -> None:
    lost = [claim.lease.name for claim in turn.claims.values() if claim.lease.state == "broken"]
    if order.incident or not lost:
        pausing.release(turn, order)
        return
    taking.queue_again(turn)
    if order.incident in turn.holds:
        pausing.release(turn, order)
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(lost))
    pausing.note(turn, order, "released", f"released by {order.by}, it queues for {names} again")
    parking.unpark(turn)


def broken(state: State) -> tuple[Claimed, ...]:
    return tuple(claim for claim in state.claims.values() if claim.lease.state == "broken")
