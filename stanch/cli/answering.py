"""Answer an open question of a run: find it, show it, send the decision that is bound to it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stanch.cli.confirmation import answered
from stanch.cli.console import coloured, columns, out, out_json, say
from stanch.cli.engine import whoami, with_engine
from stanch.cli.program import this_program
from stanch.cli.prompt import all_true, ask_values, at_a_terminal, typed
from stanch.cli.render_answers import SHORT_DIGEST, open_lines
from stanch.cli.render_request import render_request
from stanch.cli.safe import one_line
from stanch.cli.sending import send
from stanch.cli.style import Style
from stanch.cli.values import read_pairs
from stanch.client import runs
from stanch.contract import Accepted, Choice, Decision, Order, Request, RunView
from stanch.errors import EngineUnavailable, IllegalDecision, InvalidInput
from stanch.language.plan import Json

if TYPE_CHECKING:
    from temporalio.client import Client, WorkflowHandle


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person typed. `digest` may be the first digits of the request's."""

    run: str
    choice: Choice
    request: str = ""
    digest: str = ""
    reason: str = ""
    confirm: str = ""
    values: tuple[str, ...] = field(default=())
    """`NAME=VALUE` each, of an `answer`."""
    code: bool = False
    """It is signed with a printed code, which is asked for."""


def give(answer: Answer, *, as_json: bool) -> None:
    """Send it and say what was recorded. Raises IllegalDecision, InvalidInput, EngineUnavailable."""
    said, accepted = with_engine(lambda client, _: _given(client, answer))
    if as_json:
        out_json(accepted)
    else:
        out(one_line(said))


async def _given(client: Client, answer: Answer) -> tuple[str, Accepted]:
    handle = await runs.resolve(client, answer.run)
    view = await runs.view(handle)
    request = chosen(view, answer)
    given = _read(request, answer)
    shown = render_request(
        view,
        request,
        this_program(),
        time.time(),
        Style(coloured(sys.stderr), columns(sys.stderr)),
        answers=False,
    )
    say("\n".join(shown))
    decision = Decision(
        request=request.id,
        choice=answer.choice,
        by=whoami(),
        digest=request.digest,
        reason=answer.reason,
        confirm=_confirmed(request, answer),
        values=_complete(request, answer, given),
    )
    if answer.choice == "done" and (left := open_lines(request)) and at_a_terminal():
        # They have just said of every line that it is so.
        ticks = Order("tick", by=decision.by, request=request.id, items=left)
        if answer.code:
            say("the lines of the checklist are ticked first, which takes a code of its own")
        await send(ticks, view.run, view.started, lambda made: runs.order(handle, made), code=answer.code)
    accepted = await send(
        decision, view.run, view.started, lambda made: runs.decide(handle, made), code=answer.code
    )
    return await _told(handle, decision, accepted.message), accepted


async def _told(handle: WorkflowHandle[object, object], decision: Decision, message: str) -> str:
    try:
        return answered(await runs.view(handle), decision, message)
    except EngineUnavailable:
        # It is recorded, whatever can be read of the run now.
        return message


def chosen(view: RunView, answer: Answer) -> Request:
    """The open request that `answer` means. Raises IllegalDecision or InvalidInput with what there is."""
    if not view.requests:
        ended = f"it has ended: {view.outcome.replace('_', ' ')}" if view.outcome else "it goes on by itself"
        raise IllegalDecision(f"nothing is asked in `{view.run}`; {ended}")
    request = _named(view, answer.request)
    if answer.choice not in request.choices:
        raise IllegalDecision(
            f"`{answer.choice}` is no answer to the request `{request.id}`; it takes "
            + ", ".join(f"`{choice}`" for choice in request.choices)
        )
    if answer.digest and not request.digest.startswith(answer.digest.lower()):
        raise IllegalDecision(
            f"what is asked is not what you read: the request `{request.id}` now has the digest "
            f"{request.digest[:SHORT_DIGEST]}; read it again with `stanch show`"
        )
    return request


def _named(view: RunView, name: str) -> Request:
    open_ones = ", ".join(f"`{one.id}` ({one_line(one.question)})" for one in view.requests)
    if name:
        found = [request for request in view.requests if request.id == name]
        if not found:
            raise IllegalDecision(f"the request `{name}` is not open; open: {open_ones}")
        return found[0]
    if len(view.requests) > 1:
        raise InvalidInput(f"several requests are open, name one with `--request`: {open_ones}")
    return view.requests[0]


def _read(request: Request, answer: Answer) -> dict[str, Json]:
    """The values that were typed, each as its field wants it. Raises InvalidInput."""
    if answer.values and answer.choice != "answer":
        raise InvalidInput(f"values belong to an `answer`; `{answer.choice}` has none")
    return read_pairs(request.fields, answer.values, "a value", "release=2026.11.2")


def _complete(request: Request, answer: Answer, given: Mapping[str, Json]) -> Mapping[str, Json]:
    """What was typed; a terminal is asked for the rest. Whether it fits is for the run to say."""
    missing = {name: schema for name, schema in request.fields.items() if name not in given}
    if answer.choice != "answer" or not missing or not at_a_terminal():
        return given
    # With a value typed, what has a default was left away on purpose.
    asked = {name: schema for name, schema in missing.items() if not given or "default" not in schema}
    return {**given, **ask_values(asked)}


def _confirmed(request: Request, answer: Answer) -> str:
    """What the person typed to confirm; asked for at a terminal when it is still missing."""
    if answer.choice == "done" and open_lines(request) and at_a_terminal() and not all_true():
        raise IllegalDecision("nothing was sent; the work is still open")
    if answer.choice != "approve" or not request.confirm or answer.confirm:
        return answer.confirm
    wanted = one_line(request.confirm)
    if not at_a_terminal():
        raise InvalidInput(f"this approval has to be confirmed: add `--confirm` with the text `{wanted}`")
    return typed(f"To confirm, type {wanted}")
