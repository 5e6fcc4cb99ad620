"""Under overload answers get cheaper step by step; the easiest questions first, and without to and fro."""

import math
import random
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from control_plane.spec import resilience
from routers.resilience.ladder import Ladder, Ranks, Step

PRESSURES = st.lists(st.tuples(st.floats(0, 1), st.floats(0, 2)), max_size=200)


def ladder(**policy: Any) -> Ladder:
    """With a policy in a document's words, and a thousand requests of all scores behind it."""
    tried, chance = Ladder(resilience.Ladder.model_validate(policy)), random.Random(1)
    for number in range(1000):
        tried.place(0, 0, number / 1000, chance.random)
    return tried


def placed(tried: Ladder, now: float, pressure: float, score: float = 0.5) -> Step:
    return tried.place(now, pressure, score, lambda: 0.5)


def test_without_pressure_everybody_gets_everything() -> None:
    tried = ladder()
    assert {placed(tried, 0, 0.59, score / 10) for score in range(10)} == {Step.FULL}


@pytest.mark.parametrize(
    ("pressure", "step"),
    [(0.6, Step.LIGHT), (0.8, Step.CACHE_ONLY), (0.88, Step.CANNED), (0.95, Step.REFUSE), (1, Step.REFUSE)],
)
def test_the_higher_the_pressure_the_further_down_at_once(pressure: float, step: Step) -> None:
    tried = ladder()
    placed(tried, 0, pressure)
    assert tried.step is step


@example(score=0.984375, chance=math.nextafter(1, 0))
@given(score=st.floats(0, 1, exclude_max=True), chance=st.floats(0, 1, exclude_max=True))
def test_where_all_places_are_taken_the_score_makes_no_difference(score: float, chance: float) -> None:
    for rung in ({}, {"refuse": None}, {"enabled": False}):
        tried = ladder(**rung)
        assert tried.lowest(0, 1) is tried.place(0, 1, score, lambda: chance)


def test_between_entry_and_exit_nothing_changes() -> None:
    tried = ladder(dwellSeconds=0)
    for now, (pressure, step) in enumerate(
        [(0.59, Step.FULL), (0.6, Step.LIGHT), (0.51, Step.LIGHT), (0.5, Step.FULL), (0.59, Step.FULL)]
    ):
        placed(tried, now, pressure)
        assert tried.step is step


def test_down_it_goes_one_rung_at_a_time_and_only_after_the_dwell() -> None:
    tried, seen = ladder(dwellSeconds=5), []
    placed(tried, 0, 1)
    for now in range(0, 25, 1):
        placed(tried, now, 0)
        seen.append(tried.step)
    assert [seen.index(step) for step in (Step.REFUSE, Step.CANNED, Step.CACHE_ONLY, Step.LIGHT, Step.FULL)] == [
        0,
        5,
        10,
        15,
        20,
    ]


@given(pressures=PRESSURES)
def test_no_rung_is_left_downwards_within_its_dwell_or_above_its_exit(pressures: list[tuple[float, float]]) -> None:
    policy = resilience.Ladder(dwellSeconds=3)
    tried, now, since, before = Ladder(policy), 0.0, 0.0, Step.FULL
    exits = {Step.LIGHT: 0.5, Step.CACHE_ONLY: 0.65, Step.CANNED: 0.75, Step.REFUSE: 0.85}
    enters = {Step.LIGHT: 0.6, Step.CACHE_ONLY: 0.8, Step.CANNED: 0.88, Step.REFUSE: 0.95}
    for pressure, pause in pressures:
        now += pause
        placed(tried, now, pressure)
        if tried.step < before:
            assert tried.step == before - 1
            assert now - since >= 3 and pressure <= exits[before]
        if tried.step > before:
            assert pressure >= enters[tried.step]
        if tried.step is not before:
            since, before = now, tried.step


@given(pressures=PRESSURES)
def test_it_does_not_flap(pressures: list[tuple[float, float]]) -> None:
    tried, now, steps = Ladder(resilience.Ladder(dwellSeconds=3)), 0.0, [Step.FULL]
    for pressure, pause in pressures:
        now += pause
        placed(tried, now, pressure)
        steps.append(tried.step)
    descents = sum(after < before for before, after in pairwise(steps))
    assert descents <= now / 3


def test_a_rung_that_is_not_entered_takes_nobody() -> None:
    assert placed(ladder(), 0, 0.79, score=0) is Step.LIGHT
    entered = ladder()
    placed(entered, 0, 0.8)
    assert placed(entered, 0, 0.79, score=0) is Step.CACHE_ONLY


@given(pressure=st.floats(0, 1), score=st.floats(0, 1), lower=st.floats(0, 1))
def test_who_loses_least_goes_first(pressure: float, score: float, lower: float) -> None:
    steps = []
    for each in sorted((score, lower)):
        tried = ladder()
        placed(tried, 0, 1)
        steps.append(placed(tried, 0, pressure, each))
    assert steps[0] >= steps[1]


@pytest.mark.parametrize(("pressure", "share"), [(0.5, 0), (0.6, 0.2), (0.75, 0.5), (0.9, 0.8), (1, 1)])
@pytest.mark.parametrize("same_score", [False, True])
def test_pressure_is_the_share_of_requests_that_are_degraded(pressure: float, share: float, same_score: bool) -> None:
    tried, chance = ladder(cacheOnly=None, canned=None, refuse=None, dwellSeconds=600), random.Random(3)
    placed(tried, 0, 1)
    if same_score:
        for _ in range(5000):
            tried.place(0, 0.7, 0.3, chance.random)
    degraded = sum(
        tried.place(0, pressure, 0.3 if same_score else chance.random(), chance.random) is Step.LIGHT
        for _ in range(3000)
    )
    assert degraded / 3000 == pytest.approx(share, abs=0.05)


def test_a_rung_that_is_left_out_is_never_stood_on() -> None:
    tried = ladder(light=None, canned=None, dwellSeconds=0)
    seen = set()
    for now in range(200):
        pressure = abs(100 - now) / 100
        seen |= {placed(tried, now, pressure, score / 10) for score in range(10)}
    assert seen == {Step.FULL, Step.CACHE_ONLY, Step.REFUSE}


def test_a_ladder_that_is_switched_off_degrades_nobody() -> None:
    assert placed(ladder(enabled=False), 0, 1, 0) is Step.FULL


@given(scores=st.lists(st.floats(0, 1), min_size=1, max_size=200), score=st.floats(0, 1), chance=st.floats(0, 0.999))
def test_a_rank_is_a_share(scores: list[float], score: float, chance: float) -> None:
    ranks = Ranks()
    for each in scores:
        ranks.add(each)
    assert 0 <= ranks.of(score, lambda: chance) <= 1
    assert 0 <= Ranks().of(score, lambda: chance) < 1


def test_ranks_follow_the_traffic() -> None:
    ranks = Ranks()
    for score in (0.2, 0.8):
        for _ in range(20_000):
            ranks.add(score)
    assert ranks.of(0.5, lambda: 0.5) < 0.1
