"""The expressions of twelve real procedures pass the checker and give what their authors meant."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from stanch.language.chains import chains
from stanch.language.evaluate import evaluate
from stanch.language.plan import Json
from stanch.language.typecheck import check
from stanch.language.types import of_data

FOLDER = Path(__file__).parents[1] / "data" / "real-runbooks"
CASES = yaml.safe_load((Path(__file__).parent / "data" / "real-expressions.yaml").read_text(encoding="utf-8"))


def declared(expression: str, scope: dict[str, Json]) -> frozenset[tuple[str, str]]:
    """The names that the expression reads, with types as the compiler would know them."""
    found = set()
    for chain in chains(expression):
        root = chain.parts[0] if chain.parts else ""
        length = {"inputs": 2, "run": 2, "result": 2, "steps": 3}.get(root, 1)
        name = ".".join(chain.parts[:length])
        if name in scope and "." in name:
            found.add((name, "timestamp"))
        elif root in scope:
            held = scope[root]
            for part in chain.parts[1:length] if isinstance(held, dict) else ():
                held = held.get(part)
            fan_out = root == "result" and isinstance(scope[root], list)
            kind = "dyn" if name == "result.json" or held is None else of_data(held)
            found.add(("result", "list(map(string,dyn))") if fan_out else (name, kind))
    return frozenset(found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['of']} {case['cel'][:40]}")
def test_an_expression_of_a_real_procedure_gives_what_its_author_meant(case: dict[str, Json]) -> None:
    expression, scope = case["cel"], case["data"]
    assert check(expression, declared(expression, scope)).errors == ()
    assert json.dumps(evaluate(expression, scope)) == json.dumps(case["gives"])


def test_the_expressions_stand_in_the_procedures() -> None:
    found = {path.name[:2]: bare(path.read_text(encoding="utf-8")) for path in FOLDER.glob("*.yaml")}
    lost = [
        case["cel"] for case in CASES if bare(case["cel"]) not in found.get(case["of"], bare(case["cel"]))
    ]
    assert lost == []


def bare(text: str) -> str:
    """Without white space and without what YAML adds to a quoted text."""
    return re.sub(r"[\s\\]", "", text).replace("''", "'")
