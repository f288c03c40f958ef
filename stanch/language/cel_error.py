"""What CEL's parser and type checker say, in our words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from stanch.language.chains import chains
from stanch.language.typecheck import CelError
from stanch.language.types import Signature, in_words, normal
from stanch.language.words import did_you_mean, nearest

_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_SELECT = re.compile(r"expression of type '([^']*)' cannot be the operand of a select operation")
_UNEXPECTED = re.compile(r"Syntax error: (?:extraneous|mismatched) input '(.*)' expecting")
_UNKNOWN_TOKEN = re.compile(r"Syntax error: token recognition error at: '(.*)'")
_MISSING = re.compile(r"Syntax error: missing '(.)' at '(.*)'")
_RESERVED = re.compile(r"reserved identifier: (\w+)")

_FUNCTIONS = (
    "all", "bool", "bytes", "charAt", "contains", "double", "duration", "dyn", "endsWith", "exists",
    "exists_one", "filter", "format", "getDate", "getDayOfWeek", "getFullYear", "getHours", "getMinutes",
    "getMonth", "getSeconds", "has", "indexOf", "int", "join", "lastIndexOf", "lowerAscii", "map", "matches",
    "math.abs", "math.ceil", "math.floor", "math.greatest", "math.least", "math.round", "quote", "replace",
    "reverse", "size", "split", "startsWith", "string", "substring", "timestamp", "trim", "type",
    "upperAscii",
)  # fmt: skip
_LATER_FUNCTIONS = frozenset({"extract", "distinct", "sort_by", "sum"})
KEYWORDS = frozenset({"in", "true", "false", "null"})
"""Cannot be a name at all."""
RESERVED = frozenset(
    {
        "as",
        "break",
        "const",
        "continue",
        "else",
        "for",
        "function",
        "if",
        "import",
        "let",
        "loop",
        "namespace",
    }
    | {"package", "return", "var", "void", "while"}
)
"""Cannot stand alone; behind a dot they can."""
_HABITS = {"and": "&&", "or": "||", "not": "!", "is": "==", "None": "null", "=": "==", "elif": "?", "if": "?"}


@dataclass(frozen=True, slots=True)
class Finding:
    """A mistake in an expression: its code, from where to where it stands in the text, and what to say."""

    code: str
    start: int
    end: int
    message: str
    hint: str | None = None


def explain_all(cel: str, errors: Iterable[CelError], names: Collection[str]) -> list[Finding]:
    """Every mistake of the expression once: behind a syntax error nothing more is certain, and what CEL says
    of a value that is itself wrong repeats the first complaint."""
    found = []
    for error in errors:
        if "*error*" not in error.message:
            found.append(explain(cel, error, names))
        if is_syntax(error):
            break
    return found


def explain(cel: str, error: CelError, names: Collection[str]) -> Finding:
    """`error` of the expression `cel` in our words; `names` are what it may read, such as `inputs.hosts`."""
    at = error.offset
    if (found := _UNDECLARED.search(error.message)) is not None:
        return _undeclared(cel, at, found.group(1), names)
    if (found := _OVERLOAD.search(error.message)) is not None:
        return _overload(cel, at, found.group(1), _split_types(found.group(2)))
    if (found := _SELECT.search(error.message)) is not None:
        field = re.match(r"\.?\s*\w*", cel[at:])
        end = at + (field.end() if field else 1)
        kind = in_words(normal(found.group(1)))
        return Finding("RB402", at, end, f"{kind} has no fields, so not `{cel[at:end].lstrip('.')}` either")
    return _syntax(cel, error)


def is_syntax(error: CelError) -> bool:
    return error.message.startswith(("Syntax error", "reserved identifier"))


def _undeclared(cel: str, at: int, name: str, names: Collection[str]) -> Finding:
    if cel[at : at + 1] == "(":
        start = _before(cel, at, name)
        if name in _LATER_FUNCTIONS:
            return Finding("RB206", start, at, f"the function `{name}` is not supported by this release")
        if name in _FUNCTIONS:
            return Finding("RB402", start, at, f"`{name}` takes other arguments than these")
        hint = did_you_mean(name, _FUNCTIONS)
        return Finding("RB405", start, at, f"there is no function `{name}`", hint)
    chain = next((chain for chain in chains(cel) if chain.start <= at < chain.end), None)
    start, end = (chain.start, chain.end) if chain is not None else (at, at + max(1, len(name)))
    return Finding("RB301", start, end, f"nothing is called `{name}` here", _meant(name, names))


def _meant(name: str, names: Collection[str]) -> str:
    """What the author probably meant by a name without a known root."""
    root, _, rest = name.partition(".")
    owner = next((known for known in names if known.endswith(f".{root}")), None)
    if owner is not None:
        return f"did you mean `{owner}{'.' if rest else ''}{rest}`?"
    meant = nearest(root, {known.partition(".")[0] for known in names})
    if meant is not None:
        return f"did you mean `{meant}{name[len(root) :]}`?"
    return f'text is quoted: `"{name}"`'


def _before(cel: str, at: int, name: str) -> int:
    """Where the name begins that ends right before offset `at`."""
    start = cel.rfind(name.rpartition(".")[2], 0, at)
    return start if start >= 0 else at


def _split_types(text: str) -> list[Signature]:
    """The types in `double, list(map(string, int))`, commas inside of brackets left alone."""
    found, depth, start = [], 0, 0
    for at, char in enumerate(text):
        depth += (char in "(<") - (char in ")>")
        if char == "," and depth == 0:
            found.append(text[start:at])
            start = at + 1
    return [normal(part.strip()) for part in (*found, text[start:])]


def _overload(cel: str, at: int, function: str, types: list[Signature]) -> Finding:
    name = _operator(function)
    width = len(name) if cel.startswith(name, at) else 1
    if cel[at : at + 1] == "(":
        end, at = at, _before(cel, at, name)
        width = end - at
    if sorted(types) == ["double", "int"]:
        return Finding(
            "RB403",
            at,
            at + width,
            f"`{name}` has a decimal number on one side and a whole number on the other",
            _as_double(cel, at + width, types),
        )
    kinds = [in_words(kind) for kind in types]
    if name == "?:":
        message = f"`? :` gives {kinds[1]} or {kinds[2]}; both have to be of one type"
    elif name == "[]":
        message = f"{kinds[0]} cannot be indexed with {kinds[1]}"
    elif len(kinds) == 1:
        message = f"`{name}` does not work on {kinds[0]}"
    elif name.isidentifier() and name != "in":
        message = f"`{name}` does not take {', '.join(kinds)}"
    else:
        message = f"`{name}` does not work between {kinds[0]} and {kinds[1]}"
    return Finding("RB402", at, at + width, message)


def _operator(function: str) -> str:
    """The operator or function as an author writes it: `_>_` is `>`, `@in` is `in`."""
    known = {
        "_?_:_": "?:",
        "_[_]": "[]",
        "@in": "in",
        "math.@max": "math.greatest",
        "math.@min": "math.least",
    }
    if function in known:
        return known[function]
    return function.strip("_") if function.endswith("_") else function


def _as_double(cel: str, after: int, types: list[Signature]) -> str:
    """Which number to write with a point, if it is written out."""
    whole = re.compile(r"\s*(-?[0-9]+)(?![\w.])")
    if types[1] == "int" and (right := whole.match(cel, after)) is not None:
        return f"write `{right.group(1)}.0`"
    left = re.search(r"(?<![\w.])([0-9]+)\s*\S{0,2}$", cel[:after])
    if types[0] == "int" and left is not None:
        return f"write `{left.group(1)}.0`"
    return "make both decimal with `double(...)`"


def _syntax(cel: str, error: CelError) -> Finding:
    at, message = error.offset, error.message
    if (found := _RESERVED.search(message)) is not None:
        word = found.group(1)
        return Finding("RB401", at, at + len(word), f"`{word}` is a reserved word of CEL", _habit(word))
    if (found := _UNKNOWN_TOKEN.search(message)) is not None:
        rest = found.group(1)
        if rest[:1] in ("'", '"'):
            return Finding("RB401", at, len(cel), f"the text that begins with {rest[:1]} is not closed")
        hint = _habit(rest[:1])
        return Finding("RB401", at, at + 1, f"`{rest[:1]}` has no meaning in an expression", hint)
    if (found := _UNEXPECTED.search(message)) is not None:
        word = found.group(1)
        if word == "<EOF>":
            return Finding("RB401", max(at - 1, 0), max(at, 1), "the expression ends too early")
        return Finding("RB401", at, at + len(word), f"`{word}` was not expected here", _habit(word))
    if (found := _MISSING.search(message)) is not None:
        at = min(at, max(len(cel) - 1, 0))
        return Finding("RB401", at, at + 1, f"`{found.group(1)}` is missing here")
    if "recursion limit" in message:
        return Finding(
            "RB401", 0, len(cel), "the expression is nested too deeply", "compute a part in a step of its own"
        )
    said = message.removeprefix("Syntax error: ")
    return Finding("RB401", at, at + 1, f"not understood: {said}"[:200])


def _habit(word: str) -> str | None:
    """What is written in CEL for a word of another language."""
    return f"write `{_HABITS[word]}`" if word in _HABITS else None
