"""The action `command`: a program on the worker, without a shell.

Read in this order: `order` (what may be run, with which variables), `process` (one program from its start to
its end), `guard` (the process beside it, which ends it when the worker dies), `action` (what a step gets).
"""

from activities.command.action import Command

__all__ = ["Command"]
