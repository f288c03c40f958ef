"""Which request an answer means, and when it is refused before anything is sent."""

from __future__ import annotations

import pytest

from stanch.cli.answering import Answer, chosen
from stanch.errors import IllegalDecision, InvalidInput, StanchError
from tests.cli.views import DIGEST, ENDED, FAILED, REQUEST, WAITING


def test_the_only_open_request_is_meant() -> None:
    assert chosen(WAITING, Answer(WAITING.run, "approve")) == REQUEST


def test_one_of_several_is_meant_by_its_name() -> None:
    assert chosen(FAILED, Answer(FAILED.run, "retry", request="roll_back.2")).kind == "failure"


def test_the_beginning_of_the_digest_is_enough() -> None:
    assert chosen(WAITING, Answer(WAITING.run, "approve", digest=DIGEST[:8].upper())) == REQUEST


@pytest.mark.parametrize(
    ("view", "answer", "error", "says"),
    [
        (FAILED, Answer("r", "approve"), InvalidInput, "name one with `--request`: `roll_back.2` (Put"),
        (WAITING, Answer("r", "approve", request="x"), IllegalDecision, "`x` is not open; open: `roll_back`"),
        (WAITING, Answer("r", "retry"), IllegalDecision, "it takes `approve`, `deny`"),
        (
            WAITING,
            Answer("r", "approve", digest="dead"),
            IllegalDecision,
            "not what you read.* 4be2a91c03d7;",
        ),
        (ENDED, Answer("r", "approve"), IllegalDecision, "it has ended: succeeded"),
    ],
)
def test_an_answer_that_cannot_be_meant_is_refused(
    view: object, answer: Answer, error: type[StanchError], says: str
) -> None:
    with pytest.raises(error, match=says.replace("(", r"\(")):
        chosen(view, answer)  # type: ignore[arg-type]
