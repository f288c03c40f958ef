"""Configuration files among those that are to be checked."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from stanch.cli.runbooks import read_file
from stanch.config_file import Checked, check
from stanch.drill.kind import first_key
from stanch.schemas import load_schema

_SHARED = ("runbooks",)
"""Sections whose name is nearly a runbook's first word, so that they tell nothing."""


def configurations(paths: Sequence[Path]) -> dict[Path, Checked]:
    """Those of the files that configure Stanch, each with what is wrong with it: `stanch.yaml`, and whatever
    begins with a section of one. Raises InvalidInput for what cannot be read."""
    schema = load_schema("config.v1.json")
    sections = set(schema["properties"]).difference(_SHARED)
    contents = {path: read_file(path) for path in paths}
    return {
        path: check(str(path), content, schema)
        for path, content in contents.items()
        if path.name == "stanch.yaml" or path in configured_file() or first_key(content) in sections
    }


def configured_file() -> list[Path]:
    """The file that every command reads, if it is there."""
    file = Path(os.environ.get("STANCH_CONFIG") or "stanch.yaml")
    return [file] if file.is_file() else []
