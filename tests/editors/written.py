"""Which of our schemas describe what people write in YAML, and where such documents are in the checkout."""

from __future__ import annotations

import itertools
import json
from functools import cache
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
SCHEMAS = CHECKOUT / "schemas"

BY_PEOPLE = {
    "runbook.v1.json": "runbooks/**/*.yaml",
    "config.v1.json": "deploy/stanch.yaml",
    "drill.v1.json": "drills/**/*.yaml",
    "policy.v1.json": "policy.yaml",
}
"""Schema to the documents of ours that have it, which say so in their first line."""
BY_PROGRAMS = {"alert.v1.json", "plan.v1.json"}
"""Nobody writes these by hand, so no editor has to know them."""

WRITTEN = sorted(name for name in BY_PEOPLE if (SCHEMAS / name).exists())
PLACE = CHECKOUT / "runbooks" / "rollback"
"""Where a document of a test would be, were it a file."""

_numbers = itertools.count(1)


def modeline(schema: str) -> str:
    """The first line of a document in `PLACE`."""
    return f"# yaml-language-server: $schema=../../schemas/{schema}\n"


def nowhere() -> Path:
    """A name in `PLACE` that no document has had yet."""
    return PLACE / f"unsaved-{next(_numbers)}.yaml"


def shipped(schema: str) -> list[Path]:
    return sorted(CHECKOUT.glob(BY_PEOPLE[schema]))


@cache
def content(schema: str) -> Any:
    return json.loads((SCHEMAS / schema).read_text(encoding="utf-8"))
