"""A printed code instead of a key: breaking the glass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stanch.cli.console import say_error
from stanch.cli.prompt import at_a_terminal, typed
from stanch.errors import InvalidInput

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

BREAK_GLASS = "break_glass"
"""What `via` says of a message that is signed with a printed code."""
_TRIES = 3


def typed_code(person: str) -> Ed25519PrivateKey:
    """The key of a code that is typed now, unseen: screens are shared while an incident lasts.

    Raises InvalidInput when there is no terminal, or when it is mistyped every time.
    """
    from stanch.client.signing import code_key

    if not at_a_terminal():
        raise InvalidInput("a printed code is typed at a terminal, and this is none")
    for _ in range(_TRIES - 1):
        try:
            return code_key(person, _asked(person))
        except InvalidInput as error:
            say_error(str(error))
    return code_key(person, _asked(person))


def _asked(person: str) -> str:
    return typed(f"Printed code of {person} (it is not shown)", unseen=True)
