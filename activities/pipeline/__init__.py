"""The action `pipeline`: start a job elsewhere, and follow it to its end."""

from __future__ import annotations

from activities.pipeline.action import Pipeline

__all__ = ["Pipeline"]
