"""Read `stanch.yaml` and the `STANCH_...` variables; what does not fit is a diagnostic at its place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from stanch.duty_check import check_duty
from stanch.errors import InvalidInput
from stanch.keyring import WrongKey, read_keys
from stanch.language.diagnostics import Diagnostic, Report, in_order
from stanch.language.json_schema import value_problem
from stanch.language.plan import Json
from stanch.language.read import read
from stanch.language.render.text import render_text
from stanch.language.shapes import Shape
from stanch.language.source import START
from stanch.language.structure import Head, fit
from stanch.language.tree import Mapping as Tree
from stanch.language.tree import Node, Sequence, plain


def read_file(file: Path, schema: Json) -> dict[str, Json]:
    """The data in `file`, which fits `schema`. Raises InvalidInput with every diagnostic."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise InvalidInput(f"cannot read the configuration `{file}`: {error.strerror}") from error
    checked = check(str(file), content, schema)
    if checked.found:
        text = render_text(checked.found, {str(file): checked.text}, colour=False)
        raise InvalidInput(f"the configuration `{file}` does not fit\n\n{text}")
    return checked.data


@dataclass(frozen=True, slots=True)
class Checked:
    text: str
    data: dict[str, Json]
    found: tuple[Diagnostic, ...]
    """What does not fit; every one is an error."""


def check(name: str, content: bytes, schema: Json) -> Checked:
    """A configuration's data, and all that is wrong with it. `name` is for the places."""
    if all(line.lstrip().startswith(b"#") for line in content.splitlines() if line.strip()):
        return Checked("", {}, ())
    report = Report(name)
    source, root = read(name, content, report)
    data: dict[str, Json] = {}
    if isinstance(root, Tree):
        data = plain(root)
        fit(root, data, Shape(schema), Head("the configuration", START), report)
        if not report.failed:
            check_duty(root, report)
        if not report.failed:
            _check_keys(root, data, report)
    elif root is not None:
        report.add("RB203", START, "the configuration must be a mapping of sections such as `temporal:`")
    return Checked(source.text, data, in_order(report.found) if report.failed else ())


def _check_keys(root: Tree, data: dict[str, Json], report: Report) -> None:
    try:
        read_keys(data.get("policy", {}))
    except WrongKey as error:
        node: Node = root
        for part in ("policy", *error.path):
            inner: Node | None = None
            if isinstance(node, Tree):
                inner = node.get(str(part))
            elif isinstance(node, Sequence) and isinstance(part, int):
                inner = node.items[part]
            node = inner or node
        report.add("RB204", node.span, str(error))


def override(
    data: dict[str, Json], schema: Json, chosen: Mapping[str, tuple[str, str]], environ: Mapping[str, str]
) -> None:
    """Let the variables win over what the file says. Raises InvalidInput."""
    for name, (section, key) in chosen.items():
        inner = schema["properties"][section]
        wanted = inner["properties"][key] if key else inner
        value = _value(
            name, environ[name], {**wanted, "$defs": {**schema["$defs"], **inner.get("$defs", {})}}
        )
        data[section] = {**data.get(section, {}), key: value} if key else value


def _value(name: str, text: str, schema: Json) -> Json:
    """The value in an environment variable. Raises InvalidInput."""
    if schema.get("type") == "string":
        return text
    report = Report(name)
    _, root = read(name, text, report)
    value = None if root is None or report.failed else plain(root)
    if schema.get("$ref") == "#/$defs/local_secret" and not isinstance(value, dict):
        value = text
    problem = value_problem(schema, value)
    if report.failed or problem is not None:
        raise InvalidInput(f"the environment variable {name}: `{text}` {problem or 'is not YAML'}")
    return value
