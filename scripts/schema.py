"""Write into `schemas/runbook.v1.json` what editors know of each action in `schemas/actions/`.

    python -m scripts.schema

Only the parts about actions are written; the rest of the file is written by hand and stays as it is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

SCHEMAS = Path(__file__).resolve().parent.parent / "schemas"
_CHECKS = ("done", "revert", "verify", "undo")
_WIDTH = 116


def main() -> None:
    file = SCHEMAS / "runbook.v1.json"
    file.write_text(with_actions(file.read_text(encoding="utf-8"), action_documents()), encoding="utf-8")


def action_documents() -> dict[str, Any]:
    """Name to schema document of each action, by name."""
    files = sorted((SCHEMAS / "actions").glob("*.v1.json"))
    return {
        file.name.removesuffix(".v1.json"): json.loads(file.read_text(encoding="utf-8")) for file in files
    }


def with_actions(text: str, actions: Mapping[str, Any]) -> str:
    """`text`, that of the runbook's schema, with the parts about actions written anew."""
    listed = "".join(f'        "{name}": {{"$ref": "#/$defs/{name}_fields"}},\n' for name in actions)
    text = re.sub(r'(?: {8}"\w+": \{"\$ref": "#/\$defs/\w+_fields"\},\n)+', lambda _: listed, text)
    needs = '    "inheriting": {\n' + _inheriting(actions) + _scriptless(actions)
    fields = "".join(_fields(name, document) for name, document in actions.items())
    text = re.sub(
        r' {4}"inheriting": \{\n.*?(?= {4}"script": \{\n)', lambda _: needs + fields, text, flags=re.DOTALL
    )
    step = '    "step": {\n      "type": "object", "required": ["id"], "additionalProperties": false,\n'
    before, _, behind = text.partition(step)
    _, end, rest = behind.partition('      ],\n      "properties": {\n        "id": ')
    return before + step + _own(actions) + end + rest


def _inheriting(actions: Mapping[str, Any]) -> str:
    comment = (
        '      "$comment": "What an action needs where its targets may come from the step around it.",\n'
    )
    return comment + '      "allOf": [\n' + _needed(actions, inherits=True) + "\n      ]\n    },\n"


def _own(actions: Mapping[str, Any]) -> str:
    """What a step's own action needs, and what its checks need when it has no targets to take over."""
    parts = [_needed(actions, inherits=False)]
    for name, document in actions.items():
        if targets := document["x-stanch"]["targets"]:
            parts.append(_without(name, targets))
    return '      "allOf": [\n' + ",\n".join(parts) + "\n"


def _needed(actions: Mapping[str, Any], *, inherits: bool) -> str:
    plain = {name: document for name, document in actions.items() if not _takes_script(document)}
    scripted = {name: document for name, document in actions.items() if _takes_script(document)}
    lines = ",\n".join(
        f'          "{name}": {_flat(_needs(name, document, inherits=inherits))}'
        for name, document in plain.items()
    )
    then = {name: _needs(name, document, inherits=inherits) for name, document in scripted.items()}
    beside = {name: _beside_script(document, inherits=inherits) for name, document in scripted.items()}
    return (
        '        {"properties": {\n' + lines + "\n        }},\n"
        "        {\n"
        '          "if": {"not": {"required": ["script"]}},\n'
        f'          "then": {_flat({"properties": then})},\n'
        f'          "else": {_flat({"properties": beside})}\n'
        "        },\n"
        '        {"$ref": "#/$defs/scriptless"}'
    )


def _needs(name: str, document: Any, *, inherits: bool) -> Any:
    params, targets = document["$defs"]["params"], document["x-stanch"]["targets"]
    if not inherits or targets is None:
        return {"$ref": f"actions/{name}.v1.json#/$defs/params"}
    needs = {word: params[word] for word in ("oneOf", "anyOf", "dependentSchemas") if word in params}
    required = [word for word in params.get("required", ()) if word != targets]
    return needs | ({"required": required} if required else {})


def _beside_script(document: Any, *, inherits: bool) -> Any:
    targets = document["x-stanch"]["targets"]
    required = {} if inherits or targets is None else {"required": [targets]}
    return required | {"properties": {"run": False, "script": False}}


def _without(name: str, targets: str) -> str:
    there = _flat({"properties": {name: {"required": [targets]}}})
    checks = [f'            "{word}": {there}' for word in _CHECKS]
    checks[1] = (
        '            "revert": {"properties": {"when": {\n'
        '              "description": "As soon as a read shows that it may.",\n'
        f"              {there.removeprefix('{').removesuffix('}')}\n"
        "            }}}"
    )
    return (
        "        {\n"
        f'          "if": {{"not": {{"required": ["{name}"]}}}},\n'
        '          "then": {"properties": {\n' + ",\n".join(checks) + "\n          }}\n        }"
    )


def _scriptless(actions: Mapping[str, Any]) -> str:
    names = [name for name, document in actions.items() if not _takes_script(document)]
    listed = _wrapped([_flat({"required": [name]}) for name in names], " " * 8)
    return (
        '    "scriptless": {\n'
        '      "$comment": "The actions beside which no script can stand.",\n'
        f'      "if": {{"anyOf": [\n{listed}\n      ]}},\n'
        '      "then": {"properties": {"script": false}, '
        '"errorMessage": "`script` cannot stand beside this action"}\n'
        "    },\n"
    )


def _fields(name: str, document: Any) -> str:
    prefix = f"actions/{name}.v1.json#/$defs/params/properties"
    listed = ",\n".join(
        f'        "{field}": {{"$ref": "{prefix}/{field}"}}'
        for field in document["$defs"]["params"]["properties"]
    )
    return (
        f'    "{name}_fields": {{\n'
        '      "type": "object", "additionalProperties": false,\n'
        f'      "description": {_flat(document["description"])},\n'
        f'      "properties": {{\n{listed}\n      }}\n'
        "    },\n"
    )


def _takes_script(document: Any) -> bool:
    return "script" in document["$defs"]["params"]["properties"]


def _flat(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _wrapped(items: Sequence[str], indent: str) -> str:
    lines = [indent]
    for at, item in enumerate(items):
        piece = item + ("," if at < len(items) - 1 else "")
        if len(lines[-1]) + len(piece) > _WIDTH and lines[-1].strip():
            lines.append(indent)
        lines[-1] += piece + " "
    return "\n".join(line.rstrip() for line in lines)


if __name__ == "__main__":
    main()
