"""What a pass says of itself: a table, an object, and of a failure all that is known of each wrong run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from stanch.language.plan import Json
from tests.chaos.audit import Story
from tests.chaos.play import Pass


def as_json(found: Pass) -> Json:
    return {
        "seed": found.schedule.seed,
        "seconds": round(found.seconds),
        "runs": sum(story.executions > 0 for story in found.stories),
        "outcomes": dict(found.outcomes),
        "faults": dict(found.faults),
        "faults_that_hit_nothing": found.missed,
        "alerts": {"deliveries": found.deliveries, "accepted": found.accepted},
        "said": dict(found.said),
        "changes": changes(found),
        "runs_in_doubt": in_doubt(found),
        "doubts_put_to_people": dict(found.doubts),
        "markers_left": found.left,
        "wrong": found.wrong,
    }


def table(found: Pass) -> str:
    told = as_json(found)
    lines = [
        f"seed {told['seed']}, {told['seconds']} s",
        _row("runs", told["runs"], found.outcomes),
        _row("faults", sum(found.faults.values()), found.faults),
        _row("alert deliveries", found.deliveries, {"accepted": found.accepted}),
        _row("decisions given", sum(found.said.values()), found.said),
        _row("changes on hosts", told["changes"]["made"], told["changes"]),
        _row("runs in doubt", told["runs_in_doubt"], found.doubts),
        _row("markers left", found.left, {}),
        _row("runs with something wrong", len(found.wrong), {}),
    ]
    return "\n".join(lines)


def changes(found: Pass) -> dict[str, int]:
    """What the hosts were told, of all runs."""
    turns = [turn for story in found.stories for turn in story.turns]
    return {
        "made": sum(turn.ended and turn.verb == "on" for turn in turns),
        "taken_back": sum(turn.ended and turn.verb == "off" for turn in turns),
        "never_ended": sum(-1 if turn.ended else 1 for turn in turns),
    }


def in_doubt(found: Pass) -> int:
    """How many runs did not know for a while, or do not."""
    views = [story.view for story in found.stories if story.view is not None]
    return sum(any(moment.kind == "in_doubt" for moment in view.timeline) for view in views)


def failure(found: Pass) -> str:
    """Every wrong run: what is wrong, its own account, its hosts' records, and what was broken meanwhile."""
    parts = [account(found, story) for story in found.stories if story.case.run in found.wrong]
    again = f"play it again: make chaos SEED={found.schedule.seed}"
    return "\n\n".join([*parts, again])


def account(found: Pass, story: Story) -> str:
    """All that is known of one run."""
    lines = [f"{story.case.run}: {text}" for text in found.wrong.get(story.case.run, ["nothing wrong"])]
    lines.append(f"  {story.case}")
    view = story.view
    if view is not None:
        lines.append(f"  {view.outcome or view.phase}: {view.reason}")
        moments = [(moment.at, f"{moment.kind} {moment.step}: {moment.text}") for moment in view.timeline]
        moments += [
            (turn.at, f"  {turn.host}: {'ended' if turn.ended else 'began'} {turn.verb} {turn.change}")
            for turn in story.turns
        ]
        # The pass's own clock began when its first alert could be sent; the run's start ties them together.
        offset = view.started - _accepted_at(found, story)
        last = max((at for at, _ in moments), default=view.started)
        moments += [
            (at + offset, f"  * {text}")
            for at, text in found.log
            if view.started - 5.0 < at + offset < last + 5.0 and _concerns(text, story)
        ]
        lines += [f"  {at - view.started:8.2f}  {text[:300]}" for at, text in sorted(moments)]
        lines += [f"  ledger: {effect.step} {effect.target} undone={effect.undone}" for effect in view.ledger]
    return "\n".join(lines)


def _accepted_at(found: Pass, story: Story) -> float:
    wanted = f"alert {story.case.fingerprint} accepted"
    return next((at for at, text in found.log if text.startswith(wanted)), 0.0)


def _concerns(text: str, story: Story) -> bool:
    other = "run/" in text or text.startswith("alert ")
    return not other or story.case.run in text or story.case.fingerprint in text


def _row(title: str, count: int, parts: Mapping[str, int]) -> str:
    shown = ", ".join(f"{name} {number}" for name, number in Counter(parts).most_common())
    return f"{title:<28}{count:>6}   {shown}"
