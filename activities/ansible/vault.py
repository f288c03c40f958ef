"""Whether passwords open what `ansible-vault` has encrypted.

Asked before Ansible begins: it decrypts a value where a task first uses it, when others have done theirs. A
text is `$ANSIBLE_VAULT;1.2;AES256;ID` (1.1 has no id) over lines of hex digits: salt, HMAC and ciphertext,
hex digits again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
from binascii import unhexlify
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_TEXT = re.compile(
    rb"\$ANSIBLE_VAULT;1\.[12];AES256(?:;([^\s;]+))?[ \t\r]*\n"
    rb"((?:[ \t]*[0-9a-fA-F]+[ \t\r]*(?:\n|$))+)"
)
DEFAULT = "default"
"""The id of a password that is given without one."""
_LARGEST = 4 << 20
_NOT_OURS = {"collections", "ansible_collections"}
"""Others' work, of many files."""
_ROUNDS = 10_000
_KEYS = 80
"""Bytes that a password becomes: key of the cipher, key of the HMAC, start of the cipher."""


def wrong(passwords: Mapping[str, str], project: Path) -> str | None:
    """The vault id whose password opens nothing that `project` has encrypted for it: with this id, or where
    there is nothing of the kind, without an id. What has any id is for `default` if nothing else is. None if
    there is no such password; one for which nothing is encrypted here cannot be told."""
    left = set(passwords)
    met: dict[str, list[bytes]] = {}
    for name, text in _texts(project):
        met.setdefault(name, []).append(text)
        left -= {known for known in left & {name or DEFAULT} if opens(passwords[known], text)}
        if not left:
            return None
    unnamed = met.get("", [])
    for name in sorted(left):
        others = [text for texts in met.values() for text in texts] if name == DEFAULT else []
        texts = met.get(name) or unnamed or others
        if texts and not any(opens(passwords[name], text) for text in texts):
            return name
    return None


def opens(password: str, text: bytes) -> bool:
    """Whether `password` is that of `text`, the hex digits below the header."""
    try:
        salt, digest, ciphertext = (
            unhexlify(part) for part in unhexlify(b"".join(text.split())).split(b"\n")
        )
    except ValueError:
        return False
    keys = hashlib.pbkdf2_hmac("sha256", password.strip().encode(), salt, _ROUNDS, _KEYS)
    return hmac.compare_digest(hmac.digest(keys[32:64], ciphertext, "sha256"), digest)


def _texts(project: Path) -> Iterator[tuple[str, bytes]]:
    """The id, or nothing, and the hex digits of all that is encrypted."""
    for folder, below, files in os.walk(project):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in _NOT_OURS)
        for name in sorted(files):
            with suppress(OSError):
                path = Path(folder, name)
                data = path.read_bytes() if path.is_file() and path.stat().st_size <= _LARGEST else b""
                yield from (((found[1] or b"").decode(), found[2]) for found in _TEXT.finditer(data))
