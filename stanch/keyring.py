"""The keys that a policy believes, as its text names them: people, their printed codes, and gateways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TypeAlias

from stanch.contract import PublicKey
from stanch.errors import InvalidInput
from stanch.language.plan import Json

Path: TypeAlias = tuple[str | int, ...]


class WrongKey(InvalidInput):
    """A key that is none; `path` leads to it from the policy."""

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"policy.{_place(path)}: {why}")
        self.path = path


def read_keys(policy: Json) -> tuple[PublicKey, ...]:
    """The keys under `people` and `gateways` of a policy that fits its schema.

    Raises WrongKey for a key that nobody can believe, one that stands twice, and a window that is none.
    """
    if not policy.get("people") and not policy.get("gateways"):
        return ()
    # Signatures cost 20 ms to import, and most configurations name no key.
    from stanch.proof import key_problem  # noqa: PLC0415

    places: dict[str, Path] = {}
    keys = []
    for path, key in _keys(policy):
        if wrong := key_problem(key):
            raise WrongKey(path, wrong)
        if key.id in places:
            raise WrongKey(path, f"this key stands under `{_place(places[key.id])}` already")
        places[key.id] = path
        keys.append(key)
    return tuple(keys)


def _keys(policy: Json) -> Iterator[tuple[Path, PublicKey]]:
    for name, person in policy.get("people", {}).items():
        for number, spec in enumerate(person.get("keys", ())):
            path: Path = ("people", name, "keys", number)
            yield path, _key(path, spec, (name,))
        for number, public in enumerate(person.get("codes", ())):
            path = ("people", name, "codes", number)
            yield path, _key(path, {"public": public}, (name,), once=True)
    for number, spec in enumerate(policy.get("gateways", ())):
        path = ("gateways", number)
        yield path, _key(path, spec, ())


def _key(path: Path, spec: Json, speaks_for: tuple[str, ...], *, once: bool = False) -> PublicKey:
    from stanch.proof import key_id  # noqa: PLC0415

    def end(word: str) -> float:
        try:
            return _moment(spec.get(word, ""))
        except ValueError as error:
            raise WrongKey((*path, word), str(error)) from error

    public = spec["public"]
    return PublicKey(key_id(public), public, speaks_for, end("from"), end("until"), once)


def _place(path: Path) -> str:
    """`people.alice.keys[0]`"""
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def read_moment(place: str, text: str) -> float:
    """Seconds since the epoch, 0.0 for none. A date is its first moment in UTC. Raises InvalidInput."""
    try:
        return _moment(text)
    except ValueError as error:
        raise InvalidInput(f"{place}: {error}") from error


def _moment(text: str) -> float:
    """Raises ValueError with what to say."""
    if not text:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise ValueError(f"there is no such day or time as `{text}`") from error
