"""What is in a file, in the words of a step: `content`, `encoding`, `mode`, or `absent`."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from stanch.errors import InvalidInput
from stanch.language.plan import Json

LARGEST = 256 * 1024
"""Bytes of one file, there and back."""


@dataclass(frozen=True, slots=True)
class State:
    """A file as it is, or as it is to be."""

    content: bytes | None
    """None: there is no such file."""
    mode: int | None = None
    """None: as it is, and 0644 for a file that is new."""
    owner: str | None = None
    """`UID:GID`; None: as it is, and for a new file whoever makes it."""

    def fits(self, there: State) -> bool:
        """Whether `there` is already as this one wants it."""
        return self.content == there.content and (
            self.content is None
            or (self.mode in (None, there.mode) and (self.owner is None or self.owner == there.owner))
        )

    def data(self) -> dict[str, Json]:
        """As `restore` takes it."""
        if self.content is None:
            return {"absent": True}
        found: dict[str, Json] = shown(self.content)
        if self.mode is not None:
            found["mode"] = f"{self.mode:04o}"
        if self.owner is not None:
            found["owner"] = self.owner
        return found


def shown(content: bytes) -> dict[str, Json]:
    """As text where it is text, so that a person can read it."""
    if is_text(content):
        return {"content": content.decode()}
    return {"content": base64.b64encode(content).decode(), "encoding": "base64"}


def is_text(content: bytes) -> bool:
    try:
        return "\0" not in content.decode()
    except UnicodeDecodeError:
        return False


def wanted(said: Mapping[str, Json]) -> State:
    """Raises InvalidInput."""
    if said.get("absent"):
        if "content" in said or "mode" in said:
            raise InvalidInput("file: a file that is to be absent has neither `content` nor `mode`")
        return State(None)
    content = _bytes(said.get("content"), said.get("encoding", "text"))
    if len(content) > LARGEST:
        raise InvalidInput(
            f"file: `content` is {len(content)} bytes, and at most {LARGEST} are written; "
            "let the host fetch what is larger, with `ssh`"
        )
    return State(content, _mode(said.get("mode")), said.get("owner"))


def _bytes(content: Json, encoding: Json) -> bytes:
    if not isinstance(content, str):
        raise InvalidInput("file: `content` must be text")
    if encoding == "text":
        try:
            return content.encode()
        except UnicodeEncodeError:
            raise InvalidInput("file: `content` is not valid Unicode") from None
    try:
        return base64.b64decode("".join(content.split()), validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("file: `content` is not base64") from None


def _mode(mode: Json) -> int | None:
    if mode is None:
        return None
    try:
        return int(mode, 8)
    except (TypeError, ValueError):
        raise InvalidInput(f"file: `mode` is `{mode}`; it is text such as `0644`") from None
