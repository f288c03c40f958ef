"""The last check of rendered parameters, against the schema of their action."""

from __future__ import annotations

from collections.abc import Mapping

from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError, best_match

from stanch.errors import InvalidInput
from stanch.language.catalogue import ActionSpec
from stanch.language.plan import Json

_LONGEST = 300


class Parameters:
    """Checks the parameters of one action. Secrets are still references then, so no message can show one."""

    def __init__(self, spec: ActionSpec) -> None:
        self._action = spec.name
        # Everything is rendered, so what still looks like a template is text and no number to be.
        rendered = {**spec.params, "$defs": {**spec.params["$defs"], "template": False}}
        self._validator = Draft202012Validator(rendered)

    def check(self, params: Mapping[str, Json]) -> None:
        """Raises InvalidInput with the path in the parameters and what was expected there."""
        error = best_match(self._validator.iter_errors(params))
        if error is None:
            return
        error = _innermost(error)
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        message = error.message[:_LONGEST]
        raise InvalidInput(f"`{self._action}{path}` does not fit: {message}")


def _innermost(error: ValidationError) -> ValidationError:
    """Schemas offer the real type first and other spellings after it, so that is what was expected."""
    while error.validator == "anyOf" and error.context:
        real = [inner for inner in error.context if inner.relative_schema_path[0] == 0]
        best = best_match(real)
        if best is None:
            break
        error = best
    return error
