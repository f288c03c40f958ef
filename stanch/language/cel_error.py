"""What CEL's parser and type checker say, in our words."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from stanch.language.cel.library import GLOBALS, MACRO_NAMES, METHODS, NAMES, NAMESPACES
from stanch.language.cel_habits import WORDS, function_habit, word_habit
from stanch.language.chains import chains
from stanch.language.typecheck import CelError
from stanch.language.types import BOOL, DYN, Signature, element_of, in_words, normal
from stanch.language.words import nearest

_OVERLOAD = re.compile(r"found no matching overload for '([^']*)' applied to '\((.*)\)'")
_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_SELECT = re.compile(r"expression of type '([^']*)' cannot be the operand of a select operation")
_UNEXPECTED = re.compile(r"Syntax error: (?:extraneous|mismatched) input '(.*)' expecting")
_UNKNOWN_TOKEN = re.compile(r"Syntax error: token recognition error at: '(.*)'")
_MISSING = re.compile(r"Syntax error: missing '(.)' at '(.*)'")
_RANGE = re.compile(r"expression of type '([^']*)' cannot be the range of a comprehension")
_ARGUMENT = re.compile(r"((?:math\.)?\w+)\(\) (variable name|argument|\w+)")
_RESERVED = re.compile(r"reserved identifier: (\w+)")

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
    errors = tuple(error for error in errors if not _is_namespace(cel, error))
    # A macro with too few arguments stays a call, and then the name for its items is unknown, too.
    calls = [error for error in errors if _is_call(cel, error, MACRO_NAMES)]
    found = []
    for error in calls or errors:
        if "*error*" not in error.message:
            found.append(explain(cel, error, names))
        if is_syntax(error):
            break
    return _whole_texts(cel, found)


def _whole_texts(cel: str, found: list[Finding]) -> list[Finding]:
    """With one finding for a text without quotes such as `live-now`, which CEL takes for a difference."""
    merged: list[Finding] = []
    for each in sorted(found, key=lambda finding: finding.start):
        last = merged[-1] if merged else None
        joined = last is not None and cel[last.end : each.start] in ("-", "/")
        if last is not None and joined and last.code == each.code == "RB301":
            text = cel[last.start : each.end]
            message = f"nothing is called `{text}` here"
            merged[-1] = replace(last, end=each.end, message=message, hint=f'text is quoted: `"{text}"`')
        else:
            merged.append(each)
    return merged


def _is_namespace(cel: str, error: CelError) -> bool:
    """Whether `math` is missed because `math.rond` is: the function is the mistake."""
    undeclared = _UNDECLARED.search(error.message)
    name = undeclared.group(1) if undeclared is not None else ""
    return name in NAMESPACES and cel.startswith(f"{name}.", error.offset)


def _is_call(cel: str, error: CelError, functions: Collection[str]) -> bool:
    undeclared = _UNDECLARED.search(error.message)
    at = error.offset
    return undeclared is not None and undeclared.group(1) in functions and cel[at : at + 1] == "("


def explain(cel: str, error: CelError, names: Collection[str]) -> Finding:
    """`error` of the expression `cel` in our words; `names` are what it may read, such as `inputs.hosts`."""
    at = error.offset
    if error.own is not None:
        return Finding(error.own.code, at, error.own.end, error.message)
    if (found := _UNDECLARED.search(error.message)) is not None:
        return _undeclared(cel, at, found.group(1), names)
    if (found := _OVERLOAD.search(error.message)) is not None:
        return _overload(cel, at, found.group(1), _split_types(found.group(2)))
    if (found := _SELECT.search(error.message)) is not None:
        field = re.match(r"\.?\s*\w*", cel[at:])
        end = at + (field.end() if field else 1)
        kind = in_words(normal(found.group(1)))
        return Finding("RB402", at, end, f"{kind} has no fields, so not `{cel[at:end].lstrip('.')}` either")
    return _macro(cel, error) or _syntax(cel, error)


def _macro(cel: str, error: CelError) -> Finding | None:
    """What is said of an argument before it is looked at."""
    at, message = error.offset, error.message
    if (found := _RANGE.search(message)) is not None:
        kind = in_words(normal(found.group(1)))
        return Finding("RB402", at, _end(cel, at), f"{kind} has no items that could be gone through")
    if (found := _ARGUMENT.match(message)) is None:
        return None
    name, what = found.groups()
    if what == "variable name":
        said = f"`{name}` begins with a name for each item, as in `{name}(x, ...)`"
        return Finding("RB401", at, _end(cel, at), said)
    if name == "has":
        return Finding("RB401", at, _end(cel, at), "`has` asks for a field, as in `has(a.b)`")
    return Finding("RB402", at, _end(cel, at), f"`{name}` takes numbers, or one list of numbers")


def _end(cel: str, at: int) -> int:
    """Where what begins at `at` ends, if it is a name."""
    found = next((chain for chain in chains(cel) if chain.start <= at < chain.end), None)
    return found.end if found is not None else min(at + 1, len(cel))


def is_syntax(error: CelError) -> bool:
    return error.message.startswith(("Syntax error", "reserved identifier"))


def _undeclared(cel: str, at: int, name: str, names: Collection[str]) -> Finding:
    if cel[at : at + 1] == "(":
        start = _before(cel, at, name)
        if (space := re.search(r"\b(\w+)\.$", cel[:start])) is not None and space.group(1) in NAMESPACES:
            name, start = f"{space.group(1)}.{name}", space.start()
        if name in NAMES:
            return Finding(
                "RB402", start, at, f"`{name}` takes other arguments than these", _form(cel, name, start)
            )
        return Finding("RB405", start, at, f"there is no function `{name}`", function_habit(name))
    chain = next((chain for chain in chains(cel) if chain.start <= at < chain.end), None)
    behind = min(at + max(1, len(name)), len(cel))
    start, end = (chain.start, chain.end) if chain is not None else (at, behind)
    return Finding("RB301", start, end, f"nothing is called `{name}` here", _meant(name, names))


def _form(cel: str, name: str, start: int) -> str | None:
    """How to call a function that is called behind a value instead of around it, or the other way round."""
    behind = cel[:start].rstrip().endswith(".")
    if name in MACRO_NAMES:
        return f"write `LIST.{name}(x, ...)`, where `x` is a name for each item"
    if behind and name not in METHODS:
        return f"write `{name}(...)` around the value"
    if not behind and name not in GLOBALS and name in METHODS:
        return f"write `.{name}(...)` behind the value"
    return None


def _meant(name: str, names: Collection[str]) -> str:
    """What the author probably meant by a name without a known root."""
    root, _, rest = name.partition(".")
    owner = next((known for known in names if known.endswith(f".{root}")), None)
    if owner is not None:
        return f"did you mean `{owner}{'.' if rest else ''}{rest}`?"
    meant = nearest(root, {known.partition(".")[0] for known in names})
    if meant is not None:
        return f"did you mean `{meant}{name[len(root) :]}`?"
    if "." in name:
        return f'names begin with `inputs`, `steps` or `run`; text is quoted: `"{name}"`'
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
        if name in ("&&", "||", "?:"):
            return _condition(cel, at, types[0] if name == "?:" else types[1])
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
    if name == "?:" and types[0] not in (BOOL, DYN):
        message = f"`?` needs true or false before it and gets {kinds[0]}"
    elif name == "?:":
        message = f"`? :` gives {kinds[1]} or {kinds[2]}; both have to be of one type"
    elif name == "[]":
        message = f"{kinds[0]} cannot be indexed with {kinds[1]}"
    elif name == "sort_by":
        key = in_words(element_of(types[-1]) or DYN)
        message = f"`sort_by` needs keys that have an order, such as numbers or text, and not {key}"
    elif len(kinds) == 1:
        message = f"`{name}` does not work on {kinds[0]}"
    elif name.isidentifier() and name != "in":
        message = f"`{name}` does not take {', '.join(kinds)}"
    else:
        message = f"`{name}` does not work between {kinds[0]} and {kinds[1]}"
    return Finding("RB402", at, at + width, message, _number_and_text(cel, types))


def _number_and_text(cel: str, types: list[Signature]) -> str | None:
    """What to write where a number meets a text."""
    if sorted(types) not in (["int", "string"], ["double", "string"]):
        return None
    if (quoted := re.search(r"""(["'])(-?[0-9]+(?:\.[0-9]+)?)\1""", cel)) is not None:
        return f"a number has no quotes: `{quoted.group(2)}`"
    return "make a number of the text: `int(TEXT)`, or `double(TEXT)` for a decimal one"


