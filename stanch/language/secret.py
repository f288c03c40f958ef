"""What is a secret, or a reference to one, by its form."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from stanch.language.template import OPEN
from stanch.language.tree import Mapping as MappingNode
from stanch.language.tree import Node, Scalar

FORM = "`{secret: env/NAME}`"

_AUTHORIZATION = re.compile(r"\bauthorization:?\s+(?:bearer|basic|token)\s+[\w+/=.-]{8,}", re.IGNORECASE)
_KNOWN: tuple[tuple[str, re.Pattern[str], re.Pattern[str]], ...] = (
    ("a private key", re.compile(r"V(?=ATE KEY)"), re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----")),
    (
        "a key of a cloud",
        re.compile(r"A(?=KIA|SIA|Iza)"),
        re.compile(r"\b(?:(?:AKIA|ASIA)[0-9A-Z]{16}|AIza[\w-]{35})\b"),
    ),
    (
        "a token",
        re.compile(r"g(?=h[pousr]_|ithub_pat_|lpat-)"),
        re.compile(r"\b(?:gh[pousr]_\w{36,}|github_pat_\w{16,}|glpat-[\w-]{10,})"),
    ),
    ("a token", re.compile(r"_(?=live_)"), re.compile(r"\bsk_live_\w{16,}")),
    ("a token", re.compile(r"x(?=ox)"), re.compile(r"\bxox[abprs]-[\w-]{10,}")),
    ("a token", re.compile(r"J(?<=eyJ)"), re.compile(r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}")),
    ("a password", re.compile(r"@"), re.compile(r"://[^/\s:@$]+:[^/\s:@$]+@")),
    ("a token", re.compile(r"z(?=ation)"), _AUTHORIZATION),
    ("a token", re.compile(r"Z(?=ATION)"), _AUTHORIZATION),
)
"""What it is, a trace of it, and how the whole of it looks.

Every file is searched for each trace: one seldom character, and what must stand beside it, is found quickest.
"""
_TRACES = ("pass", "token", "key", "secret", "authorization", "mysql", "mariadb", "redis-cli", "curl")
"""In small letters, what stands in the names of secrets and in front of them: few, as each is searched for in
the whole file, which takes four microseconds."""
_VALUE = r"[a-z]*[\"']?\s*:\s*[^\s{]"
_KEYS = {
    "pass": re.compile(r"pass(?:w|phrase)" + _VALUE),
    "token": re.compile("token" + _VALUE),
    "key": re.compile(r"(?:(?<=[_-])|(?<=api))key" + _VALUE),
    "secret": re.compile(r"(?<=[_-])secret" + _VALUE),
    "authorization": re.compile("authorization" + _VALUE),
}
"""By trace: how the key of a mapping looks that is called so and has its value behind it."""
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
    for what, trace, pattern in _KNOWN:
        # Whether a character is there at all costs next to nothing, and most are not in most files.
        if trace.pattern[0] in text and trace.search(text) is not None and pattern.search(text) is not None:
            return what
    return None


@lru_cache(maxsize=1)
def traces(text: str) -> Mapping[str, Sequence[int]]:
    """Where in `text`, in small letters, the traces of secrets stand; those that are there. Two rules ask."""
    lower = text.lower()
    found: dict[str, list[int]] = {}
    for trace in _TRACES:
        at = lower.find(trace)
        while at >= 0:
            found.setdefault(trace, []).append(at)
            at = lower.find(trace, at + 1)
    return found


def names_one(text: str) -> bool:
    """Whether some key in the text may be called as secrets are, and has its value behind it."""
    found = traces(text)
    if found.keys().isdisjoint(_KEYS):
        return False
    lower = text.lower()
    return any(key.match(lower, at) for trace, key in _KEYS.items() for at in found.get(trace, ()))


def under_its_name(key: str, scalar: Scalar) -> str | None:
    """What secret the value of `key` is, in words, because of how the key is called."""
    if _NAMED.fullmatch(key) is None or not isinstance(scalar.value, str):
        return None
    if key.lower().endswith("authorization"):
        return "a token" if _SCHEME.match(scalar.text) else None
    return "a password or token" if OPEN not in scalar.text and _PASSWORD.fullmatch(scalar.text) else None
