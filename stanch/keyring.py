"""The keys that a policy believes, as its text names them: people, their printed codes, and gateways."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from stanch.contract import PublicKey
from stanch.errors import InvalidInput
from stanch.language.plan import Json


def read_keys(policy: Json) -> tuple[PublicKey, ...]:
    """The keys under `people` and `gateways` of a policy that fits its schema.

    Raises InvalidInput for a key that nobody can believe, one that stands twice, and a window that is none.
    """
    if not policy.get("people") and not policy.get("gateways"):
        return ()
    # Signatures cost 20 ms to import, and most configurations name no key.
    from stanch.proof import key_problem  # noqa: PLC0415

    places: dict[str, str] = {}
    keys = []
    for place, key in _keys(policy):
        if wrong := key_problem(key):
            raise InvalidInput(f"policy.{place}: {wrong}")
        if key.id in places:
            raise InvalidInput(f"policy.{place}: this key stands under `{places[key.id]}` already")
        places[key.id] = place
        keys.append(key)
    return tuple(keys)


def _keys(policy: Json) -> Iterator[tuple[str, PublicKey]]:
    for name, person in policy.get("people", {}).items():
        for number, spec in enumerate(person.get("keys", ())):
            place = f"people.{name}.keys[{number}]"
            yield place, _key(place, spec, (name,))
        for number, public in enumerate(person.get("codes", ())):
            place = f"people.{name}.codes[{number}]"
            yield place, _key(place, {"public": public}, (name,), once=True)
    for number, spec in enumerate(policy.get("gateways", ())):
        place = f"gateways[{number}]"
        yield place, _key(place, spec, ())


def _key(place: str, spec: Json, speaks_for: tuple[str, ...], *, once: bool = False) -> PublicKey:
    from stanch.proof import key_id  # noqa: PLC0415

    start, end = (read_moment(f"policy.{place}.{word}", spec.get(word, "")) for word in ("from", "until"))
    public = spec["public"]
    return PublicKey(key_id(public), public, speaks_for, start, end, once)


def read_moment(place: str, text: str) -> float:
    """Seconds since the epoch, 0.0 for none. A date is its first moment in UTC. Raises InvalidInput."""
    if not text:
        return 0.0
    try:
        found = datetime.fromisoformat(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{place}: there is no such day or time as `{text}`") from error
