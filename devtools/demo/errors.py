"""What keeps the demo from starting."""

from __future__ import annotations


class DemoError(Exception):
    """Something on this machine is in the way; the text says what, where and what to do, a line a problem."""
