"""Who said it: Ed25519 signatures under decisions, aborts, orders and starts, and what is believed of them.

1. A signature is under everything that is said, the run and the moment at which that run started, and the
   proof's own times and nonce. Change any of it, and the signature is wrong.
2. A field that equals its default is left out of the statement, as it is left out of a payload: a field that
   a later release adds leaves the signatures in old histories as they are.
3. A proof lives for five minutes and is taken once; a key that signs `once` is taken once altogether.
4. An order for a whole incident is signed for the incident, and each of its runs takes it once. Its `hold`
   does not expire: a run that hears of it late must still stop.
5. The start of a run is signed for its id, at the moment 0, and with all that the run is given.
6. Nothing here knows a clock, a file or randomness: whoever signs brings the moment and the nonce.
"""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Mapping
from dataclasses import MISSING, Field, fields, is_dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from math import inf
from typing import Any, TypeAlias, TypeVar

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from stanch.contract import Abort, Decision, Order, Proof, PublicKey, RunInput
from stanch.language.plan import Json

LIFETIME = 300.0
"""Seconds for which a proof is good."""
SKEW = 60.0
"""Seconds by which the signer's clock may differ from Temporal's."""

Message: TypeAlias = Decision | Abort | Order
"""What a person says to a run."""
Signable: TypeAlias = Message | RunInput
M = TypeVar("M", Decision, Abort, Order, RunInput)

_DOMAIN = b"stanch proof 1\n"
"""Nobody can be made to sign a statement by signing something else with the same key."""
_KINDS: Mapping[type, str] = {
    Decision: "decision",
    Abort: "abort",
    Order: "order",
    RunInput: "start",
}
_LATEST = 253_402_300_800.0
"""The year 10000, which no calendar here can write."""

# The y of the points of small order, as RFC 8032 encodes them, and the two that are encoded a second time.
# Under such a key anybody's signature can be right, and one of them is the placeholder `AAAA...`.
_WEAK = frozenset(
    bytes.fromhex(y)
    for y in (
        "00" * 32,
        "01" + "00" * 31,
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
    )
)


# --- keys -------------------------------------------------------------------------------------------------


def public_text(private: Ed25519PrivateKey) -> str:
    """The public half as it stands in a policy: base64url of 32 bytes, without padding."""
    return _text(private.public_key().public_bytes_raw())


def key_id(public: str) -> str:
    """The first 12 hexadecimal digits of the SHA-256 of the 32 bytes. Raises ValueError for other text."""
    return sha256(_bytes(public, 32)).hexdigest()[:12]


def key_problem(key: PublicKey) -> str:
    """Why the key cannot be believed by anybody; empty when it can."""
    try:
        held = _bytes(key.public, 32)
    except ValueError:
        return "a public key is 32 bytes as base64url without padding (43 characters)"
    if held[:31] + bytes([held[31] & 0x7F]) in _WEAK:
        return "anybody can sign for this public key; it is a placeholder or was made to deceive"
    if key.id != key_id(key.public):
        return f"the id of this key is `{key_id(key.public)}`, not `{key.id}`"
    if not (0 <= key.start < _LATEST and 0 <= key.end < _LATEST):
        return "a key is believed between two moments in seconds since 1970"
    if key.end and key.end <= key.start:
        return "the key is to be believed until before it is believed at all"
    return ""


def find(keys: Iterable[PublicKey], named: str) -> PublicKey | None:
    """The newest of the keys with this id: a later entry stands for an earlier one."""
    found = None
    for key in keys:
        found = key if key.id == named else found
    return found


# --- statements -------------------------------------------------------------------------------------------


