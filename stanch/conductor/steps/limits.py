"""How long an action may take, how often it is tried, and what settles a doubt about it."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, TypeAlias

from stanch.contract import ActionTask
from stanch.language.plan import Step

Again: TypeAlias = Literal["never", "unless_done", "always"]

READ_TRIES = 3
"""How often a read is tried when its target cannot be reached or its worker dies."""
REATTACHED = ("release", "ssh", "systemd")
"""Actions whose targets know an execution by its key: a change whose worker dies is found by the next
attempt, and begun by it only if it never was."""
KEEPING = 10.0
"""Seconds for storing evidence."""
SLACK = 5.0
"""Seconds beyond an action's own limits before its worker is given up."""


def deadline(task: ActionTask) -> float:
    """Seconds for the whole activity: the action, the check before it, and the waiting after it."""
    waiting = (task.poll.within if task.poll else 0.0) + (task.done.poll.within if task.done else 0.0)
    checking = task.timeout if task.done else 0.0
    if task.done and task.again == "unless_done":
        waiting += task.done.poll.within
    if task.call.knows:
        checking, waiting = checking + task.timeout, waiting + task.timeout
    return task.timeout + checking + waiting + SLACK + (KEEPING if task.keep else 0.0)


def again(step: Step, task: ActionTask) -> Again:
    """Whether an attempt may follow one whose end is a failure, or that nobody knows the end of."""
    if task.effect == "read":
        return "always" if step.retry else "never"
    if step.idempotent:
        return "always"
    return "unless_done" if step.retry and task.done else "never"


def settling(task: ActionTask) -> ActionTask | None:
    """The question whether a change is in place of which nobody knows; None where nothing can tell."""
    if task.done is not None:
        done, scope = task.done, task.scope
        return ActionTask(step=task.step, call=done.call, timeout=task.timeout, poll=done.poll, scope=scope)
    return replace(task, effect="read", keep={}, look=True) if task.call.knows else None
