"""What `/api/v1` takes and gives, as an OpenAPI 3.1 document: made from the types that the endpoints read and
answer with, so it cannot tell anything else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import Any, Literal, TypeAlias

from pydantic import TypeAdapter

from stanch import __version__
from stanch.client.incidents import IncidentLine
from stanch.client.runs import RunLine
from stanch.client.start import Started
from stanch.contract import Abort, Accepted, Decision, IncidentView, LeaseView, Order, RunView
from stanch.gateway.bodies import IncidentWanted, RunWanted
from stanch.language.plan import Json

Schema: TypeAlias = dict[str, Any]
_Mode: TypeAlias = Literal["validation", "serialization"]


@dataclass(frozen=True, slots=True)
class Operation:
    does: str
    gives: type
    takes: type | None = None
    status: int = 200
    queries: tuple[str, ...] = ()
    many: str = ""
    """Under this name the answer has a list of what it gives."""


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/v1/runs"): Operation(
        "List the newest runs", RunLine, queries=("open", "limit"), many="runs"
    ),
    ("POST", "/api/v1/runs"): Operation("Start a run", Started, RunWanted, status=201),
    ("GET", "/api/v1/runs/{run}"): Operation("Show all of a run", RunView),
    ("POST", "/api/v1/runs/{run}/decisions"): Operation("Answer a request", Accepted, Decision),
    ("POST", "/api/v1/runs/{run}/abort"): Operation("End a run", Accepted, Abort),
    ("POST", "/api/v1/runs/{run}/orders"): Operation("Take the wheel of a run", Accepted, Order),
    ("GET", "/api/v1/leases"): Operation(
        "List the leases that runs hold or wait for", LeaseView, many="leases"
    ),
    ("GET", "/api/v1/incidents"): Operation(
        "List the incidents that are open", IncidentLine, queries=("all",), many="incidents"
    ),
    ("GET", "/api/v1/incidents/{incident}"): Operation("Show an incident", IncidentView),
    ("POST", "/api/v1/incidents/{incident}/hold"): Operation(
        "Hold the fire of all runs of an incident", Accepted, IncidentWanted
    ),
    ("POST", "/api/v1/incidents/{incident}/release"): Operation(
        "Let changes begin again in all runs of an incident", Accepted, IncidentWanted
    ),
    ("POST", "/api/v1/incidents/{incident}/trust"): Operation(
        "Have an incident and its runs believe a key", Accepted, IncidentWanted
    ),
}
"""By method and address, all but the document itself; a run's id may have its slashes, or `%2F` for each."""

_QUERIES: Mapping[str, Schema] = {
    "open": {"enum": ["true", "false"], "default": "false", "description": "Only those that have not ended."},
    "all": {"enum": ["true", "false"], "default": "false", "description": "Those that have ended, too."},
    "limit": {"type": "integer", "minimum": 1, "maximum": 500, "default": 50},
}
_REFUSALS: Mapping[int, str] = {
    400: "What was sent is not understood",
    401: "The token is nobody's",
    403: "Not from here, or not in this name",
    404: "There is no such run, incident or runbook",
    409: "The run or the incident refuses it, and nothing has changed",
    413: "The body is too long",
    503: "Temporal, or a worker, does not answer; it may be repeated",
}


@cache
def document() -> Json:
    schemas = _schemas()
    paths: dict[str, Schema] = {}
    for (method, path), operation in OPERATIONS.items():
        paths.setdefault(path, {})[method.lower()] = _operation(method, path, operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stanch",
            "version": __version__,
            "description": "Start runs, read them, answer what they ask, and take their wheel. Moments are "
            "seconds since the epoch, durations are seconds. `by` may be left out where a token is shown.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        # From the gateway's own machine nobody needs a token.
        "security": [{"token": []}, {}],
    }


def _operation(method: str, path: str, operation: Operation) -> Schema:
    given: Schema = _ref(operation.gives)
    if operation.many:
        held = {operation.many: {"type": "array", "items": given}}
        given = {"type": "object", "properties": held, "required": [operation.many]}
    named = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    described: Schema = {
        "summary": operation.does,
        "operationId": "_".join([method.lower(), *(part.strip("{}") for part in path.split("/")[3:])]),
        "tags": [path.split("/")[3]],
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in named),
            *({"name": name, "in": "query", "schema": _QUERIES[name]} for name in operation.queries),
        ],
        "responses": {
            str(operation.status): _answer(HTTPStatus(operation.status).phrase, given),
            **{str(status): _answer(why, _named("Refusal")) for status, why in _REFUSALS.items()},
        },
    }
    if operation.takes is not None:
        content = {"application/json": {"schema": _ref(operation.takes)}}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _answer(description: str, schema: Schema) -> Schema:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _ref(kind: type) -> Schema:
    return _named(kind.__name__)


def _named(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _schemas() -> dict[str, Schema]:
    """Each type of a body or an answer, and what is in it, by its name."""
    bodies = {operation.takes for operation in OPERATIONS.values() if operation.takes}
    kinds = {kind.__name__: kind for kind in bodies | {each.gives for each in OPERATIONS.values()}}
    wanted: list[tuple[str, _Mode, TypeAdapter[Any]]] = [
        (name, "validation", TypeAdapter(kinds[name])) for name in sorted(kinds)
    ]
    _, found = TypeAdapter.json_schemas(wanted, ref_template="#/components/schemas/{model}")
    schemas: dict[str, Schema] = found["$defs"]
    for kind in bodies:
        schema = schemas[kind.__name__]
        # A token says who speaks, and what is not known is refused.
        schema["required"] = [name for name in schema["required"] if name != "by"]
        schema["additionalProperties"] = False
    schemas["Refusal"] = {
        "type": "object",
        "properties": {"error": {"type": "string", "description": "One sentence."}},
        "required": ["error"],
    }
    return schemas
