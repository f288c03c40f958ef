"""The action `pull_request`: take a commit back by a request to a repository."""

from __future__ import annotations

from activities.pull_request.action import PullRequest

__all__ = ["PullRequest"]
