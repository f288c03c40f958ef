"""The action `flag`: one shape for the feature flags of several vendors."""

from __future__ import annotations

from activities.flag.action import Flag

__all__ = ["Flag"]
