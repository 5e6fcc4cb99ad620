"""The benchmark of assignment: what breaks a bar, and that its parts measure what they say."""

from dataclasses import replace
from typing import Any

import pytest

from benchmarks import assignment

DEALT = assignment.Dealt(units=1_000_000, furthest=1.2, lost=0, share=0.15)
AGREED = assignment.Agreed(answers=18_000, different=0, lost=0, restarted=0)
TURN = assignment.Turn(assigning=4e-6, exposing=4e-6, whole=11e-6, plain=20e-6)


def broken(dealt: assignment.Dealt, agreed: assignment.Agreed, turn: assignment.Turn) -> list[str]:
    """The bars that do not hold."""
    return [bar.what for bar in assignment.bars(dealt, agreed, [turn]) if not bar.holds]


def test_a_good_run_breaks_no_bar() -> None:
    assert broken(DEALT, AGREED, TURN) == []


@pytest.mark.parametrize(
    ("part", "change", "bar"),
    [
        ("dealt", {"furthest": 4.1}, "1,000,000 units, 4 arms: the furthest share from its weight"),
        ("dealt", {"lost": 1}, "1,000,000 units, 5% to 20%: of the old 5% that moved"),
        ("agreed", {"different": 1}, "4 routers: units that they give different arms"),
        ("agreed", {"lost": 1}, "4 routers, 5% to 20%: of the old 5% that moved"),
        ("agreed", {"restarted": 1}, "a router started anew: units that moved"),
        ("turn", {"exposing": 6.1e-6}, "assignment and exposure, CPU a request"),
    ],
)
def test_each_way_to_go_wrong_breaks_its_bar(part: str, change: dict[str, Any], bar: str) -> None:
    parts: dict[str, Any] = {"dealt": DEALT, "agreed": AGREED, "turn": TURN}
    assert broken(**(parts | {part: replace(parts[part], **change)})) == [bar]


def test_the_furthest_share_is_told_in_standard_errors() -> None:
    assert assignment.furthest({"a": 5100, "b": 4900}, {"a": 1, "b": 1}) == pytest.approx(2)
    assert assignment.furthest({"a": 100}, {"a": 1, "b": 1}) == pytest.approx(10)


def test_units_are_dealt_out_as_the_routers_do() -> None:
    found = assignment.dealt(5000)
    assert found.lost == 0
    assert found.furthest < 4
    assert found.share == pytest.approx(0.15, abs=0.03)


async def test_both_ways_go_to_their_end() -> None:
    (turn,) = assignment.cost(1)
    assert turn.plain > 0
    assert turn.whole > 0