def _condition(cel: str, at: int, kind: Signature) -> Finding:
    """Of a macro whose arguments begin at `at`: it becomes logic, so the logic complains."""
    name = re.search(r"\w*\s*$", cel[:at], re.ASCII)
    start = name.start() if name is not None else at
    said = f"`{cel[start:at].strip()}` needs true or false for each item and gets {in_words(kind)}"
    return Finding("RB402", start, at, said)


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
        return Finding("RB401", at, at + len(word), f"`{word}` is a reserved word of CEL", word_habit(word))
    if (found := _UNKNOWN_TOKEN.search(message)) is not None:
        rest = found.group(1)
        if rest[:1] in ("'", '"'):
            return Finding("RB401", at, len(cel), f"the text that begins with {rest[:1]} is not closed")
        hint = word_habit(rest[:1])
        return Finding("RB401", at, at + 1, f"`{rest[:1]}` has no meaning in an expression", hint)
    if (found := _UNEXPECTED.search(message)) is not None:
        word = found.group(1)
        if word == "<EOF>":
            return Finding("RB401", max(at - 1, 0), max(at, 1), "the expression ends too early")
        return _unexpected(cel, at, word)
    if (found := _MISSING.search(message)) is not None:
        at = min(at, max(len(cel) - 1, 0))
        return Finding("RB401", at, at + 1, f"`{found.group(1)}` is missing here")
    if "recursion limit" in message:
        return Finding(
            "RB401", 0, len(cel), "the expression is nested too deeply", "compute a part in a step of its own"
        )
    said = message.removeprefix("Syntax error: ")
    return Finding("RB401", at, at + 1, f"not understood: {said}"[:200])


def _unexpected(cel: str, at: int, word: str) -> Finding:
    """A word where none can stand: it is wrong, or the one before it is, as in `not steps.x.ok`."""
    before = re.search(r"\b(\w+)\s+$", cel[:at])
    if before is not None and before.group(1) in WORDS:
        word, at = before.group(1), before.start(1)
    elif not cel.startswith(word, at):  # the name that stands for a chain while CEL reads it
        chain = next((chain for chain in chains(cel) if chain.start == at), None)
        word = cel[at : chain.end] if chain is not None else cel[at : at + 1]
    hint = "write `!=`" if re.match(r"is\s+not\b", cel[at:]) else word_habit(word)
    return Finding("RB401", at, min(at + len(word), len(cel)), f"`{word}` was not expected here", hint)
