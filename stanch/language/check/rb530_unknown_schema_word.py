"""RB530: a word in the schema of an input, or of a field, that JSON Schema does not have: it says nothing."""

from __future__ import annotations

from collections.abc import Iterator

from stanch.language.check.context import Context
from stanch.language.diagnostics import Diagnostic
from stanch.language.tree import Mapping, Node, Scalar, Sequence
from stanch.language.words import did_you_mean

_SCHEMA = frozenset(
    {
        *("items", "contains", "not", "if", "then", "else", "propertyNames", "additionalProperties"),
        *("unevaluatedItems", "unevaluatedProperties", "contentSchema"),
    }
)
"""Words behind which a schema stands."""
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
WORDS = frozenset(
    {
        *(*_SCHEMA, *_LISTS, *_NAMED),
        *("type", "enum", "const", "format", "pattern", "default", "examples", "title", "description"),
        *("deprecated", "readOnly", "writeOnly", "minimum", "maximum", "exclusiveMinimum"),
        *("exclusiveMaximum", "multipleOf", "minLength", "maxLength", "minItems", "maxItems"),
        *("minProperties", "maxProperties", "minContains", "maxContains", "uniqueItems", "required"),
        *("dependentRequired", "contentEncoding", "contentMediaType"),
    }
)
"""The vocabulary of JSON Schema 2020-12, without references."""
FORMATS = frozenset(
    {
        *("date-time", "date", "time", "duration", "email", "idn-email", "hostname", "idn-hostname"),
        *("ipv4", "ipv6", "uri", "uri-reference", "uri-template", "iri", "iri-reference", "uuid"),
        *("json-pointer", "relative-json-pointer", "regex"),
    }
)
_MEANT = {
    "choices": "`enum` lists the values that are allowed",
    "max": "write `maximum`, `maxLength` or `maxItems`",
    "min": "write `minimum`, `minLength` or `minItems`",
    "optional": "an input with a `default` need not be given",
    "options": "`enum` lists the values that are allowed",
    "regex": "did you mean `pattern`?",
    "values": "`enum` lists the values that are allowed",
}


def check(context: Context) -> Iterator[Diagnostic]:
    for each in context.document.inputs:
        yield from _schema(context, each.node, f"the input `{each.name.text}`")
    for step in context.steps:
        if step.ask is not None:
            for each in step.ask.fields:
                yield from _schema(context, each.node, f"the field `{each.name.text}`")


def _schema(context: Context, node: Node, what: str) -> Iterator[Diagnostic]:
    if not isinstance(node, Mapping):
        return
    for entry in node.entries:
        word, value = entry.name, entry.value
        if word == "format":
            yield from _format(context, value, what)
        elif word in _SCHEMA:
            yield from _schema(context, value, what)
        elif word in _LISTS and isinstance(value, Sequence):
            for item in value.items:
                yield from _schema(context, item, what)
        elif word in _NAMED and isinstance(value, Mapping):
            for inner in value.entries:
                yield from _schema(context, inner.value, what)
        elif word not in WORDS and not word.startswith(("$", "x-")):
            message = f"`{word}` is not a word of JSON Schema, so it says nothing about {what}"
            hint = _MEANT.get(word) or did_you_mean(word, sorted(WORDS))
            yield context.diagnostic("RB530", entry.key.span, message, hint)


def _format(context: Context, value: Node, what: str) -> Iterator[Diagnostic]:
    if isinstance(value, Scalar) and isinstance(value.value, str) and value.text not in FORMATS:
        message = f"`{value.text}` is not a format of JSON Schema, so it says nothing about {what}"
        hint = did_you_mean(value.text, sorted(FORMATS)) or "say what it may be with `pattern`"
        yield context.diagnostic("RB530", value.span, message, hint)
