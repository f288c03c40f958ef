"""Real keys, the same in every test run."""

from __future__ import annotations

from hashlib import sha256
from itertools import count

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stanch.contract import PublicKey
from stanch.proof import key_id, public_text

_numbers = count()


def private(name: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(sha256(name.encode()).digest())


def public(
    name: str, *speaks_for: str, start: float = 0.0, end: float = 0.0, once: bool = False
) -> PublicKey:
    """The public half of the key `name`, which speaks for these people, or (none) for everybody."""
    text = public_text(private(name))
    return PublicKey(key_id(text), text, speaks_for, start, end, once)


def nonce() -> str:
    """One that no test has used."""
    return f"nonce-{next(_numbers):012}"
