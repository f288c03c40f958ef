"""The commands that answer a question, ready to be pasted."""

from __future__ import annotations

from stanch.cli.program import Program
from stanch.cli.safe import one_line
from stanch.cli.style import Style
from stanch.contract import Request, RunView

SHORT_DIGEST = 12

_WORDS = {
    "approve": "Approve",
    "deny": "Deny",
    "retry": "Try the step again",
    "skip": "Go on without it",
    "undo": "Take back what was done",
    "abort": "End the run here",
    "done": "It is in place after all",
    "answer": "Answer",
    "fail": "It cannot be done",
}
_BY_HAND = {"done": "It is done"}
_IN_DOUBT = {"done": "It was made", "undo": "Take it back, whether or not it was made"}
_VERBS = ("approve", "deny", "answer")
_NO_REASON = ("approve", "answer")


def short_name(run: str) -> str:
    """The shortest name of a run that is never ambiguous: its id without `run/`."""
    return run.removeprefix("run/")


def render_answers(view: RunView, request: Request, program: Program, style: Style) -> list[str]:
    """A line for each answer that the request takes; which request is named where several are open."""
    named = len(view.requests) > 1
    which = ("--request", request.id) if named else ()
    told: list[str] = []
    if left := open_lines(request):
        numbers = [str(item + 1) for item in left]
        tick = one_line(program.line("tick", short_name(view.run), *numbers, *which))
        told += [style.bold("These lines of the checklist are done"), f"  {tick}"]
    for choice in request.choices:
        title = {"manual": _BY_HAND, "in_doubt": _IN_DOUBT}.get(request.kind, {}).get(choice, _WORDS[choice])
        told += [style.bold(title), f"  {answer_line(view, request, choice, program, named=named)}"]
        if choice == "approve" and request.confirm:
            # Not part of the line to paste: the point is that a person types it.
            told += style.folded(f"and confirm by typing: {request.confirm}", "  ", "  ")
        if choice == "answer":
            names = " ".join(f"{one_line(name)}=..." for name in request.fields)
            told += style.folded(f"asks for each value; or add them: {names}", "  ")
    if not request.acknowledged:
        ack = one_line(program.line("ack", short_name(view.run), *which))
        told += [style.bold("I am looking at it, page nobody else"), f"  {ack}"]
    return told


def open_lines(request: Request) -> tuple[int, ...]:
    """Lines of the checklist that nobody has ticked, counted from 0."""
    done = {tick.item for tick in request.ticked}
    return tuple(item for item in range(len(request.checklist)) if item not in done)


def answer_line(view: RunView, request: Request, choice: str, program: Program, *, named: bool) -> str:
    """The command that gives this answer. Whatever lets something happen carries the digest of what was shown
    here; a denial is safe without."""
    run = short_name(view.run)
    words = [choice, run] if choice in _VERBS else ["decide", run, choice]
    if named:
        words += ["--request", request.id]
    if choice != "deny":
        words += ["--digest", request.digest[:SHORT_DIGEST]]
    by_hand = choice == "done" and request.kind == "manual"
    if choice not in _NO_REASON and not by_hand:
        words += ["--reason", "say why"]
    return one_line(program.line(*words))
