"""Guides as their readers take them apart: Markdown into its parts, and what is pasted into a real shell."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from stanch.language.plan import Call, Plan, Step
from stanch.language.render.guide import Facts, plan_guide

_PARSER = MarkdownIt("commonmark").enable("table")
_STUB = '#!/bin/sh\nfor word in "$#" "$@"; do printf "%s\\0" "$word"; done >> "$SEEN"\n'


def parsed(guide: str) -> list[Token]:
    return _PARSER.parse(guide)


def commands(guide: str) -> list[str]:
    """What is meant to be pasted into a shell."""
    return [token.content for token in parsed(guide) if token.type == "fence" and token.info == "sh"]


def structure(guide: str) -> list[str]:
    """The kinds of all parts, in order, without the words."""
    found = []
    for token in parsed(guide):
        found.append(token.type)
        found += [child.type for child in token.children or () if child.type not in ("text", "text_special")]
    return found


def guide_of(call: Call, inputs: dict[str, Any] | None = None, **fields: Any) -> str:
    """A guide with one step, and inputs of any type."""
    schemas: dict[str, Any] = {name: {} for name in inputs or {}}
    plan = Plan("r", "R", "recovery", "team", (Step(id="do", call=call, **fields),), inputs=schemas)
    return plan_guide(plan, inputs or {}, Facts())


class Shell:
    """A shell in which programs only write down what they were given."""

    def __init__(self, folder: Path) -> None:
        self.seen = folder / "seen"
        self.bin = folder / "bin"
        self.bin.mkdir()

    def runs(self, line: str, *programs: str, by: str = "sh", **environment: str) -> list[list[str]]:
        """The arguments of every program of these that `line` started, in order."""
        for name in programs:
            stub = self.bin / name
            stub.write_text(_STUB)
            stub.chmod(0o755)
        self.seen.write_bytes(b"")
        done = subprocess.run(
            [by],
            input=line.encode(),
            env={
                "PATH": f"{self.bin}{os.pathsep}{os.environ['PATH']}",
                "SEEN": str(self.seen),
                **environment,
            },
            cwd=self.bin,
            check=False,
            capture_output=True,
            timeout=30,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b""), line
        words = [word.decode() for word in self.seen.read_bytes().split(b"\0")]
        assert words.pop() == ""
        calls = []
        while words:
            count = 1 + int(words[0])
            calls.append(words[1:count])
            words = words[count:]
        return calls
