"""The simulated worlds lose what they say."""

import pytest

from benchmarks.contracts import watched


@pytest.mark.parametrize("loss", [0.0, 0.1])
def test_a_world_loses_what_it_says(loss: float) -> None:
    found = watched(loss, 3000, seed=1).watch
    assert found.seen == 3000
    assert found.doubly_robust.low < loss < found.doubly_robust.high


def test_a_course_ends_with_the_state_that_is_waited_for() -> None:
    found = watched(0.3, 3000, seed=1, until="broken")
    assert found.watch.broken
    assert found.reports == found.watch.seen < 1000
