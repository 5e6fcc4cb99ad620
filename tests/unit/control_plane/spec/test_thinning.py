"""Thinning: what is kept of a long course stays even over its time, however long it grows."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from control_plane.spec.thinning import dispensable

_BEGAN = datetime(2026, 11, 22, tzinfo=UTC)


def _minutes(*minutes: int) -> list[datetime]:
    return [_BEGAN + timedelta(minutes=each) for each in minutes]


def test_what_stands_closest_between_others_is_missed_least() -> None:
    assert dispensable(_minutes(0, 10, 20, 22, 30)) == 3
    assert dispensable(_minutes(0, 0, 0)) == 1


@pytest.mark.parametrize("most", [4, 10, 100])
def test_moments_that_come_for_ever_stay_few_and_even_with_the_first_and_the_last(most: int) -> None:
    course: list[datetime] = []
    for at in _minutes(*range(20 * most)):
        course.append(at)
        if len(course) > most:
            del course[dispensable(course)]
    whole = course[-1] - course[0]
    assert (course[0], course[-1]) == (_BEGAN, at)
    assert max(later - sooner for sooner, later in pairwise(course)) <= 4 * whole / (most - 1)
