"""One rehearsal from its beginning to its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from stanch.contract import RunPolicy
from stanch.drill.rehearsal.compare import Difference, compare
from stanch.drill.rehearsal.document import Rehearsal
from stanch.drill.rehearsal.performance import BrokenOff, Disobeyed, Endless, Performance, Refused, Unanswered
from stanch.drill.rehearsal.stage import perform
from stanch.drill.scripted.needs import Need
from stanch.language.catalogue import Catalogue
from stanch.language.diagnostics import Diagnostic, Report
from stanch.language.plan import Plan
from stanch.language.words import listed


@dataclass(frozen=True, slots=True)
class Verdict:
    came: Performance
    differences: tuple[Difference, ...] = ()
    diagnostics: tuple[Diagnostic, ...] = ()
    """Why it could not be brought to an end."""

    @property
    def passed(self) -> bool:
        return not self.differences and not self.diagnostics


def rehearse(rehearsal: Rehearsal, plan: Plan, policy: RunPolicy, catalogue: Catalogue) -> Verdict:
    """Run it, and compare. The rehearsal fits `plan` (`bind`); `policy` is what a run would pin."""
    came = perform(rehearsal, plan, policy, catalogue)
    if came.broken_off is None:
        return Verdict(came, compare(rehearsal, plan, came))
    report = Report(rehearsal.path)
    _explain(rehearsal, came.broken_off, report)
    return Verdict(came, (), tuple(report.found))


def _explain(rehearsal: Rehearsal, why: BrokenOff, report: Report) -> None:
    name = rehearsal.name.span
    match why:
        case Need(step=step, part=part, write=write):
            given = rehearsal.given.get(step)
            reached = f"`{part}` of `{step}` is asked" if part else f"`{step}` is reached"
            message = f"{reached}, and the script does not say what it gives"
            report.add("RB707", given.name.span if given else name, message, f"write `{write}` under `given`")
        case Unanswered():
            written = rehearsal.people.get(why.step)
            span = written.name.span if written else name
            report.add("RB708", span, _unanswered(why), _advice(why))
        case Refused(answer=answer, step=step, reason=reason):
            message = f"the answer to `{step}` is not taken: {reason}"
            hint = "write `refused: TEXT` beside it if that is what is rehearsed"
            report.add("RB709", answer.span, message, hint)
        case Disobeyed(ordered=ordered, reason=reason):
            message = f"the order `{ordered.order.verb}` is not obeyed: {reason}"
            hint = "write `refused: TEXT` beside it if that is what is rehearsed"
            report.add("RB709", ordered.span, message, hint)
        case Endless(after=after, last=last):
            message = f"the run does not end: broken off after {after}; at last: {last}"
            hint = "the last answer and the last result of a list stay: let one of them be another one"
            report.add("RB710", name, message, hint)


def _unanswered(why: Unanswered) -> str:
    if why.times == 1:
        return f"`{why.step}` asks `{why.question}`, and nobody in the script answers"
    return f"`{why.step}` asks again, `{why.question}`, and the script has no answer to that"


def _advice(why: Unanswered) -> str:
    choices = listed([*why.choices, "silent"], "or")
    values = ", ".join(f"{name}: ..." for name in why.fields)
    first = f"{why.step}: {{answer: {{{values}}}}}" if values else f"{why.step}: {why.choices[0]}"
    if why.times == 1:
        return f"write `{first}` under `people`; the answer may be {choices}"
    return f"make a list of its answers under `people`; this one may be {choices}"
