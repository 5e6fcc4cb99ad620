from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from benchmarks import snapshots
from benchmarks.harness.witnesses import Claim
from control_plane.spec.compile import compile
from control_plane.spec.documents import parse

SPREAD = snapshots.Spread(changes=[0.2] * 99 + [3.0], rollbacks=[0.3] * 100, answers=50_000, mixed=0, failed=0)
LARGE = snapshots.Large(
    routes=10_000, compiled=1.5, published=[0.4, 0.9], served=[0.1], calm=[0.004], edited=[0.01, 0.049], failed=0
)


def broken(spread: snapshots.Spread, large: snapshots.Large) -> list[str]:
    """The bars that do not hold."""
    return [bar.what for bar in snapshots.bars(spread, large) if not bar.holds]


def test_a_good_run_breaks_no_bar() -> None:
    assert broken(SPREAD, LARGE) == []


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"changes": [0.2] * 98 + [1.1] * 2}, "commit to the last of 3 acknowledgements, p99"),
        ({"rollbacks": [1.1]}, "rollback to the last of 3 acknowledgements, p99"),
        ({"mixed": 1}, "answers that mix two snapshots"),
        ({"failed": 1}, "answers that failed meanwhile"),
    ],
)
def test_each_way_in_which_a_change_spreads_badly_breaks_a_bar(changes: dict[str, Any], bar: str) -> None:
    assert broken(replace(SPREAD, **changes), LARGE) == [bar]


@pytest.mark.parametrize(
    ("changes", "bar"),
    [
        ({"compiled": 2.1}, "10,000 Routes: compile"),
        ({"published": [0.1, 1.1]}, "10,000 Routes: an edit is published, slowest"),
        ({"edited": [0.001, 0.051]}, "10,000 Routes: slowest answer while edits come"),
        ({"failed": 1}, "answers that failed meanwhile"),
    ],
)
def test_each_way_in_which_a_large_mesh_is_slow_breaks_a_bar(changes: dict[str, Any], bar: str) -> None:
    assert broken(SPREAD, replace(LARGE, **changes)) == [bar]


def test_an_answer_that_fits_no_one_snapshot_is_mixed() -> None:
    truth = {1: ("r1", "served-1"), 2: ("r2", "served-2")}
    claims = Counter(
        {
            Claim(200, 1, "r1", "served-1"): 5,
            Claim(200, 2, "r2", "served-2"): 5,
            Claim(200, 2, "r1", "served-2"): 1,
            Claim(200, 2, "r2", "served-1"): 1,
            Claim(200, 3, "r2", "served-2"): 1,
            Claim(503, 0, "", ""): 7,
        }
    )
    assert snapshots.judged(claims, truth) == (3, 7)


def test_the_large_mesh_has_a_fifth_as_many_models_and_compiles() -> None:
    content = compile(map(parse, snapshots.mesh("http://127.0.0.1:1/v1", 50)))
    assert (len(content.routes), len(content.backends)) == (50, 10)


@pytest.mark.parametrize(("values", "found"), [([1.0], 1.0), ([*map(float, range(100))], 98.0), ([3.0, 1.0, 2.0], 3.0)])
def test_p99_is_the_value_that_one_in_a_hundred_may_exceed(values: list[float], found: float) -> None:
    assert snapshots.p99(values) == found


def test_the_notes_say_how_many_answers_there_were() -> None:
    first, second = snapshots.notes(SPREAD, LARGE)
    assert "100 changes and 100 rollbacks while 3 routers gave 50,000 answers" in first
    assert "2 answers while 2 edits came" in second
