"""What must be true of a run, whatever was broken meanwhile: its own account against its hosts' records.

Numbered as in docs/reliability.md. Nothing here asks anybody: a `Story` is all that is known of one run.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from stanch.contract import Effected, RunView
from tests.chaos.people import named
from tests.chaos.record import Turn, Verb
from tests.chaos.schedule import Case

_ROUND = re.compile(r"\[[^]]*\]")


@dataclass(frozen=True, slots=True)
class Story:
    """One alert and what became of it. `turns` are those of its run on all hosts, in order of time."""

    case: Case
    accepted: bool
    """The gateway has said that it has the alert."""
    executions: int
    """How many workflows there are under the run's id."""
    view: RunView | None
    turns: tuple[Turn, ...]

    def count(self, verb: Verb, change: str, host: str, *, ended: bool) -> int:
        return sum(
            (turn.verb, turn.change, turn.host, turn.ended) == (verb, change, host, ended)
            for turn in self.turns
        )

    def places(self) -> Iterator[tuple[str, str]]:
        """Every change on every host that the run may touch."""
        return ((change, host) for change in self.case.scenario.changes for host in self.case.hosts)


def change_of(path: str) -> str:
    """The change that a step's path means: `three/first` and `second[web1]` are named by it."""
    return _ROUND.sub("", path).rpartition("/")[2]


def entries(view: RunView, change: str, host: str) -> list[Effected]:
    """The lines of the ledger for this change on this host."""
    return [
        effect
        for effect in view.ledger
        if change_of(effect.step) == change and host in effect.target.split(", ")
    ]


def told(view: RunView, change: str, *kinds: str) -> bool:
    """Whether the run's timeline has a line of such a kind about this change."""
    return any(moment.kind in kinds and change_of(moment.step) == change for moment in view.timeline)


def check(story: Story) -> list[str]:
    """What is wrong with it, in words; empty when nothing is."""
    return [f"{rule.__name__}: {text}" for rule in RULES for text in rule(story)]


def once(story: Story) -> Iterator[str]:
    """1. Nothing was told twice, unless its author lets it, nor taken back twice; there is one workflow."""
    for change, host in story.places():
        for verb in ("on", "off"):
            began = story.count(verb, change, host, ended=False)
            if began > 1 and not (verb == "on" and story.case.scenario.twice):
                yield f"`turn {verb} {change}` began {began} times on {host}"
    if story.executions > 1:
        yield f"its id has {story.executions} workflows"


def true(story: Story) -> Iterator[str]:
    """2. What the ledger says was made was made, and what was made is in the ledger or told as in doubt."""
    if (view := story.view) is None:
        return
    for change, host in story.places():
        made = story.count("on", change, host, ended=True)
        listed = entries(view, change, host)
        doubted = told(view, change, "in_doubt", "target", "problem")
        if listed and not made and all(map(_is_whole, listed)):
            yield f"the ledger has `{change}` on {host}, and the host does not"
        if len(listed) > 1:
            yield f"the ledger has `{change}` on {host} {len(listed)} times"
        if made and not listed and not doubted:
            yield f"{host} has made `{change}`, and the run says nothing of it"
        if story.count("on", change, host, ended=False) > made and not doubted and view.outcome:
            yield f"`{change}` began on {host} and did not end, and the run does not say so"
        yield from _unlike(story, view, change)


def allowed(story: Story) -> Iterator[str]:
    """3. Nothing was changed without an approval, and no question was decided twice."""
    if story.turns and story.case.answer != "approve":
        yield f"nobody approved it, and {story.turns[0].host} was told `{story.turns[0].change}`"
    if (view := story.view) is None:
        return
    asked = sum(moment.kind in ("asked", "asked_again") for moment in view.timeline)
    decided = sum(moment.kind == "decided" for moment in view.timeline)
    if decided > asked:
        yield f"{asked} questions and {decided} decisions"
    if story.case.answer != "approve" and view.outcome not in (None, "denied", "aborted"):
        yield f"nobody approved it, and it ended as {view.outcome}: {view.reason}"


