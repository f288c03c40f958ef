"""Values as lines for a difference: near to how one writes them in a rehearsal."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import unified_diff

from stanch.language.evaluate import show
from stanch.language.plan import Json

_WIDTH = 100
_CONTEXT = 2


def lines(value: Json) -> Iterator[str]:
    """`value` as YAML would have it, a line for each thing that may differ by itself."""
    match value:
        case dict() if value:
            for name, held in value.items():
                yield from _behind(f"{name}:", held)
        case list() if value:
            for held in value:
                inner = list(lines(held))
                if (flat := _flat(held)) is not None:
                    yield f"- {flat}"
                else:
                    yield f"- {inner[0]}"
                    yield from (f"  {line}" for line in inner[1:])
        case str():
            yield from value.splitlines() or ['""']
        case _:
            yield show(value)


def diff(expected: tuple[str, ...], happened: tuple[str, ...]) -> list[str]:
    """A unified difference, without the numbers of its lines."""
    found = list(unified_diff(expected, happened, "expected", "happened", lineterm="", n=_CONTEXT))
    return [line for line in found if not line.startswith("@@")]


def _behind(head: str, value: Json) -> Iterator[str]:
    inner = list(lines(value))
    if not isinstance(value, dict | list) or not value:
        yield f"{head} {inner[0]}"
        yield from (f"  {line}" for line in inner[1:])
    else:
        yield head
        yield from (f"  {line}" for line in inner)


def _flat(value: Json) -> str | None:
    """A mapping of single values on one line, where it fits."""
    if not isinstance(value, dict) or any(isinstance(held, dict | list) for held in value.values()):
        return None
    text = "{" + ", ".join(f"{name}: {show(held)}" for name, held in value.items()) + "}"
    return text if len(text) <= _WIDTH and "\n" not in text else None
