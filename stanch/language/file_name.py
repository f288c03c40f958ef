"""The name of the runbook that a file holds, from the file's own."""

from __future__ import annotations

import re

_NAME = re.compile(r"(?:.*[/\\])?(?:[0-9]+-)?([^/\\]+?)\.(?:yaml|yml)$", re.DOTALL)


def runbook_of(path: str) -> str | None:
    """What the first runbook in the file at `path` is called; None when the path is none of a YAML file.

    A number in front only sorts a folder: `05-drain.yaml` holds the runbook `drain`.
    """
    found = _NAME.match(path)
    return None if found is None else found.group(1)
