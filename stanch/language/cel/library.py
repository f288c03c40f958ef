"""All functions, for evaluation and for the type checker.

A function that CEL and its extensions have keeps their meaning; `docs/functions.md` says what is different.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

from cel_expr_python import cel

from stanch.language.cel import conversions, formatting, lists, numbers, pattern, text, times
from stanch.language.cel.macros import MACROS
from stanch.language.cel.operators import Overloads

VARIADIC = numbers.VARIADIC
GLOBALS: Mapping[str, Overloads] = {
    **conversions.GLOBALS,
    **lists.GLOBALS,
    **numbers.GLOBALS,
    **pattern.GLOBALS,
    **text.GLOBALS,
}
METHODS: Mapping[str, Overloads] = {
    **conversions.METHODS,
    **formatting.METHODS,
    **lists.METHODS,
    **pattern.METHODS,
    **text.METHODS,
    **times.METHODS,
    "reverse": {**lists.METHODS["reverse"], **text.METHODS["reverse"]},
}

NAMESPACES = frozenset(name.partition(".")[0] for name in (*GLOBALS, *VARIADIC) if "." in name)
"""`math` of `math.round`."""
MACRO_NAMES = frozenset(name for name, _ in MACROS)
NAMES = frozenset({*GLOBALS, *VARIADIC, *METHODS, *MACRO_NAMES, "has"} - {"sortBy", "uint"})
"""What an author may have meant."""

_CHECKED = """
extensions: [{name: strings}, {name: math}, {name: lists}]
stdlib:
  exclude_functions: [{name: bytes}]
functions:
  - name: bytes
    overloads:
      - {id: size_of_string, args: [{type_name: string}], return: {type_name: int}}
      - {id: size_of_int, args: [{type_name: int}], return: {type_name: int}}
  - name: extract
    overloads:
      - {id: extract_string, args: [{type_name: string}, {type_name: string}], return: {type_name: string}}
      - id: string_extract
        target: {type_name: string}
        args: [{type_name: string}]
        return: {type_name: string}
  - name: sum
    overloads:
      - id: list_int_sum
        target: {type_name: list, params: [{type_name: int}]}
        return: {type_name: int}
      - id: list_double_sum
        target: {type_name: list, params: [{type_name: double}]}
        return: {type_name: double}
      - id: list_duration_sum
        target: {type_name: list, params: [{type_name: duration}]}
        return: {type_name: duration}
      - id: sum_list_int
        args: [{type_name: list, params: [{type_name: int}]}]
        return: {type_name: int}
      - id: sum_list_double
        args: [{type_name: list, params: [{type_name: double}]}]
        return: {type_name: double}
      - id: sum_list_duration
        args: [{type_name: list, params: [{type_name: duration}]}]
        return: {type_name: duration}
"""


@lru_cache(maxsize=1)
def checked() -> cel.EnvConfig:
    """What the type checker knows beside the names of a scope. `sort_by` is known to it as `sortBy`."""
    return cel.NewEnvConfigFromYaml(_CHECKED)
