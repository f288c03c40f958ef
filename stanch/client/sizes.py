"""Whether Temporal takes what a run is started with, said before it is asked, and by name."""

from __future__ import annotations

from stanch.client.payloads import data_converter
from stanch.contract import RunInput
from stanch.contract.limits import GIVEN, INPUT, in_words
from stanch.errors import InvalidInput
from stanch.language.plan import Json


def refuse_too_large(given: RunInput) -> None:
    """Raises InvalidInput with what is too large, and what to do."""
    if (size := _bytes(given.inputs)) > GIVEN:
        name = max(given.inputs, key=lambda each: _bytes(given.inputs[each]))
        raise InvalidInput(
            f"the inputs are {in_words(size)}, most of it `{name}`, and {in_words(GIVEN)} is the most; let a "
            "step of the runbook read so much"
        )
    if (size := _bytes(given)) > INPUT:
        parts = {"its plan": given.plan, "the policy": given.policy, "the inputs": given.inputs}
        told = ", ".join(f"{in_words(_bytes(part))} {name}" for name, part in parts.items())
        raise InvalidInput(
            f"`{given.plan.runbook}` cannot be started with {in_words(size)} ({told}), and {in_words(INPUT)} "
            "is the most; split the runbook, or let the policy name fewer people and targets"
        )


def _bytes(value: Json) -> int:
    return len(data_converter.payload_converter.to_payload(value).data)
