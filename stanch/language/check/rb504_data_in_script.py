"""RB504: data inside the text of a script."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.place import locate
from stanch.language.template import OPEN
from stanch.language.tree import Node, Scalar, Sequence

_SHELLS = frozenset({"sh", "ash", "bash", "dash", "ksh", "zsh"})
_LOOKING_FOR_ONE = frozenset({"grep", "egrep", "fgrep", "rg", "pgrep", "pkill"})
"""Programs that take a shell's name for a text like any other."""


def check(context: Context) -> Iterator[Diagnostic]:
    for _, call in context.calls:
        for entry in call.params:
            if entry.name == "run":
                text = _handed_to_a_shell(entry.value)
                hint = "write it as `script:`, and hand the data over with `env: {NAME: ...}`"
            elif entry.name == "script":
                text = script if isinstance(script := call.param("script"), Scalar) else None
                hint = 'write `env: {NAME: ...}` beside it, and `"$NAME"` in the script'
            else:
                continue
            if text is not None and (at := text.text.find(OPEN)) >= 0:
                span = locate(context.document.source, text, at, at + len(OPEN))
                yield context.diagnostic("RB504", span, "data would become shell text here", hint)


def _handed_to_a_shell(run: Node) -> Scalar | None:
    """The text with data in it that a shell reads as commands, as in `[sudo, bash, -c, TEXT]`."""
    if not isinstance(run, Sequence):
        return None
    items = [item for item in run.items if isinstance(item, Scalar)]
    names = [item.text.rpartition("/")[2] for item in items]
    if _SHELLS.isdisjoint(names) or names[0] in _LOOKING_FOR_ONE:
        return None
    at = next(at for at, name in enumerate(names) if name in _SHELLS) + 1
    commands = False
    while at < len(items) and (option := items[at].text)[:1] in ("-", "+"):
        letters = "" if option.startswith("--") else option[1:]
        commands |= "c" in letters
        at += 2 if "o" in letters.lower() else 1  # `-o pipefail`
    return items[at] if commands and at < len(items) and OPEN in items[at].text else None