def statement(message: Signable, run: str, started: float, proof: Proof) -> bytes:
    """What is signed: canonical JSON. Raises ValueError for a number that JSON does not have."""
    if isinstance(message, Order) and message.incident:
        run, started = f"incident/{message.incident}", 0.0
    said = {
        "kind": _KINDS[type(message)],
        "run": run,
        "started": float(started),
        "key": proof.key,
        "issued": float(proof.issued),
        "expires": float(proof.expires),
        "nonce": proof.nonce,
        "says": _plain(message),
    }
    text = json.dumps(said, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return _DOMAIN + text.encode("ascii")


def sign(private: Ed25519PrivateKey, message: M, run: str, started: float, *, at: float, nonce: str) -> M:
    """`message` with a proof for the run that started at `started`; `at` is now, `nonce` is used once.

    Raises ValueError when the message holds a number that JSON does not have.
    """
    proof = Proof(key_id(public_text(private)), float(at), at + LIFETIME, nonce, "")
    signature = private.sign(statement(message, run, started, proof))
    return replace(message, proof=replace(proof, signature=_text(signature)))


def problem(
    message: Signable,
    run: str,
    started: float,
    *,
    keys: Iterable[PublicKey],
    used: Mapping[str, float],
    at: float,
) -> str:
    """Why the message's proof is not believed at the moment `at`, in words; empty when it is.

    `used` is what `spent` gave for every proof that was taken before.
    """
    proof = message.proof
    if proof is None:
        return "there is no proof"
    key = find(keys, proof.key)
    if key is None:
        return f"the key `{proof.key[:12]}` is not one that this run believes; is it in the policy?"
    if not has_signed(key, message, run, started, proof):
        return (
            f"the signature with the key `{key.id}` is not for this: "
            "it was made for another run, another request or other words"
        )
    late = _holds_incident(message)
    return (
        _closed(key, proof.issued if late else at)
        or _not_theirs(key, _speaker(message))
        or _stale(proof, at, late=late)
        or _repeated(key, proof, used)
    )


def spent(key: PublicKey, message: Signable) -> dict[str, float]:
    """What to remember of a proof that was taken, each with the moment until which it matters."""
    proof = message.proof
    if proof is None:
        return {}
    nonce = {f"{key.id}/{proof.nonce}": inf if _holds_incident(message) else proof.expires + SKEW}
    return nonce | {key.id: inf} if key.once else nonce


# --- what is wrong with a proof ---------------------------------------------------------------------------


def has_signed(key: PublicKey, message: Signable, run: str, started: float, proof: Proof) -> bool:
    """Whether it is this key's signature, under just this; nothing is said of time or of who may use it."""
    try:
        signature = _bytes(proof.signature, 64)
        public = Ed25519PublicKey.from_public_bytes(_bytes(key.public, 32))
        public.verify(signature, statement(message, run, started, proof))
    except (InvalidSignature, ValueError):
        return False
    return not key_problem(key)


def _closed(key: PublicKey, at: float) -> str:
    if at < key.start:
        return f"the key `{key.id}` is not believed before {_moment(key.start)}"
    if key.end and at >= key.end:
        return f"the key `{key.id}` is not believed since {_moment(key.end)}; sign with a newer one"
    return ""


def _speaker(message: Signable) -> str:
    return message.started_by if isinstance(message, RunInput) else message.by


def _not_theirs(key: PublicKey, by: str) -> str:
    if not key.speaks_for or by in key.speaks_for:
        return ""
    return f"the key `{key.id}` may not speak for {by}; it speaks for {', '.join(key.speaks_for)}"


def _holds_incident(message: Signable) -> bool:
    return isinstance(message, Order) and message.verb == "hold" and bool(message.incident)


def _stale(proof: Proof, at: float, *, late: bool) -> str:
    # Written so that a number that is none is refused, too.
    if not 0 < proof.expires - proof.issued <= LIFETIME:
        return f"a proof is good for {LIFETIME:g} s at most, and this one claims something else"
    if not proof.issued <= at + SKEW:
        ahead = proof.issued - at
        return f"the proof was made {ahead:.0f} s in the future; set the clock of the machine that signed"
    if not late and not at <= proof.expires + SKEW:
        return f"the proof has expired {at - proof.expires:.0f} s ago; look at the run again, and say it anew"
    return ""


def _repeated(key: PublicKey, proof: Proof, used: Mapping[str, float]) -> str:
    if key.once and key.id in used:
        return f"the printed code `{key.id}` was used already; cross it out and take the next one"
    if f"{key.id}/{proof.nonce}" in used:
        return "this very message was taken already; nothing is said twice"
    return ""


def _moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


# --- forms ------------------------------------------------------------------------------------------------


def _plain(value: Any) -> Json:
    """Dataclasses as objects without what equals its default, and without the proof itself."""
    if is_dataclass(value) and not isinstance(value, type):
        held = {spec: _plain(_held(value, spec)) for spec in fields(value) if spec.name != "proof"}
        return {spec.name: inner for spec, inner in held.items() if inner != _default(spec)}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _held(value: Any, spec: Field[Any]) -> Any:
    """A whole number where a moment belongs comes back from a payload as a float."""
    held = getattr(value, spec.name)
    return float(held) if spec.type == "float" else held


def _default(spec: Field[Any]) -> Any:
    if spec.default_factory is not MISSING:
        return _plain(spec.default_factory())
    return _plain(spec.default)


def _text(held: bytes) -> str:
    return urlsafe_b64encode(held).rstrip(b"=").decode("ascii")


def _bytes(text: str, size: int) -> bytes:
    """Raises ValueError for anything but the one way in which `size` bytes are written."""
    held = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
    if len(held) != size or _text(held) != text:
        raise ValueError(f"not {size} bytes as base64url without padding")
    return held
