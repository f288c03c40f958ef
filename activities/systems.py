"""The systems that runbooks name, and that only the worker's configuration knows."""

from __future__ import annotations

from collections.abc import Mapping

from activities.action import Context
from activities.secrets import Secrets
from stanch.errors import InvalidInput
from stanch.language.plan import Json

_SECRET = ("password", "token", "reader")
"""What is hidden even where somebody has written it down."""


class Systems:
    """What `systems` of the configuration says, name by name; their secrets are in `secrets`."""

    def __init__(self, systems: Mapping[str, Mapping[str, Json]], secrets: Secrets | None = None) -> None:
        self._systems = systems
        self._secrets = Secrets(systems) if secrets is None else secrets

    def named(self, name: str | None, kinds: tuple[str, ...]) -> str:
        """`name`, or where a step names none the only system of `kinds`. Raises InvalidInput."""
        if name is not None:
            return name
        have = sorted(other for other, settings in self._systems.items() if settings["kind"] in kinds)
        if len(have) == 1:
            return have[0]
        listed = ", ".join(f"`{other}`" for other in have) or "none"
        raise InvalidInput(
            f"the step does not say which system, and `systems` of this worker's configuration has not "
            f"exactly one of kind {_either(kinds)}: {listed}"
        )

    def kind(self, name: str) -> str:
        """Of the system `name`; empty when there is none."""
        return str(self._systems.get(name, {}).get("kind", ""))

    async def find(self, name: str, kinds: tuple[str, ...], context: Context) -> Mapping[str, Json]:
        """The settings of the system `name`, secrets resolved and hidden. Raises InvalidInput, when there is
        none of that name or it is none of `kinds`, and Unreachable when a secret cannot be had just now."""
        found = self._systems.get(name)
        wanted = _either(kinds)
        if found is None:
            have = sorted(other for other, settings in self._systems.items() if settings["kind"] in kinds)
            there = f"it has {', '.join(f'`{other}`' for other in have)}" if have else "it has none"
            raise InvalidInput(
                f"no system `{name}` under `systems` of this worker's configuration; of kind {wanted} {there}"
            )
        if found["kind"] not in kinds:
            raise InvalidInput(f"the system `{name}` is a `{found['kind']}`, and this needs {wanted}")
        settings, secrets = await self._secrets.resolve(found)
        written = (settings[word] for word in _SECRET if isinstance(settings.get(word), str))
        context.hide([*secrets, *written])
        return dict(settings)


def _either(kinds: tuple[str, ...]) -> str:
    return " or ".join(f"`{kind}`" for kind in kinds)
