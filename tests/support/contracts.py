"""Requests held against what a vendor has published of its API.

Where those are is told by `STANCH_CONTRACTS`, or they lie in `shared/contracts` beside the checkout.
Not all of them may be copied, so they are no part of it, and what needs them says so where they are absent.
"""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from openapi_schema_validator import OAS30Validator

from tests.activities.served import Got

_HERE = Path(__file__).resolve().parents[2]
FOLDER = Path(os.environ.get("STANCH_CONTRACTS") or _HERE.parent / "shared" / "contracts")
needed = pytest.mark.skipif(not FOLDER.is_dir(), reason=f"the vendors' documents are not in {FOLDER.name}")


@lru_cache(maxsize=4)
def document(name: str) -> Any:
    text = (FOLDER / name).read_text(encoding="utf-8")
    return json.loads(text) if name.endswith(".json") else yaml.load(text, yaml.CSafeLoader)


def violations(name: str, got: Got, base: str = "") -> list[str]:
    """What is wrong with a request, by the OpenAPI 3.0 document `name`; `base` stands before its paths."""
    api = document(name)
    path = got.path.removeprefix(base)
    for pattern, methods in api["paths"].items():
        if re.fullmatch(re.sub(r"\{[^}]+\}", "[^/]+", pattern), path) and got.method.lower() in methods:
            return _wrong(api, methods[got.method.lower()], got)
    return [f"there is no {got.method} {path}"]


def _wrong(api: Any, operation: Any, got: Got) -> list[str]:
    given = operation.get("requestBody", {})
    given = _followed(api, given)
    content = given.get("content", {})
    if not got.body:
        return ["it has no body"] if given.get("required") else []
    kind = got.headers.get("content-type", "").partition(";")[0]
    schema = next((of["schema"] for name, of in content.items() if name in (kind, "*/*")), None)
    if schema is None:
        return [f"no body of {kind} is taken"]
    checked = OAS30Validator({"allOf": [schema], "components": api.get("components", {})})
    body = json.loads(got.body)
    unknown = (
        set(body) - set(_followed(api, schema).get("properties", body)) if isinstance(body, dict) else ()
    )
    return [f"{error.json_path}: {error.message}" for error in checked.iter_errors(body)] + [
        f"it knows no `{name}`" for name in sorted(unknown)
    ]


def _followed(api: Any, held: Any) -> Any:
    if "$ref" not in held:
        return held
    found = api
    for part in held["$ref"].removeprefix("#/").split("/"):
        found = found[part.replace("~1", "/").replace("~0", "~")]
    return found
