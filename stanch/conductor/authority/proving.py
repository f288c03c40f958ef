"""Whether a person has really said it: proofs checked against the keys that the run believes.

Without a proof, the policy decides: `unsigned: refuse`, or taken and told as unverified. A proof by a key
that nobody here knows is, where unsigned is accepted, worth as much as none.
"""

from __future__ import annotations

from datetime import UTC, datetime

from stanch.conductor.state import State
from stanch.conductor.turn import Turn
from stanch.contract import Abort, Decision, Order, PublicKey
from stanch.proof import Message, find, has_signed, problem, spent

_UNSIGNED = (
    "this run takes nothing without a proof (`unsigned_decisions: refuse`): answer with `stanch` and "
    "your key (`stanch key new`), through the gateway, or with a printed code (`--code`)"
)


def refusal(state: State, message: Message, at: float) -> str:
    """Why it is not believed, at the moment `at`, that the person has said this; empty when it is."""
    if signer(state, message) is None and state.given.policy.unsigned == "accept":
        return ""
    if message.proof is None:
        return _UNSIGNED
    if isinstance(message, Order) and message.incident not in ("", _incident(state)):
        return f"this run does not belong to the incident `{message.incident}`"
    return problem(
        message,
        state.run,
        state.started,
        keys=believed(state),
        used=state.used,
        at=max(at, state.clock),
    )


def taken(turn: Turn, message: Message) -> None:
    """Remember the proof of a message that was not refused, so that it is not taken twice; a broken glass is
    told, and put on the review's agenda."""
    key = signer(turn, message)
    if key is None:
        return
    kept = {name: until for name, until in turn.used.items() if until >= turn.at}
    turn.used = kept | spent(key, message)
    if not key.once:
        return
    said = _said(message)
    turn.note(
        "break_glass", f"{message.by} broke the glass: {said}, with the printed code {key.id}", by=message.by
    )
    when = datetime.fromtimestamp(turn.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    turn.agenda.append(
        f"{message.by} broke the glass at {when}: {said}; take the code {key.id} out of the policy"
    )


def mark(run: State | Turn, message: Message) -> str:
    """How the timeline says who it was: `verified, key 1a2b...`."""
    key = signer(run, message)
    if key is not None:
        return f"verified, {'printed code' if key.once else 'key'} {key.id}"
    if message.proof is not None:
        return f"unverified, nobody here knows the key {message.proof.key[:12]}"
    return "unverified"


def signer(run: State | Turn, message: Message) -> PublicKey | None:
    """The key that the message's proof names, if this run knows it; whether it has signed is not said."""
    return None if message.proof is None else find(believed(run), message.proof.key)


def starter(state: State, at: float) -> tuple[str, tuple[str, ...]]:
    """How the timeline says who has started the run at the moment `at`, and the people of the key that has
    signed for it. A run begins whoever that was: what an alert starts must not wait for a key."""
    given = state.given
    keys = given.policy.keys
    if given.proof is None:
        return ("unverified" if keys or given.policy.unsigned == "refuse" else ""), ()
    key = find(keys, given.proof.key)
    if key is None:
        return f"unverified, nobody here knows the key {given.proof.key[:12]}", ()
    wrong = problem(given, state.run, 0.0, keys=keys, used={}, at=at)
    if key.once:
        wrong = wrong or "a printed code starts no run"
    # Who signs in another's name has started it all the same.
    people = key.speaks_for if has_signed(key, given, state.run, 0.0, given.proof) else ()
    return (f"unverified: {wrong}" if wrong else f"verified, key {key.id}"), people


def believed(run: State | Turn) -> tuple[PublicKey, ...]:
    """The policy's keys, and those that came to be trusted since; a later one stands for an earlier one."""
    return (*run.given.policy.keys, *run.keys)


def _incident(state: State) -> str:
    return state.given.incident.id if state.given.incident else ""


def _said(message: Message) -> str:
    match message:
        case Decision(choice=choice, request=request):
            said = f"{choice} of `{request}`"
        case Order(verb=verb, step=step):
            said = f"{verb} of `{step}`" if step else f"{verb}"
        case Abort():
            said = "abort of the run"
    return f"{said} ({message.reason})" if message.reason else said
