"""What the process beside Ansible is told to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

CONTROL = "cp"
"""Where the sockets of shared SSH connections lie."""


@dataclass(frozen=True, slots=True)
class Order:
    folder: str
    """A private folder, removed when Ansible has ended."""
    directory: str
    """Where Ansible runs."""
    arguments: tuple[str, ...]
    """Of `ansible-playbook`."""
    passwords: Mapping[str, str]
    """By the path, in `folder`, from which Ansible reads it once."""
