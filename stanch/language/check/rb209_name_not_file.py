"""RB209: the runbook's name is not its file's."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic

_STEM = re.compile(r"(?:.*[/\\\\])?(?:[0-9]+-)?([^/\\\\]+?)\.(?:yaml|yml)$")
"""A number in front only sorts a folder: `05-drain.yaml` holds the runbook `drain`."""


def check(context: Context) -> Iterator[Diagnostic]:
    name = context.document.runbook
    found = _STEM.match(context.path)
    if found is None or not name or found.group(1) == name:
        return
    entry = context.document.node.get("runbook")
    span = context.document.key("runbook") if entry is None else entry.span
    message = f"the runbook `{name}` stands in a file called `{found.group(1)}`"
    yield context.diagnostic("RB209", span, message, f"rename the file to `{name}.yaml`, or the runbook")
