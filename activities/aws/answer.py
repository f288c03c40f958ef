"""What AWS answers, as data, and without what is secret in it."""

from __future__ import annotations

import base64
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from activities.web.data import holdable
from stanch.errors import ActionRefused, InvalidInput
from stanch.language.plan import Json
from stanch.secrets import REDACTED

_BODY = 256 * 1024
"""Bytes of a body that AWS streams, such as an object of S3."""
_SECRET_NAMES = frozenset(
    {
        "AuthorizationToken",
        "AuthToken",
        "ClientSecret",
        "KeyMaterial",
        "MasterUserPassword",
        "Password",
        "Plaintext",
        "PrivateKey",
        "SecretAccessKey",
        "SecretBinary",
        "SecretString",
        "SessionToken",
        "authorizationToken",
        "clientSecret",
        "password",
        "secretAccessKey",
        "sessionToken",
    }
)
"""What some models do not mark as secret."""


@dataclass(slots=True)
class Reading:
    """Makes data of what botocore gives."""

    service: str
    truncated: bool = False

    def data(self, value: Any, shape: Any, name: str = "", *, plain: bool = False) -> Json:
        """`value` as JSON, without what its model or its name says to be secret. `plain`: it is known not to
        be."""
        if value is None or isinstance(value, bool):
            return value
        if name in _SECRET_NAMES or (not plain and shape is not None and shape.metadata.get("sensitive")):
            return REDACTED
        match value:
            case dict():
                return self._of_fields(value, shape)
            case list() | tuple():
                member = getattr(shape, "member", None)
                return [self.data(held, member, plain=plain) for held in value]
            case date():
                return value.isoformat()
            case bytes() | bytearray():
                return _text(bytes(value))
            case int() | float() | str():
                return holdable(value)
        if hasattr(value, "read"):
            return self._body(value)
        raise ActionRefused(f"aws: an answer that comes as a stream of {type(value).__name__} is not read")

    def _of_fields(self, value: Mapping[str, Any], shape: Any) -> dict[str, Json]:
        members = getattr(shape, "members", {})
        held = getattr(shape, "value", None)
        # Systems Manager's model calls every parameter secret, and its answer says which are not.
        plain = self.service == "ssm" and value.get("Type") in ("String", "StringList")
        return {
            str(name): self.data(each, members.get(name, held), name, plain=plain and name == "Value")
            for name, each in value.items()
        }

    def _body(self, stream: Any) -> str:
        with stream:
            content = stream.read(_BODY + 1)
        self.truncated = self.truncated or len(content) > _BODY
        return _text(content[:_BODY])


def _text(content: bytes) -> str:
    """As it is when it is UTF-8, else as base64."""
    try:
        return str(holdable(content.decode()))
    except UnicodeDecodeError:
        return base64.b64encode(content).decode()


def selection(expression: str | None) -> Any:
    if expression is None:
        return None
    jmespath = importlib.import_module("jmespath")
    try:
        return jmespath.compile(expression)
    except jmespath.exceptions.JMESPathError as error:
        said = " ".join(str(error).split())
        raise InvalidInput(f"`output` of an aws step is no JMESPath expression: {said}") from None


def result(
    data: Json, answer: Mapping[str, Any], *, found: bool = True, truncated: bool = False
) -> dict[str, Json]:
    request = answer.get("ResponseMetadata", {}).get("RequestId", "")
    return {"found": found, "json": data, "truncated": truncated, "request_id": request}
