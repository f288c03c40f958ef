"""Where alerts come from: one module a source, each with a pure `parse(body) -> tuple[Alert, ...]`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TypeAlias

from stanch.gateway.alerts import alertmanager
from stanch.gateway.alerts.alert import Alert

Parser: TypeAlias = Callable[[bytes], tuple[Alert, ...]]

SOURCES: Mapping[str, Parser] = MappingProxyType({"alertmanager": alertmanager.parse})
"""The last part of `POST /alerts/<source>`, and what a trigger writes as `source:`."""
