"""People who speak to `/api`: whose token is shown, and the signature that the gateway gives in their name.

Whoever shows the token of a person is that person, from wherever they come, and can speak for nobody else.
Without a token only this machine is let in, and what it says is unverified unless it brings a proof.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.exceptions import HTTPException
from starlette.requests import Request

from stanch.client.signing import parse_key, signed
from stanch.config import GatewayConfig
from stanch.contract import Abort, Decision, Order, RunInput
from stanch.errors import InvalidInput
from stanch.gateway.access import bearer, read_password, require_here
from stanch.language.plan import Json
from stanch.secrets import resolve

M = TypeVar("M", Decision, Abort, Order)

SHORTEST = 20
"""Characters of a token: those of a person who made one up are guessed."""
_ONLY_HERE = "without the token of a person (gateway.people) only this machine may use /api"


@dataclass(frozen=True, slots=True)
class People:
    tokens: Mapping[str, bytes] = field(default_factory=dict)
    """Person to the SHA-256 of their token: compared in the same time whatever the lengths."""
    key: Ed25519PrivateKey | None = None

    def admit(self, request: Request) -> str:
        """The person whose token is shown, or nobody, from this machine. Raises HTTPException 401 or 403."""
        shown = bearer(request)
        if not self.tokens or shown is None:
            require_here(request, _ONLY_HERE)
            return ""
        return self._known(shown)

    def _known(self, shown: bytes) -> str:
        digest = sha256(shown).digest()
        found = [name for name, token in self.tokens.items() if hmac.compare_digest(digest, token)]
        if not found:
            raise HTTPException(
                401, "this is nobody's token (gateway.people)", {"WWW-Authenticate": "Bearer"}
            )
        return found[0]

    def admit_reader(self, request: Request) -> str:
        """As `admit`, for the pages: a browser can show a token only as the password of a dialogue, under
        whatever name. Nothing can be changed with it there, so no other site gains by having it sent."""
        try:
            token = read_password(request)
            return self._known(token) if token is not None and self.tokens else self.admit(request)
        except HTTPException as error:
            if error.status_code == 401 or self.tokens:
                dialogue = {"WWW-Authenticate": 'Basic realm="stanch", charset="UTF-8"'}
                raise HTTPException(401, str(error.detail), dialogue) from None
            raise

    def sign(self, message: M, who: str, run: str, started: float) -> M:
        """The message with the gateway's signature when it is known who speaks. Raises HTTPException 403."""
        if message.proof is not None or not who or self.key is None:
            return message
        if getattr(message, "verb", "") == "trust":
            # With it a person could let in a key that speaks for others: the gateway's own may do that.
            raise HTTPException(403, "the gateway signs no `trust`; sign it with a key of yours")
        return signed(message, run, started, key=self.key)

    def sign_start(self, given: RunInput, run: str) -> RunInput:
        """What a run is started with, signed if the gateway has a key."""
        return given if self.key is None else signed(given, run, 0.0, key=self.key)


def read_people(settings: GatewayConfig) -> People:
    """The people that `gateway.people` stands for. Raises InvalidInput, never with a token."""
    tokens: dict[str, bytes] = {}
    for name, value in settings.people.items():
        place = f"gateway.people.{name}"
        token = _secret(place, value).strip().encode()
        if len(token) < SHORTEST:
            raise InvalidInput(
                f"{place}: a token has {SHORTEST} characters at least (`openssl rand -hex 32`)"
            )
        digest = sha256(token).digest()
        if digest in tokens.values():
            raise InvalidInput(f"{place}: two people have the same token")
        tokens[name] = digest
    if settings.signing_key == "":
        if tokens:
            raise InvalidInput("gateway.people needs gateway.signing_key: the gateway signs in their name")
        return People()
    text = _secret("gateway.signing_key", settings.signing_key)
    return People(tokens, parse_key(text.encode(), "gateway.signing_key"))


def _secret(place: str, value: Json) -> str:
    try:
        return str(resolve(value)[0])
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from error
