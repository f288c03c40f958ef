"""Secrets that others can read where they stand: in the words of a command, in a script, in an address.

By their names only, as `--password=...` or `?token=...`: what is found so is advice.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stanch.language.secret import traces
from stanch.language.template import OPEN

_NAME = (
    r"(?:[a-z0-9]+[-_.])*(?:password|passwd|passphrase|token|api[-_]?key|secret[-_](?:access[-_])?key|"
    r"client[-_]?secret)"
)
_FLAG = re.compile(rf"(?P<name>--?(?P<bare>{_NAME}))(?:=(?P<value>.+))?", re.IGNORECASE | re.DOTALL)
_SHELL_NAME = r"[A-Z0-9_]*(?:PASSWORD|PASSWD|PASSPHRASE|TOKEN|API_?KEY|SECRET(?:_ACCESS)?_KEY|SECRET)"
_VARIABLE = re.compile(rf"(?P<name>{_SHELL_NAME})=(?P<value>\S+)")
_IN_SCRIPT = re.compile(
    rf"(?<!\S)(?:(?P<flag>--(?:{_NAME}))(?:=|[ \t]+)|(?P<variable>{_SHELL_NAME})=)"
    r"(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"';&|)]+)",
    re.IGNORECASE,
)
_IN_URL = re.compile(
    rf"[?&](?P<name>{_NAME}|secret)=(?P<value>(?:\$\{{\{{.*?\}}\}}|[^&#\s])+)", re.IGNORECASE
)
_PAGE = re.compile(
    r"(?:.*[-_.])?(?:next|start(?:ing)?|page|continu\w*|pagination|request|sync)[-_.]?token", re.IGNORECASE
)
"""Tokens that say how far a list was read, and no more."""
_OTHERWISE = re.compile(
    r"\$(?!\{\{)|[@/~<*`%-]|(?:file|env|pass|fd|stdin|vault|arn):|"
    r"(?:true|false|yes|no|none|null|prompt|ask|stdin|auto|random|generate|required)\Z",
    re.IGNORECASE,
)
"""What says where the secret is, or that there is none: a variable, a file, a placeholder."""
_SHORT_FLAGS = {
    **dict.fromkeys(
        ("mysql", "mysqldump", "mysqladmin", "mysqlcheck", "mariadb", "mariadb-dump"), ("-p", False)
    ),
    "sshpass": ("-p", True),
    "redis-cli": ("-a", True),
    "curl": ("-u", True),
}
"""Programs with a letter for the password, and whether it may stand in a word of its own behind it."""
_PARTS = ("pass", "token", "secret", "mysql", "mariadb", "redis-cli", "curl")
"""Of the traces of secrets those that stand in all that is found; beside them `api-key`."""


def places(text: str) -> list[int]:
    """Where in `text` something may stand that the functions below find, in order; nearly always nowhere."""
    if not text.isascii() and len(text.lower()) != len(text):
        return list(range(len(text)))  # some letters are longer in small, so that offsets are of no use
    known = traces(text)
    found = [at for part in _PARTS if part in known for at in known[part]]
    found += [at for at in known.get("key", ()) if "api" in text[max(at - 4, 0) : at].lower()]
    return sorted(found)


def shows(value: str) -> bool:
    """Whether this may be the secret itself."""
    value = value.strip("\"'")
    return bool(value) and _OTHERWISE.match(value) is None


def in_command(words: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Which of the words of a command give a secret away, each with what it is called there."""
    short: tuple[str, bool] | None = None
    for at, (word, following) in enumerate(zip(words, (*words[1:], ""), strict=False)):
        if (found := _FLAG.fullmatch(word)) is not None:
            name, value, apart = found["name"], found["value"], True
        elif (found := _VARIABLE.fullmatch(word)) is not None:
            name, value, apart = found["name"], found["value"], False
        elif short is not None and word.startswith(short[0]):
            name, apart = short
            value = word[len(name) :] or None
        else:
            short = short or _SHORT_FLAGS.get(word.rpartition("/")[2])
            continue
        given = value or (following if apart else "")
        if _PAGE.fullmatch(name.lstrip("-")) is None and _is_given(name, given):
            yield (at if value else at + 1), name


def _is_given(name: str, value: str) -> bool:
    """Whether what stands behind the name may be the secret: behind `-u` a user with a password."""
    if name == "-u":
        return ":" in value and shows(value.partition(":")[2])
    return shows(value) and not (name == "-p" and value.isdigit())


def in_script(text: str, *, arguments: bool = False) -> Iterator[tuple[int, int, str]]:
    """Where a script writes one out: from and to which offset, and what it is called there.

    `arguments`: it is a list of `name=value`, in which names are no variables, and so in small letters.
    """
    for found in _IN_SCRIPT.finditer(text):
        name = found["flag"] or found["variable"]
        is_one = found["flag"] is not None or arguments or found["variable"].isupper()
        if is_one and OPEN not in found["value"] and shows(found["value"]) and _PAGE.fullmatch(name) is None:
            yield found.start("value"), found.end("value"), name


def in_url(text: str) -> Iterator[tuple[int, int, str]]:
    """Likewise in an address."""
    for found in _IN_URL.finditer(text):
        if shows(found["value"]) and _PAGE.fullmatch(found["name"]) is None:
            yield found.start("value"), found.end("value"), found["name"]
