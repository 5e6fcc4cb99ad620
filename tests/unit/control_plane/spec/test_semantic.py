"""What a Route may say of its semantic cache."""

from typing import Any

import pytest
from pydantic import ValidationError

from control_plane.spec.routes import LEAST_SIMILARITY, SemanticCache


@pytest.mark.parametrize(
    ("said", "same_from"),
    [
        ({}, None),
        ({"compare": "equal"}, None),
        ({"compare": "judge", "judge": "jury"}, None),
        ({"compare": "embedding"}, LEAST_SIMILARITY),
        ({"compare": "embedding", "leastSimilarity": 0.9}, 0.9),
    ],
)
def test_answers_are_compared_as_the_route_says(said: dict[str, Any], same_from: float | None) -> None:
    assert SemanticCache.model_validate(said).same_from == same_from


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"compare": "judge"}, "needs judge, the name of a Model"),
        ({"compare": "equal", "judge": "jury"}, "no other has it"),
        ({"judge": "jury"}, "no other has it"),
        ({"compare": "judge", "judge": "jury", "leastSimilarity": 0.9}, "for compare: embedding"),
        ({"compare": "judge", "judge": "team/jury"}, "match pattern"),
        ({"compare": "guess"}, "'equal', 'embedding' or 'judge'"),
        ({"leastSimilarity": 0.9}, "for compare: embedding"),
        ({"compare": "equal", "leastSimilarity": 0.9}, "for compare: embedding"),
        ({"compare": "embedding", "leastSimilarity": 0.2}, "greater than or equal to 0.5"),
        ({"compare": "embedding", "similarity": 0.9}, "leastSimilarity"),
    ],
)
def test_what_would_be_ignored_or_says_nothing_is_refused(said: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        SemanticCache.model_validate(said)
