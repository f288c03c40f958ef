"""Whether a value fits a JSON Schema, yes or no, by functions that are made once a schema.

Nearly all of nearly every runbook fits, and `jsonschema`, which says what does not, takes twenty times as
long and a twentieth of a second to import. So it is asked only behind a no. A schema with a word that is not
read here (`_UNREAD`) is fitted by nothing, and `jsonschema` decides alone. `tests/language/test_accept.py`
holds the two against each other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import combinations
from math import inf
from typing import TypeAlias

from stanch.language.plan import Json

Accepts: TypeAlias = Callable[[Json], bool]
Matcher: TypeAlias = Callable[[str], Callable[[str], object]]
"""From a pattern to what looks for it in a text: its answer is something true when it is there."""
Formats: TypeAlias = Mapping[str, Accepts]


def acceptor(schema: Json, matcher: Matcher | None = None, formats: Formats | None = None) -> Accepts:
    """What tells whether a value fits `schema`, which has to be right in itself.

    `matcher` is for `pattern`: Python's own patterns when it is None. `formats` are those that are checked:
    without them `format` says nothing, and with them one that is not among them is not read.
    """
    try:
        return _Maker(schema, matcher or _search, formats).made(schema)
    except _UnreadError:
        return _nothing


class _UnreadError(Exception):
    """The schema says something that only `jsonschema` understands."""


_UNREAD = frozenset(
    {
        *("$anchor", "$dynamicAnchor", "$dynamicRef", "$recursiveRef"),
        *("contains", "maxContains", "minContains", "multipleOf", "patternProperties", "prefixItems"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
_LOCAL = "#/$defs/"


class _Maker:
    """Each method makes the function for words that look at the same thing.

    `other` is the answer for a value of another kind than they look at: yes, as they say nothing about it;
    or no, when the schema has also the `type` of that kind, which is then not asked for a second time.
    """

    def __init__(self, root: Json, matcher: Matcher, formats: Formats | None) -> None:
        self._root = root
        self._matcher = matcher
        self._formats = formats
        self._named: dict[str, list[Accepts]] = {}

    def made(self, schema: Json) -> Accepts:
        if isinstance(schema, bool):
            return _anything if schema else _nothing
        words = schema.keys()
        if "$id" in words and schema is not self._root:
            # A document of its own, whose references lead into itself.
            return _Maker(schema, self._matcher, self._formats).made(schema)
        if not _UNREAD.isdisjoint(words):
            raise _UnreadError
        kind = schema.get("type")
        groups = [group for group in _GROUPS if not group[1].isdisjoint(words)]
        parts = [make(self, schema, about != kind) for about, _, make in groups]
        if kind is not None and all(about != kind for about, _, _ in groups):
            parts.append(_of_kind(kind))
        parts += (make(self, schema[word]) for word, make in _WORDS.items() if word in words)
        return _every(parts)

    def text(self, schema: Json, other: bool) -> Accepts:
        find = self._matcher(schema["pattern"]) if "pattern" in schema else None
        form = self._form(schema.get("format"))
        least, most = schema.get("minLength", 0), schema.get("maxLength", inf)
        if find is None and form is None:
            return lambda value: least <= len(value) <= most if isinstance(value, str) else other
        if find is not None and form is None and (least, most) == (0, inf):
            return lambda value: bool(find(value)) if isinstance(value, str) else other

        def fits(value: Json) -> bool:
            if not isinstance(value, str):
                return other
            return (
                least <= len(value) <= most
                and (find is None or bool(find(value)))
                and (form is None or form(value))
            )

        return fits

    def _form(self, name: str | None) -> Accepts | None:
        if name is None or self._formats is None:
            return None
        if name not in self._formats:
            raise _UnreadError
        return self._formats[name]

    def bounds(self, schema: Json, other: bool) -> Accepts:
        least, most = schema.get("minimum", -inf), schema.get("maximum", inf)
        above, below = schema.get("exclusiveMinimum", -inf), schema.get("exclusiveMaximum", inf)

        def fits(value: Json) -> bool:
            if not isinstance(value, int | float) or isinstance(value, bool):
                return other
            return bool(least <= value <= most and above < value < below)

        return fits

    def items(self, schema: Json, other: bool) -> Accepts:
        item = self.made(schema.get("items", True))
        least, most = schema.get("minItems", 0), schema.get("maxItems", inf)
        unique = schema.get("uniqueItems", False)

        def fits(value: Json) -> bool:
            if not isinstance(value, list):
                return other
            if not least <= len(value) <= most:
                return False
            for each in value:
                if not item(each):
                    return False
            return not unique or _are_different(value)

        return fits

    def properties(self, schema: Json, other: bool) -> Accepts:
        known = {name: self.made(part) for name, part in schema.get("properties", {}).items()}.get
        rest = self.made(schema.get("additionalProperties", True))
        required = schema.get("required", ())

        def fits(value: Json) -> bool:
            if not isinstance(value, dict):
                return other
            for name in required:
                if name not in value:
                    return False
            for name, held in value.items():  # noqa: SIM110 (a generator takes twice as long)
                if not known(name, rest)(held):
                    return False
            return True

        return fits

    def names(self, schema: Json, other: bool) -> Accepts:
        name = self.made(schema["propertyNames"]) if "propertyNames" in schema else None
        least, most = schema.get("minProperties", 0), schema.get("maxProperties", inf)
        needed = {owner: set(others) for owner, others in schema.get("dependentRequired", {}).items()}
        then = {owner: self.made(part) for owner, part in schema.get("dependentSchemas", {}).items()}

        def fits(value: Json) -> bool:
            if not isinstance(value, dict):
                return other
            if not least <= len(value) <= most:
                return False
            if name is not None:
                for each in value:
                    if not name(each):
                        return False
            for owner, others in needed.items():
                if owner in value and not value.keys() >= others:
                    return False
            return all(part(value) for owner, part in then.items() if owner in value)

        return fits

    def condition(self, schema: Json, _: bool) -> Accepts:
        asked = self.made(schema["if"])
        then, otherwise = self.made(schema.get("then", True)), self.made(schema.get("else", True))
        return lambda value: then(value) if asked(value) else otherwise(value)

    def reference(self, name: str) -> Accepts:
        """A definition; one that stands inside of itself is looked up when a value comes to it."""
        found = self._named.get(name)
        if found is None:
            found = self._named[name] = []
            found.append(self.made(self._definition(name)))
        return found[0] if found else partial(_later, found)

    def _definition(self, name: str) -> Json:
        if name == "#":
            return self._root
        definitions = self._root.get("$defs", {})
        if not name.startswith(_LOCAL) or name.removeprefix(_LOCAL) not in definitions:
            raise _UnreadError
        return definitions[name.removeprefix(_LOCAL)]

    def all(self, schemas: Sequence[Json]) -> Accepts:
        return _every([self.made(schema) for schema in schemas])

    def any(self, schemas: Sequence[Json]) -> Accepts:
        first, *others = (self.made(schema) for schema in schemas)
        if len(others) == 1:
            (second,) = others
            return lambda value: first(value) or second(value)
        return lambda value: first(value) or any(each(value) for each in others)

    def one(self, schemas: Sequence[Json]) -> Accepts:
        made = [self.made(schema) for schema in schemas]
        return lambda value: sum([each(value) for each in made]) == 1

    def no(self, schema: Json) -> Accepts:
        refused = self.made(schema)
        return lambda value: not refused(value)


def _search(pattern: str) -> Callable[[str], object]:
    return re.compile(pattern).search


def _later(found: Sequence[Accepts], value: Json) -> bool:
    return found[0](value)


def _anything(_: Json) -> bool:
    return True


def _nothing(_: Json) -> bool:
    return False


def _every(parts: Sequence[Accepts]) -> Accepts:
    match parts:
        case []:
            return _anything
        case [only]:
            return only
        case [first, second]:
            return lambda value: first(value) and second(value)
        case _:
            return partial(_fits_all, parts)


def _fits_all(parts: Sequence[Accepts], value: Json) -> bool:
    for part in parts:  # noqa: SIM110 (a generator takes twice as long)
        if not part(value):
            return False
    return True


_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def _of_kind(kind: str | Sequence[str]) -> Accepts:
    kinds = [kind] if isinstance(kind, str) else kind
    # By exact type: JSON has no others, and `True` is no number in it.
    types = frozenset(each for name in kinds for each in _TYPES[name])
    if "integer" in kinds and float not in types:
        return lambda value: type(value) in types or (isinstance(value, float) and value.is_integer())
    return lambda value: type(value) in types


def _of_values(values: Sequence[Json]) -> Accepts:
    texts = frozenset(value for value in values if isinstance(value, str))
    others = [value for value in values if not isinstance(value, str)]

    def fits(value: Json) -> bool:
        return value in texts if isinstance(value, str) else any(_is_same(value, each) for each in others)

    return fits


def _is_same(one: Json, two: Json) -> bool:
    """JSON's equality: 1 is 1.0, and neither is `true`."""
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_is_same, one, two))
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_is_same(one[name], two[name]) for name in one)
    return isinstance(one, bool) == isinstance(two, bool) and bool(one == two)


