"""Stand-ins for services that keep flags, each held against the description that its maker has published.

What that does not describe is answered with 400 and the reason.
"""

from __future__ import annotations

import contextlib
import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft7Validator
from openapi_schema_validator import OAS30Validator, OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT7
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from stanch.language.plan import Json
from tests.activities.served import served

_DATA = Path(__file__).parents[1] / "data"
_HERE = "urn:description"


def _parts(validator: type[Any], document: Json, part: str) -> Any:
    """Checks what `part` of an OpenAPI description describes."""
    registry: Registry[Json] = Registry().with_resource(_HERE, Resource.opaque(document))
    return validator({"$ref": f"{_HERE}#/components/schemas/{part}"}, registry=registry)


def _refused(status: int, code: str, message: str) -> Response:
    return JSONResponse({"code": code, "message": message}, status)


# --- LaunchDarkly -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class LaunchDarkly:
    """One project, `default`, whose flags have the environments `production` and `test`."""

    url: str = ""
    token: str = "api-0b6f7a3e-a-token-of-the-tests"
    flags: dict[str, Any] = field(default_factory=dict)
    patches: list[Json] = field(default_factory=list)
    needs_approval: bool = False

    def system(self, **more: Json) -> dict[str, Json]:
        return {"kind": "launchdarkly", "url": self.url, "token": self.token, **more}

    def create(self, flag: str, *, values: tuple[Json, ...] = (True, False), **production: Json) -> None:
        """`production` differs from a flag that is on for everybody."""
        usual = {"on": True, "fallthrough": {"variation": 0}, "offVariation": 1, "rules": [], "targets": []}
        self.flags[flag] = {
            "key": flag,
            "name": flag,
            "kind": "boolean",
            "variations": [{"_id": f"variation-{at}", "value": value} for at, value in enumerate(values)],
            "environments": {"production": {**_COMMON, **usual, **production}, "test": {**_COMMON, **usual}},
            **_OF_A_FLAG,
        }
        self._check("FeatureFlag", self.flags[flag])

    def production(self, flag: str) -> Any:
        return self.flags[flag]["environments"]["production"]

    async def endpoint(self, request: Request) -> Response:
        if request.headers.get("authorization") != self.token:
            return _refused(401, "unauthorized", "invalid API key")
        key = request.path_params["flag"]
        if request.path_params["project"] != "default" or key not in self.flags:
            return _refused(404, "not_found", "Unknown resource")
        if unknown := set(request.query_params) - ({"env", "expand"} if request.method == "GET" else set()):
            return _refused(400, "invalid_request", f"no such query parameter: {min(unknown)}")
        if request.method == "PATCH":
            if self.needs_approval:
                return _refused(405, "method_not_allowed", "Approval is required to make this request")
            if (wrong := self._patched(key, await request.json())) is not None:
                return _refused(400, "invalid_request", wrong)
        found = copy.deepcopy(self.flags[key])
        if env := request.query_params.get("env"):
            found["environments"] = {
                name: held for name, held in found["environments"].items() if name == env
            }
        self._check("FeatureFlag", found)
        return JSONResponse(found)

    def _patched(self, key: str, asked: Json) -> str | None:
        """Why it was not."""
        for error in _parts(OAS30Validator, _LAUNCHDARKLY, "PatchWithComment").iter_errors(asked):
            return str(error.message)
        flag = copy.deepcopy(self.flags[key])
        for each in asked["patch"]:
            *way, last = [word.replace("~1", "/").replace("~0", "~") for word in each["path"].split("/")[1:]]
            place = flag
            for word in way:
                place = place.get(word, {})
            if each["op"] != "replace" or last not in place:
                return f"cannot {each['op']} {each['path']}"
            place[last] = each["value"]
        for error in _parts(OAS30Validator, _LAUNCHDARKLY, "FeatureFlag").iter_errors(flag):
            return str(error.message)
        rollout = flag["environments"]["production"]["fallthrough"].get("rollout")
        if rollout and sum(each["weight"] for each in rollout["variations"]) != 100_000:
            return "the weights of a rollout must add up to 100000"
        self.flags[key] = flag
        self.patches.append(asked)
        return None

    def _check(self, part: str, value: Json) -> None:
        _parts(OAS30Validator, _LAUNCHDARKLY, part).validate(value)


_LAUNCHDARKLY = json.loads((_DATA / "launchdarkly" / "flags.json").read_text())
_LINK = {"href": "/default/production/features/x", "type": "text/html"}
_COMMON: Json = {
    "_environmentName": "Production",
    "_site": _LINK,
    "archived": False,
    "lastModified": 1627071171347,
    "salt": "61eddeadbeef",
    "sel": "810edeadbeef",
    "trackEvents": False,
    "trackEventsFallthrough": False,
    "version": 1,
}
_OF_A_FLAG: Json = {
    "_links": {"self": _LINK},
    "_version": 1,
    "archived": False,
    "creationDate": 1627071171347,
    "customProperties": {},
    "experiments": {"baselineIdx": 0, "items": []},
    "tags": [],
    "temporary": False,
}


@contextlib.contextmanager
def start_launchdarkly() -> Iterator[LaunchDarkly]:
    keeper = LaunchDarkly()
    path = "/api/v2/flags/{project}/{flag}"
    with served(Starlette(routes=[Route(path, keeper.endpoint, methods=["GET", "PATCH"])])) as url:
        keeper.url = url
        yield keeper


# --- flagd, and OpenFeature's protocol for clients --------------------------------------------------------


def check_flagd(document: Json) -> None:
    """Raises jsonschema's ValidationError for what flagd would not take."""
    schemas = {
        name: json.loads((_DATA / "flagd" / f"{name}.json").read_text()) for name in ("flags", "targeting")
    }
    resources = [
        (f"https://flagd.dev/schema/v0/{name}.json", DRAFT7.create_resource(schema))
        for name, schema in schemas.items()
    ]
    whole = {"$ref": f"{resources[0][0]}#/definitions/providerConfig"}
    Draft7Validator(whole, registry=Registry().with_resources(resources)).validate(document)


@dataclass(slots=True)
class Ofrep:
    """Tells everybody `values`; of a flag whose value is None, to use a default of their own."""

    values: Mapping[str, Json]
    url: str = ""
    token: str = "a-clients-token-of-the-tests"
    asked: list[Json] = field(default_factory=list)

    async def endpoint(self, request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {self.token}":
            return Response(status_code=401)
        body, key = await request.json(), request.path_params["flag"]
        for error in _parts(OAS31Validator, _OFREP, "evaluationRequest").iter_errors(body):
            return JSONResponse(
                {"key": key, "errorCode": "INVALID_CONTEXT", "errorDetails": error.message}, 400
            )
        if key not in self.values:
            return JSONResponse({"key": key, "errorCode": "FLAG_NOT_FOUND"}, 404)
        self.asked.append(body["context"])
        said = {"key": key, "reason": "STATIC", "variant": "x"}
        value = self.values[key]
        return JSONResponse(said if value is None else {**said, "value": value})


_OFREP = yaml.safe_load((_DATA / "ofrep" / "openapi.yaml").read_text())


@contextlib.contextmanager
def start_ofrep(**values: Json) -> Iterator[Ofrep]:
    server = Ofrep(values)
    route = Route("/ofrep/v1/evaluate/flags/{flag}", server.endpoint, methods=["POST"])
    with served(Starlette(routes=[route])) as url:
        server.url = url
        yield server
