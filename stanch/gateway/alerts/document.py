"""JSON from outside: read with a bounded depth, then taken apart with the place in every refusal."""

from __future__ import annotations

import json
import re
from typing import NoReturn, TypeVar

from stanch.gateway.alerts.alert import MalformedDelivery
from stanch.language.data import is_unicode
from stanch.language.plan import Json

_T = TypeVar("_T", bound=str)

DEPTH = 64
"""Lists and objects inside each other. Python's parser gives up at about a thousand, and not politely."""
LONGEST_TEXT = 32 * 1024
"""Characters of a label or an annotation."""

# A string is one token even when it is not closed: otherwise every quote in it would start a new search.
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*+"?|[\[{]|[\]}]', re.DOTALL)
_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_SHOWN = 64


class Node:
    """A value of the document and the path to it, such as `alerts[1].labels.alertname`. What reads it as
    something that it is not raises MalformedDelivery."""

    __slots__ = ("path", "value")

    def __init__(self, value: Json, path: str = "") -> None:
        self.value = value
        self.path = path

    def get(self, key: str) -> Node:
        """The member `key`, with the value None when it is missing."""
        return Node(self._object().get(key), self._member(key))

    def items(self) -> list[Node]:
        if not isinstance(self.value, list):
            raise self.expected("a list")
        return [Node(held, f"{self.path}[{index}]") for index, held in enumerate(self.value)]

    def text(self) -> str:
        if not isinstance(self.value, str):
            raise self.expected("a string")
        if not is_unicode(self.value):
            raise self.expected("Unicode text")
        # Legal in a label, and where an expression would stop reading it. Refused, it would take the other
        # alerts of its delivery with it.
        return self.value.replace("\0", "\ufffd")

    def texts(self) -> dict[str, str]:
        """An object of strings; a missing one and null are empty. Longer ones than anybody writes are cut: an
        expression that takes a megabyte apart needs more than one gigabyte for it."""
        if self.value is None:
            return {}
        places = [(key, held, self._member(key)) for key, held in self._object().items()]
        return {
            _short(Node(key, place).text()): _short(Node(held, place).text()) for key, held, place in places
        }

    def one_of(self, first: _T, *others: _T) -> _T:
        for known in (first, *others):
            if self.value == known:
                return known
        raise self.expected(" or ".join(f'"{known}"' for known in (first, *others)))

    def expected(self, what: str) -> MalformedDelivery:
        """The error to raise when the value is not `what` it should be."""
        found = "nothing" if self.value is None else _kind(self.value)
        return MalformedDelivery(self.path or "top level", f"expected {what}, found {found}")

    def _object(self) -> dict[str, Json]:
        if not isinstance(self.value, dict):
            raise self.expected("an object")
        return self.value

    def _member(self, key: str) -> str:
        if _PLAIN_KEY.fullmatch(key):
            return f"{self.path}.{key}" if self.path else key
        return f"{self.path}[{json.dumps(key[:_SHOWN])}]"


def read(body: bytes) -> Node:
    """The JSON document in `body`. Raises MalformedDelivery with line and column."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedDelivery(f"byte {error.start}", "not UTF-8 text") from error
    _bound_depth(text)
    try:
        return Node(json.loads(text, parse_constant=_no_constant))
    except json.JSONDecodeError as error:
        message = error.msg[0].lower() + error.msg[1:]
        raise MalformedDelivery(_place(error.lineno, error.colno), f"not JSON: {message}") from error
    except ValueError as error:
        # Python bounds the digits of a whole number, and its message is about how to lift the bound.
        raise MalformedDelivery("top level", "a number in it is too long") from error


def _bound_depth(text: str) -> None:
    depth = 0
    for token in _TOKEN.finditer(text):
        match token.group()[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
        if depth > DEPTH:
            line = text.count("\n", 0, token.start()) + 1
            column = token.start() - text.rfind("\n", 0, token.start())
            raise MalformedDelivery(_place(line, column), f"nested deeper than {DEPTH} lists and objects")


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…"


def _place(line: int, column: int) -> str:
    return f"line {line}, column {column}"


def _no_constant(name: str) -> NoReturn:
    raise MalformedDelivery("top level", f"`{name}` is not JSON")


def _kind(value: Json) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return "a number"
        case str():
            return json.dumps(value[:_SHOWN])
        case list():
            return "a list"
        case _:
            return "an object"
