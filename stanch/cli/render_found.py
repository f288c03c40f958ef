"""What a run has found and kept, as text."""

from __future__ import annotations

from collections.abc import Sequence

from stanch.cli.program import Program
from stanch.cli.safe import one_line
from stanch.cli.style import Style
from stanch.cli.values import write_pair
from stanch.contract import Found, Kept
from stanch.language.plan import Suggestion


def render_findings(findings: Sequence[Found], program: Program, style: Style, title: str) -> list[str]:
    """A line for each, and the line that starts what it suggests."""
    if not findings:
        return []
    told = ["", style.bold(title)]
    for found in findings:
        told += style.folded(f"{found.verdict}: {found.text}", "    ", "  - ")
        if found.suggest:
            told += style.folded("to start what this suggests:", "    ")
            told.append(f"    {suggestion_line(found.suggest, program)}")
    return told


def suggestion_line(suggest: Suggestion, program: Program) -> str:
    """`stanch run allow-health-checks -i port=8080`, ready to be pasted."""
    words = ["run", suggest.runbook]
    for name, value in suggest.inputs.items():
        words += ["-i", write_pair(name, value)]
    return one_line(program.line(*words))


def render_kept(kept: Sequence[Kept], style: Style) -> list[str]:
    """Label, size and file of each piece of evidence, or why there is none."""
    if not kept:
        return []
    told = ["", style.bold("Evidence (files below the folder of evidence)")]
    for each in kept:
        head = f"  {one_line(each.step)}: {one_line(each.name)}"
        if each.error:
            told += style.folded(f"{head.strip()} was not kept: {each.error}", "    ", "  ")
            continue
        told.append(f"{head}, {size(each.size)}" + (", shortened" if each.truncated else ""))
        told.append(f"    {one_line(each.path)}")
    return told


def size(count: int) -> str:
    """`812 B`, `1.2 KiB`, `3.0 MiB`"""
    if count < 1024:
        return f"{count} B"
    if count < 1 << 20:
        return f"{count / 1024:.1f} KiB"
    return f"{count / (1 << 20):.1f} MiB"
