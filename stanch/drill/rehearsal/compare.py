"""What was expected against what happened. Only what is written is compared.

A list that is written is complete, but for `evidence`; a mapping is compared by the words that it has; prose
is looked for inside of what was said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from stanch.drill.rehearsal.document import Rehearsal
from stanch.drill.rehearsal.happened import happened, problems, steps_run
from stanch.drill.rehearsal.performance import Performance
from stanch.drill.rehearsal.show import lines
from stanch.language import tree
from stanch.language.duration import format_duration, parse_duration
from stanch.language.plan import Json, Plan
from stanch.language.source import Span
from stanch.language.tree import plain

_PROSE = frozenset({"reason", "question", "show", "irreversible", "text"})
_TIMES = frozenset({"took", "after"})
_BRIEF: Mapping[str, tuple[str, ...]] = {
    "requests": ("step", "kind", "question"),
    "changes": ("target", "command"),
    "findings": ("is", "text"),
    "ledger": ("target", "command"),
}
"""What is shown of an item that nobody expected."""


@dataclass(frozen=True, slots=True)
class Difference:
    what: str
    """What differs, in words: ``requests`: what `roll_back` asks``."""
    span: Span
    """Where in the rehearsal the other thing is expected."""
    expected: tuple[str, ...] = ()
    """Lines of text."""
    happened: tuple[str, ...] = ()


def compare(rehearsal: Rehearsal, plan: Plan, came: Performance) -> tuple[Difference, ...]:
    """Everything in which a run that came to its end is not as expected, in the order of the document."""
    expect = rehearsal.expect
    found = [each for entry in expect.entries for each in _word(entry, plan, came)]
    if expect.entry("problems") is None and (told := problems(came)):
        what = "the run met a problem; name it under `problems` if it belongs to the rehearsal"
        found.append(Difference(what, _head(expect), (), tuple(told)))
    found += _script(rehearsal, came)
    return tuple(found)


def _word(entry: tree.Entry, plan: Plan, came: Performance) -> Iterator[Difference]:
    word, wanted = entry.name, plain(entry.value)
    if word == "not_run":
        ran = set(steps_run(came, plan, wanted))
        for node in entry.value.items if isinstance(entry.value, tree.Sequence) else ():
            if isinstance(node, tree.Scalar) and node.text in ran:
                yield Difference(f"`{node.text}` ran", node.span)
        return
    came_of_it = steps_run(came, plan, wanted) if word == "steps" else happened(came, word)
    got = _as_written(word, wanted, came_of_it)
    if not _same(wanted, got):
        span, at = _place(entry.value, got)
        yield Difference(_named(word, at, wanted, got), span, tuple(lines(wanted)), tuple(lines(got)))


def _script(rehearsal: Rehearsal, came: Performance) -> Iterator[Difference]:
    """What stands in the script and did not come to pass."""
    for step, heard, written in came.unheard:
        said = "nobody was asked" if not heard else f"only {heard} of {written} answers were asked for"
        yield Difference(f"`{step}`: {said}", rehearsal.people[step].name.span)
    for step, answer in came.taken:
        yield Difference(f"`{step}`: the answer was taken, and should have been refused", answer.span)
    for each in came.obeyed:
        yield Difference(f"the order `{each.order.verb}` was obeyed, and should have been refused", each.span)
    for each in came.ungiven:
        yield Difference(f"the order `{each.order.verb}` was not given: the run had ended before", each.span)
    for step, item in came.strange_items:
        span = rehearsal.given[step].name.span
        yield Difference(f"`{step}`: no round had the item `{item}`", span)


# --- what happened, as far as it was written what should --------------------------------------------------


def _as_written(word: str, wanted: Json, got: Json) -> Json:
    """`got` without what is not compared; what is as expected, in the words of who expected it."""
    match wanted, got:
        case str(), str() if word in _PROSE and wanted in got:
            return wanted
        case str(), int() | float() if word in _TIMES:
            return wanted if abs(parse_duration(wanted) - got) < 1e-6 else format_duration(got)
        case str(), {"to": to} if word == "pages":
            return to
        case dict(), dict():
            extra = {"undone": True} if word == "ledger" and got.get("undone") else {}
            shared = {name: held for name, held in wanted.items() if name in got}
            return {name: _as_written(name, held, got[name]) for name, held in shared.items()} | extra
        case list(), list() if word == "evidence":
            return wanted if all(any(each in line for line in got) for each in wanted) else got
        case list(), list() if word == "problems":
            said = [next((each for each in wanted if each in text), text) for text in got]
            return wanted if set(said) == set(wanted) else said
        case list(), list():
            pairs = [_as_written(word, each, held) for each, held in zip(wanted, got, strict=False)]
            return pairs + [_brief(word, wanted, each) for each in got[len(wanted) :]]
    return got


def _brief(word: str, wanted: Sequence[Json], got: Json) -> Json:
    if not isinstance(got, dict):
        return got
    if word == "pages":
        return got["to"]
    written = {name for each in wanted if isinstance(each, dict) for name in each}
    names = [name for name in got if name in written] or _BRIEF.get(word, tuple(got))
    shown = {name: got[name] for name in names if name in got}
    return {name: format_duration(held) if name in _TIMES else held for name, held in shown.items()} | (
        {"undone": True} if got.get("undone") else {}
    )


def _same(one: Json, two: Json) -> bool:
    """JSON's equality: 1 is 1.0, and neither is `true`."""
    match one, two:
        case dict(), dict():
            return one.keys() == two.keys() and all(_same(held, two[name]) for name, held in one.items())
        case list(), list():
            return len(one) == len(two) and all(map(_same, one, two))
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


# --- where it differs -------------------------------------------------------------------------------------


def _place(node: tree.Node, got: Json) -> tuple[Span, int | None]:
    """The innermost place that differs, and of a list which of its items it is in."""
    match node, got:
        case tree.Sequence(), list():
            for at, item in enumerate(node.items):
                if at >= len(got):
                    return item.span, at
                if not _same(plain(item), got[at]):
                    return _place(item, got[at])[0], at
        case tree.Mapping(), dict():
            for entry in node.entries:
                if entry.name not in got:
                    return entry.key.span, None
                if not _same(plain(entry.value), got[entry.name]):
                    return _place(entry.value, got[entry.name])[0], None
    return node.span, None


def _named(word: str, at: int | None, wanted: Json, got: Json) -> str:
    lists = [held for held in (got, wanted) if isinstance(held, list)]
    items = [held[at] for held in lists if at is not None and at < len(held)]
    steps = [each["step"] for each in items if isinstance(each, dict) and "step" in each]
    return f"`{word}` differs" + (f" at `{steps[0]}`" if steps else "")


def _head(expect: tree.Mapping) -> Span:
    return expect.entries[0].key.span if expect.entries else expect.span
