"""How a loop goes through its items, in numbers and in the words that whoever approves it reads."""

from __future__ import annotations

from typing import Any

import pytest

from stanch.language.batches import may_fail, sizes
from stanch.language.plan import Call, Check, ForEach, Poll, Step
from stanch.language.render.phrases import pace_words, plural

UP = Check(Call("prometheus", {"query": "up"}), Poll("result.value > 0.0", within=60))


@pytest.mark.parametrize(
    ("batches", "total", "expected"),
    [
        ((1, "25%", "100%"), 14, [1, 4, 9]),
        ((1,), 3, [1, 1, 1]),
        ((2,), 5, [2, 2, 1]),
        (("50%",), 5, [3, 2]),
        (("1%",), 3, [1, 1, 1]),
        ((10,), 3, [3]),
        ((), 3, [3]),
        ((1,), 0, []),
    ],
)
def test_the_last_size_repeats_and_a_share_is_of_all_and_rounded_up(
    batches: tuple[int | str, ...], total: int, expected: list[int]
) -> None:
    assert sizes(ForEach("host", [], batches), total) == expected


@pytest.mark.parametrize(
    ("most", "total", "expected"), [(2, 14, 2), ("10%", 14, 1), ("10%", 9, 0), ("100%", 3, 3), ("0%", 9, 0)]
)
def test_the_share_that_may_fail_is_rounded_down(most: int | str, total: int, expected: int) -> None:
    assert may_fail(ForEach("host", [], max_failures=most), total) == expected


def words(count: int | None, batches: tuple[int | str, ...], most: int = 0, **fields: Any) -> str:
    verify = fields.pop("verify", None)
    loop = ForEach(fields.pop("name", "host"), "${{ inputs.hosts }}", batches, **fields)
    return pace_words(Step("fix", for_each=loop, verify=verify), count, most)


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (
            words(14, (1, "25%", "100%"), pause=30.0),
            "1 host, then 4, then 9; 30s pause; stops after the first failure",
        ),
        (words(14, (1,)), "14 hosts, one by one; stops after the first failure"),
        (words(9, (1, 2), max_failures=2), "1 host, then 2 (4 times); stops when more than 2 failed"),
        (words(9, (4,), max_failures="5%"), "4 hosts, then 4, then 1; stops after the first failure"),
        (words(14, ()), "14 hosts at once"),
        (words(1, (1,)), "1 host"),
        (
            words(None, (1, "50%"), 20),
            "at most 20 hosts, in batches of 1, 50%; stops after the first failure",
        ),
        (
            words(None, (1,), max_failures="10%"),
            "any number of hosts, one by one; stops when more than 10% of them failed",
        ),
        (
            words(2, (1,), verify=Check(UP.call, UP.poll, each_batch=True)),
            "2 hosts, one by one; each batch verified before the next; stops after the first failure",
        ),
        (
            words(2, (1,), verify=Check(UP.call, UP.poll, each_round=True), name="entry"),
            "2 entries, one by one; each entry verified before the next batch; stops after the first failure",
        ),
        (words(2, (1,), verify=UP), "2 hosts, one by one; stops after the first failure"),
    ],
)
def test_whoever_approves_reads_how_fast_it_goes(told: str, expected: str) -> None:
    assert told == expected


@pytest.mark.parametrize(
    ("name", "many"), [("host", "hosts"), ("entry", "entries"), ("box", "boxes"), ("key", "keys")]
)
def test_an_items_name_has_a_plural(name: str, many: str) -> None:
    assert plural(name) == many
