"""CEL types as their signatures: `string`, `list(string)`, `map(string,dyn)`, and JSON Schema to them.

`dyn` is a value of which nothing is known; it fits everywhere.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from cel_expr_python import cel

from stanch.language.plan import Json

Signature: TypeAlias = str

DYN: Signature = "dyn"
BOOL: Signature = "bool"
STRING: Signature = "string"
TIMESTAMP: Signature = "timestamp"
RECORD: Signature = "map(string,dyn)"

_OF_JSON = {
    "string": STRING,
    "integer": "int",
    "number": "double",
    "boolean": BOOL,
    "object": RECORD,
    "null": "null",
}
_OF_DATA: dict[type, Signature] = {bool: BOOL, int: "int", float: "double", str: STRING, type(None): "null"}
_SIMPLE = {
    "bool": cel.Type.BOOL,
    "bytes": cel.Type.BYTES,
    "double": cel.Type.DOUBLE,
    "duration": cel.Type.DURATION,
    "dyn": cel.Type.DYN,
    "int": cel.Type.INT,
    "null": cel.Type.NULL,
    "string": cel.Type.STRING,
    "timestamp": cel.Type.TIMESTAMP,
    "uint": cel.Type.UINT,
}
_WORDS = {
    "bool": "true or false",
    "bytes": "bytes",
    "double": "a decimal number",
    "duration": "a duration",
    "dyn": "a value",
    "int": "a whole number",
    "null": "null",
    "string": "text",
    "timestamp": "a moment",
    "uint": "a whole number (uint)",
}
_LONG_NAMES = {"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration"}


def of_schema(schema: Json, definitions: Json = None) -> Signature:
    """The type of the values that a JSON Schema lets through, as far as it says."""
    if not isinstance(schema, dict):
        return DYN
    reference = schema.get("$ref")
    if isinstance(reference, str) and isinstance(definitions, dict):
        return of_schema(definitions.get(reference.removeprefix("#/$defs/")), definitions)
    kind = schema.get("type")
    if kind == "array":
        return f"list({of_schema(schema.get('items'), definitions)})"
    if (
        kind == "object"
        and isinstance(schema.get("additionalProperties"), dict)
        and "properties" not in schema
    ):
        return f"map(string,{of_schema(schema['additionalProperties'], definitions)})"
    if isinstance(kind, str):
        return _OF_JSON.get(kind, DYN)
    values = schema.get("enum")
    if isinstance(values, list) and values and all(isinstance(value, str) for value in values):
        return STRING
    return DYN


def of_data(value: Json) -> Signature:
    """The type of a value that is written out."""
    if isinstance(value, list):
        inner = {of_data(item) for item in value}
        return f"list({inner.pop()})" if len(inner) == 1 else "list(dyn)"
    return _OF_DATA.get(type(value), RECORD)


@lru_cache(maxsize=512)
def cel_type(signature: Signature) -> cel.Type:
    """The library's own type for a signature."""
    if (simple := _SIMPLE.get(signature)) is not None:
        return simple
    if (inner := element_of(signature)) is not None:
        return cel.Type.List(cel_type(inner))
    if signature.startswith("map("):
        key, _, value = signature[4:-1].partition(",")
        return cel.Type.Map(cel_type(key), cel_type(value))
    return cel.Type.DYN


def normal(name: str) -> Signature:
    """The signature for a type as the library writes it: `LIST<STRING>`, `list(string)`."""
    compact = name.replace(" ", "")
    for long, short in _LONG_NAMES.items():
        compact = compact.replace(long, short)
    lowered = compact.replace("<", "(").replace(">", ")").lower().replace("null_type", "null")
    return re.sub(r"\bany\b", DYN, lowered)


def as_data(signature: Signature) -> Signature | None:
    """The type that a value has after it was stored as JSON; None when it cannot be stored.

    Moments and durations become text, as `evaluate` writes them.
    """
    if signature in ("timestamp", "duration"):
        return STRING
    if signature in ("null", "uint"):
        return DYN
    if signature == "bytes" or signature.startswith("type("):
        return None
    if (inner := element_of(signature)) is not None:
        kept = as_data(inner)
        return None if kept is None else f"list({kept})"
    if signature.startswith("map("):
        kept = as_data(signature[4:-1].partition(",")[2])
        return None if kept is None else f"map(string,{kept})"
    return signature


def element_of(signature: Signature) -> Signature | None:
    """The type of a list's items; None when it is no list."""
    return signature[5:-1] if signature.startswith("list(") else None


def in_words(signature: Signature) -> str:
    """A type for a sentence: `a list of text`."""
    if (inner := element_of(signature)) is not None:
        of = {"dyn": "", "string": " of text", "int": " of whole numbers", "double": " of decimal numbers"}
        return f"a list{of.get(inner, '')}"
    if signature.startswith("map("):
        return "a mapping"
    return _WORDS.get(signature, f"`{signature}`")
