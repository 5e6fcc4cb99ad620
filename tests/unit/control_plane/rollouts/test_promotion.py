"""A promoted Route says what the candidate did, and all else as it was written."""

from typing import Any

import pytest

from control_plane.rollouts.promotion import promoted
from control_plane.spec.arms import Override
from control_plane.spec.documents import parse, stored
from tests.unit.control_plane.samples import route


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ({"complexity": {"threshold": 0.1}}, {"complexity": {"threshold": 0.1}}),
        ({"tiers": {"heavy": ["assistant"]}}, {"tiers": {"heavy": ["assistant"]}}),
        ({"prompt": {"name": "support", "alias": "next"}}, {"prompt": {"name": "support", "alias": "next"}}),
        ({"sampling": {"topP": 0.5}}, {"sampling": {"temperature": 0.2, "topP": 0.5}}),
        ({"cache": {"exact": {"enabled": False}}, "prompt": None}, {"cache": {"exact": {"enabled": False}}}),
    ],
)
def test_only_what_the_candidate_does_otherwise_is_written(override: dict[str, Any], said: dict[str, Any]) -> None:
    before = route(sampling={"temperature": 0.2}, cache={"exact": {"ttlSeconds": 5}})
    before["metadata"]["labels"] = {"team": "shop"}
    after = promoted(before, Override.model_validate(override))
    assert after == before | {"spec": before["spec"] | said}
    assert stored(parse(after)) == after
