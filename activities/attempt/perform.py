"""The activity round every action: one task in, one report or one error out."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import TypeAlias

from temporalio import activity

from activities.action import Action
from activities.attempt.attempt import Attempt, Known
from activities.attempt.failure import application_error
from activities.attempt.keeping import Keeper
from activities.attempt.parameters import Parameters
from activities.secrets import Secrets
from stanch.contract import ActionReport, ActionTask
from stanch.contract.names import activity_of
from stanch.errors import ActionRefused, OurError, StanchError
from stanch.language.catalogue import ActionSpec
from stanch.schemas import load_catalogue

ActionActivity: TypeAlias = Callable[[ActionTask], Awaitable[ActionReport]]


def action_activities(
    actions: Iterable[Action],
    keeper: Keeper,
    specs: Mapping[str, ActionSpec] | None = None,
    secrets: Secrets | None = None,
) -> list[ActionActivity]:
    """An activity for each action, of its name; a `done` may use any of them. What steps keep goes to
    `keeper`. `specs` are those of the catalogue unless given; an action without one is a KeyError. `secrets`
    are those of the worker's machine unless given."""
    specs = load_catalogue().actions if specs is None else specs
    store = Secrets() if secrets is None else secrets
    registry: dict[str, Known] = {}
    for action in actions:
        spec = specs[action.name]
        registry[action.name] = Known(action, Parameters(spec), spec.timeout)
    return [_activity(name, registry, keeper, store) for name in registry]


def _activity(name: str, registry: Mapping[str, Known], keeper: Keeper, store: Secrets) -> ActionActivity:
    @activity.defn(name=activity_of(name))
    async def perform(task: ActionTask) -> ActionReport:
        attempt = Attempt(task, registry, keeper, store)
        try:
            return await attempt.run()
        except StanchError as error:
            failed = type(error)(attempt.clean(str(error)), ends=attempt.cleaned(error.ends))
        except Exception as error:  # noqa: BLE001 (a bug must not be tried again as if it were the network)
            failed = OurError(attempt.unexpected(error))
        again = attempt.is_followed(failed)
        after = attempt.postponed or 0.0
        ran = attempt.ran and isinstance(failed, ActionRefused)
        raise application_error(failed, attempt.kept, attempt.way_back, ran=ran, again=again, after=after)

    return perform
