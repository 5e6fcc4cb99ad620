import pytest
from hypothesis import given
from hypothesis import strategies as some

from control_plane.stats.holm import adjusted


def test_it_is_holms_own_way() -> None:
    assert adjusted([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert adjusted([0.5, 0.9]) == [1, 1]
    assert adjusted([]) == []


@given(some.lists(some.floats(0, 1), max_size=8), some.floats(0.001, 0.5))
def test_it_rejects_what_the_step_down_procedure_rejects(ps: list[float], alpha: float) -> None:
    rejected = []
    for rank, index in enumerate(sorted(range(len(ps)), key=ps.__getitem__)):
        if ps[index] * (len(ps) - rank) > alpha:
            break
        rejected.append(index)
    assert sorted(rejected) == [index for index, p in enumerate(adjusted(ps)) if p <= alpha]
