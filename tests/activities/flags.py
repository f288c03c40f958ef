"""What holds of a flag whoever keeps it: it is set, known to be so, and brought back to what it was."""

from __future__ import annotations

from typing import Any

from jsonschema import Draft202012Validator

from activities.action import Context
from activities.attempt.parameters import Parameters
from activities.flag import Flag
from stanch.language.plan import Json
from stanch.schemas import load_catalogue

SPEC = load_catalogue().actions["flag"]


async def performed(flag: Flag, context: Context, **params: Json) -> Any:
    Parameters(SPEC).check(params)
    result = await flag.perform(params, context)
    Draft202012Validator(SPEC.result).validate(result)
    return result


async def set_to(flag: Flag, context: Context, **params: Json) -> dict[str, Json]:
    """Have a call with `params` set it; the parameters of the call that brings it back."""
    before = await flag.look(params, context)
    assert not before.done
    result = await performed(flag, context, **params)
    after = await flag.look(params, context)
    assert (after.done, after.result) == (True, result)
    assert before.back is not None
    undo = {**params, **before.back}
    return {name: held for name, held in undo.items() if held is not None}


async def brought_back(flag: Flag, context: Context, undo: dict[str, Json]) -> None:
    assert not (await flag.look(undo, context)).done
    await performed(flag, context, **undo)
    assert (await flag.look(undo, context)).done


async def there_and_back(flag: Flag, context: Context, **params: Json) -> Any:
    """What the call's result is; afterwards everything is as it was before."""
    read = {name: params[name] for name in ("server", "name")}
    before = await performed(flag, context, **read)
    undo = await set_to(flag, context, **params)
    result = await performed(flag, context, **read)
    await brought_back(flag, context, undo)
    assert await performed(flag, context, **read) == before
    again = await flag.look(params, context)
    assert again.back is not None
    assert again.back["restore"] == undo["restore"]
    return result
