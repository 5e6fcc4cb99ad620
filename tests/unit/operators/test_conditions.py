"""What is news of a condition, and since when it holds."""

from typing import Any

import pytest

from operators.conditions import Condition, State, Type, happenings, kept, written
from tests.unit.operators.samples import NOW


def _before(type: str, status: str, reason: str) -> dict[str, Any]:
    return {"type": type, "status": status, "reason": reason, "message": "m", "lastTransitionTime": "then"}


@pytest.mark.parametrize(
    ("before", "now", "news"),
    [
        (None, State.TRUE, 1),
        ("True", State.TRUE, 0),
        ("False", State.TRUE, 1),
        ("True", State.FALSE, 1),
        (None, State.FALSE, 0),  # not ready yet
        ("True", State.UNKNOWN, 0),
    ],
)
def test_what_becomes_true_or_is_true_no_longer_is_news(before: str | None, now: State, news: int) -> None:
    known = [] if before is None else [_before("Ready", before, "Same")]
    assert len(happenings([Condition(Type.READY, now, "Same")], known)) == news


def test_a_refusal_is_news_at_once_and_again_for_another_reason() -> None:
    refused = Condition(Type.ACCEPTED, State.FALSE, "Invalid", "spec.url: wrong")
    (news,) = happenings([refused], [])
    assert (news.reason, news.message, news.warning) == ("Invalid", "spec.url: wrong", True)
    assert happenings([refused], [_before("Accepted", "False", "Invalid")]) == []
    assert len(happenings([refused], [_before("Accepted", "False", "Conflict")])) == 1


def test_a_message_is_bounded_since_others_write_it() -> None:
    (one,) = written([Condition(Type.READY, State.FALSE, "X", "m" * 10_000)], [], 3, NOW)
    assert (len(one["message"]), one["observedGeneration"]) == (2000, 3)


def test_what_was_found_of_another_generation_is_not_kept() -> None:
    before = _before("Ready", "True", "Ready") | {"observedGeneration": 1}
    assert kept([before], Type.READY, 1) == Condition(Type.READY, State.TRUE, "Ready", "m")
    assert kept([before], Type.READY, 2) is None
