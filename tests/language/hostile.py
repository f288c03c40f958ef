"""Files of the largest size that were made to hurt, and a process that compiles them in little memory.

Run as a program it prints a line of JSON for each: what was said, and the seconds that it took.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from stanch.language.read import LARGEST_FILE
from tests.language.cases import HEAD, compiled

MEMORY = 256 * 1024 * 1024
"""Bytes that the process may have above what it had before the first file."""
STEP = HEAD + "steps:\n- id: a\n"


def filled(unit: str, head: str = "", tail: str = "") -> str:
    """As many copies of `unit` as there is room for, `~` being the number of the copy."""
    count = (LARGEST_FILE - len(head) - len(tail)) // len(unit.replace("~", "000000"))
    if "~" not in unit:
        return head + unit * count + tail
    return head + "".join(unit.replace("~", f"{at:06}") for at in range(count)) + tail


def long(head: str, tail: str = "", char: str = "x") -> str:
    return head + char * (LARGEST_FILE - len(head) - len(tail)) + tail


def laughs() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{at}: &a{at} [{', '.join([f'*a{at - 1}'] * 10)}]" for at in range(1, 9000)]
    return "\n".join(lines)


HOSTILE: dict[str, tuple[Callable[[], str | bytes], str]] = {
    # nesting
    "lists in lists": (lambda: filled("["), "RB104"),
    "mappings in mappings": (lambda: filled("{a: "), "RB104"),
    "items in items": (lambda: filled("- "), "RB104"),
    "keys in keys": (lambda: filled("? "), "RB104"),
    "lists that are not closed": (lambda: filled("a~: [\n"), "RB104"),
    "deep ones beside each other": (lambda: filled("[" * 60 + "]" * 60 + ",", "[", "]"), "RB103"),
    # aliases
    "a billion laughs": (laughs, "RB107"),
    "one alias again and again": (lambda: filled("- *a\n", "- &a b\n"), "RB107"),
    "anchors": (lambda: filled("- &a~ b\n"), "RB203"),
    "anchors in anchors": (lambda: "&a [" * 60 + "1," * 40_000 + "]" * 60, "RB203"),
    "an anchor inside of itself": (lambda: "&a [" * 60 + "*a" + "]" * 60, "RB107"),
    # very many
    "empty items": (lambda: filled("-\n"), "RB103"),
    "tiny values": (lambda: filled("1,", "[", "]"), "RB103"),
    "tiny keys": (lambda: filled("k~,", "{", "}"), "RB103"),
    "keys": (lambda: filled("k~: v\n"), "RB103"),
    "one key again and again": (lambda: filled("a: b\n"), "RB105"),
    "keys that are not text": (lambda: filled("~: v\n"), "RB112"),
    "keys that are lists": (lambda: filled("? [a]\n: b\n"), "RB112"),
    "merge keys": (lambda: filled("<<: {a: b}\n"), "RB108"),
    "tags": (lambda: filled("- !!a b\n"), "RB106"),
    "tag directives": (lambda: filled("%TAG !~! x\n", tail="--- a"), "RB114"),
    "version directives": (lambda: filled("%YAML 1.2\n"), "RB101"),
    "comments": (lambda: filled("#\n"), "RB109"),
    "empty lines": (lambda: filled("\r"), "RB109"),
    "documents": (lambda: filled("--- a\n"), "RB109"),
    "empty documents": (lambda: filled("---\n"), "RB109"),
    "ends of documents": (lambda: filled("...\n"), "RB101"),
    "characters that are not allowed": (lambda: "a: " + "\u2028" * 300_000, "RB110"),
    "question marks": (lambda: filled("?"), "RB203"),
    "exclamation marks": (lambda: filled("!"), "RB106"),
    # very long
    "a long line": (lambda: long("a: "), "RB201"),
    "a long key": (lambda: long("", ": a"), "RB101"),
    "a long explicit key": (lambda: long("? ", "\n: a"), "RB112"),
    "a long comment": (lambda: long("#"), "RB109"),
    "a long anchor": (lambda: long("a: &"), "RB201"),
    "a long tag": (lambda: long("a: !"), "RB113"),
    "a long quoted text": (lambda: filled("''", "a: '", "'"), "RB201"),
    "a text that is not closed": (lambda: filled("x\n", "a: '"), "RB101"),
    "a folded text": (lambda: filled("x\n  ", "a: >\n  "), "RB201"),
    "a plain text of many lines": (lambda: filled("x\n  ", "a: x\n  "), "RB201"),
    "spaces": (lambda: filled("   \n", "a: |\n"), "RB201"),
    "escapes": (lambda: filled("\\t", 'a: "', '"'), "RB201"),
    "digits": (lambda: long("a: ", "", "9"), "RB111"),
    "digits behind the point": (lambda: long("a: 1.", "", "9"), "RB201"),
    "an exponent": (lambda: long("a: 1e", "", "9"), "RB111"),
    # runbooks
    "steps": (lambda: filled("- id: s~\n", HEAD + "steps:\n"), "RB103"),
    "an expression": (lambda: filled("1+", STEP + "  outputs:\n    x: '", "1'\n"), "RB401"),
    "data in a script": (lambda: filled("      ${{ x }}\n", STEP + "  ssh:\n    script: |\n"), "RB504"),
    "openings": (lambda: filled("${{", HEAD + 'impact: "', '"\n'), "RB202"),
    # encodings
    "another encoding": (lambda: ("a: b\n" * 50_000).encode("utf-16"), "RB102"),
    "bytes": (lambda: b"a: " + b"\xff" * 1_000_000, "RB102"),
    "zeros": (lambda: bytes(LARGEST_FILE), "RB110"),
}
"""By name: the file, and a code that is among what is said about it."""


def main() -> None:
    compiled(HEAD)  # what is imported late is no part of the measurement
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for name, (make, _) in HOSTILE.items():
        content = make()
        begun = time.process_time()
        found = compiled(content).diagnostics
        answer = {
            "name": name,
            "codes": sorted({each.code for each in found}),
            "longest": max(len(each.message) + len(each.hint or "") for each in found),
            "seconds": time.process_time() - begun,
        }
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
