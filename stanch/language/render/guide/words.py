"""Conditions in words: `result.json.release != steps.current.bad` as a person would say it, who looks at an
answer on a screen. What has no simple words stays CEL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stanch.language.cel.syntax import Call, Field, ListOf, Literal, Malformed, Name, Node, parse
from stanch.language.evaluate import show
from stanch.language.render.guide.markdown import code
from stanch.language.render.guide.values import Late, Values, spelled


class _NoWords(Exception):
    """It has no simple words."""


_COMPARED: Mapping[str, str] = {
    "_==_": "is",
    "_!=_": "is not",
    "_<_": "is below",
    "_<=_": "is at most",
    "_>_": "is above",
    "_>=_": "is at least",
}
_OPPOSITE: Mapping[str, str] = {
    "_==_": "_!=_",
    "_!=_": "_==_",
    "_<_": "_>=_",
    "_<=_": "_>_",
    "_>_": "_<=_",
    "_>=_": "_<_",
}
_METHODS: Mapping[str, tuple[str, str]] = {
    "contains": ("contains", "does not contain"),
    "startsWith": ("begins with", "does not begin with"),
    "endsWith": ("ends with", "does not end with"),
    "matches": ("matches", "does not match"),
}
_SAME = frozenset({"double", "int", "string", "bool", "dyn", "trim", "lowerAscii"})
"""Conversions, which a reader does without noticing."""
_RESULT: Mapping[str, str] = {
    "status": "the HTTP status",
    "value": "the value",
    "rc": "the exit status",
    "stdout": "what it prints",
    "stderr": "what it prints as errors",
    "lines": "the lines that it prints",
    "body": "the body of the answer",
    "json": "the answer",
    "rows": "the rows",
    "series": "the series",
    "headers": "the headers",
    "outcome": "the outcome",
    "outputs": "what the runbook gives",
    "findings": "what it found",
    "note": "the note",
}
_STANDING: Mapping[str, tuple[str, str]] = {
    "ok": ("went well", "did not go well"),
    "ran": ("was done", "was not done"),
    "failed": ("failed", "did not fail"),
    "denied": ("was not agreed to", "was agreed to"),
}
_ORDINALS = ("first", "second", "third", "fourth", "fifth")


@dataclass(frozen=True, slots=True)
class Reader:
    """Puts the expressions of one place into words. `numbers` has that of each step by its id."""

    values: Values
    numbers: Mapping[str, str] = field(default_factory=dict)

    def condition(self, expression: str) -> str:
        """Markdown that goes on a sentence: `the HTTP status is 200`."""
        try:
            return _Teller(self, {}).holds(parse(expression), true=True)
        except (_NoWords, Malformed):
            return f"this is true: {self.cel(expression)}"

    def value(self, expression: str) -> str:
        """What an expression reads, as a part of a sentence: `release` of the first answer."""
        try:
            return _Teller(self, {}).term(parse(expression))
        except (_NoWords, Malformed):
            return self.cel(expression)

    def cel(self, expression: str) -> str:
        """The value if it is known, else the expression itself."""
        found = self.values.cel(expression)
        return code(" ".join(expression.split())) if isinstance(found, Late) else code(show(found))

    def step(self, name: str) -> str:
        return f"step {self.numbers[name]}" if name in self.numbers else f"step {code(name)}"


@dataclass(frozen=True, slots=True)
class _Teller:
    reader: Reader
    names: Mapping[str, str]
    """What the variable of a macro is called."""

    def holds(self, node: Node, *, true: bool) -> str:
        """The condition, or its opposite."""
        match node:
            case Call("!_", None, (inner,)):
                return self.holds(inner, true=not true)
            case Call("_&&_" | "_||_" as function, None, (left, right)):
                both = (function == "_&&_") is true
                word = "and" if both else "or"
                return f"{self._side(left, function, true)} {word} {self._side(right, function, true)}"
            case Call("bool", None, (inner,)):
                return self.holds(inner, true=true)
            case Call():
                return self._call(node, true)
            case Field(Field(Name("steps"), step), word) if word in _STANDING:
                return f"{self.reader.step(step)} {_STANDING[word][not true]}"
            case Literal(value) if isinstance(value, bool):
                return "always" if value is true else "never"
            case Field() | Name():
                return f"{self.term(node)} is {code('true' if true else 'false')}"
        raise _NoWords

    def _call(self, node: Call, true: bool) -> str:
        match node:
            case Call(function, None, (left, right)) if function in _COMPARED:
                return self._compared(function if true else _OPPOSITE[function], left, right)
            case Call("@in", None, (item, among)):
                return f"{self.term(item)} is {'' if true else 'not '}one of {self.term(among)}"
            case Call("has", None, (inner,)):
                return f"there is {'' if true else 'no '}{self.term(inner)}"
            case Call("all" | "exists" as function, of, (Name(name), inner)) if of is not None:
                return self._each(function, of, name, inner, true)
            case Call(function, of, (other,)) if of is not None and function in _METHODS:
                return f"{self.term(of)} {_METHODS[function][not true]} {self.term(other)}"
        raise _NoWords

    def _side(self, node: Node, around: str, true: bool) -> str:
        told = self.holds(node, true=true)
        inner = node
        while isinstance(inner, Call) and inner.function == "!_":
            inner = inner.args[0]
        mixed = isinstance(inner, Call) and inner.function in ("_&&_", "_||_") and inner.function != around
        return f"({told})" if mixed else told

    def _compared(self, function: str, left: Node, right: Node) -> str:
        match right:
            case Literal(0) if (
                isinstance(left, Call) and left.function == "size" and function in ("_==_", "_>_")
            ):
                return (
                    f"there is {'no' if function == '_==_' else 'at least one'} item in {self._counted(left)}"
                )
            case Literal("") if function in ("_==_", "_!=_"):
                return f"{self.term(left)} is {'' if function == '_==_' else 'not '}empty"
        return f"{self.term(left)} {_COMPARED[function]} {self.term(right)}"

    def _each(self, function: str, of: Node, name: str, inner: Node, true: bool) -> str:
        every = (function == "all") is true
        teller = _Teller(self.reader, {**self.names, name: "its"})
        if self.names:
            raise _NoWords
        which = "each" if every else "at least one"
        among = "answer" if of == Name("result", getattr(of, "at", 0)) else f"of {self.term(of)}"
        return f"for {which} {among}: {teller.holds(inner, true=true)}"

    def term(self, node: Node) -> str:
        match node:
            case Literal(value):
                return code(str(value).lower() if isinstance(value, bool) else show(value))
            case ListOf(items):
                return ", ".join(self.term(item) for item in items)
            case Call("size", _, _):
                return f"the number of items in {self._counted(node)}"
            case Call(function, target, args) if function in _SAME and len(args) + (target is not None) == 1:
                return self.term(args[0] if target is None else target)
            case Name() | Field() | Call("_[_]"):
                return self._read(node)
        raise _NoWords

    def _counted(self, call: Call) -> str:
        return self.term(call.args[0] if call.target is None else call.target)

    def _read(self, node: Node) -> str:
        """A name, and the way from it to a part of its value."""
        way: list[str | int] = []
        while not isinstance(node, Name):
            match node:
                case Field(of, name):
                    way.insert(0, name)
                    node = of
                case Call("_[_]", None, (of, Literal(key))) if isinstance(key, str | int):
                    way.insert(0, key)
                    node = of
                case _:
                    raise _NoWords
        return self._named(node.name, way)

    def _named(self, name: str, way: list[str | int]) -> str:
        if name in self.names:
            return f"{self.names[name]} {code(_path(way))}" if way else "it"
        if name == "result":
            return _of_result(way)
        if name == "steps" and len(way) > 1:
            return self._value(".".join(["steps", *map(str, way[:2])]), way[2:])
        if name in ("inputs", "run") and way:
            return self._value(f"{name}.{way[0]}", way[1:])
        return self._value(name, way)

    def _value(self, name: str, way: list[str | int]) -> str:
        found = self.reader.values.cel(name)
        if isinstance(found, Late):
            shown = code(f"<{name}>") if found.label.startswith(name) else code(spelled(found))
            return f"{code(_path(way))} of {shown}" if way else shown
        for key in way:
            try:
                found = found[key]
            except (LookupError, TypeError):
                raise _NoWords from None
        return code(show(found))


def _of_result(way: list[str | int]) -> str:
    place = ""
    if way and isinstance(way[0], int):
        at = way.pop(0)
        assert isinstance(at, int)
        place = f" of the {_ORDINALS[at]} target" if 0 <= at < len(_ORDINALS) else f" of target {at + 1}"
    if not way:
        return f"the answer{place}"
    word, rest = str(way[0]), way[1:]
    if word not in _RESULT:
        return f"{code(_path(way))} in the answer{place}"
    if not rest:
        return f"{_RESULT[word]}{place}"
    if word == "headers":
        return f"the header {code(_path(rest))}{place}"
    return f"{code(_path(rest))} in {_RESULT[word]}{place}"


def _path(way: list[str | int]) -> str:
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in way)
    return text.removeprefix(".")
