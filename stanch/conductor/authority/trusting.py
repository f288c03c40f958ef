"""The order `trust`: from now on a run believes another key, or the same one for another time.

A person's key may let in only keys of the same people, and change only theirs; a gateway's any. A printed
code lets nobody in. A window that ends now takes a key out.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

from stanch.conductor.authority import proving
from stanch.conductor.state import State
from stanch.conductor.turn import Turn
from stanch.contract import Order, PublicKey
from stanch.proof import find, key_problem


def refusal(state: State, order: Order) -> str:
    """Why this signer cannot let this key in; empty when it can."""
    return problem(order.key, proving.signer(state, order), proving.believed(state), "run")


def problem(
    key: PublicKey | None, signer: PublicKey | None, believed: Iterable[PublicKey], whose: str
) -> str:
    """The same for whoever believes these keys: a run, or an incident."""
    if key is None:
        return "`trust` needs the key that is to be believed"
    if wrong := key_problem(key):
        return f"the new key is not taken: {wrong}"
    if signer is None:
        return f"`trust` needs a proof with a key that this {whose} believes already"
    if signer.once:
        return "a printed code lets no key in; sign with a key of yours"
    before = find(believed, key.id)
    return _beyond(signer, key) or (_beyond(signer, before) if before else "")


def obey(turn: Turn, order: Order) -> None:
    """Believe the key."""
    key = order.key
    if key is None:
        return
    turn.keys = (*(each for each in turn.keys if each.id != key.id), key)
    text = f"{order.by} {trust_words(key)} ({proving.mark(turn, order)})"
    turn.note("trusted", text + (f": {order.reason}" if order.reason else ""), by=order.by)


def trust_words(key: PublicKey) -> str:
    whose = ", ".join(key.speaks_for) or "anybody, as a gateway"
    return f"trusts the key {key.id} for {whose}{_window(key)}"


def _beyond(signer: PublicKey, key: PublicKey) -> str:
    if not signer.speaks_for:
        return ""
    if not key.speaks_for:
        return f"the key `{signer.id}` may not let in a gateway; it speaks for {', '.join(signer.speaks_for)}"
    if others := [name for name in key.speaks_for if name not in signer.speaks_for]:
        return f"the key `{signer.id}` may not let in a key of {', '.join(others)}"
    return ""


def _window(key: PublicKey) -> str:
    ends = ((" from", key.start), (" until", key.end))
    return "".join(f"{word} {datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M} UTC" for word, at in ends if at)
