"""No module and no function grows until nobody reads it."""

from __future__ import annotations

import ast

from tests.project.checkout import python_files, text

MODULE = 600
FUNCTION = 50


def test_no_module_is_longer_than_600_lines() -> None:
    lines = {name: len((text(name) or "").splitlines()) for name in python_files()}
    assert {name: count for name, count in lines.items() if count > MODULE} == {}


def test_no_function_is_longer_than_50_lines() -> None:
    """A test may be longer: it tells one story from its beginning to its end."""
    lengths = {
        f"{name}:{node.lineno} {node.name}": (node.end_lineno or 0) - node.lineno + 1
        for name in python_files()
        if not name.startswith("tests/")
        for node in ast.walk(ast.parse(text(name) or ""))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert {where: length for where, length in lengths.items() if length > FUNCTION} == {}
