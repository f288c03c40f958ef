"""The compiler: text to diagnostics and, when none of them is an error, a Plan.

Pure: no file is opened, no clock is read, nothing is looked up. The same text gives the same Plan and digest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from stanch.language.annotate import annotate
from stanch.language.catalogue import Catalogue
from stanch.language.check.context import Context
from stanch.language.check.rules import run_rules
from stanch.language.diagnostics import Diagnostic, Report, in_order
from stanch.language.lower import CompiledTrigger, lower, lower_trigger
from stanch.language.parse import parse
from stanch.language.plan import Plan
from stanch.language.read import read


@dataclass(frozen=True, slots=True)
class Compiled:
    plan: Plan | None
    """None when a diagnostic is an error."""
    triggers: tuple[CompiledTrigger, ...]
    diagnostics: tuple[Diagnostic, ...]
    """Sorted by place."""


def compile_runbook(path: str, text: str | bytes, catalogue: Catalogue, today: date) -> Compiled:
    """Compile the runbook `text` that stands at `path`; `today` decides whether its review is stale.

    Never raises for what is in the text: whatever is wrong with it is a diagnostic.
    """
    report = Report(path)
    source, root = read(path, text, report)
    document = None if root is None else parse(source, root, catalogue, report)
    if document is None:
        return Compiled(None, (), in_order(report.found))
    annotated = annotate(document, report)
    context = Context(path, document, annotated, today, frozenset(catalogue.actions))
    report.found.extend(run_rules(context))
    if report.failed:
        return Compiled(None, (), in_order(report.found))
    return Compiled(lower(document), tuple(map(lower_trigger, document.triggers)), in_order(report.found))


__all__ = ["Compiled", "CompiledTrigger", "compile_runbook"]
