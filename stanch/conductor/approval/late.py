"""Values that are only known later: what of a template is settled by now, and what is a gap.

A filled template is JSON in which a string with gaps is a map with the one key `late!`. Data of the user
that has such a key itself is wrapped, so nothing from outside can pass for a gap, which would let anything
through.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from stanch.errors import EvaluationError
from stanch.language.chains import chains
from stanch.language.encode import canonical
from stanch.language.evaluate import evaluate, render, show
from stanch.language.plan import Call, Json
from stanch.language.template import OPEN, Hole, split

_LATE, _DATA = "late!", "data!"
Filled: TypeAlias = Json
"""A template's value with what is known filled in; see above."""


@dataclass(frozen=True, slots=True)
class Known:
    """A scope in which something is still missing, and after which steps that is known."""

    scope: Mapping[str, Json]
    inside: frozenset[str] = frozenset()
    """Ids of the steps that are still to run."""
    behind: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Names of loops and inputs of children (`inputs.node`) that only these steps settle."""
    most: Mapping[str, int] = field(default_factory=dict)
    """How many items a list may have that is not known yet, where a schema says so: `steps.which.nodes`."""

    def with_name(self, name: str, value: Json) -> Known:
        behind = {held: after for held, after in self.behind.items() if held != name}
        return replace(self, scope={**self.scope, name: value}, behind=behind)

    def without(self, name: str, after: tuple[str, ...]) -> Known:
        scope = {held: value for held, value in self.scope.items() if held != name}
        return replace(self, scope=scope, behind={**self.behind, name: after})

    def after(self, cel: str) -> dict[str, tuple[str, ...]]:
        """By name: what the expression reads that is not known yet, and the steps that tell it."""
        found: dict[str, tuple[str, ...]] = {}
        for name in names(cel):
            parts = name.split(".")
            if name in self.behind:
                found[name] = self.behind[name]
            elif parts[0] == "steps" and len(parts) > 1 and self._is_to_run(parts[1]):
                found[name] = (parts[1],)
            elif name in ("run.now", "run.findings") and not self._has(name):
                found[name] = ()
        return found

    def _is_to_run(self, step: str) -> bool:
        return step in self.inside and step not in self.scope.get("steps", {})

    def _has(self, name: str) -> bool:
        return name in self.scope or name.split(".")[1] in self.scope.get("run", {})

    def reads(self, value: Json) -> dict[str, Json]:
        """By name: what the template reads that is known, so that it can be held against what is so later."""
        found: dict[str, Json] = {}
        for cel in expressions(value):
            late = self.after(cel)
            for name in names(cel):
                if name not in late:
                    found[name] = look(name, self.scope)
        return found


def names(cel: str) -> tuple[str, ...]:
    """What an expression reads: `steps.leader.host`, `inputs.service`, `run.now`, `host`, each once."""
    found: dict[str, None] = {}
    for chain in chains(cel):
        if chain.parts:
            length = {"steps": 3, "inputs": 2, "run": 2}.get(chain.parts[0], 1)
            found[".".join(chain.parts[:length])] = None
    found.pop("result", None)
    return tuple(found)


def look(name: str, scope: Mapping[str, Json]) -> Json:
    """The value of a name of `names`; None where there is none."""
    if name in scope:
        return scope[name]
    held: Json = scope
    for part in name.split("."):
        if not isinstance(held, Mapping) or part not in held:
            return None
        held = held[part]
    return held


def expressions(value: Json) -> Iterator[str]:
    """The CEL of every `${{ }}` in a template."""
    if isinstance(value, str):
        if OPEN in value:
            yield from (part.cel for part in split(value) if isinstance(part, Hole))
    elif isinstance(value, Mapping):
        for held in value.values():
            yield from expressions(held)
    elif isinstance(value, list | tuple):
        for held in value:
            yield from expressions(held)


# --- filling ----------------------------------------------------------------------------------------------


def fill(template: Json, known: Known) -> Filled:
    """`template` with what is known filled in. What fails for another reason than being late stays as it is
    written: it will fail again when its turn comes."""
    if isinstance(template, str):
        return _fill_text(template, known) if OPEN in template else template
    if isinstance(template, Mapping):
        if set(template) == {"secret"}:
            return template
        return _wrapped({key: fill(held, known) for key, held in template.items()})
    if isinstance(template, list | tuple):
        return [fill(held, known) for held in template]
    return template


def plain(value: Json) -> Filled:
    """Data in which nothing is late."""
    if isinstance(value, Mapping):
        return _wrapped({key: plain(held) for key, held in value.items()})
    if isinstance(value, list | tuple):
        return [plain(held) for held in value]
    return value


def _wrapped(held: dict[str, Json]) -> dict[str, Json]:
    return {_DATA: held} if _LATE in held or _DATA in held else held


def _fill_text(text: str, known: Known) -> Filled:
    parts = split(text)
    filled: list[Json] = []
    for part in parts:
        if isinstance(part, str):
            filled.append(part)
        elif late := is_late(part.cel, known):
            filled.append({"cel": part.cel, "after": list(late.after)})
        else:
            try:
                value = render("${{" + part.cel + "}}", known.scope)
            except EvaluationError:
                return text
            if len(parts) == 1:
                return plain(value)
            filled.append(show(value))
    if all(isinstance(part, str) for part in filled):
        return "".join(filled)
    return {_LATE: _joined(filled)}


def _joined(parts: list[Json]) -> list[Json]:
    """Neighbouring texts as one, so that equal values have one spelling."""
    found: list[Json] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        elif part != "":
            found.append(part)
    return found


@dataclass(frozen=True, slots=True)
class Late:
    """An expression that cannot be told yet."""

    names: tuple[str, ...]
    after: tuple[str, ...]


def is_late(cel: str, known: Known) -> Late | None:
    """What is missing for the expression, if it needs that."""
    missing = known.after(cel) if known.inside else {}
    if not missing:
        return None
    # `has` of what is not there yet is false now, and may be true then.
    if "has(" not in cel and _is_settled(cel, known):
        return None
    return Late(tuple(missing), tuple(dict.fromkeys(step for steps in missing.values() for step in steps)))


def _is_settled(cel: str, known: Known) -> bool:
    """Whether it has a value whatever the rest will be: `inputs.fast ? "now" : steps.look.when`."""
    try:
        evaluate(cel, known.scope)
    except EvaluationError:
        return False
    return True


# --- reading ----------------------------------------------------------------------------------------------


def late_words(cel: str, after: Iterable[str]) -> str:
    """`<steps.leader.host, known after "leader">`."""
    return f"<{' '.join(cel.split())}, {known_when(after)}>"


def known_when(after: Iterable[str]) -> str:
    """`known after "leader"`; of the time, when its turn comes."""
    told = ", ".join(f'"{step}"' for step in after)
    return f"known after {told}" if told else "known when its turn comes"


def text_of(filled: Filled) -> str:
    """A filled text for people."""
    if not isinstance(filled, Mapping) or _LATE not in filled:
        return show(filled)
    return "".join(
        part if isinstance(part, str) else late_words(part["cel"], part["after"]) for part in filled[_LATE]
    )


def gaps(filled: Filled) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Every expression that is late in it, and after which steps it is known."""
    if isinstance(filled, Mapping):
        if _LATE in filled:
            for part in filled[_LATE]:
                if not isinstance(part, str):
                    yield part["cel"], tuple(part["after"])
            return
        for held in filled.get(_DATA, filled).values():
            yield from gaps(held)
    elif isinstance(filled, list):
        for held in filled:
            yield from gaps(held)


