"""Private key files, each opened once for all hosts of a step. One with a pass phrase takes long to open."""

from __future__ import annotations

import copy
import threading
from collections.abc import Mapping
from pathlib import Path

from paramiko import PKey

from stanch.language.plan import Json
from stanch.secrets import resolve


class KeyFiles:
    """`phrases` has references to the pass phrases of key files. Safe for use from several threads."""

    def __init__(self, phrases: Mapping[Path, Json]) -> None:
        self._phrases = phrases
        self._lock = threading.Lock()
        self._opened: dict[Path, tuple[tuple[bytes, bytes | None], PKey]] = {}

    def has_phrase(self, path: Path) -> bool:
        return path in self._phrases

    def open(self, path: Path) -> PKey:
        """The key, with the certificate that lies beside it; the caller's own copy. A changed file is read
        again. Raises InvalidInput for the pass phrase, and what `PKey.from_path` raises."""
        with self._lock:
            now = path.read_bytes(), _certificate(path)
            before, key = self._opened.get(path, (None, None))
            if key is None or before != now:
                key = self._read(path)
                self._opened[path] = now, key
        return copy.copy(key)

    def _read(self, path: Path) -> PKey:
        phrase, _ = resolve(self._phrases.get(path))
        try:
            return PKey.from_path(path, phrase and phrase.encode())
        except TypeError:
            if phrase is None:
                raise
            return PKey.from_path(path)  # it has a phrase no more


def _certificate(key: Path) -> bytes | None:
    try:
        return key.with_name(f"{key.name}-cert.pub").read_bytes()
    except FileNotFoundError:
        return None
