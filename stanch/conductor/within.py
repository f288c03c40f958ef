"""A view of a large run: what a Query can answer has an end, so what matters least is left out, and told."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TypeVar

from stanch.contract import RunView, StepView
from stanch.contract.limits import size_of

T = TypeVar("T")

STEPS = 200_000
TIMELINE = 250_000
KEPT = 100_000
FINDINGS = 100_000
PLOTS = 250_000
"""Bytes of each in a view. The ledger is whole: what was changed, somebody may have to take back."""
_PARKED = 500
_WELL = ("succeeded", "skipped")


def within_view(view: RunView) -> RunView:
    """The newest moments, findings and evidence; the steps that did not end well before those that did."""
    steps = _important(view.steps, STEPS)
    timeline = newest(view.timeline, TIMELINE)
    kept = newest(view.kept, KEPT)
    findings = newest(view.findings, FINDINGS)
    plots = newest(view.plots, PLOTS)
    left = {
        "steps that ended well": len(view.steps) - len(steps),
        "older moments": len(view.timeline) - len(timeline),
        "older pieces of evidence": len(view.kept) - len(kept),
        "older findings": len(view.findings) - len(findings),
        "older plots": len(view.plots) - len(plots),
        "steps that are kept back": max(len(view.parked) - _PARKED, 0),
    }
    return replace(
        view,
        steps=steps,
        timeline=timeline,
        kept=kept,
        findings=findings,
        plots=plots,
        parked=view.parked[:_PARKED],
        earlier=left["older moments"],
        left_out=tuple(f"{count:,} {what}" for what, count in left.items() if count),
    )


def newest(items: tuple[T, ...], most: int) -> tuple[T, ...]:
    """The last of `items`, in their order, in `most` bytes."""
    return items[len(items) - sum(1 for _ in _fitting(reversed(items), most, size_of)) :]


def _important(steps: tuple[StepView, ...], most: int) -> tuple[StepView, ...]:
    order = sorted(range(len(steps)), key=lambda at: (steps[at].phase in _WELL, at))
    shown = set(_fitting(order, most, lambda at: size_of(steps[at])))
    return steps if len(shown) == len(steps) else tuple(steps[at] for at in sorted(shown))


def _fitting(items: Iterable[T], most: int, size: Callable[[T], int]) -> Iterator[T]:
    for item in items:
        most -= size(item)
        if most < 0:
            return
        yield item