def is_gap(filled: Filled) -> bool:
    """Whether all of it is one expression that is late."""
    return isinstance(filled, Mapping) and _LATE in filled and len(filled[_LATE]) == 1


@dataclass(frozen=True, slots=True)
class Marked:
    """A call in which each gap is a word of its own, so that it can be written like any other call; `words`
    then puts what people read in the place of those."""

    call: Call
    marks: Mapping[str, str]

    def has_gap(self, text: str) -> bool:
        return any(mark in text for mark in self.marks)

    def words(self, text: str) -> str:
        for mark, told in self.marks.items():
            text = text.replace(mark, told)
        return text


def marked(call: Call, params: Filled) -> Marked:
    """`call` with `params`, which are filled, for reading."""
    salt = "0"
    spelled = canonical(params).decode()
    while f"late{salt}x" in spelled:
        salt += "0"
    marks: dict[str, str] = {}

    def write(held: Filled) -> Json:
        if isinstance(held, Mapping):
            if _LATE in held:
                return "".join(part if isinstance(part, str) else mark(part) for part in held[_LATE])
            return {key: write(inner) for key, inner in held.get(_DATA, held).items()}
        return [write(inner) for inner in held] if isinstance(held, list) else held

    def mark(part: Json) -> str:
        made = f"late{salt}x{len(marks)}x"
        marks[made] = late_words(part["cel"], part["after"])
        return made

    return Marked(replace(call, params=write(params)), marks)


# --- comparing --------------------------------------------------------------------------------------------


def differences(then: Filled, now: Filled, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where `now` is something else than `then` allows: a gap allows anything, all else only itself."""
    if isinstance(then, str) and isinstance(now, str):  # nearly all of it
        if then != now:
            yield at
    elif isinstance(then, Mapping) and _LATE in then:
        if not _fits(then[_LATE], now):
            yield at
    elif isinstance(then, Mapping) and isinstance(now, Mapping):
        if _DATA in then and _DATA in now:
            then, now = then[_DATA], now[_DATA]
        for key in sorted(then.keys() | now.keys()):
            if key in then and key in now:
                yield from differences(then[key], now[key], (*at, key))
            else:
                yield (*at, key)
    elif isinstance(then, list) and isinstance(now, list) and len(then) == len(now):
        for place, (was, held) in enumerate(zip(then, now, strict=True)):
            yield from differences(was, held, (*at, place))
    elif canonical(then) != canonical(now):
        yield at


def _fits(parts: list[Json], now: Filled) -> bool:
    if len(parts) == 1:
        return True
    if isinstance(now, Mapping) and _LATE in now:
        now = "".join(part if isinstance(part, str) else "\0" for part in now[_LATE])
    if not isinstance(now, str):
        return False
    texts = [part if isinstance(part, str) else None for part in parts]
    head = texts.pop(0) if texts[0] is not None else ""
    tail = texts.pop() if texts and texts[-1] is not None else ""
    if len(now) < len(head or "") + len(tail or "") or not now.startswith(head or ""):
        return False
    at, end = len(head or ""), len(now) - len(tail or "")
    if not now.endswith(tail or ""):
        return False
    for text in filter(None, texts):
        at = now.find(text, at, end)
        if at < 0:
            return False
        at += len(text)
    return True