def _are_different(values: Sequence[Json]) -> bool:
    simple = [(isinstance(value, bool), value) for value in values if not isinstance(value, list | dict)]
    others = [value for value in values if isinstance(value, list | dict)]
    return len(set(simple)) == len(simple) and not any(
        _is_same(one, two) for one, two in combinations(others, 2)
    )


_GROUPS: Sequence[tuple[str | None, frozenset[str], Callable[[_Maker, Json, bool], Accepts]]] = (
    ("string", frozenset({"format", "maxLength", "minLength", "pattern"}), _Maker.text),
    ("array", frozenset({"items", "maxItems", "minItems", "uniqueItems"}), _Maker.items),
    ("object", frozenset({"additionalProperties", "properties", "required"}), _Maker.properties),
    (
        "object",
        frozenset(
            {"dependentRequired", "dependentSchemas", "maxProperties", "minProperties", "propertyNames"}
        ),
        _Maker.names,
    ),
    ("", frozenset({"exclusiveMaximum", "exclusiveMinimum", "maximum", "minimum"}), _Maker.bounds),
    ("", frozenset({"if"}), _Maker.condition),
)
"""The kind of value that words look at, the words, and what is made of them."""
_WORDS: Mapping[str, Callable[[_Maker, Json], Accepts]] = {
    "$ref": _Maker.reference,
    "enum": lambda _, values: _of_values(values),
    "const": lambda _, value: _of_values([value]),
    "allOf": _Maker.all,
    "anyOf": _Maker.any,
    "oneOf": _Maker.one,
    "not": _Maker.no,
}
