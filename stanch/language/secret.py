"""What is a secret, or a reference to one, by its form."""

from __future__ import annotations

import re

from stanch.language.template import OPEN
from stanch.language.tree import Mapping as MappingNode
from stanch.language.tree import Node, Scalar

FORM = "`{secret: env/NAME}`"

_KNOWN: tuple[tuple[str, tuple[str, ...], re.Pattern[str]], ...] = (
    ("a private key", ("PRIVATE KEY",), re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    ("a key of a cloud", ("AKIA", "ASIA"), re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b")),
    ("a key of a cloud", ("AIza",), re.compile(r"\bAIza[\w-]{35}\b")),
    ("a token", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), re.compile(r"\bgh[pousr]_\w{36,}")),
    ("a token", ("github_pat_", "sk_live_"), re.compile(r"\b(?:github_pat|sk_live)_\w{16,}")),
    ("a token", ("glpat-", "xox"), re.compile(r"\b(?:glpat|xox[abprs])-[\w-]{10,}")),
    ("a token", ("eyJ",), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a password", ("@",), re.compile(r"://[^/\s:@$]+:[^/\s:@$]+@")),
    (
        "a token",
        ("uthorization", "UTHORIZATION"),
        re.compile(r"\bauthorization:?\s+(?:bearer|basic|token)\s+[\w+/=.-]{8,}", re.IGNORECASE),
    ),
)
"""What it is, a part of each text that has one, and how the whole of it looks."""
_PARTS = (
    ("pass", ("passw", "passphrase")),
    ("token", ("token",)),
    ("key", ("_key", "-key", "apikey")),
    ("secret", ("_secret", "-secret")),
    ("authorization", ("authorization",)),
)
"""Parts of such names; each group with what is in all of them, so that a file is searched five times only."""
_VALUE = re.compile(r"[a-z]*[\"']?\s*:\s*[^\s{]")
_NAMED = re.compile(
    r"(?:.*[-_.])?(?:password|passwd|passphrase|token|(?:api|secret|access)[-_]?key|client[-_]?secret|authorization)",
    re.IGNORECASE,
)
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey)\s+\S{6,}", re.IGNORECASE)
_PASSWORD = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[^\s/][^\s]{5,}")


def is_reference(node: Node) -> bool:
    """Whether it is `{secret: ...}`."""
    return (
        isinstance(node, MappingNode)
        and len(node.entries) == 1
        and node.entries[0].name == "secret"
        and isinstance(node.entries[0].value, Scalar)
    )


def known_form(text: str) -> str | None:
    """What secret stands in the text, in words; of those that show it by their own form."""
    for what, parts, pattern in _KNOWN:
        if any(part in text for part in parts) and pattern.search(text):
            return what
    return None


def names_one(text: str) -> bool:
    """Whether some key in the text may be called as secrets are, and has its value behind it."""
    lower = text.lower()
    for part in (part for common, parts in _PARTS if common in lower for part in parts):
        at = lower.find(part)
        while at >= 0:
            if _VALUE.match(lower, at + len(part)):
                return True
            at = lower.find(part, at + 1)
    return False


def under_its_name(key: str, scalar: Scalar) -> str | None:
    """What secret the value of `key` is, in words, because of how the key is called."""
    if _NAMED.fullmatch(key) is None or not isinstance(scalar.value, str):
        return None
    if key.lower().endswith("authorization"):
        return "a token" if _SCHEME.match(scalar.text) else None
    return "a password or token" if OPEN not in scalar.text and _PASSWORD.fullmatch(scalar.text) else None
