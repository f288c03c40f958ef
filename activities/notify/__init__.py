"""The action `notify`: a message in a channel."""

from __future__ import annotations

from activities.notify.action import Notify

__all__ = ["Notify"]
