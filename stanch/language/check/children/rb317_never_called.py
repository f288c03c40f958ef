"""RB317: a runbook that only its own file can call, and does not."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.diagnostics import Diagnostic
from stanch.language.link import Library


def check(library: Library) -> Iterator[Diagnostic]:
    for file in library.files:
        if len(file.units) < 2 or file.report.failed or library.calls_nobody(file):
            continue  # a call may be among what was not understood, or meant for it
        for unit in file.units:
            if unit.private and unit not in library.callers:
                message = f"nothing in this file calls `{unit.name}`, and nothing else can"
                hint = f"delete it, or move it into a file of its own, `{unit.name}.yaml`"
                yield unit.diagnostic("RB317", unit.name_span, message, hint)