def back(story: Story) -> Iterator[str]:
    """4. Taken back was exactly what the ledger says, after it was made, and the newest first."""
    if (view := story.view) is None:
        return
    for change, host in story.places():
        offs = [
            turn for turn in _turns(story, "off", ended=True) if (turn.change, turn.host) == (change, host)
        ]
        ons = [turn for turn in _turns(story, "on", ended=True) if (turn.change, turn.host) == (change, host)]
        listed = entries(view, change, host)
        undone = any(effect.undone for effect in listed)
        unsure = any(effect.unsure for effect in listed) or told(view, change, "problem")
        if undone and not offs:
            yield f"`{change}` on {host} is said to be taken back, and the host does not know of it"
        if offs and not undone and not unsure and view.outcome:
            yield f"{host} has taken `{change}` back, and the ledger does not say so"
        if offs and not ons and all(map(_is_whole, listed)):
            yield f"{host} has taken `{change}` back, which it never made"
        if offs and ons and offs[0].at < ons[0].at:
            yield f"{host} has taken `{change}` back before it made it"
    yield from _order(story)


def over(story: Story) -> Iterator[str]:
    """5. The run has ended as it should, or waits for somebody who is named."""
    if (view := story.view) is None:
        return
    if view.outcome is None and not named(view.requests):
        yield f"it has not ended ({view.phase}), and nobody is asked"
    if view.outcome is not None and view.requests:
        yield "it has ended, and still asks"
    if view.outcome == "succeeded":
        missing = [
            f"`{change}` on {host}"
            for change, host in story.places()
            if not story.count("on", change, host, ended=True)
        ]
        if missing:
            yield f"it succeeded without {', '.join(missing)}"
    if view.outcome and story.case.scenario.comes_back and _nobody_was_needed(view):
        left = [
            f"`{change}` on {host}"
            for change, host in story.places()
            if story.count("on", change, host, ended=True) > story.count("off", change, host, ended=True)
        ]
        if left:
            yield f"it was to be taken back by itself, and is still there: {', '.join(left)}"


def heard(story: Story) -> Iterator[str]:
    """6. An alert that was accepted has its run."""
    if story.accepted and not story.executions:
        yield "the alert was accepted, and there is no run"
    if story.executions and story.view is None:
        yield "its run cannot be read"


RULES: Sequence[Callable[[Story], Iterator[str]]] = (once, true, allowed, back, over, heard)


def _is_whole(effect: Effected) -> bool:
    """What was made on some of its hosts only, or nobody knows of, is taken back on all of them."""
    return not (effect.incomplete or effect.doubtful)


def _turns(story: Story, verb: Verb, *, ended: bool) -> list[Turn]:
    return [turn for turn in story.turns if turn.verb == verb and turn.ended == ended]


def _unlike(story: Story, view: RunView, change: str) -> Iterator[str]:
    """Where the run was sure again what became of a change, and was wrong. A doubt may be of one host."""
    for moment in view.timeline:
        if moment.kind != "settled" or change_of(moment.step) != change:
            continue
        made = {
            turn.host
            for turn in _turns(story, "on", ended=True)
            if turn.change == change and turn.at <= moment.at
        }
        if "not in place" in moment.text and made == set(story.case.hosts):
            yield f"`{change}` was settled as not in place, and every host had made it"
        if "not in place" not in moment.text and not made:
            yield f"`{change}` was settled as in place, and no host had made it"


def _nobody_was_needed(view: RunView) -> bool:
    """Nothing was in doubt, nothing failed to be taken back, and nobody was asked but for the approval."""
    decided = sum(moment.kind == "decided" for moment in view.timeline)
    doubtful = any(moment.kind in ("in_doubt", "problem", "aborted") for moment in view.timeline)
    return decided == 1 and not doubtful


def _order(story: Story) -> Iterator[str]:
    """Of two changes on a host, the one that was made first is taken back last."""
    for host in story.case.hosts:
        made = [turn.change for turn in _turns(story, "on", ended=True) if turn.host == host]
        taken = [turn.change for turn in _turns(story, "off", ended=False) if turn.host == host]
        expected = [change for change in reversed(made) if change in taken]
        if list(dict.fromkeys(taken)) != expected and set(taken) <= set(made):
            yield f"{host} made {made} and took them back as {taken}"
