"""The short way to an expression's type gives what the long way does."""

from __future__ import annotations

import pytest

from stanch.language.references import references
from stanch.language.scope import ResultType, Scope
from stanch.language.typecheck import check, check_found

_SCOPE = Scope(
    inputs={"site": "string", "hosts": "list(string)", "limit": "double", "count": "int", "one": "dyn"},
    loops={"r": "string", "host": "string", "env": "string"},
    result=ResultType(False, {"value": "double", "labels": "map(string,string)", "json": "dyn", "rc": "int"}),
)


@pytest.mark.parametrize(
    "cel",
    [
        "inputs.site",
        "inputs . site",
        "inputs.one.any.thing",
        "result.labels.pod",
        "result.value > inputs.limit * 85.27 + 1.0",
        "result.rc == 0 && inputs.site == 'a' || inputs.site.contains(\"0.5  1\")",
        "inputs.hosts.all(host, host == env)",
        "[1].all(host, host == env)",
        "inputs.hosts.exists(r, r.size() > 3)",
        "has(result.json.a) ? 1 : 2",
        "has(inputs.site) && inputs.count > 1",
        "inputs.hosts.sort_by(h, h)[0]",
        "inputs.count == 1.5",
        "inputs.site + inputs.count",
        "string(run.started) + run.id",
        "_a0 + inputs.site",
        "inputs.none + 1",
        "result.value\n  >\n  2.5 // a comment",
        "duration('5 min') > duration('1m')",
        "[inputs.site, env, r, host, run.id, run.url, run.mode, run.short_id].size() > 7",
    ],
)
def test_an_expression_has_one_type_however_it_is_found(cel: str) -> None:
    found = references(cel, _SCOPE)
    names = frozenset((each.name, each.type) for each in found)
    assert check_found(cel, found) == check(cel, names)
