"""Private keys: where they lie, how they are made, and signing what a person says to a run.

A key is a PEM file that only its owner may read. A printed code is a key too: scrypt of the code and the name
of the person it was printed for, so the code itself never leaves the terminal.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import stat
import time
from pathlib import Path
from typing import TypeVar

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from stanch.config import load_config
from stanch.contract import Abort, Decision, Order, RunInput
from stanch.errors import InvalidInput
from stanch.proof import public_text, sign

M = TypeVar("M", Decision, Abort, Order, RunInput)

DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Of codes: Crockford's base 32, without the letters that look like others."""
CODE_LENGTH = 18
"""Digits of a code: 17 at random, which are 85 bits, and one that checks them."""
_GROUP = 3
_MISREAD = str.maketrans("OIL", "011", " -\t")
_COST = 1 << 15
"""Of scrypt: a tenth of a second and 32 MiB for each code that is tried."""
_LARGEST = 16 * 1024


def signed(message: M, run: str, started: float, *, key: Ed25519PrivateKey | None = None) -> M:
    """`message` with a proof by `key`, else by the key of whoever gives this command; as it is without one.

    `run` and `started` are those of the run's view; an order for an incident needs neither, and what starts a
    run has the moment 0. A message with a
    proof stays as it is. Raises InvalidInput when there is a key and it cannot be used.
    """
    if message.proof is not None:
        return message
    private = key or load_key()
    if private is None:
        return message
    try:
        return sign(private, message, run, started, at=time.time(), nonce=secrets.token_urlsafe(16))
    except ValueError as error:
        raise InvalidInput(f"this cannot be signed: {error}") from error


# --- keys in files ----------------------------------------------------------------------------------------


def key_file() -> tuple[Path, bool]:
    """Where the key lies, and whether somebody has named that place: `key` in stanch.yaml, or STANCH_KEY."""
    named = load_config().key
    return (named, True) if named else (Path.home() / ".config" / "stanch" / "key", False)


def load_key() -> Ed25519PrivateKey | None:
    """The key of whoever gives this command; None when there is none and none is named.

    Raises InvalidInput for one that cannot be used.
    """
    file, named = key_file()
    return read_key(file) if named or file.exists() else None


def read_key(file: Path) -> Ed25519PrivateKey:
    """The key in `file`, which nobody else may read. Raises InvalidInput."""
    try:
        with file.open("rb") as opened:
            found = os.fstat(opened.fileno())
            if not stat.S_ISREG(found.st_mode):
                raise InvalidInput(f"the key `{file}` is no file")
            if found.st_mode & 0o077:
                mode = stat.S_IMODE(found.st_mode)
                raise InvalidInput(
                    f"others may read the key `{file}` (its mode is {mode:04o}), so it is not used; "
                    f"if nobody has, `chmod 600 {file}`, else make a new one with `stanch key new`"
                )
            text = opened.read(_LARGEST)
    except OSError as error:
        raise InvalidInput(f"cannot read the key `{file}`: {error.strerror}") from error
    return parse_key(text, f"`{file}`")


def parse_key(text: bytes, where: str) -> Ed25519PrivateKey:
    """The key that a PEM text holds; `where` is for the error. Raises InvalidInput, never with the text."""
    try:
        found = load_pem_private_key(text, None)
    except TypeError:
        raise InvalidInput(f"the key in {where} has a pass phrase; Stanch takes keys without") from None
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInput(f"{where} holds no private key in PEM; make one with `stanch key new`") from None
    if not isinstance(found, Ed25519PrivateKey):
        raise InvalidInput(f"the key in {where} is not an Ed25519 key; make one with `stanch key new`")
    return found


def write_key(file: Path) -> Ed25519PrivateKey:
    """A new key in `file`, which was not there before. Raises InvalidInput."""
    private = Ed25519PrivateKey.generate()
    while public_text(private).startswith("-"):
        # It would look like an option where somebody types it.
        private = Ed25519PrivateKey.generate()
    text = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as error:
        raise InvalidInput(
            f"`{file}` is there already and stays as it is; name another file with `--file`"
        ) from error
    except OSError as error:
        raise InvalidInput(f"cannot write the key `{file}`: {error.strerror}") from error
    with os.fdopen(handle, "wb") as opened:
        opened.write(text)
    return private


# --- printed codes ----------------------------------------------------------------------------------------


def new_code() -> str:
    """A code as it is printed: groups of three digits."""
    drawn = "".join(secrets.choice(DIGITS) for _ in range(CODE_LENGTH - 1))
    whole = drawn + DIGITS[_times(_folded(drawn))]
    return "-".join(whole[at : at + _GROUP] for at in range(0, CODE_LENGTH, _GROUP))


def code_key(person: str, typed: str) -> Ed25519PrivateKey:
    """The key of a code that was printed for `person`. Raises InvalidInput when it is mistyped."""
    code = read_code(typed)
    salt = b"stanch printed code 1\n" + person.encode()
    return Ed25519PrivateKey.from_private_bytes(
        hashlib.scrypt(code.encode("ascii"), salt=salt, n=_COST, r=8, p=1, maxmem=_COST << 11, dklen=32)
    )


def read_code(typed: str) -> str:
    """The digits of a code as somebody typed it: any case, any spaces, `O` for `0`. Raises InvalidInput."""
    code = typed.upper().translate(_MISREAD)
    if len(code) != CODE_LENGTH:
        raise InvalidInput(f"a code has {CODE_LENGTH} letters and digits, and this has {len(code)}")
    if odd := next((digit for digit in code if digit not in DIGITS), ""):
        raise InvalidInput(f"no code has a `{odd}` in it")
    if _folded(code):
        raise InvalidInput("a letter of the code is mistyped; read it again")
    return code


def _folded(code: str) -> int:
    """A remainder over GF(32). Each place weighs differently, so one wrong digit, or two that changed places,
    are always seen: it is 0 for a whole code alone."""
    rest = 0
    for digit in code:
        rest = _times(rest) ^ DIGITS.index(digit)
    return rest


def _times(element: int) -> int:
    """Times x in GF(32), modulo x^5 + x^2 + 1, under which x has the order 31."""
    doubled = element << 1
    return doubled ^ 0b100101 if doubled & 0b100000 else doubled
